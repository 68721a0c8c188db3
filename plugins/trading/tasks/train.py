"""weekly_model_training: look whether the promoted model drifted, then train a candidate. Nothing is promoted here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from trading.analysis.chances import FEATURES
from trading.analysis.model_file import written
from trading.domain.instruments import BookId
from trading.domain.market import Session, Slot
from trading.domain.messages import MessageKind
from trading.domain.models import ChanceModel, ModelAction, ModelEvent, ModelRecord, champion_of
from trading.domain.panel import Why
from trading.engine.hours import Terms
from trading.errors import PermanentError
from trading.ports import Services
from trading.research.classifier import fit_model, importance
from trading.research.drift import FEATURE_SESSIONS, FEWEST_SESSIONS, drift_of, reference_of
from trading.research.model_forward import ModelPlan
from trading.research.samples import Samples, label_of
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import load, record_of
from trading.tasks.evaluate_model import (
    RULES,
    WITH_MODEL,
    ModelEvaluation,
    evaluate,
    learned,
    read_all,
    trainer_of,
)
from trading.tasks.facts import code_of, terms_of, timeline_of
from trading.tasks.report import StepReport

KIND = "barrier"
LEARNS_FROM = timedelta(days=12 * 365)
JUDGED = timedelta(days=3 * 365)
"""How far back a candidate's walk-forward goes."""
FEWEST_BEFORE = 400
"""Sessions to learn from before the first of those; with fewer the walk-forward begins later."""
CASH_USD = Decimal(100_000)


def train_candidate(services: Services, spec: StrategySpec, _book: BookId, slot: Slot) -> StepReport:
    """Train on what was known at the slot, walk it forward, write file and row; whether to promote it is a person's."""
    session = services.calendar.session(slot.session_on)
    assert session is not None, "a slot is part of a session"
    terms = terms_of(services)
    label = label_of(spec)
    since = slot.session_on - LEARNS_FROM
    timeline = timeline_of(services.calendar, slot.session_on, slot.session_on)
    facts, is_synthetic = read_all(services, spec, since, timeline)
    samples, before = learned(services, spec, facts, timeline, terms, label, since)
    seen = samples.known_by(slot.session_on)
    model = fit_model(seen, trainer_of(services))
    if model is None:
        note = f"{len(seen)} samples taught nothing that held on the later ones; there is no candidate"
        return StepReport("train_candidate", {"models": 0, "samples": len(seen)}, (note,))
    found = _walked(services, spec, terms, before, ModelPlan(label), slot.session_on, since)
    metrics = _metrics(model, seen, found)
    record = _register(services, spec, model, seen, session, metrics, is_synthetic=is_synthetic)
    said = "no walk-forward, history is too short" if found is None else _sentence(found)
    return StepReport("train_candidate", {"models": 1, "samples": len(seen)}, (f"{record.model_id}: {said}",))


def _walked(
    services: Services,
    spec: StrategySpec,
    terms: Terms,
    before: tuple[Session, ...],
    plan: ModelPlan,
    last_on: date,
    since: date,
) -> ModelEvaluation | None:
    sessions = [s.session_on for s in before]
    if len(sessions) <= FEWEST_BEFORE:
        return None
    first_on = max(last_on - JUDGED, sessions[FEWEST_BEFORE])
    return evaluate(
        services, spec, plan, first_on=first_on, last_on=last_on, since=since, cash_usd=CASH_USD, terms=terms,
        costs=services.costs,
    )  # fmt: skip


def _metrics(model: ChanceModel, seen: Samples, found: ModelEvaluation | None) -> dict[str, Any]:
    """Return what the registry keeps beside the file."""
    lost = importance(model, seen)
    return {
        "samples": len(seen),
        "calibration": {"slope": model.slope, "intercept": model.intercept},
        "reference": reference_of(model, seen, lost),
        "walk_forward": None if found is None else _told(found),
    }


def _told(found: ModelEvaluation) -> dict[str, Any]:
    quality = found.forward.quality
    return {
        "first_on": found.first_on.isoformat(),
        "last_on": found.last_on.isoformat(),
        "helps": found.helps,
        "quality": None if quality is None else asdict(quality),
        "figures": {name: dict(figures) for name, figures in found.figures.items()},
        "deflated": dict(found.deflated),
        "trials": found.trial_count,
        "taken": asdict(found.taken),
    }


