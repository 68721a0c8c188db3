"""Protocols for the outside, and `Services` that bundles them. Tasks see ports, never an adapter.

All instants are aware and UTC. A reader takes `as_of` and `cutoff_at` and returns only bars with
`ends_at <= as_of` and rows with `known_at <= cutoff_at`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Booking, Disposal, Fill, Lot
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import (
    Bar,
    BarFault,
    CorporateAction,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
    Session,
    Slot,
    TimeWindow,
)
from trading.domain.orders import Order, OrderEvent, OrderRef, OrderStatus
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import Breaker, Portfolio, TradingState
from trading.domain.series import BarSeries
from trading.domain.signals import Reason, Targets

# --- time ---------------------------------------------------------------------------------------


class Clock(Protocol):
    """Now. Only freshness, expiry and market-open checks may ask."""

    def now(self) -> datetime:
        """Return the current instant."""
        ...


class MarketCalendar(Protocol):
    """Sessions of the New York Stock Exchange."""

    def sessions(self, first_on: date, last_on: date) -> tuple[Session, ...]:
        """Return the sessions in [first_on, last_on], ascending."""
        ...

    def session(self, on: date) -> Session | None:
        """Return the session of that day, or None when the exchange is closed."""
        ...

    def latest_slot(self, at: datetime) -> Slot:
        """Return the youngest session hour that ended at or before `at`."""
        ...

    def slot_at(self, as_of: datetime) -> Slot | None:
        """Return the session hour that ends exactly at `as_of`, or None."""
        ...

    def next_session(self, after: date) -> Session:
        """Return the first session later than `after`."""
        ...


# --- sources ------------------------------------------------------------------------------------


class BarSource(Protocol):
    """Where raw bars come from. `name` is stored with each bar; SYNTHETIC marks generated ones."""

    name: str

    def bars(self, symbol: Symbol, window: TimeWindow, resolution: Resolution) -> Iterator[Bar]:
        """Return the bars of `symbol` that start in `window`, ascending."""
        ...


class NewsSource(Protocol):
    """Where headlines come from."""

    name: str

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories about any of `symbols` published in `window`."""
        ...


class FundamentalsSource(Protocol):
    """Where filings, macro series and corporate actions come from."""

    name: str

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings that became known in `window`."""
        ...

    def macro(self, window: TimeWindow) -> Iterator[MacroPoint]:
        """Return macro values that became known in `window`."""
        ...

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends that became known in `window`."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that are switched on; None means off, and the tasks say so.

    A book on imported history has none: its facts are already stored.
    """

    bars: BarSource | None = None
    news: NewsSource | None = None
    fundamentals: FundamentalsSource | None = None


# --- broker -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrokerIdentity:
    """Who answered the connection.

    Attributes:
        accounts: managed accounts, as the broker lists them.
        is_simulated: whether the server declares itself SIMULATED (its clock may then be set).
        server_now: the broker's own time.
        client_id: the fixed id under which this connection writes; order ids are reserved per client.
    """

    accounts: tuple[str, ...]
    is_simulated: bool
    server_now: datetime
    client_id: int


@dataclass(frozen=True, slots=True)
class BrokerOrder:
    """One order as the broker knows it.

    Attributes:
        order_ref: our reference; None for foreign activity.
        api_order_id: per-client order id; None in completed orders.
        perm_id: the broker's permanent id.
    """

    order_ref: OrderRef | None
    api_order_id: int | None
    perm_id: int
    symbol: Symbol
    status: OrderStatus
    quantity: Decimal
    filled_quantity: Decimal
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class BrokerSnapshot:
    """Everything the broker knows; it exists only if every end marker was seen.

    Attributes:
        orders: open and completed orders, open ones first.
        fills: executions of the broker's day, commission None until reported.
        positions: shares by symbol, zero positions left out.
        cash_usd: total cash.
        next_order_id: highest id the broker has seen from this client, plus one.
        taken_at: the broker's time.
    """

    account: str
    orders: tuple[BrokerOrder, ...]
    fills: tuple[Fill, ...]
    positions: Mapping[Symbol, Decimal]
    cash_usd: Decimal
    next_order_id: int
    taken_at: datetime

    def find(self, order_ref: OrderRef) -> BrokerOrder | None:
        """Return the order that carries our reference, or None."""
        return next((o for o in self.orders if o.order_ref == order_ref), None)


