"""The store as a whole, and `Services`, which bundles every port."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from trading.domain.instruments import BookId, ClientCategory
from trading.domain.interlock import LiveTerms
from trading.domain.models import TreeTrainer
from trading.domain.portfolio import AccountType, TradingState
from trading.execution.costs import CostModel
from trading.ports.approvals import ApprovalRows
from trading.ports.bot import BotRows
from trading.ports.broker import BrokerGate
from trading.ports.checks import CheckRows
from trading.ports.controls import ControlRows
from trading.ports.history import HistoryRows
from trading.ports.housekeeping import HousekeepingRows, Tidying
from trading.ports.ledger import LedgerRows
from trading.ports.market import AnalysisRows, MarketRows
from trading.ports.messages import OutboxRows
from trading.ports.models import ModelFiles, ModelRows
from trading.ports.orders import DecisionRows, OrderRows
from trading.ports.parity import ParityRows
from trading.ports.reconciliations import ReconciliationRows, StatementSource
from trading.ports.replays import ReplayRows
from trading.ports.reports import ReportFiles
from trading.ports.risk import RiskRows
from trading.ports.searches import SearchRows
from trading.ports.sources import Sources
from trading.ports.standing import StandingRows
from trading.ports.tax import TaxLedgerRows, Taxpayer
from trading.ports.time import Clock, MarketCalendar


class Transaction(Protocol):
    """One database transaction; leaving it without an exception commits."""

    @property
    def market(self) -> MarketRows:
        """Market facts."""
        ...

    @property
    def analysis(self) -> AnalysisRows:
        """Feature rows."""
        ...

    @property
    def decisions(self) -> DecisionRows:
        """Decisions."""
        ...

    @property
    def orders(self) -> OrderRows:
        """Orders."""
        ...

    @property
    def checks(self) -> CheckRows:
        """What the pre-trade checks store and count."""
        ...

    @property
    def approvals(self) -> ApprovalRows:
        """Orders that wait for a person."""
        ...

    @property
    def bot(self) -> BotRows:
        """What the bot on Telegram must not forget."""
        ...

    @property
    def ledger(self) -> LedgerRows:
        """Books."""
        ...

    @property
    def controls(self) -> ControlRows:
        """Switches and messages."""
        ...

    @property
    def reconciliations(self) -> ReconciliationRows:
        """Comparisons with the broker."""
        ...

    @property
    def replays(self) -> ReplayRows:
        """Replay states, runs and trials."""
        ...

    @property
    def tax(self) -> TaxLedgerRows:
        """Wash sales and methods."""
        ...

    @property
    def risk(self) -> RiskRows:
        """What books risk."""
        ...

    @property
    def parity(self) -> ParityRows:
        """Comparisons with a replay."""
        ...

    @property
    def searches(self) -> SearchRows:
        """Parameter searches."""
        ...

    @property
    def models(self) -> ModelRows:
        """The registry of models."""
        ...

    @property
    def history(self) -> HistoryRows:
        """What vendors were asked for, and what they replied."""
        ...

    @property
    def housekeeping(self) -> HousekeepingRows:
        """What the night may throw away."""
        ...

    @property
    def standing(self) -> StandingRows:
        """How books stand, for people."""
        ...

    @property
    def outbox(self) -> OutboxRows:
        """Messages on their way to people."""
        ...


class Store(Protocol):
    """Postgres."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction."""
        ...

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Open a transaction that sees the store as it was at its first read, and writes nothing."""
        ...

    def order_writer(self, book: BookId) -> AbstractContextManager[int]:
        """Hold the one writer lock of `book` on a session of its own and return the new epoch.

        Raises:
            TransientError: another writer holds the lock and did not let go in time.
        """
        ...

    def send_gate(self, book: BookId, *, epoch: int) -> AbstractContextManager[TradingState]:
        """Hold the way to the broker open for one send and return the trading state, read after it was opened.

        A state that is committed under `close_gate` is therefore seen by every later send, and no send is under way
        while it is committed.

        Raises:
            TransientError: the way stays closed, or the writer of `epoch` is not the newest one any more.
        """
        ...

    def close_gate(self, book: BookId, *, wait_seconds: float) -> AbstractContextManager[bool]:
        """Keep every send of `book` out, waiting at most `wait_seconds` for the ones under way.

        Returns:
            Whether all of them ended in time; the block is entered in either case.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What a task may use.

    Attributes:
        broker: None where no broker may be reached (replay, analysis-only).
        source_delay_minutes: declared delay of the book's sources; `cutoff_at` = `as_of` + this.
        daily_pricing: whether a symbol without intraday bars is priced by its last daily close.
        code_hash: SHA-256 over the sources that decide and send; empty where nobody asks.
        live: what settings and environment say about real money; None where nobody asks.
        approval_above_usd: worth above which an entry waits for a person; None for never.
        statements: None where the broker's statements are not configured.
        keep_replies_days: how long the vendors' replies are kept; 0 for not at all.
        costs: what a simulated fill costs.
        account_type: whether the proceeds of a sale wait for their settlement.
        taxpayer: whose books belong together for the wash-sale rule.
        client_category: decides what of the universe may not be bought.
        model_files: None where no model is read or written; a promoted one then counts as unreadable.
        trainer: what fits trees; None where nobody trains.
        report_files: where the night keeps its reports; None where none are kept.
        tidying: files that the night thins out; None where there is no state folder.
    """

    store: Store
    calendar: MarketCalendar
    clock: Clock
    sources: Sources
    broker: BrokerGate | None
    source_delay_minutes: int = 0
    daily_pricing: bool = False
    code_hash: str = ""
    live: LiveTerms | None = None
    approval_above_usd: int | None = None
    statements: StatementSource | None = None
    keep_replies_days: int = 90
    costs: CostModel = field(default_factory=CostModel)
    account_type: AccountType = AccountType.MARGIN
    taxpayer: Taxpayer = field(default_factory=Taxpayer)
    client_category: ClientCategory = ClientCategory.US
    model_files: ModelFiles | None = None
    trainer: TreeTrainer | None = None
    report_files: ReportFiles | None = None
    tidying: Tidying | None = None
