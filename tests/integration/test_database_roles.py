"""What each role of the database may do, tried as that role on a real server."""

from __future__ import annotations

import shutil
from collections import defaultdict
from contextlib import ExitStack, closing, contextmanager

import psycopg2
import pytest
from psycopg2 import errors
from psycopg2.extensions import parse_dsn
from trading.adapters import sql_files
from trading.adapters.database_roles import (
    APPEND_ONLY,
    COLUMNS,
    DESK,
    READ,
    changes_of,
    make_login,
    own_database,
    rights_to_change,
)
from trading.adapters.migrations import migrate, pending
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.entrypoints import cli
from trading.errors import ConfigurationError, PermanentError, TransientError

from tests.dags.desk import rows_of

BOOK = (
    "INSERT INTO desk.books (book, kind, opened_at, strategy, spec_hash) VALUES ('paper:a', 'paper', now(), 's', 'h')"
)
DEPOSIT = (
    "INSERT INTO desk.cash_entries (entry_id, book, kind, amount_usd, happened_at) "
    "VALUES ('e', 'paper:a', 'deposit', 1, now())"
)


SESSIONS = (
    "SELECT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
    "AND state = 'idle in transaction'"
)


def execute(url, statement):
    """Execute a statement as the owner."""
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def acting_as(url, role):
    """A session with the rights of a role, rolled back at the end."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {role}")
        try:
            yield cursor
        finally:
            connection.rollback()


def refused(url, role, *statements):
    """Return the statements that a role may not even begin, each tried by itself."""
    found = []
    for statement in statements:
        with acting_as(url, role) as cursor:
            try:
                cursor.execute(statement)
            except errors.InsufficientPrivilege:
                found.append(statement)
            except psycopg2.Error:
                pass
    return found


def tables(url):
    return [
        name
        for (name,) in rows_of(
            url,
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname !~ '^pg_|information_schema'",
        )
    ]


def test_the_desk_may_run_every_named_query(database_url):
    broken = {}
    for path in sorted((sql_files.SQL_DIR / "queries").glob("*.sql")):
        for name, query in sql_files.queries(path.stem).items():
            if path.stem in ("backup", "roles") or name in ("create_migrations_table", "record_migration"):
                continue
            with acting_as(database_url, DESK) as cursor:
                try:
                    # Planning checks the rights, and changes nothing.
                    cursor.execute(f"EXPLAIN {query.text}", defaultdict(lambda: None))
                except errors.InsufficientPrivilege as error:
                    broken[f"{path.stem}.{name}"] = str(error)
    assert broken == {}


def test_the_desk_changes_and_deletes_nothing_that_is_append_only(database_url):
    there = sorted(APPEND_ONLY & set(tables(database_url)))
    assert there == sorted(APPEND_ONLY), "a wall is named after a table that does not exist"
    tried = [f"DELETE FROM {table}" for table in there] + [f"TRUNCATE {table}" for table in there]
    for table in there:
        schema, _, name = table.partition(".")
        (column,) = rows_of(
            database_url,
            "SELECT column_name FROM information_schema.columns "
            f"WHERE table_schema = '{schema}' AND table_name = '{name}' AND is_identity = 'NO' LIMIT 1",
        )[0]
        tried.append(f"UPDATE {table} SET {column} = {column}")
    assert refused(database_url, DESK, *tried) == tried


def test_of_a_fill_the_desk_may_only_add_the_commission(database_url):
    assert refused(
        database_url,
        DESK,
        "UPDATE desk.fills SET commission_usd = 1",
        "UPDATE desk.fills SET price = 1",
        "UPDATE desk.orders SET status = 'filled'",
        "UPDATE desk.orders SET symbol = 'NVDA'",
        "UPDATE desk.lots SET closed_at = now()",
        "UPDATE desk.lots SET acquired_on = now()",
    ) == [
        "UPDATE desk.fills SET price = 1",
        "UPDATE desk.orders SET symbol = 'NVDA'",
        "UPDATE desk.lots SET acquired_on = now()",
    ]


def test_no_query_needs_a_column_behind_the_walls():
    # The list is a wall, and no more than what the queries set.
    setting = {table: set() for table in COLUMNS}
    for path in (sql_files.SQL_DIR / "queries").glob("*.sql"):
        for query in sql_files.queries(path.stem).values():
            for table, right in changes_of(query.text):
                if table in setting and right == "UPDATE":
                    setting[table] |= {column for column in COLUMNS[table] if f"{column} =" in query.text}
    del setting["desk.books"]
    assert setting == {table: set(columns) for table, columns in COLUMNS.items() if table in setting}


def test_the_desk_makes_no_table_and_no_role_and_drops_nothing(database_url):
    tried = [
        "CREATE TABLE public.mine (a int)",
        "CREATE TABLE desk.mine (a int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "DROP TABLE desk.fills",
        "ALTER TABLE desk.fills DISABLE TRIGGER ALL",
        "DROP FUNCTION desk.guard_ledger() CASCADE",
        "GRANT DELETE ON desk.fills TO airdesk_desk",
        "SET session_replication_role = replica",
        "INSERT INTO public.airdesk_migrations (name, checksum) VALUES ('9', '9')",
        "SELECT market.attach_year('market.bars', 'public.bars', 1990)",
        "COPY desk.books TO PROGRAM 'true'",
    ]
    done = refused(database_url, DESK, *tried)
    assert set(tried) - set(done) <= {"GRANT DELETE ON desk.fills TO airdesk_desk"}
    # Postgres only warns of a right that one does not have and so cannot give.
    with acting_as(database_url, DESK) as cursor:
        cursor.execute("GRANT DELETE ON desk.fills TO airdesk_desk")
        cursor.execute("SELECT has_table_privilege('desk.fills', 'DELETE')")
        assert cursor.fetchone() == (False,)


def test_years_of_bars_come_by_the_owners_function(desk_url):
    with closing(connect(desk_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("SELECT market.ensure_year(1991), staging.ensure_year(1991)")
        cursor.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'bars_1991'")
        assert cursor.fetchall() == [("airdesk",)] * 2


def test_a_replay_is_deleted_by_the_owners_function_and_no_other_book(database_url):
    with acting_as(database_url, DESK) as cursor:
        cursor.execute(BOOK)
        cursor.execute(BOOK.replace("paper:a", "replay:a").replace("'paper'", "'replay'"))
        cursor.execute("SELECT desk.delete_replay('replay:a')")
        cursor.execute("SELECT book FROM desk.books")
        assert cursor.fetchall() == [("paper:a",)]
        with pytest.raises(errors.RaiseException, match="paper:a is not a replay"):
            cursor.execute("SELECT desk.delete_replay('paper:a')")


def test_a_reader_reads_every_table_and_writes_none(database_url):
    every = tables(database_url)
    assert refused(database_url, READ, *(f"SELECT count(*) FROM {table}" for table in every)) == []
    tried = [f"INSERT INTO {table} DEFAULT VALUES" for table in every] + [f"DELETE FROM {table}" for table in every]
    tried += ["SELECT market.ensure_year(1991)", "SELECT desk.delete_replay('replay:a')", "CREATE TABLE public.a ()"]
    assert refused(database_url, READ, *tried) == tried


# --- whoever only reads ----------------------------------------------------------------------------


def test_a_snapshot_reads_as_somebody_who_cannot_write_and_a_transaction_does_not(desk_url, read_url, database_url):
    store = PostgresStore(desk_url, read_url=read_url)

    def who():
        return {login for (login,) in rows_of(database_url, SESSIONS)}

    with store.snapshot() as tx:
        assert tx.ledger.books() == ()
        assert who() == {"airdesk_page"}
    with store.transaction() as tx:
        tx.ledger.books()
        assert who() == {"airdesk_tasks"}


def test_a_readers_session_begins_with_limits_and_the_desks_with_its_own(read_url, desk_url):
    names = (
        "statement_timeout",
        "lock_timeout",
        "idle_in_transaction_session_timeout",
        "default_transaction_read_only",
    )
    shown = "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
    assert rows_of(read_url, shown) == [("2min", "5s", "10min", "on")]
    assert rows_of(desk_url, shown) == [("0", "0", "6h", "off")]
    assert rows_of(read_url, "SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user") == [(40,)]


@pytest.fixture
def hasty(database_url, pg_server):
    """A reader whom somebody gave a second for a question and five sessions, before the desk knew of it."""
    url = pg_server.read_url_for(database_url.rpartition("/")[2]).replace("airdesk_page", "hasty_page", 1)
    for statement in (
        "CREATE ROLE hasty_page CONNECTION LIMIT 5",
        "ALTER ROLE hasty_page SET statement_timeout = '1s'",
    ):
        execute(database_url, statement)
    execute(database_url, f"ALTER ROLE hasty_page LOGIN PASSWORD '{parse_dsn(url)['password']}'")
    execute(database_url, f"GRANT {READ} TO hasty_page")
    make_login(database_url, url, member_of=READ)
    yield url
    execute(database_url, f"REVOKE {READ} FROM hasty_page")
    execute(database_url, "DROP OWNED BY hasty_page")
    execute(database_url, "DROP ROLE hasty_page")


def test_a_question_without_end_is_ended_and_the_next_one_is_answered(hasty):
    with pytest.raises(TransientError, match="took too long for this login"), translated_errors():
        rows_of(hasty, "SELECT count(*) FROM generate_series(1, 1000000000000)")
    assert rows_of(hasty, "SELECT 1") == [(1,)]


def test_a_limit_that_somebody_set_stays_and_the_others_are_added(hasty):
    assert rows_of(hasty, "SHOW statement_timeout") == [("1s",)]
    assert rows_of(hasty, "SHOW lock_timeout") == [("5s",)]
    with ExitStack() as held:
        many = (held.enter_context(closing(connect(hasty))) for _ in range(6))
        with pytest.raises(TransientError, match="no connection left for this login"):
            list(many)


def test_a_reader_writes_nothing_not_even_where_it_switches_its_limits_off(read_url):
    for statement in (DEPOSIT, "DELETE FROM desk.fills", "CREATE TABLE public.a ()"):
        with closing(connect(read_url)) as connection, connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            connection.commit()
            with pytest.raises(errors.InsufficientPrivilege):
                cursor.execute(statement)


def test_a_refused_reader_is_said_to_be_the_reader(desk_url, read_url, pg_server):
    store = PostgresStore(desk_url, read_url=read_url.replace(pg_server.read_password, "of-yesterday"))
    with pytest.raises(ConfigurationError, match="correct AIRDESK_READ_DATABASE_URL"), store.snapshot():
        pass


def test_a_desk_without_a_reader_reads_with_its_own_login(desk_url, database_url):
    with PostgresStore(desk_url).snapshot() as tx:
        tx.ledger.books()
        assert rows_of(database_url, SESSIONS) == [("airdesk_tasks",)]


@pytest.mark.parametrize(
    "line",
    ["positions", "orders", "fills", "state", "messages", "locks", "data status", "model list"],
)
def test_commands_that_only_show_need_the_reader_alone(line, database_url, desk_url, read_url, pg_server, monkeypatch):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", desk_url.replace(pg_server.desk_password, "wrong"))
    monkeypatch.setenv("AIRDESK_READ_DATABASE_URL", read_url)
    assert cli.main(line.split()) == 0


def test_a_new_table_is_readable_and_added_to_after_the_migration(pg_server, tmp_path):
    folder = tmp_path / "migrations"
    shutil.copytree(sql_files.SQL_DIR / "migrations", folder)
    url = pg_server.url_for("one_more_table")
    migrate(url, directory=folder)
    (folder / "9999_add_table.sql").write_text("CREATE TABLE ops.more (a int);")
    migrate(url, directory=folder)
    assert refused(url, DESK, "INSERT INTO ops.more VALUES (1)", "UPDATE ops.more SET a = 2") == [
        "UPDATE ops.more SET a = 2"
    ]
    assert refused(url, READ, "SELECT a FROM ops.more", "INSERT INTO ops.more VALUES (1)") == [
        "INSERT INTO ops.more VALUES (1)"
    ]


def test_a_query_that_changes_a_ledger_stops_the_migration():
    with pytest.raises(PermanentError, match=r"changes desk\.cash_entries, which is append-only"):
        rights_to_change(["SELECT 1", "WITH gone AS (DELETE FROM desk.cash_entries RETURNING 1) SELECT 1"])
    assert rights_to_change(["INSERT INTO ops.a VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2"]) == (
        ("ops.a", "UPDATE"),
    )


def test_a_task_may_ask_what_is_pending_although_it_owns_nothing(desk_url):
    assert pending(desk_url) == ()


def test_a_refused_statement_names_the_next_action(desk_url):
    with pytest.raises(PermanentError, match=r"may not do that .*doctor --security"), translated_errors():
        rows_of(desk_url, "DELETE FROM desk.fills RETURNING 1")


def test_the_login_of_the_desk_is_given_its_new_password(database_url, pg_server):
    stale = pg_server.url_for("postgres").replace("airdesk:", "another_desk:", 1)
    make_login(database_url, stale, member_of=DESK)
    fresh = stale.replace(pg_server.password, "another-password")
    with pytest.raises(ConfigurationError, match="refuses the login"):
        connect(fresh)
    make_login(database_url, fresh, member_of=DESK)
    connect(fresh).close()


def test_airflow_owns_its_database_and_the_desk_cannot_enter_it(pg_server):
    owner = pg_server.url_for("airflow_apart")
    migrate(pg_server.url_for("beside"))
    make_login(pg_server.url_for("beside"), pg_server.desk_url_for("beside"), member_of=DESK)
    own_database(owner, pg_server.airflow_url_for("airflow_apart"))
    # As a desk that was used before there were roles left it.
    for statement in ("CREATE TYPE kind AS ENUM ('a')", "CREATE TABLE dag (id serial PRIMARY KEY, kind kind)"):
        with closing(connect(owner)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement)
    own_database(owner, pg_server.airflow_url_for("airflow_apart"))
    with (
        closing(connect(pg_server.airflow_url_for("airflow_apart"))) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("ALTER TABLE dag ADD COLUMN name text")
        cursor.execute("ALTER TYPE kind ADD VALUE 'b'")
        cursor.execute("CREATE TABLE alembic_version (version_num text)")
    for stranger in (pg_server.desk_url_for("airflow_apart"), pg_server.airflow_url_for("beside")):
        with pytest.raises(ConfigurationError, match="does not let this login in"):
            connect(stranger)
    connect(pg_server.desk_url_for("beside")).close()
