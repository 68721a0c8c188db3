"""What one hour starts from and what it ends with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property

from trading.accounting.wash_sales import ALONE, Related
from trading.domain.fills import Disposal, LotMethod
from trading.domain.instruments import BookId, ClientCategory, Symbol
from trading.domain.locks import Restriction, StopOut
from trading.domain.market import Slot
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import Balance, Breaker, Portfolio, TradingState
from trading.domain.records import quick
from trading.domain.signals import Reason, Targets
from trading.execution.vetoes import Veto
from trading.strategy.judging import Judgement


@quick
@dataclass(frozen=True)
class BookState:
    """A book before an hour: the same whether it was read from Postgres or carried in memory.

    Attributes:
        working: orders that are at the broker, simulated or real, protections included.
        disposals: what may still matter to a wash sale, on today's share basis.
        session_on: session of the last step; None for a new book.
        orders_today: orders that went out in `session_on`.
        breaker_may_lift: whether the drawdown breaker itself set the trading state, or nobody else did.
        traded_usd, traded_on: what was bought and sold on the day of the newest fill.
        newest_nav_usd, closing_nav_usd: last known NAV, and that of the session before this one; None without one.
        stops: stops that sold a position, as far back as a lock may follow from them.
        restricted: symbols on an operator's restricted list, also where its day has passed.
        untradable: symbols that an operator, or the desk itself, keeps out, with the reason.
        client_category: decides what of the universe may not be bought.
        unsettled: proceeds of sales [USD] by the session on which they settle; None in a margin account.
        order_of_fill: which order executed, by execution id, of orders with several; a replay has none.
        lot_method: which lots a sale closes.
        related: what of the same taxpayer counts for a wash sale besides; a replay stands alone.
    """

    portfolio: Portfolio
    working: tuple[Order, ...] = ()
    breaker: Breaker = field(default_factory=Breaker)
    balance: Balance = field(default_factory=Balance)
    trading_state: TradingState = TradingState.ACTIVE
    disposals: tuple[Disposal, ...] = ()
    session_on: date | None = None
    orders_today: int = 0
    breaker_may_lift: bool = True
    traded_usd: float = 0.0
    traded_on: date | None = None
    newest_nav_usd: float | None = None
    closing_nav_usd: float | None = None
    stops: tuple[StopOut, ...] = ()
    restricted: Mapping[Symbol, Restriction] = field(default_factory=dict)
    untradable: Mapping[Symbol, str] = field(default_factory=dict)
    client_category: ClientCategory = ClientCategory.US
    unsettled: Mapping[date, Decimal] | None = None
    order_of_fill: Mapping[str, str] = field(default_factory=dict)
    lot_method: LotMethod = LotMethod.FIFO
    related: Related = ALONE

    @property
    def book(self) -> BookId:
        """The book's id."""
        return self.portfolio.book

    @property
    def held(self) -> Mapping[Symbol, Decimal]:
        """Shares by symbol, empty positions left out."""
        return self.portfolio.held


@quick
@dataclass(frozen=True)
class Hour:
    """One decision's view of the market.

    Attributes:
        panel, judgement: facts and verdicts of all times; this hour is their `row`.
        cutoff_at: `slot.as_of` plus the declared source delay.
        closes_at: end of the session.
        next_open_at: open of the next session.
        is_first_of_session: whether this is the session's first hour. starts_quarter: and of its quarter's.
    """

    slot: Slot
    cutoff_at: datetime
    closes_at: datetime
    next_open_at: datetime
    panel: FeaturePanel
    judgement: Judgement
    row: int
    is_first_of_session: bool
    starts_quarter: bool = False

    @property
    def daily_priced(self) -> frozenset[Symbol]:
        """Symbols that trade on daily bars: their entries and sales wait for the next open."""
        if not self.panel.trades_daily:
            return NONE
        row = self.panel.daily_priced[self.row]
        return frozenset(s for s, is_daily in zip(self.panel.symbols, row, strict=True) if is_daily == 1.0)


NONE: frozenset[Symbol] = frozenset()


@quick
@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of an hour for people: nothing in it moves the book.

    Attributes:
        reasons: verdicts that depend on the book's path; those of the rules are in the judgement.
        marks: (quantity, price, high-water price) by held symbol.
        note: one line.
    """

    targets: Targets
    reasons: tuple[Reason, ...]
    marks: Mapping[Symbol, tuple[Decimal, float, float]]
    note: str


@quick
@dataclass(frozen=True)
class Step:
    """What one hour decided.

    Attributes:
        state: the book with its marks, breaker and trading state moved on; orders are not in it yet.
        orders: what goes to the broker, exits first; vetoes: what does not, and why.
        nav_usd: None when a held symbol has no price.
        state_change: the sentence for a change of trading state; None without one.
        tell: makes the account, which is written only where a decision is stored or asked for.
    """

    state: BookState
    orders: tuple[Order, ...]
    vetoes: tuple[Veto, ...]
    nav_usd: float | None
    state_change: str | None
    tell: Callable[[Step], Account]

    @cached_property
    def account(self) -> Account:
        """What is kept of the hour for people."""
        return self.tell(self)