def _sentence(found: ModelEvaluation) -> str:
    sharpe = {name: found.figures[name]["sharpe"] for name in (RULES, WITH_MODEL)}
    told = ", ".join(f"{name} Sharpe {'–' if s is None else f'{s:.2f}'}" for name, s in sharpe.items())
    return f"{told}; {'it helped' if found.helps else 'it did not help'} out of sample"


def _register(
    services: Services,
    spec: StrategySpec,
    model: ChanceModel,
    seen: Samples,
    session: Session,
    metrics: dict[str, Any],
    *,
    is_synthetic: bool,
) -> ModelRecord:
    """Write file and row. The id names the training's last session and what came out: the same again is no new one."""
    if services.model_files is None:
        raise PermanentError("there is no state folder for a model's file; run through ./airdesk")
    body = written(model, seen.features[:: max(1, len(seen) // 64)])
    model_id = f"{KIND}-{session.session_on:%Y%m%d}-{hashlib.sha256(body.encode()).hexdigest()[:8]}"
    content = body.replace('"model_id":""', f'"model_id":"{model_id}"', 1).encode()
    record = ModelRecord(
        model_id=model_id,
        kind=KIND,
        file_name=f"{model_id}.json",
        sha256=hashlib.sha256(content).hexdigest(),
        features=tuple(FEATURES),
        train_first_on=seen.session_on[0].item(),
        train_last_on=session.session_on,
        usable_from=session.closes_at,
        label=label_of(spec),
        metrics=metrics,
        library=trainer_of(services).library,
        strategy=spec.name,
        spec_hash=spec.spec_hash,
        code_version=code_of(services),
        is_synthetic=is_synthetic,
        created_at=services.clock.now(),
    )
    services.model_files.write(record.file_name, content)
    with services.store.transaction() as tx:
        tx.models.add(record)
    return record


def check_drift(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Hold the promoted model against the time since its training; bench it where it drifted. The rules go on."""
    now = services.clock.now()
    with services.store.transaction() as tx:
        champion = champion_of(tx.models.events(until=now))
        if champion is None:
            return StepReport("check_drift", notes=("no model is promoted",))
        record = record_of(tx, champion)
    model = load(services, spec, record)
    if isinstance(model, Why):
        return StepReport("check_drift", notes=(f"{champion} is not heard: {model.sentence}",), degraded=True)
    sessions = services.calendar.sessions(record.train_last_on + timedelta(days=1), slot.session_on)
    reach = sessions[-(FEATURE_SESSIONS + record.label.horizon_sessions) :]
    drift = None
    if len(reach) > FEWEST_SESSIONS:
        after = _samples_since(services, spec, record, reach[0].session_on, slot)
        drift = drift_of(model, record.metrics["reference"], after)
    if drift is None:
        return StepReport("check_drift", notes=(f"{champion}: too few sessions since its training to say",))
    if not drift.faults:
        return StepReport("check_drift", {"sessions": drift.sessions}, (f"{champion} is as it was trained",))
    reason = "; ".join(drift.faults)
    _bench(services, book, champion, reason, now)
    return StepReport("check_drift", {"benched": 1}, (f"{champion} is benched: {reason}",))


def _samples_since(services: Services, spec: StrategySpec, record: ModelRecord, since: date, slot: Slot) -> Samples:
    timeline = timeline_of(services.calendar, slot.session_on, slot.session_on)
    facts, _ = read_all(services, spec, since, timeline)
    samples, _ = learned(services, spec, facts, timeline, terms_of(services), record.label, since)
    return samples


def _bench(services: Services, book: BookId, model_id: str, reason: str, now: datetime) -> None:
    with services.store.transaction() as tx:
        tx.models.add_event(ModelEvent(ModelAction.BENCH, model_id, None, now, "check_drift", reason))
        tx.controls.notify(
            dedupe_key=f"model.{model_id}.benched.{now.isoformat()}",
            book=book,
            kind=MessageKind.MODEL_BENCHED,
            body=f"{book.badge} the model {model_id} is benched, the rules go on alone: {reason}",
        )
