"""Connections, and the one place where psycopg2's errors become ours. No text here ever holds a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import parse_dsn

from trading.errors import AirdeskError, ConfigurationError, InvariantBroken, PermanentError, TransientError

CONNECT_SECONDS = 10
# A backend whose client vanished without a word is noticed within half a minute, and its locks with it.
KEEPALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"


def connect(url: str, *, variable: str = "AIRDESK_DATABASE_URL", factory: type[Connection] = Connection) -> Connection:
    """Return a new connection in UTC.

    Args:
        url: where, and as whom.
        variable: the setting that names it, for what is said of a refusal.
        factory: the class of the connection.

    Raises:
        TransientError: the server does not answer.
        ConfigurationError: the URL is not understood, or the server refuses the login.
    """
    place = _place(url, variable)
    try:
        return psycopg2.connect(
            url, connect_timeout=CONNECT_SECONDS, application_name="airdesk",
            options=f"-c timezone=UTC {KEEPALIVE}", connection_factory=factory,
        )  # fmt: skip
    except psycopg2.Error as error:
        text = str(error)
        if "authentication failed" in text or "no password supplied" in text:
            raise ConfigurationError(f"Postgres at {place} refuses the login; correct {variable}") from None
        if "too many connections" in text:
            raise TransientError(f"Postgres at {place} has no connection left for this login; try again") from None
        if "permission denied for database" in text:
            raise ConfigurationError(f"Postgres at {place} does not let this login in; name the desk's own") from None
        if "does not exist" in text:
            raise PermanentError(f"Postgres at {place} has no such database or role; run ./airdesk migrate") from None
        raise TransientError(f"Postgres at {place} does not answer; check that it runs and try again") from None


def ensure_database(url: str) -> bool:
    """Create the database that `url` names if it is missing; True if it was created.

    Works on any server where the user may enter the database, or enter `postgres` and create one.
    """
    try:
        connect(url).close()
    except PermanentError as refusal:
        if isinstance(refusal, ConfigurationError):
            raise
    else:
        return False
    parts = parse_dsn(url)
    name = parts.pop("dbname")
    with translated_errors(), closing(connect(psycopg2.extensions.make_dsn(**parts, dbname="postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            except (errors.DuplicateDatabase, errors.UniqueViolation):
                # Another process was faster, which is what we wanted.
                return False
    return True


def _place(url: str, variable: str) -> str:
    try:
        parts = parse_dsn(url)
    except psycopg2.Error:
        raise ConfigurationError(
            f"{variable} is not a Postgres URL; write postgresql://user:password@host:port/database"
        ) from None
    return f"{parts.get('host', 'localhost')}:{parts.get('port', '5432')}/{parts.get('dbname', '')}"


@contextmanager
def translated_errors() -> Iterator[None]:
    """Let psycopg2's errors leave as ours, each with the next action."""
    try:
        yield
    except psycopg2.Error as error:
        raise _ours(error) from error


def _ours(error: psycopg2.Error) -> AirdeskError:
    said = error.diag.message_primary or type(error).__name__
    if isinstance(error, errors.QueryCanceled | errors.IdleInTransactionSessionTimeout):
        return TransientError(f"Postgres ended what took too long for this login ({said}); ask for less, or try again")
    if isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
        return TransientError(f"Postgres gave up ({said}); nothing was stored, try again")
    if isinstance(error, errors.InsufficientPrivilege):
        return PermanentError(
            f"the database login may not do that ({said}); run ./airdesk migrate as the owner, then "
            "./airdesk doctor --security"
        )
    if isinstance(error, psycopg2.ProgrammingError):
        return PermanentError(f"Postgres does not know what we ask for ({said}); run ./airdesk migrate")
    if isinstance(error, psycopg2.IntegrityError | psycopg2.DataError | errors.RaiseException):
        return InvariantBroken(f"Postgres refuses the row ({said}); nothing was stored, correct its producer")
    return PermanentError(f"Postgres failed ({said}); nothing was stored, see the server's log")
