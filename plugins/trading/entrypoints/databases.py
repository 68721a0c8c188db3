"""The databases of a checkout: the embedded server, shared by every command that runs, or the one that is named."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from trading.adapters.embedded_postgres import EmbeddedPostgres, ServerInfo
from trading.adapters.migrations import migrate
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord, is_running


@contextmanager
def shared_postgres(state: Path) -> Iterator[ServerInfo]:
    """Run the embedded Postgres of a state folder; whoever leaves last stops it, also after another was killed."""
    state.mkdir(parents=True, exist_ok=True)
    server = EmbeddedPostgres(state / "postgres")
    with (state / "postgres.users").open("a") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield server.start()
        finally:
            if _is_last(users.fileno()):
                server.stop()


def _is_last(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def command_database(checkout: Checkout, environment: MutableMapping[str, str]) -> Iterator[None]:
    """Give a command its migrated database: the one that AIRDESK_DATABASE_URL names, else the embedded one."""
    if environment.get("AIRDESK_DATABASE_URL"):
        yield
        return
    with shared_postgres(checkout.state):
        url = EmbeddedPostgres(checkout.state / "postgres").ensure_database(checkout.database_name)
        migrate(url)
        environment.update(settings_of(checkout, url))
        if is_running(checkout.state):
            environment.update(RunRecord.read(checkout.state).exports)
        yield


def settings_of(checkout: Checkout, database_url: str) -> dict[str, str]:
    """Return the environment variables that name this checkout's mode, state and database."""
    return {
        "AIRDESK_ROOT": str(checkout.root),
        "AIRDESK_STATE_DIR": str(checkout.state),
        "AIRDESK_MODE": str(checkout.mode),
        "AIRDESK_DATABASE_URL": database_url,
    }


def sibling_url(url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    return urlsplit(url)._replace(path=f"/{database}").geturl()
