"""Start what docker-compose.yaml starts, without an engine: its commands, settings, secrets and order, on this machine.

    python tests/compose/run.py [--full]

Postgres is the embedded one and Redis is Debian's, at the places that the secrets name; images, networks, users, limits
and read-only file systems are not tried. Every service of ours must become healthy by its own check of that file.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

import yaml  # noqa: E402
from trading.adapters.embedded_postgres import EmbeddedPostgres, ServerInfo  # noqa: E402
from trading.adapters.loopback import HOST, free_port, is_free  # noqa: E402

from tests.telegram_stub import TOKEN, telegram_stub  # noqa: E402

HEALTHY_SECONDS = 240
RESTARTS = 2
IN_THE_IMAGE = {"/opt/airdesk/deploy": str(ROOT / "deploy"), "/opt/airdesk": str(ROOT)}


class Machine:
    """The compose file, resolved for this machine.

    Args:
        folder: for secrets, settings, state and logs.
    """

    def __init__(self, folder: Path, *profiles: str) -> None:
        self.folder, self.profiles = folder, profiles
        self.file: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
        (folder / "deploy").mkdir()
        shutil.copy(ROOT / "deploy" / "make-secrets", folder / "deploy")
        subprocess.run([sys.executable, folder / "deploy" / "make-secrets", *profiles], check=True)
        self.dotenv = dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())
        self.ports = {"api-server": free_port(), "health": free_port(), "gateway": free_port(), "control": free_port()}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.places: dict[str, str] = {}

    def secret(self, name: str) -> str:
        """Return the text of a secret as deploy/make-secrets wrote it."""
        return (self.folder / ".secrets" / name).read_text()

    def place_secrets(self, places: Mapping[str, str]) -> None:
        """Let the secrets name this machine's servers instead of the containers'."""
        for path in (self.folder / ".secrets").iterdir():
            text = path.read_text()
            for there, here in places.items():
                text = text.replace(there, here)
            path.write_text(text)

    def environment(self, service: str) -> dict[str, str]:
        """Return what the container would find in its environment, at this machine's places."""
        given = {k: self._filled(v) for k, v in self.file["services"][service].get("environment", {}).items()}
        secrets = self.folder / "run" / service
        if not secrets.exists():
            secrets.mkdir(parents=True)
            for name in self.file["services"][service].get("secrets", ()):
                shutil.copy(self.folder / ".secrets" / name, secrets)
        home = self.folder / "airflow"
        (home / "auth").mkdir(parents=True, exist_ok=True)
        places = {
            "SECRETS_DIR": str(secrets),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "plugins"),
            "AIRDESK_ROOT": str(ROOT),
            "AIRDESK_STATE_DIR": str(self.folder / "state"),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "auth" / "passwords.json"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://{HOST}:{self.ports['api-server']}/execution/",
            "AIRFLOW__API__PORT": str(self.ports["api-server"]),
            "AIRFLOW__API__HOST": HOST,
            "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_PORT": str(self.ports["health"]),
            "AIRFLOW_HEALTH_URL": f"http://{HOST}:{self.ports['api-server']}",
            "AIRDESK_BROKER_PORT": str(self.ports["gateway"]),
            "AIRDESK_GATEWAY_CONTROL_PORT": str(self.ports["control"]),
        }
        server = "http://api-server:8080"
        places |= {name: places["AIRFLOW_HEALTH_URL"] for name, value in given.items() if value == server}
        return given | places | self.places

    def command(self, words: Any) -> list[str]:
        """Return the words of a command as the image's entry point would run them here."""
        listed = words.split() if isinstance(words, str) else [str(word) for word in words]
        for there, here in IN_THE_IMAGE.items():
            listed = [word.replace(there, here) for word in listed]
        listed = [word.replace(":8080/", f":{self.ports['api-server']}/") for word in listed]
        listed = [word.replace(":8974/", f":{self.ports['health']}/") for word in listed]
        # The entry point of Airflow's image hands everything that is no program to `airflow`.
        programs = {"bash", "python", "curl"}
        return listed if listed[0] in programs else ["airflow", *listed]

    def run(self, service: str) -> subprocess.Popen[bytes]:
        """Start a service through deploy/with-secrets, as the image does; its output goes to a log."""
        words = [str(ROOT / "deploy" / "with-secrets"), *self.command(self.file["services"][service]["command"])]
        with self.log(service).open("wb") as log:
            self.processes[service] = subprocess.Popen(
                words, env=self.environment(service), cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        return self.processes[service]

    def log(self, service: str) -> Path:
        """Return the log of a service."""
        return self.folder / f"{service}.log"

    def is_healthy(self, service: str) -> bool:
        """Return what the service's own check says; one without a check is healthy while it runs."""
        check = self.file["services"][service].get("healthcheck")
        if check is None:
            return self.processes[service].poll() is None
        words = self.command(check["test"][1:])
        done = subprocess.run(words, env=self.environment(service), capture_output=True, timeout=60, check=False)
        return done.returncode == 0

    def stop(self) -> None:
        """Stop every service, the api-server last, and whatever they started."""
        for name in sorted(self.processes, key=lambda name: name == "api-server"):
            process = self.processes[name]
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=40)
                except subprocess.TimeoutExpired:
                    print(f"{name} did not stop within 40 s")
            with_children = [f"-{process.pid}"]
            subprocess.run(["kill", "-KILL", "--", *with_children], capture_output=True, check=False)

    def _filled(self, value: object) -> str:
        def replaced(found: re.Match[str]) -> str:
            name, default = found[1], found[2] or ""
            return self.dotenv.get(name) or default.removeprefix(":-")

        return re.sub(r"\$\{(\w+)(:[-?][^}]*)?\}", replaced, str(value))


