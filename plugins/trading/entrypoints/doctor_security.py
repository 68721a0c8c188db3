"""What `doctor --security` says, and what `up` refuses to start with: settings, keys, files, logins that are too open.

A fail is a hole; a warning is a wall that is missing. Each line ends with what to do (docs/hardening.md).
"""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from trading.adapters.backup.sealing import is_sealed
from trading.adapters.database_roles import rights_of_login
from trading.entrypoints.airflow_environment import KEYS
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import backups_of
from trading.entrypoints.executors import REDIS_VARIABLE, Executor, executor_of
from trading.entrypoints.findings import Finding, Level, guarded
from trading.errors import PermanentError
from trading.settings import Settings, backup_key

SIMPLE = "SimpleAuthManager"
LONGEST_LOGIN_SECONDS = 3600
SHORTEST_KEY = 32
FEWEST_CHARACTERS = 12
"""Different ones in a key: words and repetitions have fewer than random bytes."""
PRIVATE_FILES = ("airflow/passwords.json", "airflow/secrets.json", "airflow/airflow.cfg", "postgres/server.json")
"""Below the state folder: written by us, readable by nobody else."""
PUBLISHED_VARIABLE = "AIRDESK_PUBLISHED_ON"
"""Where the machine publishes the port of a container, inside which Airflow listens on every address."""
HOW = "see docs/hardening.md"


def examine_security(environment: Mapping[str, str], checkout: Checkout, settings: Settings) -> Iterator[Finding]:
    """Yield every line: Airflow's settings, files, and the logins of database, broker and Redis."""
    yield from examine_airflow(environment)
    yield from examine_files(checkout, environment)
    yield guarded("database", lambda: database_line(settings.database_url))
    yield guarded("readers", lambda: readers_line(settings.database_url, settings.read_database_url))
    yield guarded("backups", lambda: backups_line(checkout, backup_key(environment)))
    yield broker_line(settings.broker_host)
    yield guarded("redis", lambda: redis_line(environment))
    yield user_line(os.geteuid())


def refuse_holes(environment: Mapping[str, str], checkout: Checkout, *, say: Callable[[str], None]) -> None:
    """Take away rights on our own files, say what is missing, and refuse to start with a hole.

    Raises:
        PermanentError: at least one line is a fail; the text names each with what to do.
    """
    for path in _too_open(checkout.state / name for name in PRIVATE_FILES):
        path.chmod(0o600)
        say(f"{path} was readable by others; it is yours alone now")
    found = [*examine_airflow(environment), *examine_files(checkout, environment)]
    if holes := [finding.text for finding in found if finding.level is Level.FAIL]:
        raise PermanentError(f"not started: {'; '.join(holes)}")


