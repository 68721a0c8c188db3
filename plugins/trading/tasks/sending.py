"""Sending one family at most once: resolve what an earlier attempt left, make room, reserve, send, record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import IN_PART, Order, OrderEvent, OrderRef, OrderStatus, Side
from trading.errors import OutcomeUnknown, TransientError
from trading.ports import Intent
from trading.tasks.holdings import live_orders
from trading.tasks.submission import Submission

DUPLICATE_ID = "103"
"""The broker's code for an id that it has seen already: nothing was created under it."""


def send_family(desk: Submission, family: Sequence[Order]) -> int:
    """Send a family unless it is at the broker already or its fate is unknown; legs sent.

    Raises:
        OutcomeUnknown: the broker took none or only part of it without saying so; the rest is parked.
    """
    reserved = desk.intents_of(family)
    if reserved and not _may_resend(desk, family, reserved):
        return 0
    if family[0].side is Side.SELL and not family[0].is_protective and not make_room(desk, family[0]):
        return 0
    if not reserved:
        reserved = desk.reserve(family)
    try:
        events = desk.submit(family, reserved)
        if events is not None and _ids_were_taken(events):
            events = _send_under_fresh_ids(desk, family)
    except OutcomeUnknown as unknown:
        if not all(desk.look().find(o.order_id) for o in family):
            _park(desk, family, str(unknown))
            raise
        return len(family)
    if events is None:
        desk.deny(_as_stored(desk, family), "STATE: the trading state changed before it was sent")
        return 0
    desk.record(events)
    return len(family)


def _may_resend(desk: Submission, family: Sequence[Order], reserved: Mapping[OrderRef, Intent]) -> bool:
    """Whether a family with reserved ids never reached the broker, so that the same ids may be sent again."""
    found = [o.order_id for o in family if desk.seen.find(o.order_id) is not None]
    if found or len(reserved) < len(family):
        _park(desk, family, f"only part of the family is known to the broker: {', '.join(found) or 'none'}")
        raise OutcomeUnknown(f"{family[0].order_id}: only part of its family is known; look at the broker")
    # The broker may have held back the first legs; it acts on none of them before the last one arrives.
    if not desk.is_unseen(reserved[family[-1].order_id]):
        _park(desk, family, "its id is used up, but the broker shows no such order")
        return False
    return True


def _park(desk: Submission, family: Sequence[Order], detail: str) -> None:
    """Call back every leg, also those that the broker holds back unseen, and park what it does not list as UNKNOWN."""
    desk.broker.cancel([intent.reserved_id for intent in desk.intents_of(family).values()])
    desk.look()
    desk.give_up(family, detail)


def _ids_were_taken(events: Sequence[OrderEvent]) -> bool:
    """Whether the broker refused every leg because it had seen the first id before."""
    refused = all(event.status is OrderStatus.REJECTED for event in events)
    return refused and (events[0].detail or "").startswith(DUPLICATE_ID)


def _send_under_fresh_ids(desk: Submission, family: Sequence[Order]) -> tuple[OrderEvent, ...] | None:
    """Send once more above every id used, after a snapshot that shows nothing of the family."""
    snapshot = desk.look()
    if any(snapshot.find(o.order_id) for o in family):
        raise OutcomeUnknown(f"{family[0].order_id}: its ids were taken, yet the broker lists it; look at the broker")
    with desk.store.transaction() as tx:
        fresh = tx.orders.renew_ids([o.order_id for o in family], first_id=snapshot.next_order_id, epoch=desk.epoch)
    return desk.submit(family, {i.order_id: i for i in fresh})


def _as_stored(desk: Submission, family: Sequence[Order]) -> list[Order]:
    with desk.store.transaction() as tx:
        return [tx.orders.get(o.order_id) or o for o in family]


# --- room for a sale ------------------------------------------------------------------------------


def make_room(desk: Submission, sale: Order) -> bool:
    """Free the shares that `sale` wants to sell from their protection; whether the sale may go.

    A stop that triggers beside a sale would open a short position, so nothing is sent before the snapshot shows
    that the protection is gone (or, for a trim, reduced to what stays).
    """
    desk.call_back_missing({sale.symbol})
    held = _held(desk, sale.symbol)
    if held > sale.quantity and sale.purpose in IN_PART:
        _shrink_protection(desk, sale)
    elif left := desk.cancel(_working_beside(desk, sale)):
        names = ", ".join(o.order_id for o in left)
        raise TransientError(f"{sale.symbol}: {names} still work, so nothing is sold yet; it is retried")
    held = _held(desk, sale.symbol)
    if held < sale.quantity:
        desk.end([sale], OrderStatus.CANCELLED, f"the position is {held} shares now, less than it sells")
        return False
    return True


def _held(desk: Submission, symbol: Symbol) -> Decimal:
    """Return the shares that the book holds and the broker shows; a stranger's are nobody's to sell."""
    with desk.store.transaction() as tx:
        ours = sum((lot.quantity for lot in tx.ledger.lots(desk.book, symbol)), ZERO)
    return min(ours, desk.seen.positions.get(symbol, ZERO))


def _shrink_protection(desk: Submission, sale: Order) -> None:
    """Reduce stop and target to the shares that stay: the same ids with a smaller size change the same orders."""
    if guards := _too_large(desk, sale):
        stays = _held(desk, sale.symbol) - sale.quantity
        resize(desk, [replace(order, quantity=stays + order.filled_quantity) for order in guards])
    # Judged by what is held now: a stop may have begun to sell while it was reduced.
    if left := _too_large(desk, sale):
        names = ", ".join(o.order_id for o in left)
        raise TransientError(f"{sale.symbol}: {names} could not be reduced yet; it is retried")


def _too_large(desk: Submission, sale: Order) -> list[Order]:
    """Return the protections that would sell, beside `sale`, more than is held."""
    stays = _held(desk, sale.symbol) - sale.quantity
    return [o for o in _working_beside(desk, sale) if o.is_protective and o.remaining > max(stays, ZERO)]


def resize(desk: Submission, guards: Sequence[Order]) -> None:
    """Give the protections of one position the quantity they carry here, under the ids that they have; then look.

    Two that were placed as a pair of their own go together, because they name their group together; what waits for
    an entry is changed leg by leg.
    """
    intents = desk.intents_of(guards)
    is_pair = len(guards) > 1 and all(order.parent_id is None for order in guards)
    for legs in [guards] if is_pair else [[order] for order in guards]:
        # A change without an answer leaves the orders as they were or changed, never doubled: the look tells which.
        with suppress(OutcomeUnknown):
            desk.submit(legs, intents)
    desk.look()


def _working_beside(desk: Submission, sale: Order) -> list[Order]:
    """Return our other orders in the symbol that the broker lists as open or held back, whatever we believed."""
    with desk.store.transaction() as tx:
        live = live_orders(tx, desk.book, desk.seen)
    return [o for o in live if o.symbol == sale.symbol and o.order_id != sale.order_id]
