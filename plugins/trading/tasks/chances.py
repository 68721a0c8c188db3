"""Which model is heard when, and what it says of the hour: one way for live, both replays and parity."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

from trading.analysis.chances import scored
from trading.analysis.model_file import read
from trading.domain.market import Slot
from trading.domain.models import ChanceModel, ModelAction, ModelEra, ModelEvent, ModelRecord
from trading.domain.panel import Why
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import cutoff_of


def eras_of(services: Services, tx: Transaction, spec: StrategySpec, *, until: datetime) -> tuple[ModelEra, ...]:
    """Return which model was heard when, as promotions, rollbacks and benchings until then say; empty without any."""
    known: dict[str, tuple[ModelRecord, ChanceModel | Why]] = {}

    def loaded(model_id: str) -> tuple[ModelRecord, ChanceModel | Why]:
        if model_id not in known:
            record = record_of(tx, model_id)
            known[model_id] = record, load(services, spec, record)
        return known[model_id]

    def eras() -> Iterator[ModelEra]:
        for event in tx.models.events(until=until):
            if event.champion_id is None:
                yield ModelEra(event.at, event.at, None, _silence(event))
            else:
                record, found = loaded(event.champion_id)
                yield _era(event.at, record, found)

    return tuple(eras())


def era_of(services: Services, tx: Transaction, spec: StrategySpec, model_id: str) -> ModelEra:
    """Return one era in which a model is heard as soon as its training allows, promoted or not.

    Raises:
        PermanentError: there is no such model, or it may not be heard; the sentence says why.
    """
    record = record_of(tx, model_id)
    found = load(services, spec, record)
    if isinstance(found, Why):
        raise PermanentError(f"{model_id}: {found.sentence}; train another one: ./airdesk model train")
    return _era(record.usable_from, record, found)


def record_of(tx: Transaction, model_id: str) -> ModelRecord:
    """Return a model of the registry.

    Raises:
        PermanentError: there is none of that id.
    """
    if (record := tx.models.load(model_id)) is not None:
        return record
    known = ", ".join(r.model_id for r in tx.models.all())
    raise PermanentError(f"there is no model {model_id}; registered: {known or 'none'}")


def load(services: Services, spec: StrategySpec, record: ModelRecord) -> ChanceModel | Why:
    """Return the model of a row, or why it is not heard: nothing of a file is read before its hash is the row's."""
    label, protection = record.label, spec.protection
    if (label.trail_frac, label.take_profit_frac) != (protection.trail_frac, protection.take_profit_frac):
        return Why.MODEL_OTHER_STOPS
    content = None if services.model_files is None else services.model_files.read(record.file_name)
    if content is None:
        return Why.MODEL_UNREADABLE
    if hashlib.sha256(content).hexdigest() != record.sha256:
        return Why.MODEL_CHANGED
    model = read(content.decode("utf-8", errors="replace"))
    if isinstance(model, Why):
        return model
    return model if model.features == record.features else Why.MODEL_OTHER_INPUTS


def write_chances(services: Services, tx: Transaction, spec: StrategySpec, slot: Slot) -> None:
    """Store what the model says of the hour, of the facts that the analysis tasks left; nothing if none was ever heard.

    It needs the rows of all of them, so it is the first thing that `decide` does and no task beside theirs.
    """
    eras = eras_of(services, tx, spec, until=slot.as_of)
    if not eras:
        return
    cutoff_at, model = cutoff_of(services, slot), eras[-1].model
    panel = tx.analysis.read(spec.universe.traded, slot.as_of, cutoff_at)
    tx.analysis.write_chances(scored(panel, eras), cutoff_at, None if model is None else model.model_id)


def _era(from_at: datetime, record: ModelRecord, found: ChanceModel | Why) -> ModelEra:
    if isinstance(found, Why):
        return ModelEra(from_at, record.usable_from, None, found)
    return ModelEra(from_at, record.usable_from, found, Why.KNOWN)


def _silence(event: ModelEvent) -> Why:
    return Why.MODEL_BENCHED if event.action is ModelAction.BENCH else Why.NO_MODEL
