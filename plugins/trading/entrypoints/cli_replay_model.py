"""Option of a replay about which model is heard when."""

from __future__ import annotations

import argparse

from trading.domain.models import ModelEra
from trading.engine.hours import Terms, Timeline
from trading.ports import Services
from trading.research.model_forward import ModelPlan, walk_model
from trading.research.samples import label_of
from trading.strategy.spec import StrategySpec
from trading.tasks.chances import era_of, eras_of
from trading.tasks.evaluate_model import learned, read_all, trainer_of
from trading.tasks.train import LEARNS_FROM

AS_PROMOTED, NONE, WALK_FORWARD = "as-promoted", "none", "walk-forward"


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--model",
        default=AS_PROMOTED,
        metavar=f"{AS_PROMOTED}|{NONE}|{WALK_FORWARD}|ID",
        help="which model is heard: the one promoted in each hour (default), none, one trained anew for every six "
        "months on what came before, or that of an id in the hours after its training",
    )


def eras_for(
    options: argparse.Namespace, services: Services, spec: StrategySpec, timeline: Timeline, terms: Terms
) -> tuple[ModelEra, ...]:
    """Return which model is heard when; empty for none."""
    if options.model == NONE:
        return ()
    if options.model == WALK_FORWARD:
        return _walked(services, spec, timeline, terms)
    with services.store.transaction() as tx:
        if options.model == AS_PROMOTED:
            return eras_of(services, tx, spec, until=timeline.slots[-1].as_of)
        return (era_of(services, tx, spec, options.model),)


def names_of(eras: tuple[ModelEra, ...]) -> tuple[str, ...]:
    """Return the ids of the models, in order."""
    return tuple(era.model.model_id for era in eras if era.model is not None)


def _walked(services: Services, spec: StrategySpec, timeline: Timeline, terms: Terms) -> tuple[ModelEra, ...]:
    label, since = label_of(spec), timeline.sessions[-1].session_on - LEARNS_FROM
    facts, _ = read_all(services, spec, since, timeline)
    samples, before = learned(services, spec, facts, timeline, terms, label, since)
    return walk_model(samples, before, timeline.sessions, ModelPlan(label), trainer_of(services)).eras
