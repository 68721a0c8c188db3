"""Who may do what in our database: its owner, the desk, and those who only read (ADR 0056).

The desk may read and add everywhere. What it may change or delete is what the named queries change or delete, worked
out of them; `APPEND_ONLY` and `COLUMNS` are the walls that no query can move.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from psycopg2 import errors, sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import encrypt_password, parse_dsn

from trading.adapters.postgres_store.connection import connect, ensure_database, translated_errors
from trading.adapters.postgres_store.statements import Statements
from trading.adapters.sql_files import SQL_DIR, queries
from trading.errors import ConfigurationError, PermanentError, TransientError

DESK, READ = "airdesk_desk", "airdesk_read"
"""Groups without a login; a login gets its rights as a member."""

APPEND_ONLY = frozenset(
    {
        "analysis.model_events", "desk.applied_actions", "desk.cash_entries", "desk.decisions", "desk.denials",
        "desk.disposals", "desk.fill_corrections", "desk.nav", "desk.order_events", "desk.reasons",
        "desk.replay_trials", "desk.targets", "desk.wash_matches", "ops.audit", "ops.controls", "ops.externals",
        "ops.live_arm", "ops.reconciliations", "ops.restrictions", "ops.symbol_holds", "public.airdesk_migrations",
        "ops.message_mutes", "staging.responses", "staging.statements",
    }
)  # fmt: skip
"""What was decided, done and booked: nobody but the owner changes a row of it."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "desk.books": ("detail",),
    "desk.fills": ("commission_usd",),
    "desk.lots": (
        "quantity", "cost_per_share", "wash_adjustment_usd", "holding_starts_on", "closed_at",
    ),
    "desk.orders": (
        "status", "filled_quantity", "broker_order_id", "detail", "quantity", "limit_price", "stop_price",
        "is_inferred",
    ),
}  # fmt: skip
"""The only columns of a ledger that the desk may change."""

LIMITS: Mapping[str, Mapping[str, str]] = {
    # Questions of people: one that never ends must not hold back what trades, nor keep old rows from being cleaned up.
    # Reports draw while they read, so a reader may pause.
    READ: {
        "default_transaction_read_only": "on",
        "statement_timeout": "2min",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "10min",
    },
    # A search may work for hours between two statements; a process that hangs for longer lets go.
    DESK: {"idle_in_transaction_session_timeout": "6h"},
}
"""What the login of a group begins each session with; one that somebody set otherwise stays."""
CONNECTIONS: Mapping[str, int] = {READ: 40}
"""How many sessions a login may have: as many as the page answers at once. The rest of a server's is for trading."""

OWNERS_ONLY = ("public.airdesk_migrations", "ops.granted_rights")
FUNCTIONS = (
    "market.ensure_year(int)",
    "staging.ensure_year(int)",
    "desk.delete_replay(text)",
    "staging.drop_years(int)",
)
"""Run with the owner's rights, for the desk only."""

_STAMP = frozenset({"ops.granted_rights"})
"""A database that stopped halfway through the migrations may not have it yet."""
_CHANGES = re.compile(
    r"\bINSERT INTO\s+(?P<into>[a-z_]+\.[a-z_]+)|\bDO (?P<upsert>UPDATE)\b|\bDELETE FROM\s+(?P<delete>[a-z_]+\.[a-z_]+)"
    r"|\bUPDATE\s+(?P<update>[a-z_]+\.[a-z_]+)|\bFROM\s+(?P<read>[a-z_]+\.[a-z_]+)"
    r"|\bFOR (?P<lock>(NO KEY )?UPDATE|(KEY )?SHARE)\b"
)


def changes_of(text: str) -> Iterator[tuple[str, str]]:
    """Yield (table, UPDATE or DELETE) for each change that a query makes; a row lock needs the right to update."""
    into = read = ""
    for found in _CHANGES.finditer(text):
        into, read = found["into"] or into, found["read"] or read
        if found["upsert"]:
            yield into, "UPDATE"
        elif found["lock"]:
            yield read, "UPDATE"
        elif table := found["update"] or found["delete"]:
            yield table, "UPDATE" if found["update"] else "DELETE"


