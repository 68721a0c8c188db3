"""rebalance: bring what drifted above its target back, once a quarter."""

from __future__ import annotations

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide_kind
from trading.tasks.execute import execute
from trading.tasks.report import StepReport


def preview(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Write the rebalance decision of `slot`; its analysis rows are written first if the hourly run did not."""
    for analyse in (technicals, sentiment, risk):
        analyse(services, spec, book, slot)
    return decide_kind(services, spec, book, slot, DecisionKind.REBALANCE)


def send(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Send the orders of the rebalance decision of `slot` that the broker does not have yet."""
    return execute(services, spec, book, slot, kind=DecisionKind.REBALANCE)
