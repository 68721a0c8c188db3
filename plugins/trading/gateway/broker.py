"""The simulated broker behind the gateway: requests in, events out. Pure and synchronous: no sockets.

Orders live in an `OrderBook`, meet prices at the `Exchange`, and move the account's cash and shares. Events pile up
until `take_events`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, Bar, CorporateAction
from trading.execution.costs import CostModel
from trading.gateway import account
from trading.gateway.account import AccountTerms
from trading.gateway.admission import Admission
from trading.gateway.events import Event
from trading.gateway.exchange import Exchange
from trading.gateway.expiry import end_of
from trading.gateway.feed import BarFeed
from trading.gateway.lifecycle import cancel, rebased
from trading.gateway.order_book import OrderBook
from trading.gateway.records import BrokerState, Execution, GatewayOrder, Refusal, ScriptedQuote, Ticket
from trading.gateway.what_if import MarginImpact, impact_of
from trading.ports import MarketCalendar

BY_HAND = 0
"""Client id of orders made by hand in TWS; they have no order id and no reference."""


class PaperBroker:
    """Orders and account of one customer."""

    def __init__(
        self,
        state: BrokerState,
        feed: BarFeed,
        calendar: MarketCalendar,
        costs: CostModel,
        terms: AccountTerms | None = None,
    ) -> None:
        self.state = state
        self.feed = feed
        self.terms = terms or AccountTerms()
        self.calendar = calendar
        self.costs = costs
        self._book = OrderBook(state)
        self._exchange = Exchange(self._book, feed, calendar, costs, self.terms)
        self._admission = Admission(self._book, self._exchange, calendar, self.terms)

    # --- questions ------------------------------------------------------------------------------

    def next_id(self, client_id: int) -> int:
        """Return the next valid order id of a client."""
        return self._admission.next_id(client_id)

    def find(self, client_id: int, order_id: int) -> GatewayOrder | None:
        """Return the youngest order of that client with that id."""
        return self._book.find(client_id, order_id)

    def order(self, perm_id: int) -> GatewayOrder:
        """Return the order with that permanent id."""
        return self._book.order(perm_id)

    def live(self) -> Iterator[GatewayOrder]:
        """Yield orders that everybody may see and that can still change."""
        return self._book.live()

    def done_since(self, at: datetime) -> list[GatewayOrder]:
        """Return the orders that ended at `at` or later."""
        return self._book.done_since(at)

    def executed_since(self, at: datetime) -> list[Execution]:
        """Return the executions at `at` or later, the youngest last."""
        return self._book.executed_since(at)

    def exposed_symbols(self) -> list[Symbol]:
        """Return what is held or ordered: the symbols whose corporate actions concern the account."""
        held = {s for s, holding in self.state.holdings.items() if holding.quantity}
        return sorted(held | {o.ticket.symbol for o in self._book.unfinished()})

    def market_price(self, symbol: Symbol, action: str = "") -> Decimal | None:
        """Return the price an order of that side meets now [USD/share], the last one without a side; None: unknown."""
        return self._exchange.price(symbol, action)

    def settled_cash_usd(self) -> Decimal:
        """Return the cash that a cash account may spend; a margin account's is all settled."""
        return account.settled_cash_usd(self.state)

    def what_if(self, client_id: int, ticket: Ticket) -> MarginImpact:
        """Return what the ticket would do to the account. Nothing is created and no id is used up.

        Raises:
            Refusal: the ticket would be refused outright.
        """
        ticket = self._admission.checked(ticket)
        price = ticket.limit_price or self.market_price(ticket.symbol, ticket.action)
        prices = {s: p for s in self.state.holdings if (p := self.market_price(s)) is not None}
        return impact_of(ticket, self.state, prices, price, self.costs, self._admission.objection(ticket))

    def take_events(self) -> list[Event]:
        """Return and forget what happened since the last call."""
        return self._book.take_events()

    # --- requests -------------------------------------------------------------------------------

    def place(self, client_id: int, ticket: Ticket) -> None:
        """Create an order, or change the one that already has this id.

        Raises:
            Refusal: with IB's code; nothing was created and no id is used up.
        """
        self._admission.place(client_id, ticket)

    def place_by_hand(self, ticket: Ticket) -> GatewayOrder:
        """Create an order as a person at TWS does: client 0, no order id, no reference."""
        self.place(BY_HAND, replace(ticket, order_id=0, order_ref=""))
        return self.state.orders[-1]

    def refuse_next(self, code: int, text: str, times: int = 1) -> None:
        """Refuse the next placements: 201 leaves an Inactive order behind, other codes leave nothing."""
        self._admission.refuse_next(code, text, times)

    def say(self, client_id: int, order_id: int, code: int, text: str) -> None:
        """Send an informational error about an order that does not change."""
        order = self.find(client_id, order_id)
        if order is None:
            raise Refusal(10147, f"client {client_id} has no order {order_id}")
        self._book.tell_message(order, code, text)

    def burn(self, client_id: int, order_id: int) -> None:
        """Use up an id without creating an order: a placement that the broker swallowed."""
        self._admission.burn(client_id, order_id)

    def keep_rejected_ids(self, *, is_kept: bool) -> None:
        """Let a rejected order leave the next valid id where it was, although its own is burnt."""
        self._admission.keeps_rejected_ids = is_kept

    def cancel(self, client_id: int, order_id: int) -> None:
        """Cancel an order of this client, or of another one if only one live order has that id."""
        order = self.find(client_id, order_id) or self._others_live(order_id)
        if order is None:
            raise Refusal(10147, f"OrderId {order_id} that needs to be cancelled is not found.")
        if order.is_done:
            raise Refusal(10148, f"OrderId {order_id} that needs to be cancelled cannot be cancelled: {order.status}.")
        self._cancel(order, client_id)

    def cancel_all(self, client_id: int) -> None:
        """Cancel every live order, also those made by hand: the global cancel of this client."""
        for order in list(self.live()):
            if not order.is_done:
                self._cancel(order, client_id)

    # --- what time does -------------------------------------------------------------------------

    def see_open(self, bar: Bar) -> None:
        """Match the orders of a symbol against the open of `bar`; nothing later in the bar is known yet."""
        self._exchange.see_open(bar)

    def see_range(self, bar: Bar) -> None:
        """Match against the whole bar, stops first; only then do trailing stops follow its high."""
        self._exchange.see_range(bar)

    def expire(self, symbol: Symbol, at: datetime, running: Bar | None, *, is_seen: bool = True) -> None:
        """End what expired by `at`; an order whose last bar still runs is judged first, when that bar ends.

        Args:
            is_seen: whether the open of `running` has been judged: market-on-open orders wait for nothing else.
        """
        for order in [o for o in self.live() if o.ticket.symbol == symbol]:
            end = end_of(order)
            if order.is_done or end is None or end[0] > at:
                continue
            if running is None or running.starts_at >= end[0] or (is_seen and order.ticket.tif == "OPG"):
                cancel(self._book, order, end[1], end[0])

    def settle(self) -> None:
        """Let sale proceeds arrive that are due."""
        if self.state.unsettled:
            account.settle(self.state, self.state.clock.date())

    def take_over(self, action: CorporateAction) -> None:
        """Apply a corporate action now, before the orders of its symbol meet the next price."""
        value = Decimal(repr(action.value))
        if action.kind is ActionKind.DIVIDEND:
            account.pay_dividend(self.state, action.symbol, value)
        else:
            self.split(action.symbol, value)

    def split(self, symbol: Symbol, ratio: Decimal) -> None:
        """Split a symbol: holdings go to the new basis, and the broker cancels orders that rest over days.

        What waits for this one open or session goes to the new basis with the holding. Ordinary cash dividends leave
        orders alone; a distribution of shares is a split.
        """
        now = self.state.clock
        account.split_holding(self.state, symbol, ratio, self.market_price(symbol), now)
        for order in self._book.unfinished():
            if order.ticket.symbol != symbol or order.is_done:
                continue
            moved = rebased(order, ratio)
            if order.ticket.tif in ("GTC", "GTD") or moved.quantity <= order.filled:
                words = f"Cancelled by System: corporate action, {symbol} split {ratio.normalize():f} for 1"
                cancel(self._book, order, words, now)
            else:
                order.ticket = moved
                self._book.tell_changed(order)

    def script_quote(self, symbol: Symbol, quote: ScriptedQuote | None) -> None:
        """Let a script be the market of a symbol; None gives it back to the feed."""
        if symbol not in self.feed.symbols:
            raise Refusal(200, f"No security definition has been found for {symbol}")
        if quote is None:
            self.state.quotes.pop(symbol, None)
            return
        self.state.quotes[symbol] = quote
        self._exchange.see_quote(symbol)

    def _others_live(self, order_id: int) -> GatewayOrder | None:
        found = [o for o in self._book.unfinished() if order_id and o.ticket.order_id == order_id]
        return found[0] if len(found) == 1 else None

    def _cancel(self, order: GatewayOrder, client_id: int) -> None:
        by = None if order.client_id == client_id else client_id
        cancel(self._book, order, "Cancelled by Trader", self.state.clock, cancelled_by=by)
