"""Compares the desk with the gateway's own log. Pure: a test shows that it finds what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import DONE, LEAVING, OPEN, PROTECTIVE, Order, OrderPurpose, OrderStatus
from trading.drills.records import DeskRows, GatewayLog, LoggedExecution, LoggedOrder

CASH_TOLERANCE_USD = Decimal("0.005")


class ViolationKind(StrEnum):
    """Which promise is broken."""

    DUPLICATE = "duplicate order"
    UNCOMMITTED = "sent without an intent"
    ORPHAN = "staged orphan"
    LOST_FILL = "lost fill"
    LEDGER = "ledger differs"
    UNPROTECTED = "unprotected position"
    UNSENT = "order never sent"
    SILENT = "parked without an alarm"
    PARKED = "parked although nothing was swallowed"
    TASK = "task did not succeed"
    NOT_HALTED = "works after a halt"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise, in words."""

    kind: ViolationKind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


def check_sending(log: GatewayLog, desk: DeskRows) -> list[Violation]:
    """Return what may be wrong at no instant, not even right after a kill."""
    return [*_duplicates(log), *_uncommitted(log, desk)]


def check_settled(log: GatewayLog, desk: DeskRows, *, may_park: bool) -> list[Violation]:
    """Return what may not be wrong once the tasks of an hour have succeeded.

    Args:
        may_park: the gateway swallows placements, so that orders of unknown fate are due.
    """
    return [
        *check_sending(log, desk),
        *_orphans(log),
        *_lost_fills(log, desk),
        *_ledger(log, desk),
        *_unprotected(log, desk),
        *_unsent(desk),
        *_parked(desk, may_park=may_park),
    ]


def check_halted(log: GatewayLog, desk: DeskRows) -> list[Violation]:
    """Return what may not work in a book that is halted: everything but protection."""
    purposes = {o.order_id: o.purpose for o in desk.orders}
    return [
        Violation(ViolationKind.NOT_HALTED, f"{order.order_ref} still works")
        for order in log.orders
        if order.is_live and purposes.get(order.order_ref) not in PROTECTIVE
    ]


def parked(desk: DeskRows) -> list[Order]:
    """Return the orders whose fate is unknown."""
    return [o for o in desk.orders if o.status is OrderStatus.UNKNOWN]


def _duplicates(log: GatewayLog) -> Iterator[Violation]:
    for ref, count in Counter(o.order_ref for o in log.orders).items():
        if count > 1:
            yield Violation(ViolationKind.DUPLICATE, f"{ref} is {count} orders at the gateway")


def _uncommitted(log: GatewayLog, desk: DeskRows) -> Iterator[Violation]:
    for order in log.orders:
        intent = desk.intents.get(order.order_ref)
        if intent is None or (intent.client_id, intent.reserved_id) != (order.client_id, order.order_id):
            yield Violation(ViolationKind.UNCOMMITTED, f"{order.order_ref} under id {order.order_id}, intent {intent}")


def _orphans(log: GatewayLog) -> Iterator[Violation]:
    for order in log.orders:
        if order.is_staged:
            yield Violation(ViolationKind.ORPHAN, f"{order.order_ref} is held back at the gateway")


def _lost_fills(log: GatewayLog, desk: DeskRows) -> Iterator[Violation]:
    ours = {LoggedExecution(f.fill_id, f.order_id, f.quantity, f.price, f.commission_usd) for f in desk.fills}
    theirs = set(log.executions)
    for done in sorted(theirs - ours, key=str):
        yield Violation(ViolationKind.LOST_FILL, f"the book holds no such execution: {done}")
    for done in sorted(ours - theirs, key=str):
        yield Violation(ViolationKind.LEDGER, f"the gateway executed nothing like {done}")


def _ledger(log: GatewayLog, desk: DeskRows) -> Iterator[Violation]:
    if abs(log.cash_usd - desk.cash_usd) > CASH_TOLERANCE_USD:
        yield Violation(ViolationKind.LEDGER, f"cash is {desk.cash_usd} USD, at the gateway {log.cash_usd} USD")
    for symbol in sorted({*log.positions, *desk.positions}):
        ours, theirs = desk.positions.get(symbol, ZERO), log.positions.get(symbol, ZERO)
        if ours != theirs:
            yield Violation(ViolationKind.LEDGER, f"{symbol}: {ours} shares, at the gateway {theirs}")


def _unprotected(log: GatewayLog, desk: DeskRows) -> Iterator[Violation]:
    """Judge each long by the gateway's live orders: one stop and one target over what no working sale takes away.

    Protection without a position is as wrong: it would open a short one.

    A symbol whose entry still works is left out: its protection is sized for the whole entry until that ends.
    """
    purposes = {o.order_id: o.purpose for o in desk.orders}
    live: defaultdict[Symbol, list[tuple[OrderPurpose, LoggedOrder]]] = defaultdict(list)
    for order in log.orders:
        if order.is_live and order.order_ref in purposes:
            live[order.symbol].append((purposes[order.order_ref], order))
    for symbol in sorted({*log.positions, *live}):
        held, working = log.positions.get(symbol, ZERO), live[symbol]
        if any(purpose is OrderPurpose.ENTRY for purpose, _ in working):
            continue
        stays = held - sum((o.remaining for purpose, o in working if purpose in LEAVING), ZERO)
        for guard in (OrderPurpose.STOP, OrderPurpose.TARGET):
            sizes = [o.remaining for purpose, o in working if purpose is guard]
            if sizes != ([stays] if stays else []):
                words = f"{symbol}: {held} shares, {stays} stay, live {guard} orders over {[*map(str, sizes)]}"
                yield Violation(ViolationKind.UNPROTECTED, words)


def _unsent(desk: DeskRows) -> Iterator[Violation]:
    """An order of unknown fate ends the sending of its hour: what was planned behind it stays planned."""
    excused = {OrderStatus.UNKNOWN, OrderStatus.PLANNED} if parked(desk) else set()
    for order in desk.orders:
        if order.status not in DONE | OPEN | excused:
            yield Violation(ViolationKind.UNSENT, f"{order.order_id} is still {order.status}")


def _parked(desk: DeskRows, *, may_park: bool) -> Iterator[Violation]:
    for order in parked(desk):
        # One message names what is lost of a family by its first leg.
        family = (o for o in desk.orders if (o.decision_id, o.symbol) == (order.decision_id, order.symbol))
        if not {f"unknown:{o.order_id}" for o in family} & desk.alarms:
            yield Violation(ViolationKind.SILENT, f"{order.order_id} is unknown and nobody was told")
        if not may_park:
            yield Violation(ViolationKind.PARKED, f"{order.order_id}: {order.detail}")
