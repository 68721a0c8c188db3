"""rebalance: bring held names back to target, once a quarter and when the hourly decision asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.rebalances import Preview
from trading.engine.balance import QUARTER
from trading.errors import PermanentError
from trading.ports import Services
from trading.reporting.wording import first_hour
from trading.strategy.spec import StrategySpec
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide_kind, rebalance_now
from trading.tasks.execute import execute
from trading.tasks.report import StepReport


def preview(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write the rebalance decision of `slot`; its analysis rows are written first if the hourly run did not."""
    for analyse in (technicals, sentiment, risk):
        analyse(services, spec, book, slot)
    report = decide_kind(services, spec, book, slot, DecisionKind.REBALANCE)
    with services.store.transaction() as tx:
        shown = tx.risk.preview(report.decision_id) if report.decision_id else None
    return report if shown is None else replace(report, notes=(*report.notes, *shown.lines()))


def to_trigger(services: Services, book: BookId, slot: Slot) -> str | None:
    """Return why a run of the rebalance is to be triggered for `slot`; None if not, or if its schedule does it."""
    with services.store.transaction() as tx:
        reason = tx.risk.rebalance_due(book, slot.as_of)
    return None if reason == QUARTER else reason


def shown(services: Services, spec: StrategySpec, book: BookId, as_of: datetime | None) -> tuple[Preview, bool]:
    """Return a preview and whether it is stored: that of `as_of`, else what a rebalance would change now.

    Raises:
        PermanentError: no rebalance was decided at `as_of`, or the book has decided nothing yet.
    """
    with services.store.transaction() as tx:
        found = tx.risk.preview_at(book, as_of) if as_of is not None else None
        newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    if found is not None:
        return found, True
    if as_of is not None:
        raise PermanentError(f"{book} has no rebalance at {as_of:%Y-%m-%d %H:%M} UTC; leave --at out for one of now")
    slot = None if newest is None else services.calendar.slot_at(newest.as_of)
    if slot is None:
        raise PermanentError(f"{book} has decided nothing yet, so there is no hour to preview; {first_hour(book)}")
    return rebalance_now(services, spec, book, slot), False


def send(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Send the orders of the rebalance decision of `slot` that the broker does not have yet."""
    return execute(services, spec, book, slot, kind=DecisionKind.REBALANCE)
