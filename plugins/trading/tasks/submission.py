"""One writer session: look at the broker, reserve, send through the gate, cancel, record. Policy lives elsewhere."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence

from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Quote
from trading.domain.orders import DONE, Order, OrderEvent, OrderRef, OrderStatus, Side
from trading.domain.portfolio import TradingState
from trading.errors import BrokerRefused
from trading.execution.checks import Denial
from trading.ports import Broker, BrokerSnapshot, Intent, ReservedLeg, Stage, Store, Transaction
from trading.tasks.adopt import Adoption, adopt, settle
from trading.tasks.evidence import never_left
from trading.tasks.telling import tell_unknown

CANCEL_LOOKS = 20
CANCEL_PAUSE_SECONDS = 0.5
"""How often, and after what pause, the broker is asked whether a cancellation is through."""


class Submission:
    """The order writer of a book while it holds lock and connection.

    Attributes:
        learned: everything adopted from the snapshots so far.
        notes: sentences about orders that were not sent.
    """

    def __init__(
        self, store: Store, broker: Broker, book: BookId, epoch: int, seen: BrokerSnapshot | None = None
    ) -> None:
        self.learned = Adoption()
        self.notes: list[str] = []
        self.store, self.broker, self.book, self.epoch = store, broker, book, epoch
        self._seen = seen

    # --- what is ---------------------------------------------------------------------------------

    def look(self) -> BrokerSnapshot:
        """Take a complete snapshot and adopt it."""
        self._seen = self.broker.snapshot(self.book)
        with self.store.transaction() as tx:
            self.learned += adopt(tx, self.book, self._seen, epoch=self.epoch)
        return self._seen

    @property
    def seen(self) -> BrokerSnapshot:
        """The latest snapshot."""
        return self._seen or self.look()

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return what the broker shows; one that refuses quotes shows nothing, and the notes say why."""
        try:
            return self.broker.quotes(symbols) if symbols else {}
        except BrokerRefused as refusal:
            self.notes.append(str(refusal))
            return {}

    def orders_of(self, decision_id: str) -> tuple[Order, ...]:
        """Return the orders of a decision as they stand."""
        with self.store.transaction() as tx:
            return tx.orders.of_decision(decision_id)

    def intents_of(self, orders: Sequence[Order]) -> dict[OrderRef, Intent]:
        """Return the reserved ids of those legs that have one."""
        with self.store.transaction() as tx:
            return tx.orders.intents([o.order_id for o in orders])

    def is_unseen(self, intent: Intent) -> bool:
        """Whether the broker cannot have had this id yet, so that it may be sent again or forgotten."""
        return intent.reserved_id >= self.seen.next_order_id

    # --- what is done ----------------------------------------------------------------------------

    def reserve(self, family: Sequence[Order]) -> dict[OrderRef, Intent]:
        """Reserve ids above everything ever used and commit them before anything is sent."""
        client_id = self.broker.identity().client_id
        with self.store.transaction() as tx:
            intents = tx.orders.reserve(
                [o.order_id for o in family],
                client_id=client_id,
                first_id=self.seen.next_order_id,
                epoch=self.epoch,
            )
            for order in family:
                stored = tx.orders.get(order.order_id) or order
                if stored.status is OrderStatus.PLANNED:
                    event = OrderEvent(order.order_id, OrderStatus.RESERVED, self.seen.taken_at, detail=order.detail)
                    tx.orders.record(stored, event)
        return {i.order_id: i for i in intents}

    def submit(self, family: Sequence[Order], reserved: Mapping[OrderRef, Intent]) -> tuple[OrderEvent, ...] | None:
        """Send legs under their reserved ids; None, and nothing sent, if the trading state does not let them go.

        Raises:
            OutcomeUnknown: no acknowledgement came; a snapshot decides.
        """
        legs = [ReservedLeg(order, reserved[order.order_id].reserved_id) for order in family]
        with self.store.send_gate(self.book, epoch=self.epoch) as state:
            return self.broker.submit(legs) if may_go(family, state) else None

    def record(self, events: Sequence[OrderEvent]) -> None:
        """Store what the broker answered."""
        with self.store.transaction() as tx:
            for event in events:
                order = tx.orders.get(event.order_id)
                assert order is not None, f"{event.order_id} was sent, so it is stored"
                settle(tx, order, event, self.epoch)

    def cancel(self, orders: Sequence[Order]) -> tuple[Order, ...]:
        """Ask for cancellations, look until they are through, and return the orders that the broker still lists.

        A real broker answers in its own time. Giving up at the first look would let the next run place a protection
        anew that is on its way out, and no sale would ever go. One that it holds back may come back to life.
        """
        if not orders:
            return ()
        self.broker.cancel([intent.reserved_id for intent in self.intents_of(orders).values()])
        left = _listed(orders, self.look())
        for _ in range(CANCEL_LOOKS - 1):
            if not left:
                break
            time.sleep(CANCEL_PAUSE_SECONDS)
            left = _listed(orders, self.look())
        return left

    def call_back_missing(self, symbols: Collection[Symbol]) -> tuple[Order, ...]:
        """Cancel the newest protection of `symbols` that is over only because a list lacked it; returns what it was.

        It may work all the same. What takes its place, or sells its shares, must not find it at work beside.
        """
        with self.store.transaction() as tx:
            newest = tx.orders.newest_guards(self.book)
        missing = [o for o in newest if o.symbol in symbols and o.may_come_back]
        self.cancel(missing)
        return tuple(missing)

    def end(self, orders: Sequence[Order], status: OrderStatus, detail: str, *, denials: Sequence[Denial] = ()) -> None:
        """Record that orders came to an end here, with the reason, and everything that stood against the first one."""
        with self.store.transaction() as tx:
            if orders and denials:
                tx.checks.add_denials(orders[0].order_id, denials, stage=Stage.SEND, at=self.seen.taken_at)
            self._end(tx, orders, status, detail)

    def _end(self, tx: Transaction, orders: Sequence[Order], status: OrderStatus, detail: str) -> None:
        for order in orders:
            stored = tx.orders.get(order.order_id) or order
            if stored.status not in DONE:
                is_inferred = stored.status is OrderStatus.RESERVED
                event = OrderEvent(order.order_id, status, self.seen.taken_at, detail=detail, is_inferred=is_inferred)
                settle(tx, stored, event, self.epoch)
        if orders:
            self.notes.append(f"{orders[0].symbol}: {detail}")

    def deny(self, family: Sequence[Order], detail: str, denials: Sequence[Denial] = ()) -> None:
        """Record that a family may not go; one with reserved ids goes with it unless the broker may act on it."""
        intents = self.intents_of(family)
        self.end([o for o in family if o.status is OrderStatus.PLANNED], OrderStatus.DENIED, detail, denials=denials)
        reserved = [o for o in family if o.status is OrderStatus.RESERVED]
        if reserved and never_left(reserved, intents, self.seen):
            held_back = [i for i in intents.values() if not self.is_unseen(i)]
            if held_back:
                self.broker.cancel([i.reserved_id for i in held_back])
            self.end(reserved, OrderStatus.EXPIRED, detail, denials=denials)

    def give_up(self, family: Sequence[Order], detail: str) -> None:
        """Park legs that the broker does not list as UNKNOWN, and alarm with them; a person settles them."""
        lost = [o for o in family if self.seen.find(o.order_id) is None]
        with self.store.transaction() as tx:
            self._end(tx, lost, OrderStatus.UNKNOWN, detail)
            if lost:
                tell_unknown(tx, lost, detail)


def _listed(orders: Sequence[Order], snapshot: BrokerSnapshot) -> tuple[Order, ...]:
    return tuple(o for o in orders if (theirs := snapshot.find(o.order_id)) is not None and theirs.status not in DONE)


def may_go(family: Sequence[Order], state: TradingState) -> bool:
    """Whether the state lets a family go: entries in ACTIVE, sales also in REDUCE_ONLY, guards in all but LOCKED."""
    if all(order.is_protective for order in family):
        return state is not TradingState.LOCKED
    if family[0].side is Side.SELL:
        return state in (TradingState.ACTIVE, TradingState.REDUCE_ONLY)
    return state is TradingState.ACTIVE
