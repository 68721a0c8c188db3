"""Which model is heard is a person's act: promote, roll back. Each is an event that stays."""

from __future__ import annotations

from typing import Any

from trading.domain.models import ModelAction, ModelEvent, ModelRecord, champion_of, previous_champion
from trading.domain.panel import Why
from trading.errors import PermanentError
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import load, record_of


def helped(record: ModelRecord) -> bool:
    """Whether the candidate's walk-forward beat the rules alone; what was never walked forward did not."""
    walked: Any = record.metrics.get("walk_forward")
    return bool(walked) and bool(walked["helps"])


def promote(services: Services, spec: StrategySpec, model_id: str, *, actor: str, even_so: str | None) -> None:
    """Let a model speak from now on.

    Args:
        even_so: why, although its walk-forward did not beat the rules alone; None if nobody insists.

    Raises:
        PermanentError: there is no such model, its file cannot be heard, or it did not help and nobody insists.
    """
    now = services.clock.now()
    with services.store.transaction() as tx:
        record = record_of(tx, model_id)
        found = load(services, spec, record)
        if isinstance(found, Why):
            raise PermanentError(f"{model_id} cannot be heard: {found.sentence}; train another: ./airdesk model train")
        if not helped(record) and not even_so:
            raise PermanentError(
                f"{model_id} did no better than the rules alone out of sample and stays where it is; to promote it "
                'all the same, say why: --even-so "REASON"'
            )
        if champion_of(tx.models.events(until=now)) == model_id:
            raise PermanentError(f"{model_id} is promoted already; nothing was changed")
        reason = even_so or "its walk-forward beat the rules alone"
        tx.models.add_event(ModelEvent(ModelAction.PROMOTE, model_id, model_id, now, actor, reason))
        tx.controls.audit(actor=actor, action="model_promote", detail={"model_id": model_id, "reason": reason})


def roll_back(services: Services, *, actor: str, reason: str) -> str | None:
    """Take the promoted model back and return the one that is heard instead: the one before it, or none.

    Raises:
        PermanentError: no model is promoted.
    """
    now = services.clock.now()
    with services.store.transaction() as tx:
        events = tx.models.events(until=now)
        champion = champion_of(events)
        if champion is None:
            raise PermanentError("no model is promoted, so there is nothing to take back; ./airdesk model list")
        before = previous_champion(events, champion)
        tx.models.add_event(ModelEvent(ModelAction.ROLLBACK, champion, before, now, actor, reason))
        tx.controls.audit(actor=actor, action="model_rollback", detail={"model_id": champion, "back_to": before})
    return before
