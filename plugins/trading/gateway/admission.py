"""How tickets become orders: duplicates, parents, families, modifications, and what is left behind as Inactive."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.money import ZERO, round_to_tick
from trading.domain.portfolio import AccountType
from trading.gateway.account import AccountTerms, spendable_usd
from trading.gateway.exchange import Exchange
from trading.gateway.expiry import AT_ONCE, auto_cancel_at, expiry_of
from trading.gateway.lifecycle import activate, cancel, reject, trailed_stop
from trading.gateway.listings import EASTERN
from trading.gateway.order_book import OrderBook
from trading.gateway.records import GatewayOrder, Refusal, Status, Ticket
from trading.gateway.validation import check_change, check_precaution, checked, market_objection
from trading.ports import MarketCalendar

REJECTED = 201


class Admission:
    """Takes tickets in.

    Attributes:
        keeps_rejected_ids: a rejected order leaves the next valid id where it was, although its own is burnt.
    """

    def __init__(self, book: OrderBook, exchange: Exchange, calendar: MarketCalendar, terms: AccountTerms) -> None:
        self.keeps_rejected_ids = False
        self._book = book
        self._state = book.state
        self._exchange = exchange
        self._calendar = calendar
        self._terms = terms
        self._refusals: list[tuple[int, str]] = []

    def next_id(self, client_id: int) -> int:
        """Return the next valid order id of a client."""
        return self._state.next_ids.get(client_id, 1)

    def burn(self, client_id: int, order_id: int) -> None:
        """Use up an id."""
        self._state.next_ids[client_id] = max(self.next_id(client_id), order_id + 1)

    def refuse_next(self, code: int, text: str, times: int) -> None:
        """Refuse the next new orders: 201 leaves each behind as Inactive, other codes leave nothing."""
        self._refusals += [(code, text)] * times

    def checked(self, ticket: Ticket) -> Ticket:
        """Return the ticket with presets filled in, or raise its `Refusal`."""
        ticket = checked(ticket, account=self._state.account, symbols=self._exchange.symbols, terms=self._terms)
        market = self._exchange.price(ticket.symbol, ticket.action)
        check_precaution(ticket, market_price=market, terms=self._terms)
        return ticket

    def objection(self, ticket: Ticket) -> str | None:
        """Return why the market or the account would leave this order behind; None if it may work."""
        is_cash = self._terms.account_type is AccountType.CASH
        holding = self._state.holdings.get(ticket.symbol)
        return market_objection(
            ticket,
            market_price=self._exchange.price(ticket.symbol, ticket.action),
            spendable_usd=spendable_usd(self._state, self._terms),
            held=(ZERO if holding is None else holding.quantity) if is_cash else None,
            terms=self._terms,
        )

    def place(self, client_id: int, ticket: Ticket) -> None:
        """Create an order, or change the one that already has this id."""
        is_preset = not ticket.tif
        ticket = self.checked(ticket)
        known = self._book.find(client_id, ticket.order_id)
        if known is not None and not known.is_done:
            self._modify(known, ticket)
            return
        if known is not None and known.status is Status.FILLED:
            raise Refusal(104, "Cannot modify a filled order.")
        if known is not None or 0 < ticket.order_id < self.next_id(client_id):
            raise Refusal(103, "Duplicate order id")
        if self._refusals and self._refusals[0][0] != REJECTED:
            raise Refusal(*self._refusals.pop(0))
        order = self._create(client_id, ticket, self._parent_of(client_id, ticket))
        if is_preset:
            self._book.tell_message(order, 10349, "Order TIF was set to DAY based on order preset.")
        self._transmit(order)

    # --- creating -------------------------------------------------------------------------------

    def _parent_of(self, client_id: int, ticket: Ticket) -> GatewayOrder | None:
        if not ticket.parent_id:
            return None
        parent = self._book.find(client_id, ticket.parent_id)
        if parent is None or (parent.is_done and not parent.filled):
            raise Refusal(135, f"Can't find order with id ={ticket.parent_id}")
        return parent

    def _create(self, client_id: int, ticket: Ticket, parent: GatewayOrder | None) -> GatewayOrder:
        self._state.last_perm_id += 1
        if ticket.order_id:
            self.burn(client_id, ticket.order_id)
        order = GatewayOrder(
            ticket=ticket,
            client_id=client_id,
            perm_id=self._state.last_perm_id,
            expires_at=expiry_of(ticket, self._state.clock, self._calendar),
            is_staged=True,
            parent_perm_id=0 if parent is None else parent.perm_id,
            created_at=self._state.clock,
            auto_cancel_at=auto_cancel_at(ticket, self._state.clock),
        )
        self._book.add(order)
        return order

    def _transmit(self, order: GatewayOrder) -> None:
        """Transmit an order's family: its head and every staged child, in the order in which they were sent."""
        if not order.ticket.transmit:
            return
        root = self._book.parent(order) or order
        family = [o for o in (root, *self._book.children(root)) if o.is_staged]
        for member in family:
            member.is_staged = False
        for member in family:
            # A parent that fills on arrival has woken, or ended, its children already.
            if not member.is_done and member.activated_at is None:
                self._admit(member)

    def _admit(self, order: GatewayOrder) -> None:
        """Let a transmitted order in, or leave it behind, its children cancelled."""
        now, ticket = self._state.clock, order.ticket
        if words := self._scripted_rejection(ticket) or self.objection(ticket):
            self._leave_behind(order, words)
            return
        parent = self._book.parent(order)
        if parent is not None and not parent.filled:
            self._book.tell_changed(order)
            return
        last = self._exchange.price(ticket.symbol)
        activate(self._book, order, now, parent.average_price if last is None and parent is not None else last)
        self._exchange.meet_present(order)
        if order.is_done:
            return
        if ticket.tif in AT_ONCE:
            self._end_at_once(order)
        elif not (self._exchange.is_open(now) or order.is_stop or ticket.tif == "OPG"):
            self._hold_until_open(order)

    def _scripted_rejection(self, ticket: Ticket) -> str | None:
        return self._refusals.pop(0)[1] if self._refusals and not ticket.parent_id else None

    def _leave_behind(self, order: GatewayOrder, words: str) -> None:
        if order.ticket.tif == "IOC":
            self._end_at_once(order)
            return
        reject(self._book, order, words, self._state.clock)
        if self.keeps_rejected_ids and self.next_id(order.client_id) == order.ticket.order_id + 1:
            self._state.next_ids[order.client_id] = order.ticket.order_id

    def _end_at_once(self, order: GatewayOrder) -> None:
        """End what could not fill on arrival: IOC goes through PendingCancel to Cancelled, FOK becomes Inactive."""
        now, words = self._state.clock, "Cancelled by System: not filled at once"
        if order.ticket.tif == "FOK":
            reject(self._book, order, words, now, code=None)
            return
        order.status = Status.PENDING_CANCEL
        self._book.tell_changed(order)
        cancel(self._book, order, words, now)

    def _hold_until_open(self, order: GatewayOrder) -> None:
        order.status = Status.PRE_SUBMITTED
        self._book.tell_changed(order)
        opens_at = self._exchange.next_open(self._state.clock).astimezone(EASTERN)
        what = f"{order.ticket.action} {order.ticket.quantity.normalize():f} {order.ticket.symbol}"
        words = f"Your order will not be placed at the exchange until {opens_at:%Y-%m-%d %H:%M:%S} US/Eastern."
        self._book.tell_message(order, 399, f"Order Message:\n{what}\nWarning: {words}")

    # --- changing -------------------------------------------------------------------------------

    def _modify(self, order: GatewayOrder, ticket: Ticket) -> None:
        """Change a live order under its id; one that is refused lives on as it was."""
        was = order.ticket
        check_change(order, ticket)
        if order.is_staged:
            order.ticket = ticket
            self._transmit(order)
            return
        if words := self.objection(replace(ticket, quantity=ticket.quantity - order.filled)):
            raise Refusal(10006, f"Cannot modify order: {words}")
        order.ticket = ticket
        self._reprice(order, was)
        if (ticket.tif, ticket.good_till) != (was.tif, was.good_till):
            order.expires_at = expiry_of(ticket, self._state.clock, self._calendar)
            order.auto_cancel_at = auto_cancel_at(ticket, self._state.clock)
        if order.remaining == 0:
            self._finish_by_size(order)
            return
        self._book.tell_changed(order)
        if order.activated_at is not None:
            self._exchange.meet_present(order)

    def _reprice(self, order: GatewayOrder, was: Ticket) -> None:
        """A new price counts from now on: what a running bar did before it is not looked at again.

        A trailing stop that is sent back where it stands, on a tick, has no new price: it goes on from there.
        """
        ticket = order.ticket
        if order.stop_price is not None and ticket.trail_stop_price == round_to_tick(order.stop_price, up=True):
            was = replace(was, trail_stop_price=ticket.trail_stop_price)
        if order.activated_at is None or _prices(ticket) == _prices(was):
            return
        order.activated_at = self._state.clock
        last = self._exchange.price(ticket.symbol)
        if ticket.order_type == "STP":
            order.stop_price = ticket.aux_price
        elif ticket.trail_stop_price != was.trail_stop_price:
            order.stop_price = ticket.trail_stop_price
        elif ticket.trail_percent != was.trail_percent and last is not None:
            order.stop_price = trailed_stop(order, last)

    def _finish_by_size(self, order: GatewayOrder) -> None:
        """An order cut down to what it has filled is filled."""
        order.status, order.done_at = Status.FILLED, self._state.clock
        order.done_text = f"Filled Size: {order.filled.normalize():f}"
        self._book.forget_done(order)
        self._book.tell_changed(order)


def _prices(ticket: Ticket) -> tuple[object, ...]:
    return (ticket.order_type, ticket.limit_price, ticket.aux_price, ticket.trail_percent, ticket.trail_stop_price)
