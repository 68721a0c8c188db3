"""Sending around a request for approval: what needs none goes at once, the rest when the answer is there."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.ports import Services
from trading.ports.approvals import Answer
from trading.strategy.spec import StrategySpec
from trading.tasks import rebalance
from trading.tasks.approval import settle
from trading.tasks.execute import execute
from trading.tasks.report import WAITING, StepReport


def send(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Send the hourly decision; entries above the limit stay behind and wait."""
    return _counted(services, book, slot, DecisionKind.HOURLY, execute(services, spec, book, slot))


def send_rebalance(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Send the rebalance decision; entries above the limit stay behind and wait."""
    return _counted(services, book, slot, DecisionKind.REBALANCE, rebalance.send(services, spec, book, slot))


def send_answered(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Send what was approved, vetted again, and deny the rest; a request without an answer is a no by now."""
    settle(services, book, slot, DecisionKind.HOURLY, Answer.EXPIRED, by=None)
    return send(services, spec, book, slot)


def send_answered_rebalance(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Do the same for the rebalance decision."""
    settle(services, book, slot, DecisionKind.REBALANCE, Answer.EXPIRED, by=None)
    return send_rebalance(services, spec, book, slot)


def _counted(services: Services, book: BookId, slot: Slot, kind: DecisionKind, report: StepReport) -> StepReport:
    if services.approval_above_usd is None:
        return report
    with services.store.transaction() as tx:
        decision = tx.decisions.find(book, kind, slot.as_of)
        waiting = len(tx.approvals.waiting(decision.decision_id)) if decision else 0
    return replace(report, counts={**report.counts, WAITING: waiting})
