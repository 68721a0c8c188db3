"""What the night throws away."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.report import StepReport


def drop_old_replies(services: Services, _spec: StrategySpec, _book: BookId, slot: Slot) -> StepReport:
    """Forget the vendors' replies that are older than the desk keeps them; the rows that came of them stay."""
    before = slot.as_of - timedelta(days=services.keep_replies_days)
    with services.store.transaction() as tx:
        count = tx.history.delete_replies(before)
    return StepReport("drop_old_replies", {"replies_deleted": count})
