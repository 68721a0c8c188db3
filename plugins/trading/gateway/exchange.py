"""Where orders meet prices: bars of the feed, or a scripted quote in their stead.

An order fills through `execution.matching.match`, the same function the replay uses. At the present instant only the
*open* of a running bar is known; its range is judged when the bar ends. An order fills at most once a bar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from itertools import takewhile

from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.market import Bar, Resolution
from trading.domain.money import ZERO, to_price
from trading.domain.orders import Side
from trading.domain.portfolio import AccountType
from trading.execution.costs import CostModel
from trading.execution.matching import match
from trading.gateway.account import AccountTerms, book_trade
from trading.gateway.feed import BarFeed
from trading.gateway.lifecycle import as_domain, executable, follow, share_fill
from trading.gateway.order_book import OrderBook
from trading.gateway.records import Execution, GatewayOrder, ScriptedQuote, Status
from trading.ports import MarketCalendar, settlement_day


class Exchange:
    """Matches the active orders of a book and books what they trade."""

    def __init__(
        self, book: OrderBook, feed: BarFeed, calendar: MarketCalendar, costs: CostModel, terms: AccountTerms
    ) -> None:
        self._book = book
        self._state = book.state
        self._feed = feed
        self._calendar = calendar
        self._costs = costs
        self._at_quote = replace(costs, half_spread_frac=0.0, slippage_frac={})
        self._terms = terms

    # --- questions ------------------------------------------------------------------------------

    @property
    def symbols(self) -> frozenset[Symbol]:
        """What is listed."""
        return self._feed.symbols

    def price(self, symbol: Symbol, action: str = "") -> Decimal | None:
        """Return the price an order of that side meets now [USD/share], the last one without a side; None: unknown."""
        if quote := self._state.quotes.get(symbol):
            side = {"BUY": quote.ask, "SELL": quote.bid}.get(action)
            return next((p for p in (side, quote.last, quote.bid, quote.ask) if p is not None), None)
        last = self._feed.last_price(symbol, self._state.clock)
        return None if last is None else to_price(last)

    def is_open(self, at: datetime) -> bool:
        """Whether the exchange trades at `at`."""
        session = self._calendar.session(at.date())
        return session is not None and session.opens_at <= at < session.closes_at

    def next_open(self, at: datetime) -> datetime:
        """Return the first open later than `at`."""
        today = self._calendar.session(at.date())
        return today.opens_at if today and at < today.opens_at else self._calendar.next_session(at.date()).opens_at

    # --- looking --------------------------------------------------------------------------------

    def see_open(self, bar: Bar) -> None:
        """Match the orders of a symbol against the open of `bar`; nothing later in the bar is known yet."""
        self._start_session(bar)
        if bar.symbol in self._state.quotes:
            self.see_quote(bar.symbol)
        else:
            self._match_all(_opening(bar), [o for o in self._working(bar.symbol) if not self._is_stopped(o, bar)])

    def see_range(self, bar: Bar) -> None:
        """Match against the whole bar, stops first; only then do trailing stops follow its high.

        Also the stop of what this bar bought follows: where in the bar the high was, nobody knows, and a replay reads
        it so.
        """
        if bar.symbol in self._state.quotes:
            return
        self._match_all(bar, [o for o in self._working(bar.symbol) if o.ticket.tif != "OPG"])
        for order in self._working(bar.symbol):
            follow(order, bar.high)

    def see_quote(self, symbol: Symbol) -> None:
        """Match the orders of a symbol against its scripted quote; each look at a quote fills up to the cap."""
        quote, budget = self._state.quotes[symbol], self._state.fill_caps.get(symbol)
        for order in self._working(symbol):
            budget = self._meet_quote(order, quote, budget)
        for order in self._working(symbol):
            if quote.last is not None:
                follow(order, float(quote.last))

    def meet_present(self, order: GatewayOrder) -> None:
        """Match one order that has just arrived against the quote, or the open of the bar that starts this instant."""
        if order not in self._working(order.ticket.symbol):
            return
        if quote := self._state.quotes.get(order.ticket.symbol):
            self._meet_quote(order, quote, self._state.fill_caps.get(order.ticket.symbol))
            return
        now = self._state.clock
        for bar in self._feed.bars(order.ticket.symbol, now, now):
            if bar.starts_at == now:
                self._match_all(_opening(bar), [order])

    def _is_stopped(self, order: GatewayOrder, bar: Bar) -> bool:
        """Whether a rival stop sells first in this bar: stop before target, also where the open is past the target."""
        if order.is_stop or order.ticket.action != "SELL":
            return False
        stops = (o.stop_price for o in self._book.rivals(order) if o.is_stop)
        return any(stop is not None and to_price(bar.low) <= stop for stop in stops)

    def _working(self, symbol: Symbol) -> list[GatewayOrder]:
        """Orders that may fill, stops before limits: inside one bar the worse outcome comes first."""
        quote = self._state.quotes.get(symbol)
        if symbol in self._state.halted or (quote is not None and quote.is_halted):
            return []
        found = [o for o in self._book.live() if o.ticket.symbol == symbol and o.activated_at is not None]
        return sorted(found, key=lambda o: (not o.is_stop, o.perm_id))

    def _start_session(self, bar: Bar) -> None:
        """Orders that waited for the session go to the exchange."""
        if self._opens_session(bar):
            for order in self._working(bar.symbol):
                if order.status is Status.PRE_SUBMITTED and not order.is_stop:
                    order.status = Status.SUBMITTED
                    self._book.tell_changed(order)

    def _opens_session(self, bar: Bar) -> bool:
        session = self._calendar.session(bar.starts_at.date())
        return session is not None and session.opens_at == bar.starts_at

    # --- filling --------------------------------------------------------------------------------

    def _match_all(self, bar: Bar, orders: Iterable[GatewayOrder]) -> None:
        budget = self._budget(bar)
        for order in orders:
            if order.is_done or order.filled_bar_at == bar.starts_at:
                continue
            if order.ticket.tif == "OPG" and not self._opens_session(bar):
                continue
            filled = self._fill(order, bar, self._costs, budget)
            budget = None if budget is None else budget - filled

    def _meet_quote(self, order: GatewayOrder, quote: ScriptedQuote, budget: Decimal | None) -> Decimal | None:
        price = _quoted_price(order, quote)
        if order.is_done or price is None or order.ticket.tif == "OPG":
            return budget
        now, each = self._state.clock, float(price)
        tick = Bar(order.ticket.symbol, Resolution.HALF_HOUR, now, now, each, each, each, each, 0.0, "script", now)
        filled = self._fill(order, tick, self._at_quote, budget)
        return None if budget is None else budget - filled

    def _budget(self, bar: Bar) -> Decimal | None:
        """Return how many shares of the symbol this bar still fills; None for no cap."""
        cap = self._state.fill_caps.get(bar.symbol)
        if cap is None:
            return None
        recent = takewhile(lambda done: done.executed_at >= bar.starts_at, reversed(self._state.executions))
        for done in recent:
            order = self._book.order(done.perm_id)
            is_last = done.cumulative == order.filled
            if order.ticket.symbol == bar.symbol and is_last and order.filled_bar_at == bar.starts_at:
                cap -= done.quantity
        return cap

    def _fill(self, order: GatewayOrder, bar: Bar, costs: CostModel, budget: Decimal | None) -> Decimal:
        """Trade what `bar` allows and return the shares."""
        quantity = executable(self._book, order)
        if budget is not None:
            quantity = min(quantity, budget)
        if quantity <= 0 or (order.ticket.tif == "FOK" and quantity < order.remaining):
            return ZERO
        fill = match(as_domain(order, quantity), bar, costs)
        if fill is None:
            return ZERO
        order.filled_bar_at = bar.starts_at
        self._book_fill(order, fill)
        return quantity

    def _book_fill(self, order: GatewayOrder, fill: Fill) -> None:
        notional = order.average_price * order.filled + fill.price * fill.quantity
        order.filled += fill.quantity
        order.average_price = notional / order.filled
        traded_on = fill.executed_at.date()
        charge = self._costs.charge_usd(fill.side, order.filled, order.average_price, traded_on)
        commission = charge - order.commission_usd
        order.commission_usd += commission
        gain = book_trade(self._state, fill, commission, self._settles_on(fill))
        order.is_triggered = order.is_stop
        order.status = Status.FILLED if order.remaining == 0 else Status.SUBMITTED
        if order.is_done:
            order.done_at, order.done_text = fill.executed_at, f"Filled Size: {order.filled.normalize():f}"
            self._book.forget_done(order)
        done = Execution(
            exec_id=f"0000e0d5.{order.perm_id:08x}.{len(self._state.executions) + 1:02d}.01",
            perm_id=order.perm_id,
            quantity=fill.quantity,
            price=fill.price,
            cumulative=order.filled,
            average_price=order.average_price,
            commission_usd=commission,
            executed_at=fill.executed_at,
            realized_usd=gain,
        )
        self._book.add_execution(order, done)
        share_fill(self._book, order, fill.quantity, fill.executed_at, fill.price)

    def _settles_on(self, fill: Fill) -> date | None:
        if self._terms.account_type is AccountType.MARGIN or fill.side is Side.BUY:
            return None
        return settlement_day(self._calendar, fill.executed_at.date())


def _opening(bar: Bar) -> Bar:
    return replace(bar, high=bar.open, low=bar.open, close=bar.open)


def _quoted_price(order: GatewayOrder, quote: ScriptedQuote) -> Decimal | None:
    """Return what the order trades at: a stop watches the last price, others take the other side of the market."""
    if order.is_stop and not order.is_triggered:
        return quote.last
    side = quote.ask if order.ticket.action == "BUY" else quote.bid
    return quote.last if side is None else side
