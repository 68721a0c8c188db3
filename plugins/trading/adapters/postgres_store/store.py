"""The store: transactions and the one order writer of a book."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.analysis import PostgresAnalysisRows
from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.controls import PostgresControlRows
from trading.adapters.postgres_store.decisions import PostgresDecisionRows
from trading.adapters.postgres_store.ledger import PostgresLedgerRows
from trading.adapters.postgres_store.market import PostgresMarketRows
from trading.adapters.postgres_store.orders import PostgresOrderRows
from trading.adapters.postgres_store.replays import PostgresReplayRows
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId
from trading.errors import TransientError
from trading.ports import (
    AnalysisRows,
    ControlRows,
    DecisionRows,
    LedgerRows,
    MarketRows,
    OrderRows,
    ReplayRows,
    Transaction,
)

POLL_SECONDS = 0.2


class PostgresTransaction:
    """`Transaction` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self.market: MarketRows = PostgresMarketRows(connection)
        self.analysis: AnalysisRows = PostgresAnalysisRows(connection)
        self.decisions: DecisionRows = PostgresDecisionRows(connection)
        self.orders: OrderRows = PostgresOrderRows(connection)
        self.ledger: LedgerRows = PostgresLedgerRows(connection)
        self.controls: ControlRows = PostgresControlRows(connection)
        self.replays: ReplayRows = PostgresReplayRows(connection)


class PostgresStore:
    """`Store` on one Postgres database. A connection per transaction: nothing is shared with a forked worker."""

    def __init__(self, url: str, *, writer_wait_seconds: float = 30.0) -> None:
        self._url = url
        self._writer_wait_seconds = writer_wait_seconds

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction; leaving it without an exception commits."""
        with translated_errors(), closing(connect(self._url)) as connection, connection:
            yield PostgresTransaction(connection)

    @contextmanager
    def order_writer(self, book: BookId) -> Iterator[int]:
        """Hold the one writer lock of `book` on a session of its own and return the new epoch.

        The lock belongs to the session, so a process that dies lets go; a writer that lost its session without
        noticing is fenced by the epoch.

        Raises:
            TransientError: another writer holds the lock and did not let go in time.
        """
        with translated_errors(), closing(connect(self._url)) as session:
            session.autocommit = True
            statements = Statements(session, "orders")
            self._wait_for_lock(statements, book)
            milliseconds = str(int(self._writer_wait_seconds * 1000))
            statements.value("limit_lock_wait", milliseconds=milliseconds)
            epoch = int(statements.value("next_epoch", book=str(book)))
            try:
                yield epoch
            finally:
                # A session that is gone has let go already.
                with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                    statements.value("release_writer_lock", book=str(book))

    def _wait_for_lock(self, statements: Statements, book: BookId) -> None:
        deadline = time.monotonic() + self._writer_wait_seconds
        while not statements.value("try_writer_lock", book=str(book)):
            if time.monotonic() >= deadline:
                raise TransientError(
                    f"another order writer of {book} works since {self._writer_wait_seconds:g} s; try again later"
                )
            time.sleep(POLL_SECONDS)
