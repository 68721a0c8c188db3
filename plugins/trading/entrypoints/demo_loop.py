"""The demo's first part: the hourly tasks called one after another, without Airflow, until an order is filled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import Slot, session_slots
from trading.domain.orders import Order, OrderPurpose
from trading.domain.signals import Reason
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.execute import execute
from trading.tasks.ingest import ingest_fundamentals, ingest_news, ingest_prices
from trading.tasks.report import StepReport
from trading.tasks.sync import sync_broker

STEPS = (
    sync_broker,
    ingest_prices,
    ingest_fundamentals,
    ingest_news,
    technicals,
    sentiment,
    risk,
    decide,
    execute,
)
"""The tasks of `dags/hourly_trading.py`, in its order."""

LOOK_BACK = timedelta(days=8)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the demo shows of one decision.

    Attributes:
        reasons: every verdict of the decision, for every symbol.
        fills: of the decision's entries; empty while none is filled.
    """

    decision: Decision
    reasons: tuple[Reason, ...]
    orders: tuple[Order, ...]
    fills: tuple[Fill, ...]


def run_until_filled(
    services: Services, spec: StrategySpec, book: BookId, *, now: datetime, say: Callable[[str], None]
) -> Shown | None:
    """Run session hours, oldest first, until an entry of one of them is filled.

    The youngest completed hour is left to Airflow. A book that was here before continues after its newest decision.

    Returns:
        The decision of the filled entry, else the newest decision; None if the book has none.
    """
    entered: Decision | None = None
    for slot in slots_to_show(services, book, now=now):
        for step in STEPS:
            _tell(say, slot, step(services, spec, book, slot))
        with services.store.transaction() as tx:
            decision = tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of)
            entered = decision if decision and _has_entry(tx.orders.of_decision(decision.decision_id)) else entered
        if entered and (shown := show(services, entered)).fills:
            return shown
    return newest_with_entry(services, book)


def slots_to_show(services: Services, book: BookId, *, now: datetime) -> Iterator[Slot]:
    """Yield the completed hours after the book's newest decision, ascending, the youngest one left out."""
    latest = services.calendar.latest_slot(now - timedelta(minutes=services.source_delay_minutes))
    with services.store.transaction() as tx:
        newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    for session in services.calendar.sessions((now - LOOK_BACK).date(), latest.session_on):
        for slot in session_slots(session):
            if slot.as_of < latest.as_of and (newest is None or slot.as_of > newest.as_of):
                yield slot


def newest_with_entry(services: Services, book: BookId) -> Shown | None:
    """Return the decision of the book's newest filled entry, else its newest decision, else None."""
    with services.store.transaction() as tx:
        newest = tx.decisions.newest(book, DecisionKind.HOURLY)
        filled = {fill.order_id for fill in tx.ledger.fills(book)}
        entries = [order for order in tx.orders.recent(book, 100) if order.order_id in filled and _is_entry(order)]
        if entries and newest is not None:
            newest = tx.decisions.find(book, DecisionKind.HOURLY, entries[0].planned_at) or newest
    return show(services, newest) if newest else None


def show(services: Services, decision: Decision) -> Shown:
    """Return a decision with its verdicts, its orders and the fills of its orders."""
    with services.store.transaction() as tx:
        orders = tx.orders.of_decision(decision.decision_id)
        ids = {order.order_id for order in orders}
        fills = tuple(fill for fill in tx.ledger.fills(decision.book) if fill.order_id in ids)
        return Shown(decision, tx.decisions.reasons(decision.decision_id), orders, fills)


def _has_entry(orders: tuple[Order, ...]) -> bool:
    return any(_is_entry(order) for order in orders)


def _is_entry(order: Order) -> bool:
    return order.purpose is OrderPurpose.ENTRY


def _tell(say: Callable[[str], None], slot: Slot, report: StepReport) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in report.counts.items() if count)
    say(f"{slot.as_of:%Y-%m-%d %H:%M} UTC  {report.step:<20} {counts}")