@contextmanager
def running_redis(folder: Path, password: str, port: int) -> Iterator[None]:
    """Run the Redis of the compose file's own command, on loopback."""
    text = f'bind {HOST}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\ndir {folder}\n'
    with (folder / "redis.log").open("wb") as log:
        server = subprocess.Popen(["redis-server", "-"], stdin=subprocess.PIPE, stdout=log, stderr=log)
        assert server.stdin is not None
        server.stdin.write(text.encode())
        server.stdin.close()
        try:
            while is_free(port):
                time.sleep(0.1)
            yield
        finally:
            server.terminate()
            server.wait(timeout=20)


def place_postgres(machine: Machine, server: ServerInfo) -> None:
    """Give the embedded server the owner's password of the secrets, and the secrets its place."""
    import psycopg2

    with psycopg2.connect(server.url_for("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER ROLE airdesk PASSWORD %s", (machine.secret("postgres_password"),))
    connection.close()
    machine.place_secrets({"@postgres:5432/": f"@{HOST}:{server.port}/"})


def main(arguments: list[str]) -> int:
    """Start everything in the order of the compose file; 0 if each service became healthy."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="with Redis, the two workers, bot and sender")
    options = parser.parse_args(arguments)
    # Told to stop, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.full and shutil.which("redis-server") is None:
        print("left out: there is no redis-server here")
        return 0
    profiles = ("ibkr", "telegram", "celery") if options.full else ("demo",)
    with tempfile.TemporaryDirectory(prefix="airdesk-compose-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # As root the server runs under another account, which must be able to enter.
        folder.chmod(0o711)
        return try_everything(Machine(folder, *profiles), EmbeddedPostgres(folder / "postgres"))


def try_everything(machine: Machine, postgres: EmbeddedPostgres) -> int:
    """Start the services and ask each for its health; says what does not become healthy and shows its last words."""
    with ExitStack() as stack:
        stack.callback(postgres.stop)
        place_postgres(machine, postgres.start())
        if "celery" in machine.profiles:
            port = free_port()
            stack.enter_context(running_redis(machine.folder, machine.secret("redis_password"), port))
            machine.place_secrets({"@redis:6379/": f"@{HOST}:{port}/"})
        if "telegram" in machine.profiles:
            # Telegram itself is played on loopback; the bot asks it every few seconds.
            stub = stack.enter_context(telegram_stub())
            (machine.folder / ".secrets" / "AIRDESK_TELEGRAM_TOKEN").write_text(TOKEN)
            machine.dotenv |= {"AIRDESK_TELEGRAM_CHATS": "42", "AIRDESK_TELEGRAM_PEOPLE": "42:admin"}
            machine.places["AIRDESK_TELEGRAM_BASE_URL"] = stub.base_url
        stack.callback(machine.stop)
        for again in range(2):
            if machine.run("init").wait(timeout=300):
                print(machine.log("init").read_text()[-3000:])
                return 1
            print(f"init: done{' again' if again else ''}", flush=True)
        chosen = [
            name
            for name, service in machine.file["services"].items()
            if name not in ("postgres", "redis", "init", "ib-gateway")
            and (not service.get("profiles") or set(service["profiles"]) & set(machine.profiles))
        ]
        for name in chosen:
            machine.run(name)
        return 1 if [name for name in chosen if not became_healthy(machine, name)] else 0


def became_healthy(machine: Machine, name: str) -> bool:
    """Wait for a service's health; returns whether it came."""
    deadline = time.monotonic() + HEALTHY_SECONDS
    restarts = 0
    while time.monotonic() < deadline:
        if machine.processes[name].poll() is not None:
            if restarts == RESTARTS:
                break
            # `restart: unless-stopped`
            restarts += 1
            last = machine.log(name).read_text().strip().splitlines()[-1:]
            print(f"{name}: ended ({''.join(last)[-200:]}); started again", flush=True)
            machine.run(name)
        if machine.is_healthy(name):
            print(f"{name}: healthy", flush=True)
            return True
        time.sleep(2)
    said = machine.log(name).read_text()
    print(f"{name}: NOT healthy\n{said[-3000:]}", flush=True)
    return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
