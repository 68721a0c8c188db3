"""What the night throws away; `domain.retention` says how long what is kept. Nothing of a book is among it."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.retention import RETENTION, Kept
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.report import StepReport


def keep_house(services: Services, _spec: StrategySpec, _book: BookId, slot: Slot) -> StepReport:
    """Forget what is older than the desk keeps it."""

    def days(kept: Kept) -> timedelta:
        return timedelta(days=RETENTION[kept].amount)

    now = slot.as_of
    with services.store.transaction() as tx:
        counts = {
            "replies_deleted": tx.history.delete_replies(now - timedelta(days=services.keep_replies_days)),
            "evidence_years_dropped": tx.housekeeping.drop_evidence(now.year - RETENTION[Kept.EVIDENCE].amount),
            "messages_deleted": tx.housekeeping.delete_messages(now - days(Kept.MESSAGES)),
            "pictures_dropped": tx.housekeeping.drop_pictures(now - days(Kept.PICTURES)),
            "updates_deleted": tx.housekeeping.delete_updates(now - days(Kept.UPDATES)),
            "places_forgotten": tx.history.forget_places(now - days(Kept.PLACES)),
        }
    if services.tidying is not None:
        counts |= {
            "logs_trimmed": services.tidying.trim_logs(),
            "task_logs_dropped": services.tidying.drop_task_logs(now - days(Kept.TASK_LOGS)),
            "backups_dropped": services.tidying.drop_backups(),
        }
    return StepReport("housekeeping", counts)
