"""One writer session: look at the broker, make room, reserve, send, record. Used by `execute` only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import DONE, OPEN, Order, OrderEvent, OrderPurpose, OrderStatus, Side
from trading.errors import OutcomeUnknown, TransientError
from trading.ports import Broker, BrokerSnapshot, Intent, ReservedLeg, Store
from trading.tasks.adopt import Adoption, adopt, settle


class Submission:
    """The order writer of a book while it holds lock and connection.

    Attributes:
        learned: everything adopted from the snapshots so far.
        notes: sentences about orders that were not sent.
    """

    def __init__(self, store: Store, broker: Broker, book: BookId, epoch: int) -> None:
        self.learned = Adoption()
        self.notes: list[str] = []
        self._store, self._broker, self._book, self._epoch = store, broker, book, epoch
        self._seen: BrokerSnapshot | None = None

    def look(self) -> BrokerSnapshot:
        """Take a complete snapshot and adopt it."""
        self._seen = self._broker.snapshot(self._book)
        with self._store.transaction() as tx:
            self.learned += adopt(tx, self._book, self._seen, epoch=self._epoch)
        return self._seen

    @property
    def seen(self) -> BrokerSnapshot:
        """The latest snapshot."""
        return self._seen or self.look()

    def orders_of(self, decision_id: str) -> tuple[Order, ...]:
        """Return the orders of a decision as they stand."""
        with self._store.transaction() as tx:
            return tx.orders.of_decision(decision_id)

    def deny(self, family: Sequence[Order], detail: str) -> None:
        """Record that a planned family may not go; one with reserved ids is left for the next hour to expire."""
        self._end([o for o in family if o.status is OrderStatus.PLANNED], OrderStatus.DENIED, detail)

    def send(self, family: Sequence[Order]) -> int:
        """Send a family unless it is at the broker already or its fate is unknown; legs sent."""
        reserved = self._reserved(family)
        if reserved and not self._is_unseen(family, reserved):
            return 0
        if family[0].side is Side.SELL and not self._make_room(family[0]):
            return 0
        if not reserved:
            reserved = self._reserve(family)
        legs = [ReservedLeg(order, reserved[order.order_id].reserved_id) for order in family]
        try:
            events = self._broker.submit(legs)
        except OutcomeUnknown:
            if not all(self.look().find(o.order_id) for o in family):
                self._give_up(family, "no acknowledgement came and the broker does not list the whole family")
                raise
            return len(legs)
        with self._store.transaction() as tx:
            for event in events:
                order = tx.orders.get(event.order_id)
                assert order is not None, f"{event.order_id} was sent, so it is stored"
                settle(tx, order, event, self._epoch)
        return len(legs)

    # --- ids ------------------------------------------------------------------------------------

    def _reserved(self, family: Sequence[Order]) -> dict[str, Intent]:
        with self._store.transaction() as tx:
            return tx.orders.intents([o.order_id for o in family])

    def _is_unseen(self, family: Sequence[Order], reserved: dict[str, Intent]) -> bool:
        """Whether a family with reserved ids never reached the broker, so that the same ids may be sent again."""
        found = [o.order_id for o in family if self.seen.find(o.order_id) is not None]
        if found or len(reserved) < len(family):
            self._give_up(family, f"only part of the family is known to the broker: {', '.join(found) or 'none'}")
            raise OutcomeUnknown(f"{family[0].order_id}: only part of its family is known; look at the broker")
        # The broker may have held back the first legs; it acts on none of them before the last one arrives.
        if reserved[family[-1].order_id].reserved_id < self.seen.next_order_id:
            self._give_up(family, "its id is used up, but the broker shows no such order")
            return False
        return True

    def _reserve(self, family: Sequence[Order]) -> dict[str, Intent]:
        """Reserve ids above everything ever used and commit them before anything is sent."""
        client_id = self._broker.identity().client_id
        with self._store.transaction() as tx:
            intents = tx.orders.reserve(
                [o.order_id for o in family],
                client_id=client_id,
                first_id=self.seen.next_order_id,
                epoch=self._epoch,
            )
            for order in family:
                stored = tx.orders.get(order.order_id) or order
                if stored.status is OrderStatus.PLANNED:
                    event = OrderEvent(order.order_id, OrderStatus.RESERVED, self.seen.taken_at)
                    tx.orders.record(stored, event)
        return {i.order_id: i for i in intents}

    # --- room for a sale ------------------------------------------------------------------------

    def _make_room(self, sale: Order) -> bool:
        """Free the shares that `sale` wants to sell from their protection; whether the sale may go.

        A stop that triggers beside a sale would open a short position, so nothing is sent before the snapshot shows
        that the protection is gone (or, for a trim, reduced to what stays).
        """
        held = self.seen.positions.get(sale.symbol, ZERO)
        if held > sale.quantity and sale.purpose is OrderPurpose.TRIM:
            self._shrink_protection(sale, held - sale.quantity)
        else:
            self._cancel_everything_in(sale)
        held = self.seen.positions.get(sale.symbol, ZERO)
        if held < sale.quantity:
            self._end([sale], OrderStatus.CANCELLED, f"the position is {held} shares now, less than it sells")
            return False
        return True

    def _cancel_everything_in(self, sale: Order) -> None:
        others = self._working_beside(sale)
        if not others:
            return
        self._broker.cancel([intent.reserved_id for _, intent in others])
        self.look()
        if left := [order.order_id for order, _ in self._working_beside(sale)]:
            raise TransientError(f"{sale.symbol}: {', '.join(left)} still work, so nothing is sold yet; it is retried")

    def _shrink_protection(self, sale: Order, stays: Decimal) -> None:
        """Reduce stop and target to the shares that stay: the same ids with a smaller size change the same orders."""
        guards = [(o, i) for o, i in self._working_beside(sale) if o.is_protective]
        for order, intent in guards:
            if self._guarded(order) > stays:
                self._broker.submit([ReservedLeg(replace(order, quantity=stays), intent.reserved_id)])
        if guards:
            self.look()
        if left := [o.order_id for o, _ in self._working_beside(sale) if o.is_protective and self._guarded(o) > stays]:
            raise TransientError(f"{sale.symbol}: {', '.join(left)} could not be reduced yet; it is retried")

    def _guarded(self, order: Order) -> Decimal:
        theirs = self.seen.find(order.order_id)
        return ZERO if theirs is None else theirs.quantity

    def _working_beside(self, sale: Order) -> list[tuple[Order, Intent]]:
        """Return our other orders in the symbol that the broker still works, with their ids."""
        with self._store.transaction() as tx:
            others = [
                o
                for o in tx.orders.working(self._book)
                if o.symbol == sale.symbol and o.order_id != sale.order_id and o.status in OPEN
            ]
            intents = tx.orders.intents([o.order_id for o in others])
        return [(o, intents[o.order_id]) for o in others]

    # --- ends -----------------------------------------------------------------------------------

    def _give_up(self, family: Sequence[Order], detail: str) -> None:
        """Park legs as UNKNOWN, alarm once; a person or the reconciliation settles them."""
        self._end([o for o in family if self.seen.find(o.order_id) is None], OrderStatus.UNKNOWN, detail)
        with self._store.transaction() as tx:
            tx.controls.notify(
                dedupe_key=f"unknown:{family[0].order_id}",
                book=self._book,
                kind="broker",
                severity="error",
                body=f"{self._book.badge} {self._book}: the fate of {family[0].order_id} is unknown: {detail}; "
                "it is never resent by itself, look at the broker",
            )

    def _end(self, orders: Sequence[Order], status: OrderStatus, detail: str) -> None:
        with self._store.transaction() as tx:
            for order in orders:
                stored = tx.orders.get(order.order_id) or order
                if stored.status not in DONE:
                    event = OrderEvent(order.order_id, status, self.seen.taken_at, detail=detail)
                    settle(tx, stored, event, self._epoch)
        if orders:
            self.notes.append(f"{orders[0].symbol}: {detail}")
