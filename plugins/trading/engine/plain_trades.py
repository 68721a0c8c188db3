"""Trades of whole positions at the market, as few numbers each; orders, fills and lots are made where somebody asks.

They are made by the functions that plan, match and book in every other hour, from the same hour, bar and quantity. So
a replay of thousands of trades pays for those objects only where they are read.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from trading.accounting.lots import book_fill
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Booking, Disposal, Fill, Lot
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import TICKS, from_ticks
from trading.domain.orders import Order, OrderPurpose, OrderStatus, Side
from trading.domain.records import changed
from trading.engine.hours import Hours
from trading.engine.step import at_open, terms_of
from trading.engine.tape import Tape
from trading.errors import InvariantBroken
from trading.execution.costs import CostModel
from trading.execution.matching import match
from trading.execution.planner import market_entry, plan_sale
from trading.strategy.spec import StrategySpec


class Sent:
    """An order at the market: a purchase, or the sale of a whole position.

    Attributes:
        row: the hour that decided it. column: of its symbol. quantity: whole shares.
        cause: why a position is sold; None for a purchase.
        made: the order itself, once somebody asked for it.
    """

    __slots__ = ("cause", "column", "made", "purpose", "quantity", "row")

    def __init__(self, row: int, column: int, quantity: int, purpose: OrderPurpose, cause: str | None) -> None:
        self.row, self.column, self.quantity, self.purpose, self.cause = row, column, quantity, purpose, cause
        self.made: Order | None = None


class Filled:
    """An order that the open of a bar filled.

    Attributes:
        bar: its place in the series of the symbol. at: its begin [µs since 1970]. ticks: price [1/10,000 USD a share].
        closes: the purchase, or the lots, that a sale closes; nothing for a purchase.
        made: what was booked, once somebody asked for it.
    """

    __slots__ = ("at", "bar", "closes", "made", "sent", "ticks")

    def __init__(self, sent: Sent, bar: int, at: int, ticks: int, closes: Filled | tuple[Lot, ...]) -> None:
        self.sent, self.bar, self.at, self.ticks, self.closes = sent, bar, at, ticks, closes
        self.made: Booking | None = None

    @property
    def side(self) -> Side:
        """Whether it was a purchase or a sale."""
        return Side.BUY if self.sent.cause is None else Side.SELL


@dataclass
class Ride:
    """What a book did between two hours that are stepped.

    Attributes:
        nav_usd: of each hour that was decided. cash_usd, held: (hour, what there was from then on), by symbol.
        denials: candidates that could not be entered, by the check that stopped them first.
    """

    first: int
    nav_usd: list[float] = field(default_factory=list)
    cash_usd: list[tuple[int, float]] = field(default_factory=list)
    held: dict[Symbol, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    sent: list[Sent] = field(default_factory=list)
    filled: list[Filled] = field(default_factory=list)
    denials: Counter[str] = field(default_factory=Counter)
    _top: tuple[float, int] = 0.0, 0

    def top_usd(self) -> float:
        """Return the highest NAV so far."""
        top, seen = self._top
        self._top = max([top, *self.nav_usd[seen:]]), len(self.nav_usd)
        return self._top[0]


class Maker:
    """Makes the objects of plain trades.

    Attributes:
        symbols: by column.
    """

    def __init__(self, spec: StrategySpec, hours: Hours, tape: Tape, costs: CostModel, book: BookId) -> None:
        self.symbols = hours.panel.symbols
        self._spec, self._hours, self._tape, self._costs, self._book = spec, hours, tape, costs, book

    def order(self, sent: Sent) -> Order:
        """Return the order as it was planned."""
        if sent.made is None:
            hour = self._hours.hour(sent.row)
            decision_id = decision_id_for(self._book, DecisionKind.HOURLY, hour.slot.as_of)
            terms, symbol = terms_of(self._spec, self._book, hour, decision_id), hour.panel.symbols[sent.column]
            opens = at_open(hour, symbol)
            if sent.purpose is OrderPurpose.ENTRY:
                sent.made = market_entry(terms, symbol, Decimal(sent.quantity), at_open=opens)
            else:
                quantity = Decimal(sent.quantity)
                sent.made = plan_sale(terms, symbol, quantity, sent.purpose, at_open=opens, cause=sent.cause)
        return sent.made

    def booking(self, filled: Filled) -> Booking:
        """Return the fill, and what it did to lots.

        Raises:
            InvariantBroken: the bar does not fill the order at the price that was counted with.
        """
        if filled.made is None:
            order = changed(self.order(filled.sent), status=OrderStatus.SUBMITTED)
            bar = self._tape.bar(order.symbol, filled.bar)
            fill = match(order, bar, self._costs)
            if fill is None or fill.price != from_ticks(filled.ticks):
                raise InvariantBroken(f"{order.order_id} was counted at {filled.ticks / TICKS}, its bar says otherwise")
            filled.made = book_fill(fill, self.lots(filled.closes))
        return filled.made

    def lots(self, held: Filled | tuple[Lot, ...]) -> tuple[Lot, ...]:
        """Return the lots of a position: those that were held before, or those of its purchase."""
        return held if isinstance(held, tuple) else self.booking(held).lots


class Execution(NamedTuple):
    """A fill as plain numbers.

    Attributes:
        at: when [µs since 1970]. shares: positive. price: USD/share.
    """

    at: int
    symbol: Symbol
    side: Side
    shares: float
    price: float


_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Ledger:
    """Orders, fills and disposals of a replay, of which those of plain trades are made when somebody asks.

    Attributes:
        sent, booked: in the order in which it happened.
    """

    sent: Sequence[Order | Sent]
    booked: Sequence[Booking | Filled]
    maker: Maker

    @cached_property
    def orders(self) -> tuple[Order, ...]:
        """What was sent, in that order."""
        return tuple(self.maker.order(one) if isinstance(one, Sent) else one for one in self.sent)

    @cached_property
    def fills(self) -> tuple[Fill, ...]:
        """What was executed, in the order in which it was booked."""
        return tuple(booking.fill for booking in self._bookings)

    @cached_property
    def disposals(self) -> tuple[Disposal, ...]:
        """What sales closed, in the order in which it was booked."""
        return tuple(disposal for booking in self._bookings for disposal in booking.disposals)

    @cached_property
    def executions(self) -> tuple[Execution, ...]:
        """The fills as plain numbers, without making one."""
        return tuple(self._execution(one) for one in self.booked)

    def _execution(self, one: Booking | Filled) -> Execution:
        if isinstance(one, Filled):
            sent = one.sent
            return Execution(one.at, self.maker.symbols[sent.column], one.side, float(sent.quantity), one.ticks / TICKS)
        fill, at = one.fill, (one.fill.executed_at - _EPOCH) // _MICROSECOND
        return Execution(at, fill.symbol, fill.side, float(fill.quantity), float(fill.price))

    @cached_property
    def _bookings(self) -> tuple[Booking, ...]:
        return tuple(self.maker.booking(one) if isinstance(one, Filled) else one for one in self.booked)