@dataclass(frozen=True, slots=True)
class ReservedLeg:
    """An order leg with the broker id that was committed for it before sending."""

    order: Order
    reserved_id: int


class Broker(Protocol):
    """One connection with one fixed client id. Every method raises `TransientError` on silence, never returns less."""

    def identity(self) -> BrokerIdentity:
        """Return who we talk to."""
        ...

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        """Return everything the broker knows, with all end markers seen."""
        ...

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        """Send a family (parent first, then its protection) under its reserved ids and wait for each acknowledgement.

        Raises:
            OutcomeUnknown: no acknowledgement came; a snapshot decides.
        """
        ...

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        """Ask for the cancellation of orders of this client; the next snapshot says what became of them."""
        ...

    def advance_clock(self, to: datetime) -> None:
        """Move a SIMULATED broker's clock forward to `to`; a real broker refuses with `BrokerRefused`."""
        ...


class BrokerGate(Protocol):
    """Opens broker connections; a replay has none."""

    def connect(self) -> AbstractContextManager[Broker]:
        """Open the one writer connection. A client id in use is waited for, never replaced."""
        ...


# --- store --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IngestCounts:
    """What became of the rows of one ingest."""

    received: int = 0
    stored: int = 0
    unchanged: int = 0
    revised: int = 0
    rejected: int = 0

    def __add__(self, other: IngestCounts) -> IngestCounts:
        return IngestCounts(
            self.received + other.received,
            self.stored + other.stored,
            self.unchanged + other.unchanged,
            self.revised + other.revised,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an ingest's rows came from; becomes one row of `staging.responses`."""

    source: str
    request: str
    fetched_at: datetime
    run_id: str


class MarketRows(Protocol):
    """staging.* and market.*"""

    def add_bars(
        self, bars: Sequence[Bar], origin: Provenance, rejected: Sequence[tuple[Bar, BarFault]] = ()
    ) -> IngestCounts:
        """Store checked bars (first seen and revisions kept) and file the rejected ones with their fault."""
        ...

    def add_news(self, items: Sequence[NewsItem], origin: Provenance) -> IngestCounts:
        """Store stories; one already stored under its id stays as first seen."""
        ...

    def add_filings(self, filings: Sequence[Filing], origin: Provenance) -> IngestCounts:
        """Store filings."""
        ...

    def add_macro(self, points: Sequence[MacroPoint], origin: Provenance) -> IngestCounts:
        """Store macro values."""
        ...

    def add_actions(self, actions: Sequence[CorporateAction], origin: Provenance) -> IngestCounts:
        """Store splits and dividends."""
        ...

    def bars(
        self,
        symbols: Sequence[Symbol],
        resolutions: Sequence[Resolution],
        *,
        as_of: datetime,
        cutoff_at: datetime,
        since: datetime | None = None,
    ) -> dict[tuple[Symbol, Resolution], BarSeries]:
        """Return completed bars known at the cutoff, the newest known revision of each; absent keys have none."""
        ...

    def last_bar_starts_at(self, resolution: Resolution) -> dict[Symbol, datetime]:
        """Return the start of the newest stored bar of each symbol."""
        ...

    def news(self, *, since: datetime, cutoff_at: datetime) -> tuple[NewsItem, ...]:
        """Return stories published at or after `since` and known at the cutoff, ascending by `known_at`."""
        ...

    def filings(self, *, cutoff_at: datetime) -> tuple[Filing, ...]:
        """Return filings known at the cutoff, ascending by `known_at`."""
        ...

    def macro(self, *, cutoff_at: datetime) -> tuple[MacroPoint, ...]:
        """Return macro values known at the cutoff, first publication of each month, ascending."""
        ...

    def actions(self, *, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return splits and dividends known at the cutoff, ascending by `ex_on`."""
        ...

    def has_source(self, source: str) -> bool:
        """Whether any stored bar or story came from `source`."""
        ...

    def park(self, symbol: Symbol, *, is_parked: bool, reason: str, at: datetime) -> None:
        """Park or release a symbol; nothing is written when it already is so."""
        ...

    def parked(self) -> dict[Symbol, str]:
        """Return parked symbols with the reason."""
        ...


class AnalysisRows(Protocol):
    """analysis.*: the columns of a FeaturePanel, one row per (symbol, as_of, cutoff_at)."""

    def write(self, group: str, panel: FeaturePanel, cutoff_at: datetime) -> int:
        """Store the columns of `group` (technicals, sentiment, valuation, risk) of a one-time panel; rows written."""
        ...

    def read(self, symbols: tuple[Symbol, ...], as_of: datetime, cutoff_at: datetime) -> FeaturePanel:
        """Return the one-time panel of all groups; what no task wrote is unknown (NO_DATA)."""
        ...


class DecisionRows(Protocol):
    """desk.decisions, reasons, targets."""

    def find(self, book: BookId, kind: DecisionKind, as_of: datetime) -> Decision | None:
        """Return the stored decision, or None."""
        ...

    def newest(self, book: BookId, kind: DecisionKind) -> Decision | None:
        """Return the book's youngest decision of that kind, or None."""
        ...

    def add(self, decision: Decision, reasons: Iterable[Reason], targets: Targets, orders: Sequence[Order]) -> bool:
        """Store a decision with everything it says; False (and no change) if it is already stored."""
        ...

    def reasons(self, decision_id: str, symbol: Symbol | None = None) -> tuple[Reason, ...]:
        """Return the verdicts of a decision, of one symbol or of all."""
        ...


@dataclass(frozen=True, slots=True)
class Intent:
    """The submission record of one leg: reserved and committed before anything is sent."""

    order_id: OrderRef
    client_id: int
    reserved_id: int
    perm_id: int | None
    state: str
    epoch: int


class OrderRows(Protocol):
    """desk.orders, order_events, intents."""

    def of_decision(self, decision_id: str) -> tuple[Order, ...]:
        """Return the orders of a decision, by leg."""
        ...

    def get(self, order_id: OrderRef) -> Order | None:
        """Return one order, or None."""
        ...

    def working(self, book: BookId) -> tuple[Order, ...]:
        """Return orders that are reserved, at the broker, or unknown."""
        ...

    def recent(self, book: BookId, limit: int) -> tuple[Order, ...]:
        """Return the newest orders, youngest first."""
        ...

    def record(self, order: Order, event: OrderEvent) -> Order:
        """Apply `event` with `advance`, store both, and return the order; late news stores nothing."""
        ...

    def intents(self, order_ids: Sequence[OrderRef]) -> dict[OrderRef, Intent]:
        """Return the intents that exist for these legs."""
        ...

    def reserve(self, order_ids: Sequence[OrderRef], *, client_id: int, first_id: int, epoch: int) -> list[Intent]:
        """Reserve consecutive ids from max(first_id, highest ever reserved + 1) for legs that have none."""
        ...

    def settle_intent(self, order_id: OrderRef, *, state: str, perm_id: int | None, epoch: int) -> None:
        """Set an intent's state; raises `InvariantBroken` if `epoch` is not the newest writer's."""
        ...


@dataclass(frozen=True, slots=True)
class NavRow:
    """NAV of a book at one slot, with the breaker's memory."""

    as_of: datetime
    session_on: date
    is_closing: bool
    cash_usd: Decimal
    positions_usd: float
    nav_usd: float
    breaker: Breaker


class LedgerRows(Protocol):
    """desk.books, fills, lots, disposals, cash_entries, marks, nav."""

    def open_book(self, book: BookId, *, strategy: str, spec_hash: str, opened_at: datetime, cash_usd: Decimal) -> None:
        """Open a book with its first deposit; opening it again changes nothing."""
        ...

    def books(self) -> tuple[BookId, ...]:
        """Return every book, oldest first."""
        ...

    def portfolio(self, book: BookId, as_of: datetime) -> Portfolio:
        """Return cash, open lots and high-water prices."""
        ...

    def add_booking(self, booking: Booking) -> bool:
        """Store a fill with its lots, disposals and cash; False (and no change) if the fill is already booked."""
        ...

    def add_commission(self, book: BookId, fill_id: str, commission_usd: Decimal) -> bool:
        """Fill in a commission that came late, with its cash entry; False if it was already known."""
        ...

    def add_cash(
        self, book: BookId, entry_id: str, kind: str, amount_usd: Decimal, happened_at: datetime, reference: str | None
    ) -> bool:
        """Book a cash movement once per `entry_id`."""
        ...

    def split(self, book: BookId, symbol: Symbol, ratio: Decimal) -> None:
        """Move open lots and working orders of a symbol to the new share basis: `ratio` new shares per old one."""
        ...

    def fills(self, book: BookId, limit: int | None = None) -> tuple[Fill, ...]:
        """Return fills, oldest first; with a limit the newest ones."""
        ...

    def disposals(self, book: BookId) -> tuple[Disposal, ...]:
        """Return disposals, oldest first."""
        ...

    def lots(self, book: BookId, symbol: Symbol) -> tuple[Lot, ...]:
        """Return the open lots of a symbol, oldest first."""
        ...

    def add_nav(self, book: BookId, row: NavRow, marks: Mapping[Symbol, tuple[Decimal, float, float]]) -> None:
        """Store NAV and marks (quantity, price, high-water price) of one slot; the first row of a slot stands."""
        ...

    def last_nav(self, book: BookId) -> NavRow | None:
        """Return the youngest NAV row, or None."""
        ...

    def navs(self, book: BookId) -> tuple[NavRow, ...]:
        """Return all NAV rows, oldest first."""
        ...


class ControlRows(Protocol):
    """ops.*"""

    def trading_state(self, book: BookId) -> TradingState:
        """Return the book's state; HALTED when it cannot be read."""
        ...

    def state_reason(self, book: BookId) -> str | None:
        """Return who brought the book into its state and why; None for a book that never left ACTIVE."""
        ...

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        """Append a state event."""
        ...

    def notify(self, *, dedupe_key: str, book: BookId | None, kind: str, severity: str, body: str) -> bool:
        """Put a message into the outbox once per `dedupe_key`; True if it is new."""
        ...

    def add_reconciliation(
        self, book: BookId, *, session_on: date, is_clean: bool, detail: Mapping[str, Any], at: datetime
    ) -> int:
        """Store a reconciliation and return its id."""
        ...

    def add_break(
        self, reconciliation_id: int, book: BookId, *, kind: str, symbol: Symbol | None, ours: str, theirs: str
    ) -> None:
        """Store one difference between book and broker."""
        ...

    def audit(self, *, actor: str, action: str, detail: Mapping[str, Any]) -> None:
        """Store who did what."""
        ...


class ReplayRows(Protocol):
    """desk.replay_states and the life of replay books."""

    def load(self, book: BookId, session_on: date) -> Mapping[str, Any] | None:
        """Return the state after that session, or None."""
        ...

    def save(self, book: BookId, session_on: date, state: Mapping[str, Any]) -> None:
        """Store the state after that session."""
        ...

    def delete(self, book: BookId) -> None:
        """Delete a replay book with all its rows; refuses every other kind."""
        ...


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
    def ledger(self) -> LedgerRows:
        """Books."""
        ...

    @property
    def controls(self) -> ControlRows:
        """Switches and messages."""
        ...

    @property
    def replays(self) -> ReplayRows:
        """Replay states."""
        ...


class Store(Protocol):
    """Postgres."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction."""
        ...

    def order_writer(self, book: BookId) -> AbstractContextManager[int]:
        """Hold the one writer lock of `book` on a session of its own and return the new epoch.

        Raises:
            TransientError: another writer holds the lock and did not let go in time.
        """
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """What a task may use.

    Attributes:
        broker: None where no broker may be reached (replay, analysis-only).
        source_delay_minutes: declared delay of the book's sources; `cutoff_at` = `as_of` + this.
        daily_pricing: whether a symbol without intraday bars is priced by its last daily close.
    """

    store: Store
    calendar: MarketCalendar
    clock: Clock
    sources: Sources
    broker: BrokerGate | None
    source_delay_minutes: int = 0
    daily_pricing: bool = False