def examine_airflow(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the lines of Airflow's settings; what is not set counts with Airflow's own default."""
    yield _off(environment, "AIRFLOW__API__EXPOSE_CONFIG", default="False", opens="shows its configuration to users")
    yield _off(environment, "AIRFLOW__API__EXPOSE_STACKTRACE", default="False", opens="shows stack traces to users")
    yield _off(environment, "AIRFLOW__CORE__LOAD_EXAMPLES", default="True", opens="runs example DAGs and plugins")
    yield _off(environment, "AIRFLOW__CORE__TEST_CONNECTION", default="Disabled", opens="lets users try connections")
    yield _keys_line(environment)
    yield _login_line(environment)
    yield _tokens_line(environment)


def _off(environment: Mapping[str, str], name: str, *, default: str, opens: str) -> Finding:
    value = environment.get(name) or default
    subject = name.rpartition("__")[2].lower().replace("_", " ")
    if value.lower() in ("false", "disabled", "f", "0"):
        return Finding(Level.OK, subject, "off")
    return Finding(Level.FAIL, subject, f"Airflow {opens} ({name}={value}); set it to {_closed(default)}")


def _closed(default: str) -> str:
    return "Disabled" if default == "Disabled" else "False"


def _keys_line(environment: Mapping[str, str]) -> Finding:
    keys = {variable: environment.get(variable, "") for variable in KEYS.values()}
    if not any(keys.values()):
        return Finding(Level.OK, "keys", "made at the first ./airdesk up")
    for name, key in keys.items():
        if len(key) < SHORTEST_KEY or len(set(key)) < FEWEST_CHARACTERS:
            what = "is not set" if not key else "is short or no random text"
            return Finding(Level.FAIL, "keys", f"{name} {what}; set {SHORTEST_KEY} random bytes, {HOW}")
    if len(set(keys.values())) < len(keys):
        return Finding(Level.FAIL, "keys", f"two of {', '.join(keys)} are equal; give each its own")
    return Finding(Level.OK, "keys", "set, long, and different from one another")


def _login_line(environment: Mapping[str, str]) -> Finding:
    manager = environment.get("AIRFLOW__CORE__AUTH_MANAGER", "") or SIMPLE
    if environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "").lower() in ("true", "t", "1"):
        return Finding(
            Level.FAIL, "login", "everybody is an admin (AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS); unset it"
        )
    host = environment.get("AIRFLOW__API__HOST") or "0.0.0.0"  # noqa: S104 - Airflow's default, which is judged here
    if _is_loopback(host):
        return Finding(Level.OK, "login", f"{manager.rpartition('.')[2]}, on {host} only")
    if SIMPLE not in manager:
        return Finding(Level.OK, "login", f"{manager.rpartition('.')[2]}; put TLS in front, {HOW}")
    if _is_loopback(published := environment.get(PUBLISHED_VARIABLE, "")):
        return Finding(Level.OK, "login", f"{SIMPLE} in a container whose port is published on {published} only")
    return Finding(
        Level.FAIL,
        "login",
        f"{SIMPLE} is for this machine only, and Airflow listens on {host}; set AIRFLOW__API__HOST=127.0.0.1, or "
        f"AIRFLOW__CORE__AUTH_MANAGER to FAB or your identity provider's, {HOW}",
    )


def _tokens_line(environment: Mapping[str, str]) -> Finding:
    text = environment.get("AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME") or "86400"
    if text.isdecimal() and int(text) <= LONGEST_LOGIN_SECONDS:
        return Finding(Level.OK, "tokens", f"a login of the API ends after {text} s")
    return Finding(
        Level.WARN,
        "tokens",
        f"a stolen login of the API works for {text} s; set AIRFLOW__API_AUTH__JWT_EXPIRATION_TIME to "
        f"{LONGEST_LOGIN_SECONDS} or less",
    )


def examine_files(checkout: Checkout, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the lines of secrets that others may read, and of code that others may write."""
    named = [Path(value) for name, value in environment.items() if name.endswith("_FILE") and _is_ours(name) and value]
    private = [*(checkout.state / name for name in PRIVATE_FILES), checkout.root / ".env", *named]
    passwords = environment.get("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE")
    open_files = list(_too_open([*private, *([Path(passwords)] if passwords else [])]))
    if open_files:
        names = " ".join(map(str, dict.fromkeys(open_files)))
        yield Finding(Level.WARN, "secrets", f"others may read them; chmod 600 {names}")
    else:
        yield Finding(Level.OK, "secrets", "files of secrets are readable by their owner only")
    folders = [Path(environment[name]) for name in _CODE if environment.get(name)]
    writable = [path for folder in folders for path in (folder, *_files_below(folder)) if _others_write(path)]
    if writable:
        first = " ".join(str(path) for path in writable[:3])
        yield Finding(
            Level.FAIL, "code", f"anybody on this machine may write what Airflow runs ({first}); chmod -R o-w {first}"
        )
    else:
        yield Finding(Level.OK, "code", "DAGs and plugins are written by their owner only")


_CODE = ("AIRFLOW__CORE__DAGS_FOLDER", "AIRFLOW__CORE__PLUGINS_FOLDER")


def _is_ours(name: str) -> bool:
    return name.endswith(("_TOKEN_FILE", "_KEY_FILE"))


def _files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.name != "__pycache__" and not path.is_symlink())


