"""Bring a backup back, into a database of its own that takes the desk's place only when it is whole.

What a backup does not know the broker does: orders that were sent after it was made. So every book starts HALTED, and
only a comparison with the broker that finds nothing lets it trade again; messages, permissions and codes of back then
are void.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from psycopg2 import sql
from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extensions import make_dsn, parse_dsn

from trading.adapters.backup import metadata, rows, state_files
from trading.adapters.backup.archive import Archive
from trading.adapters.database_roles import own_database
from trading.adapters.migrations import known_migrations, migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect, ensure_database, translated_errors
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind
from trading.domain.portfolio import TradingState
from trading.errors import PermanentError
from trading.ports.controls import RESTORE

_VOID = ("drop_waiting_messages", "revoke_arms", "forget_codes", "let_taps_expire", "end_asked_replays")
"""Queries that end what must not take effect again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        halted: books that wait for a comparison with the broker.
        kept_databases: what stood there before, under its new name.
        kept_files: files of a broker that lives on, which did not go back in time.
        migrated: migrations that are younger than the backup, applied to it.
    """

    halted: tuple[BookId, ...]
    kept_databases: tuple[str, ...]
    kept_files: tuple[str, ...]
    migrated: tuple[str, ...]


def restore_backup(
    archive: Archive, url: str, state: Path, *, at: datetime, replaces: bool, airflow_url: str | None = None
) -> Restored:
    """Bring a backup into the database of `url` and the state folder; with `airflow_url` Airflow's metadata too.

    Args:
        archive: what is brought.
        url: of our database, as its owner. airflow_url: of Airflow's, as Airflow.
        state: state folder.
        at: becomes part of names.
        replaces: whether what is there may be put aside.

    Raises:
        PermanentError: the backup is damaged, newer than this code, or the desk is not empty and `replaces` is not
            given, or programs still use its database. Nothing was changed then.
    """
    archive.verify()
    _refuse_newer(archive.manifest.schema)
    # Only the owner may make and rename databases, Airflow's too.
    metadata_url = None if airflow_url is None else str(make_dsn(url, dbname=_name(airflow_url)))
    targets = [url, *filter(None, [metadata_url])]
    if not replaces:
        _refuse_filled(archive, targets, state)
    for target in targets:
        _refuse_busy(target)
    stamp = f"{at:%Y%m%d%H%M%S}"
    fresh = {target: _beside(target, f"restored_{stamp}") for target in targets}
    try:
        migrated = _filled(archive, fresh[url])
        halted = _held_back(fresh[url], archive.manifest.made_at, stamp)
        if airflow_url is not None and metadata_url is not None:
            _brought_metadata(archive, fresh[metadata_url], _beside(airflow_url, f"restored_{stamp}"))
        kept_files = state_files.brought_files(archive, state)
        kept = tuple(filter(None, (_take_place(fresh[target], target, f"before_{stamp}") for target in targets)))
    except BaseException:
        for left in fresh.values():
            _drop(left)
        raise
    return Restored(halted, kept, kept_files, migrated)


def _refuse_newer(schema: Mapping[str, str]) -> None:
    known = known_migrations()
    if newer := sorted(set(schema) - set(known)):
        raise PermanentError(
            f"the backup has migration {newer[-1]}, which this code does not know; update the checkout"
        )
    if changed := sorted(name for name, checksum in schema.items() if known[name] != checksum):
        raise PermanentError(f"migration {changed[0]} is not the one of the backup; restore the file of that version")


def _refuse_filled(archive: Archive, targets: list[str], state: Path) -> None:
    if found := state_files.conflicts(archive, state):
        raise PermanentError(f"{state / found[0]} exists; give --replace to overwrite such files, or move them away")
    for target in targets:
        if _exists(target):
            with rows.snapshot_of(target) as connection:
                count = rows.count_of_rows(connection)
            if count:
                raise PermanentError(
                    f"database {_name(target)} is not empty ({count} tables with rows); give --replace: it is kept "
                    "under another name"
                )


def _refuse_busy(target: str) -> None:
    with _server(target) as connection:
        count = Statements(connection, "backup").value("other_sessions", name=_name(target))
    if count:
        raise PermanentError(f"{count} programs use database {_name(target)}; stop the desk (./airdesk down) first")


def _filled(archive: Archive, url: str) -> tuple[str, ...]:
    """Build the schema of the backup, bring its rows, and migrate to today; returns the younger migrations."""
    manifest = archive.manifest
    migrate(url, only=manifest.schema)
    with rows.filling(url) as connection:
        rows.empty_tables(connection, manifest)
        for table in manifest.tables:
            with archive.member(table.member) as stream:
                rows.fill_table(connection, table, stream)
        rows.set_sequences(connection, manifest.sequences)
    return migrate(url)


def _brought_metadata(archive: Archive, owner_url: str, login_url: str) -> None:
    if parse_dsn(owner_url).get("user") == parse_dsn(login_url).get("user"):
        ensure_database(owner_url)
    else:
        own_database(owner_url, login_url)
    metadata.brought_metadata(archive, login_url)


def _held_back(url: str, made_at: str, stamp: str) -> tuple[BookId, ...]:
    """Halt every book that a broker knows, and void what must not come back."""
    with rows.filling(url) as connection:
        statements = Statements(connection, "backup")
        for name in _VOID:
            statements.run(name)
    halted = []
    with PostgresStore(url).transaction() as tx:
        for book in tx.ledger.books():
            if book.kind is BookKind.REPLAY:
                continue
            if tx.controls.trading_state(book, for_change=True) is not TradingState.LOCKED:
                reason = f"restored from the backup of {made_at}; what was sent since then only the broker knows"
                tx.controls.set_state(book, TradingState.HALTED, reason=reason, actor=RESTORE)
                halted.append(book)
            body = f"{book.badge} {book}: restored from the backup of {made_at}; it trades again after ./airdesk resume"
            tx.controls.notify(
                dedupe_key=f"restored:{book}:{stamp}",
                book=book,
                kind=MessageKind.STATE_CHANGE,
                body=body,
            )
    return tuple(halted)


def _take_place(fresh: str, target: str, suffix: str) -> str | None:
    """Let the whole database take the place of the old one in one step; returns the old one's new name."""
    name, old = _name(target), None
    with _server(target) as connection, connection.cursor() as cursor:
        connection.autocommit = False
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        if _exists(target):
            old = f"{name}_{suffix}"
            cursor.execute(rename.format(sql.Identifier(name), sql.Identifier(old)))
        cursor.execute(rename.format(sql.Identifier(_name(fresh)), sql.Identifier(name)))
        connection.commit()
    if old is not None and _is_empty(_beside(target, suffix)):
        _drop(_beside(target, suffix))
        return None
    return old


def _is_empty(url: str) -> bool:
    with rows.snapshot_of(url) as connection:
        return rows.count_of_rows(connection) == 0


def _exists(url: str) -> bool:
    with _server(url) as connection:
        return bool(Statements(connection, "backup").value("database_exists", name=_name(url)))


def _drop(url: str) -> None:
    with _server(url) as connection, connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(_name(url))))


@contextmanager
def _server(url: str) -> Iterator[Connection]:
    """Yield a connection to the server of a database that may not exist; each statement commits by itself."""
    with translated_errors(), closing(connect(make_dsn(url, dbname="postgres"))) as connection:
        connection.autocommit = True
        yield connection


def _name(url: str) -> str:
    return str(parse_dsn(url)["dbname"])


def _beside(url: str, suffix: str) -> str:
    """Return the URL of a database that is named after another one on the same server."""
    return str(make_dsn(url, dbname=f"{_name(url)}_{suffix}"))
