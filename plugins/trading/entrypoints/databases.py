"""The databases of a checkout: the embedded server, shared by every command that runs, or the one that is named."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trading.adapters.database_roles import DESK, READ, make_login, own_database
from trading.adapters.embedded_postgres import EmbeddedPostgres, ServerInfo
from trading.adapters.migrations import migrate, pending
from trading.adapters.postgres_store.connection import ensure_database
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.run_record import RunRecord, is_running
from trading.settings import Settings, backup_key, load_settings

NO_DATABASE = "postgresql://"
"""Stands for the URL of a server that does not run."""
METADATA = "airflow"
"""Name of Airflow's own database, beside ours."""
OWNER_VARIABLE, AIRFLOW_VARIABLE = "AIRDESK_OWNER_DATABASE_URL", "AIRDESK_AIRFLOW_DATABASE_URL"
READ_VARIABLE = "AIRDESK_READ_DATABASE_URL"


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
        read: for the page and whatever else only reads; "" where no login is named for it.
    """

    owner: str = field(repr=False)
    desk: str = field(repr=False)
    airflow: str = field(repr=False)
    read: str = field(default="", repr=False)

    @classmethod
    def embedded(cls, server: ServerInfo, database: str) -> DatabaseUrls:
        """Return the logins of the embedded server."""
        return cls(
            server.url_for(database),
            server.desk_url_for(database),
            server.airflow_url_for(METADATA),
            server.read_url_for(database),
        )

    @classmethod
    def named(cls, environment: Mapping[str, str]) -> DatabaseUrls | None:
        """Return the logins that the environment names; None when it names no database."""
        if not (desk := environment.get("AIRDESK_DATABASE_URL")):
            return None
        owner = environment.get(OWNER_VARIABLE) or desk
        airflow = environment.get(AIRFLOW_VARIABLE) or sibling_url(desk, METADATA)
        return cls(owner, desk, airflow, environment.get(READ_VARIABLE, ""))

    def prepare(self) -> tuple[str, ...]:
        """Migrate our database, make the logins of desk and readers and return the migrations that were applied."""
        applied = migrate(self.owner)
        if self.desk != self.owner:
            make_login(self.owner, self.desk, member_of=DESK)
        if self.read not in ("", self.desk, self.owner):
            make_login(self.owner, self.read, member_of=READ)
        return applied

    def prepare_airflow(self) -> None:
        """Create Airflow's database for its own login, or for the one login that there is."""
        owner = sibling_url(self.owner, METADATA)
        if self.airflow == owner:
            ensure_database(owner)
        else:
            own_database(owner, self.airflow)


@contextmanager
def desk_databases(checkout: Checkout, environment: Mapping[str, str]) -> Iterator[DatabaseUrls]:
    """Yield this checkout's databases as they are: perhaps older than the code, perhaps not there yet."""
    if named := DatabaseUrls.named(environment):
        yield named
        return
    with shared_postgres(checkout.state) as server:
        yield DatabaseUrls.embedded(server, checkout.database_name)


@contextmanager
def command_database(checkout: Checkout, environment: MutableMapping[str, str]) -> Iterator[None]:
    """Give a command its migrated database: the one that AIRDESK_DATABASE_URL names, else the embedded one."""
    if environment.get("AIRDESK_DATABASE_URL"):
        yield
        return
    with shared_postgres(checkout.state) as server:
        urls = DatabaseUrls.embedded(server, checkout.database_name)
        prepare_safely(checkout, urls, say=say_aside)
        environment.update(settings_of(checkout, urls.desk, urls.read))
        if is_running(checkout.state):
            environment.update(RunRecord.read(checkout.state).exports)
        yield


def prepare_safely(checkout: Checkout, urls: DatabaseUrls, *, say: Callable[[str], None]) -> tuple[str, ...]:
    """Prepare our database, after a backup where a migration is pending and there are rows to lose.

    The way back from a migration is that backup, with the code that it names.
    """
    ensure_database(urls.owner)
    if names := pending(urls.owner):
        _back_up_first(checkout, urls.owner, names[0], say=say)
    return urls.prepare()


def _back_up_first(checkout: Checkout, url: str, name: str, *, say: Callable[[str], None]) -> None:
    # Few starts need it, and every command loads this module.
    from trading.adapters.backup import SUFFIX, BackupPlan, make_backup
    from trading.adapters.backup.rows import count_of_rows, snapshot_of

    with snapshot_of(url) as connection:
        if not count_of_rows(connection):
            return
    at = datetime.now(UTC)
    key = backup_key()
    path = backups_of(checkout) / f"before-{name}-{at:%Y%m%dT%H%M%SZ}.zip{SUFFIX * bool(key)}"
    make_backup(BackupPlan(url, checkout.state, str(checkout.mode), key=key), path, at=at, say=lambda _: None)
    say(f"the database gets migration {name} and what follows; what it was is in {path}")


def backups_of(checkout: Checkout) -> Path:
    """Return the folder of the backups of a state folder."""
    return checkout.state / "backups"


def say_aside(text: str) -> None:
    """Print a line beside a command's own output."""
    print(f"airdesk: {text}", file=sys.stderr, flush=True)


def settings_of(checkout: Checkout, database_url: str, read_url: str = "") -> dict[str, str]:
    """Return the environment variables that name this checkout's mode, state and database; "" for no second login."""
    return {
        "AIRDESK_ROOT": str(checkout.root),
        "AIRDESK_STATE_DIR": str(checkout.state),
        "AIRDESK_MODE": str(checkout.mode),
        "AIRDESK_DATABASE_URL": database_url,
        READ_VARIABLE: read_url,
    }


def settings_now(checkout: Checkout, record: RunRecord) -> Settings:
    """Return the settings of a desk as it runs; nothing is started. Without a server the database's URL is bare."""
    url, read_url = os.environ.get("AIRDESK_DATABASE_URL", ""), os.environ.get(READ_VARIABLE, "")
    server = EmbeddedPostgres(checkout.state / "postgres")
    if not url and server.is_running():
        info = server.start()
        url, read_url = info.desk_url_for(checkout.database_name), info.read_url_for(checkout.database_name)
    return load_settings(
        {**os.environ, **settings_of(checkout, url or NO_DATABASE, read_url if url else ""), **record.exports}
    )


def sibling_url(url: str, database: str) -> str:
    """Return the URL of another database on the same server."""
    # By hand, because `urlsplit` raises at brackets in a password, with what is between them.
    scheme, _, rest = url.partition("://")
    place, mark, options = rest.partition("?")
    return f"{scheme}://{place.partition('/')[0]}/{database}{mark}{options}"
