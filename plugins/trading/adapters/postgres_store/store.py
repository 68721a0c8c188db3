"""The store: transactions and the one order writer of a book."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.halt_flag import HaltFlag
from trading.adapters.postgres_store.analysis import PostgresAnalysisRows
from trading.adapters.postgres_store.approvals import PostgresApprovalRows
from trading.adapters.postgres_store.bot import PostgresBotRows
from trading.adapters.postgres_store.checks import PostgresCheckRows
from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.controls import PostgresControlRows
from trading.adapters.postgres_store.decisions import PostgresDecisionRows
from trading.adapters.postgres_store.history import PostgresHistoryRows
from trading.adapters.postgres_store.housekeeping import PostgresHousekeepingRows
from trading.adapters.postgres_store.ledger import PostgresLedgerRows
from trading.adapters.postgres_store.market import PostgresMarketRows
from trading.adapters.postgres_store.models import PostgresModelRows
from trading.adapters.postgres_store.orders import PostgresOrderRows
from trading.adapters.postgres_store.outbox import PostgresOutboxRows
from trading.adapters.postgres_store.parity import PostgresParityRows
from trading.adapters.postgres_store.reconciliations import PostgresReconciliationRows
from trading.adapters.postgres_store.replays import PostgresReplayRows
from trading.adapters.postgres_store.risk import PostgresRiskRows
from trading.adapters.postgres_store.searches import PostgresSearchRows
from trading.adapters.postgres_store.standing import PostgresStandingRows
from trading.adapters.postgres_store.statements import Statements
from trading.adapters.postgres_store.tax import PostgresTaxRows
from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.errors import TransientError
from trading.ports import (
    AnalysisRows,
    CheckRows,
    ControlRows,
    DecisionRows,
    LedgerRows,
    MarketRows,
    OrderRows,
    ReconciliationRows,
    ReplayRows,
    Transaction,
)
from trading.ports.approvals import ApprovalRows
from trading.ports.bot import BotRows
from trading.ports.history import HistoryRows
from trading.ports.housekeeping import HousekeepingRows
from trading.ports.messages import OutboxRows
from trading.ports.models import ModelRows
from trading.ports.parity import ParityRows
from trading.ports.risk import RiskRows
from trading.ports.searches import SearchRows
from trading.ports.standing import StandingRows
from trading.ports.tax import TaxLedgerRows

POLL_SECONDS = 0.2


class PostgresTransaction:
    """`Transaction` on one connection."""

    def __init__(self, connection: Connection, flag: HaltFlag | None) -> None:
        self.market: MarketRows = PostgresMarketRows(connection)
        self.analysis: AnalysisRows = PostgresAnalysisRows(connection)
        self.decisions: DecisionRows = PostgresDecisionRows(connection)
        self.orders: OrderRows = PostgresOrderRows(connection)
        self.checks: CheckRows = PostgresCheckRows(connection)
        self.approvals: ApprovalRows = PostgresApprovalRows(connection)
        self.bot: BotRows = PostgresBotRows(connection)
        self.ledger: LedgerRows = PostgresLedgerRows(connection)
        self.controls: ControlRows = PostgresControlRows(connection, flag)
        self.reconciliations: ReconciliationRows = PostgresReconciliationRows(connection)
        self.replays: ReplayRows = PostgresReplayRows(connection)
        self.tax: TaxLedgerRows = PostgresTaxRows(connection)
        self.risk: RiskRows = PostgresRiskRows(connection)
        self.parity: ParityRows = PostgresParityRows(connection)
        self.searches: SearchRows = PostgresSearchRows(connection)
        self.models: ModelRows = PostgresModelRows(connection)
        self.history: HistoryRows = PostgresHistoryRows(connection)
        self.housekeeping: HousekeepingRows = PostgresHousekeepingRows(connection)
        self.standing: StandingRows = PostgresStandingRows(connection)
        self.outbox: OutboxRows = PostgresOutboxRows(connection)


class PostgresStore:
    """`Store` on one Postgres database. A connection per transaction: nothing is shared with a forked worker.

    Args:
        url: of our database. read_url: the same with a login that only reads, for snapshots; "" for no other one.
        writer_wait_seconds: how long to wait for another order writer, and for a closed gate.
        halt_flag: the file that halts whatever the database says; None where nothing is sent.
        connect_with: what opens the connection of a transaction, by the URL.
    """

    def __init__(
        self,
        url: str,
        *,
        read_url: str = "",
        writer_wait_seconds: float = 30.0,
        halt_flag: HaltFlag | None = None,
        connect_with: Callable[[str], Connection] = connect,
    ) -> None:
        self._url = url
        self._read_url = read_url
        self._writer_wait_seconds = writer_wait_seconds
        self._flag = halt_flag
        self._connect = connect_with

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction; leaving it without an exception commits."""
        with translated_errors(), closing(self._connect(self._url)) as connection, connection:
            yield PostgresTransaction(connection, self._flag)

    @contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Open a transaction that sees the store as it was at its first read; Postgres refuses it to write."""
        with translated_errors(), closing(self._reader()) as connection:
            connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
            with connection:
                yield PostgresTransaction(connection, self._flag)

    def _reader(self) -> Connection:
        if not self._read_url:
            return connect(self._url)
        return connect(self._read_url, variable="AIRDESK_READ_DATABASE_URL")

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
            _limit_wait(session, self._writer_wait_seconds)
            epoch = int(statements.value("next_epoch", book=str(book)))
            try:
                yield epoch
            finally:
                # A session that is gone has let go already.
                with suppress(psycopg2.OperationalError, psycopg2.InterfaceError):
                    statements.value("release_writer_lock", book=str(book))

    @contextmanager
    def send_gate(self, book: BookId, *, epoch: int) -> Iterator[TradingState]:
        """Hold the way to the broker open for one send and return the trading state, read after it was opened.

        Like the writer's lock it belongs to a session of its own, so a sender that dies lets go.

        Raises:
            TransientError: the way stays closed, or the writer of `epoch` is not the newest one any more.
        """
        with translated_errors(), closing(connect(self._url)) as session:
            session.autocommit = True
            _limit_wait(session, self._writer_wait_seconds)
            statements = Statements(session, "controls")
            try:
                statements.value("enter_send_gate", book=str(book))
            except errors.LockNotAvailable as closed:
                raise TransientError(f"the state of {book} is being changed; nothing was sent, try again") from closed
            if statements.value("newest_epoch", book=str(book)) != epoch:
                raise TransientError(f"another order writer of {book} took over; nothing was sent, try again")
            # A savepoint, by which an unreadable state becomes HALTED, exists inside a transaction only.
            session.autocommit = False
            with session:
                state = PostgresControlRows(session, self._flag).trading_state(book)
            yield state

    @contextmanager
    def close_gate(self, book: BookId, *, wait_seconds: float) -> Iterator[bool]:
        """Keep every send of `book` out; yields whether those under way ended within `wait_seconds`."""
        with translated_errors(), closing(connect(self._url)) as session:
            session.autocommit = True
            _limit_wait(session, wait_seconds)
            try:
                Statements(session, "controls").value("close_send_gate", book=str(book))
            except errors.LockNotAvailable:
                yield False
            else:
                yield True

    def _wait_for_lock(self, statements: Statements, book: BookId) -> None:
        deadline = time.monotonic() + self._writer_wait_seconds
        while not statements.value("try_writer_lock", book=str(book)):
            if time.monotonic() >= deadline:
                raise TransientError(
                    f"another order writer of {book} works since {self._writer_wait_seconds:g} s; try again later"
                )
            time.sleep(POLL_SECONDS)


def _limit_wait(session: Connection, seconds: float) -> None:
    """Let the session give up waiting for a lock after so long; 0 would mean for ever."""
    Statements(session, "orders").value("limit_lock_wait", milliseconds=str(max(1, int(seconds * 1000))))