def rights_to_change(texts: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return (table, UPDATE or DELETE) for everything that the queries change, sorted.

    Raises:
        PermanentError: a query changes what is append-only.
    """
    needed = {change for text in texts for change in changes_of(text)}
    if refused := sorted({table for table, _ in needed if table in APPEND_ONLY}):
        raise PermanentError(f"a named query changes {', '.join(refused)}, which is append-only; book a row instead")
    return tuple(sorted(needed))


def _named_queries() -> Iterator[str]:
    for path in (SQL_DIR / "queries").glob("*.sql"):
        if path.stem not in ("backup", "migrations", "roles"):
            yield from (query.text for query in queries(path.stem).values())


def grants(database: str, schemas: Collection[str], tables: Collection[str]) -> tuple[str, ...]:
    """Return the statements that give the desk and the readers their rights, and take every other one away.

    Args:
        database: its name.
        schemas: all of ours.
        tables: all of ours; in the middle of an upgrade one that a query names may still be missing.
    """
    both, everywhere = f"{DESK}, {READ}", ", ".join(schemas)
    quoted = '"' + database.replace('"', '""') + '"'
    given = [
        f"REVOKE CONNECT ON DATABASE {quoted} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {quoted} TO {both}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {everywhere} FROM {both}",
        # PUBLIC may create in the schema `public` of a database that came from an older server.
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA {everywhere} TO {both}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {everywhere} TO {both}",
        f"GRANT INSERT ON ALL TABLES IN SCHEMA {everywhere} TO {DESK}",
        f"REVOKE INSERT ON {', '.join(OWNERS_ONLY)} FROM {DESK}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {everywhere} TO {DESK}",
        *(f"GRANT EXECUTE ON FUNCTION {function} TO {DESK}" for function in FUNCTIONS),
    ]
    for table, right in rights_to_change(_named_queries()):
        if table not in tables:
            continue
        columns = f" ({', '.join(COLUMNS[table])})" if right == "UPDATE" and table in COLUMNS else ""
        given.append(f"GRANT {right}{columns} ON {table} TO {DESK}")
    return tuple(given)


def give_rights(connection: Connection, applied: str) -> bool:
    """Make the two groups and give them their rights, unless that was done for this very state of the schema.

    Args:
        connection: of the owner.
        applied: names the migrations that the database holds.

    Returns:
        Whether the groups exist now; a login that may not create roles works alone, as the owner.
    """
    with connection, connection.cursor() as cursor:
        statements = Statements(connection, "roles")
        tables = {str(row["name"]) for row in statements.rows("our_tables")}
        if not tables >= _STAMP or not _groups_exist(connection):
            return False
        schemas = [row["nspname"] for row in statements.rows("our_schemas")]
        given = grants(connection.get_dsn_parameters()["dbname"], schemas, tables)
        checksum = hashlib.sha256("\n".join((applied, *given)).encode()).hexdigest()
        if statements.value("granted_rights") != checksum:
            for statement in given:
                cursor.execute(statement)
            statements.run("note_granted_rights", checksum=checksum)
    return True


def _groups_exist(connection: Connection) -> bool:
    statements = Statements(connection, "roles")
    present = {row["rolname"] for row in statements.rows("roles_present", names=[DESK, READ])}
    missing = {DESK, READ} - present
    if missing and not statements.value("may_make_roles"):
        return False
    for name in sorted(missing):
        # Roles belong to the server: a migration of another database on it may be faster.
        _run_unless_there(connection, sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    return True


def make_login(owner_url: str, login_url: str, *, member_of: str | None) -> None:
    """Let the user that `login_url` names log in with its password, with the rights and the limits of a group.

    Raises:
        PermanentError: the owner may not create roles.
    """
    login, password = _login_of(login_url)
    with translated_errors(), closing(connect(owner_url)) as connection, connection:
        known = Statements(connection, "roles").rows("roles_present", names=[login])
        name = sql.Identifier(login)
        if not known:
            _run_unless_there(connection, sql.SQL("CREATE ROLE {}").format(name))
        if not known or not _enters(login_url):
            # Hashed here, so that the password itself reaches no log of the server.
            hashed = encrypt_password(password, login, scope=connection, algorithm="scram-sha-256")
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD %s").format(name), (hashed,))
        if member_of is not None and not known:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("GRANT {} TO {}").format(sql.Identifier(member_of), name))
        if member_of is not None:
            _limit(connection, login, member_of)


def _limit(connection: Connection, login: str, group: str) -> None:
    """Give a login the limits of its group that nobody gave it yet."""
    statements = Statements(connection, "roles")
    row = statements.row("login_limits", login=login)
    assert row is not None
    has = {setting.partition("=")[0] for setting in row["settings"] or ()}
    missing = [(name, value) for name, value in LIMITS[group].items() if name not in has]
    name = sql.Identifier(login)
    changes = [sql.SQL("ALTER ROLE {} SET {} = {}").format(name, sql.Identifier(n), sql.Literal(v)) for n, v in missing]
    if group in CONNECTIONS and row["connections"] < 0:
        changes.append(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(name, sql.Literal(CONNECTIONS[group])))
    if changes and statements.value("may_make_roles"):
        for change in changes:
            _run_unless_there(connection, change)


@dataclass(frozen=True, slots=True)
class LoginRights:
    """What a login may do.

    Attributes:
        makes_roles: roles or databases. makes_tables: in our schemas. writes: rows of any kind; the desk has to.
        rewrites: rows of the ledger.
    """

    login: str
    is_superuser: bool
    makes_roles: bool
    makes_tables: bool
    rewrites: bool
    writes: bool

    @property
    def is_too_much(self) -> bool:
        """Whether it may do what no task needs."""
        return self.is_superuser or self.makes_roles or self.makes_tables or self.rewrites


def rights_of_login(url: str, *, variable: str = "AIRDESK_DATABASE_URL") -> LoginRights:
    """Return what the user that `url`, the value of a setting, names may do in a migrated database."""
    with translated_errors(), closing(connect(url, variable=variable)) as connection, connection:
        row = Statements(connection, "roles").row("login_rights")
    assert row is not None
    return LoginRights(**row)


def own_database(owner_url: str, login_url: str) -> None:
    """Give a database to the login that `login_url` names, with what is in it, and shut everybody else out.

    Args:
        owner_url: the same database, as the owner of ours.
    """
    ensure_database(owner_url)
    make_login(owner_url, login_url, member_of=None)
    login, database = sql.Identifier(_login_of(login_url)[0]), sql.Identifier(parse_dsn(login_url)["dbname"])
    with translated_errors(), closing(connect(owner_url)) as connection, connection, connection.cursor() as cursor:
        statements = Statements(connection, "roles")
        for row in statements.rows("airflow_objects", owner=_login_of(login_url)[0]):
            cursor.execute(row["statement"])
        cursor.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, login))
        cursor.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(database))


def _login_of(url: str) -> tuple[str, str]:
    parts = parse_dsn(url)
    if not (parts.get("user") and parts.get("password")):
        raise ConfigurationError("the URL of a database login names no user and password; write user:password@host")
    return parts["user"], parts["password"]


def _enters(url: str) -> bool:
    try:
        connect(url).close()
    except (ConfigurationError, TransientError):
        return False
    except PermanentError:
        # The database of the URL is not there yet; the login is another matter.
        return True
    return True


def _run_unless_there(connection: Connection, statement: sql.Composed) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT making")
        try:
            cursor.execute(statement)
        except (errors.DuplicateObject, errors.UniqueViolation, errors.InsufficientPrivilege, errors.InternalError_):
            cursor.execute("ROLLBACK TO SAVEPOINT making")