def _others_write(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & stat.S_IWOTH)


def _too_open(paths: Iterable[Path]) -> Iterator[Path]:
    return (path for path in paths if path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def database_line(url: str) -> Finding:
    """Return the line of the login that tasks use."""
    if url == "postgresql://":
        return Finding(Level.OK, "database", "embedded, not running; tasks get a login that owns nothing")
    rights = rights_of_login(url)
    if rights.is_too_much:
        return Finding(
            Level.WARN,
            "database",
            f"tasks log in as {rights.login}, which may rewrite the ledger; name it in AIRDESK_OWNER_DATABASE_URL and "
            f"another login in AIRDESK_DATABASE_URL, then ./airdesk migrate, {HOW}",
        )
    return Finding(Level.OK, "database", f"tasks log in as {rights.login}: rows only, and no change of the ledger")


def readers_line(desk_url: str, read_url: str) -> Finding:
    """Return the line of the login that shows things."""
    if desk_url == "postgresql://":
        return Finding(Level.OK, "readers", "embedded, not running; page and reports get a login that cannot write")
    if not read_url:
        return Finding(
            Level.WARN,
            "readers",
            f"page and reports read with the login of the tasks; name one in AIRDESK_READ_DATABASE_URL, {HOW}",
        )
    rights = rights_of_login(read_url, variable="AIRDESK_READ_DATABASE_URL")
    if rights.writes or rights.is_too_much:
        return Finding(
            Level.WARN, "readers", f"page and reports read as {rights.login}, which may write; name another, {HOW}"
        )
    return Finding(Level.OK, "readers", f"page and reports read as {rights.login}, which cannot write")


def backups_line(checkout: Checkout, key: str) -> Finding:
    """Return the line of the backups in the state folder: a stolen one shows every trade."""
    plain = [path for path in sorted(backups_of(checkout).glob("*")) if path.is_file() and not is_sealed(path)]
    if plain:
        how = "move them away" if key else f"name a key in AIRDESK_BACKUP_KEY_FILE, {HOW}"
        return Finding(Level.WARN, "backups", f"{len(plain)} in {plain[0].parent} are not encrypted; {how}")
    if key:
        return Finding(Level.OK, "backups", "encrypted; keep the key on another machine too, nobody can do without it")
    return Finding(Level.OK, "backups", "none is here; without AIRDESK_BACKUP_KEY_FILE they are not encrypted")


def broker_line(host: str) -> Finding:
    """Return the line of the gateway's address: its socket asks for no password."""
    try:
        is_public = ipaddress.ip_address(host).is_global
    except ValueError:
        is_public = False
    if is_public:
        return Finding(
            Level.FAIL, "gateway", f"{host} is a public address, and the gateway asks for no password; use a tunnel"
        )
    return Finding(Level.OK, "gateway", f"the gateway is asked for at {host}")


def redis_line(environment: Mapping[str, str]) -> Finding:
    """Return the line of the workers' Redis: whoever writes to it runs code on every worker."""
    if executor_of(environment) is Executor.LOCAL:
        return Finding(Level.OK, "redis", "none: tasks run beside the scheduler")
    url = urlsplit(environment[REDIS_VARIABLE])
    if not url.password:
        return Finding(
            Level.FAIL, "redis", f"no password in {REDIS_VARIABLE}; give Redis one (requirepass) and name it"
        )
    if url.scheme != "rediss" and not _is_loopback(url.hostname or ""):
        return Finding(
            Level.WARN, "redis", f"{url.hostname} is asked in clear text; keep it in a private network, or rediss://"
        )
    return Finding(Level.OK, "redis", f"with a password, at {url.hostname}")


def user_line(uid: int) -> Finding:
    """Return the line of who runs the desk."""
    if uid == 0:
        return Finding(Level.WARN, "user", "root runs the desk; make an account of its own for it (docs/deploy-vps.md)")
    return Finding(Level.OK, "user", "an ordinary account")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
