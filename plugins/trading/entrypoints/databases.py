"""The databases of a checkout: the embedded server, shared by every command that runs, or the one that is named."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from trading.adapters.database_roles import DESK, make_login, own_database
from trading.adapters.embedded_postgres import EmbeddedPostgres, ServerInfo
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store.connection import ensure_database
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord, is_running

METADATA = "airflow"
"""Name of Airflow's own database, beside ours."""
OWNER_VARIABLE, AIRFLOW_VARIABLE = "AIRDESK_OWNER_DATABASE_URL", "AIRDESK_AIRFLOW_DATABASE_URL"


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


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Who logs in as whom (ADR 0056). Each holds a password: for connecting, never for showing.

    Attributes:
        owner: owns the tables: for migrations, and for nothing that runs longer.
        desk: for tasks and commands: rows, but no tables; equal to `owner` where only one login is named.
        airflow: Airflow's metadata.
    """

    owner: str = field(repr=False)
    desk: str = field(repr=False)
    airflow: str = field(repr=False)

    @classmethod
    def embedded(cls, server: ServerInfo, database: str) -> DatabaseUrls:
        """Return the logins of the embedded server."""
        return cls(server.url_for(database), server.desk_url_for(database), server.airflow_url_for(METADATA))

    @classmethod
    def named(cls, environment: Mapping[str, str]) -> DatabaseUrls | None:
        """Return the logins that the environment names; None when it names no database."""
        if not (desk := environment.get("AIRDESK_DATABASE_URL")):
            return None
        owner = environment.get(OWNER_VARIABLE) or desk
        return cls(owner, desk, environment.get(AIRFLOW_VARIABLE) or sibling_url(desk, METADATA))

    def prepare(self) -> tuple[str, ...]:
        """Migrate our database, make the desk's login and return the names of the migrations that were applied."""
        applied = migrate(self.owner)
        if self.desk != self.owner:
            make_login(self.owner, self.desk, member_of=DESK)
        return applied

    def prepare_airflow(self) -> None:
        """Create Airflow's database for its own login, or for the one login that there is."""
        owner = sibling_url(self.owner, METADATA)
        if self.airflow == owner:
            ensure_database(owner)
        else:
            own_database(owner, self.airflow)


@contextmanager
def command_database(checkout: Checkout, environment: MutableMapping[str, str]) -> Iterator[None]:
    """Give a command its migrated database: the one that AIRDESK_DATABASE_URL names, else the embedded one."""
    if environment.get("AIRDESK_DATABASE_URL"):
        yield
        return
    with shared_postgres(checkout.state) as server:
        urls = DatabaseUrls.embedded(server, checkout.database_name)
        urls.prepare()
        environment.update(settings_of(checkout, urls.desk))
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
