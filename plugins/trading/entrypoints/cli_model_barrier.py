"""Commands of the model behind `model_agrees`: the chance that an entry gains."""

from __future__ import annotations

import argparse
import getpass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.market import SYNTHETIC, Slot, session_slots
from trading.domain.models import ModelRecord, champion_of
from trading.entrypoints import arguments
from trading.entrypoints.answers import add_json, print_json
from trading.errors import PermanentError
from trading.ports import Services
from trading.reporting.model_tables import (
    figures_table,
    models_table,
    print_forward,
    quality_lines,
    record_lines,
    verdict,
)
from trading.research.classifier import Quality
from trading.research.model_forward import ModelPlan
from trading.research.samples import HORIZON_SESSIONS, label_of
from trading.settings import load_settings
from trading.strategy.catalogue import STRATEGIES, spec_named
from trading.tasks.chances import record_of
from trading.tasks.evaluate_model import ModelEvaluation, evaluate
from trading.tasks.facts import terms_of
from trading.tasks.promote import helped, promote, roll_back
from trading.tasks.train import LEARNS_FROM, train_candidate


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    listed = commands.add_parser("list", help="every model of the registry, and which one is heard")
    listed.set_defaults(run=_list)
    shown = commands.add_parser("show", help="what the registry knows of a model")
    shown.add_argument("model", help="its id")
    shown.set_defaults(run=_show)
    add_json(listed, shown)
    trained = commands.add_parser("train", help="train a candidate on what is stored; it is not promoted")
    trained.add_argument("--through", type=arguments.day, help="last session to learn from; default: the newest one")
    trained.add_argument("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
    trained.set_defaults(run=_train)
    promoted = commands.add_parser("promote", help="show a candidate's walk-forward and let it speak")
    promoted.add_argument("model", help="its id")
    promoted.add_argument("--yes", action="store_true", help="without it, only show")
    promoted.add_argument("--even-so", metavar="REASON", help="why, although it did no better than the rules alone")
    promoted.set_defaults(run=_promote)
    rolled = commands.add_parser("rollback", help="take the promoted model back; the one before it is heard again")
    rolled.add_argument("--reason", type=arguments.reason, required=True, help="kept beside the event")
    rolled.set_defaults(run=_rollback)
    _add_evaluate(commands)


def _add_evaluate(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    judged = commands.add_parser(
        "evaluate", help="walk the model forward: rules, rules + model, the list held, SPY held, nothing selected"
    )
    judged.add_argument("--from", dest="first_on", type=arguments.day, required=True, help="first session of the tests")
    judged.add_argument("--to", dest="last_on", type=arguments.day, required=True, help="last session of the tests")
    judged.add_argument("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
    judged.add_argument(
        "--test", type=arguments.positive, default=6, help="months that one training serves (default 6)"
    )
    judged.add_argument(
        "--horizon", type=arguments.positive, default=HORIZON_SESSIONS, help="sessions of a label (default 20)"
    )
    judged.add_argument("--embargo", type=arguments.natural, help="sessions; default, and at least: the horizon")
    judged.add_argument(
        "--since", type=arguments.day, help="first session to learn from; default: 12 years before --to"
    )
    judged.add_argument(
        "--cash", type=arguments.cash_usd, help="starting cash in USD; default: AIRDESK_STARTING_CASH_USD"
    )
    judged.set_defaults(run=_evaluate)


def _list(options: argparse.Namespace) -> int:
    services = services_for(load_settings())
    with services.store.snapshot() as tx:
        records, events = tx.models.all(), tx.models.events(until=services.clock.now())
    if options.json:
        print_json("model list", models=records, events=events, heard=champion_of(events))
        return 0
    if not records:
        print("no model is registered, so model_agrees abstains; train one: ./airdesk model train")
        return 0
    Console().print(models_table(records, events))
    for event in events:
        print(f"{event.at:%Y-%m-%d %H:%M} UTC  {event.action} {event.model_id} by {event.actor}: {event.reason}")
    return 0


def _show(options: argparse.Namespace) -> int:
    services = services_for(load_settings())
    with services.store.snapshot() as tx:
        record = record_of(tx, options.model)
        events = tx.models.events(until=services.clock.now())
    if options.json:
        print_json("model show", model=record, is_heard=champion_of(events) == record.model_id, helped=helped(record))
    else:
        _print_record(record)
    return 0


def _print_record(record: ModelRecord) -> None:
    for line in record_lines(record):
        print(line)
    walked: Any = record.metrics.get("walk_forward")
    if not walked:
        print("never walked forward: history was too short")
        return
    title = f"walk-forward {walked['first_on']} to {walked['last_on']}, {walked['trials']} trials"
    Console().print(figures_table(title, walked["figures"], walked["deflated"]))
    for line in quality_lines(None if walked["quality"] is None else Quality(**walked["quality"])):
        print(line)
    print(verdict(helps=helped(record)))


def _train(options: argparse.Namespace) -> int:
    settings = load_settings()
    services = services_for(settings)
    spec = spec_named(options.strategy or settings.strategy)
    report = train_candidate(services, spec, settings.book, _last_slot(services, options.through))
    for note in report.notes:
        print(note)
    print("nothing was promoted; ./airdesk model list")
    return 0


def _last_slot(services: Services, through: date | None) -> Slot:
    """Return the close of the last session that has ended, by `through` at the latest."""
    now = services.clock.now()
    last_on = min(through or now.date(), now.date())
    ended = [s for s in services.calendar.sessions(last_on - timedelta(days=14), last_on) if s.closes_at <= now]
    if not ended:
        raise PermanentError(f"no session ended in the two weeks before {last_on}; choose another --through")
    return session_slots(ended[-1])[-1]


def _promote(options: argparse.Namespace) -> int:
    settings = load_settings()
    services = services_for(settings)
    with services.store.transaction() as tx:
        record = record_of(tx, options.model)
    _print_record(record)
    if not options.yes:
        print("promote it with --yes; from the next hour on it may then deny or shrink entries")
        return 0
    spec = spec_named(settings.strategy)
    promote(services, spec, options.model, actor=f"cli:{getpass.getuser()}", even_so=options.even_so)
    print(f"{options.model} is promoted; take it back with ./airdesk model rollback --reason …")
    return 0


def _rollback(options: argparse.Namespace) -> int:
    services = services_for(load_settings())
    before = roll_back(services, actor=f"cli:{getpass.getuser()}", reason=options.reason)
    print("no model is heard any more" if before is None else f"{before} is heard again")
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    arguments.check_span(options.first_on, options.last_on)
    settings = load_settings()
    services = services_for(settings)
    spec = spec_named(options.strategy or settings.strategy)
    plan = ModelPlan(label_of(spec, options.horizon), options.test, options.embargo or options.horizon)
    found = evaluate(
        services, spec, plan,
        first_on=options.first_on, last_on=options.last_on, since=options.since or options.last_on - LEARNS_FROM,
        cash_usd=Decimal(options.cash or settings.starting_cash_usd), terms=terms_of(services),
        costs=services.costs,
    )  # fmt: skip
    print_evaluation(Console(), found)
    return 0


def print_evaluation(console: Console, found: ModelEvaluation) -> None:
    """Print all of it."""
    badge = f"{SYNTHETIC} " if found.is_synthetic else ""
    title = (
        f"{badge}{found.strategy}: out of sample {found.first_on} to {found.last_on}, {found.trial_count} trials logged"
    )
    console.print(figures_table(title, found.figures, found.deflated))
    print_forward(console, found.forward)
    taken = found.taken
    console.print(
        f"with the model {taken.entries} entries were sent, {taken.shrunk} of them made smaller; it refused in "
        f"{taken.refused_hours} symbol-hours",
        highlight=False,
    )
    console.print(verdict(helps=found.helps), highlight=False)
