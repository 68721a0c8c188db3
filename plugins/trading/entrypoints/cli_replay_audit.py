"""`replay audit`: did a replay keep what is promised of every book, and what did each part of its strategy earn?

Exit codes beside the usual ones: 4 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
from decimal import Decimal

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.engine.ablation import without_each
from trading.engine.arrival import Market
from trading.engine.audit import audit
from trading.engine.hours import history_panel
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.entrypoints import arguments, cli_costs
from trading.entrypoints.exits import Exit
from trading.entrypoints.progress import told
from trading.ports import Services
from trading.reporting.audit_tables import Audited, Played, audit_json, print_audit, verdict_line
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import STRATEGIES, spec_named
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import code_of, past_timeline, read_history
from trading.tasks.replay_runs import RunLabel, benchmarks_of, configuration_of, run_of

NAME = "audit"


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    tool = commands.add_parser(
        "audit",
        help="did a replay keep what is promised of every book, and what did each rule earn?",
        description="Replays a stretch and judges every entry and sale from its orders, fills and raw facts: wash "
        "sales, VIX, caps, trading state. Then replays it without each rule. Exit code 4: a promise was broken.",
    )
    tool.add_argument("--from", dest="first_on", type=arguments.day, required=True, help="first session")
    tool.add_argument("--to", dest="last_on", type=arguments.day, required=True, help="last session")
    tool.add_argument(
        "--strategy", choices=sorted(STRATEGIES), action="append", help="may be repeated; default: every one"
    )
    tool.add_argument(
        "--cash", type=arguments.cash_usd, help="starting cash in USD; default: AIRDESK_STARTING_CASH_USD"
    )
    tool.add_argument(
        "--rules",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="replay it again without each rule; each such outcome counts as a trial",
    )
    tool.add_argument("--json", action="store_true", help="print JSON")
    cli_costs.add_to(tool)
    tool.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    arguments.check_span(options.first_on, options.last_on)
    settings = load_settings()
    services = services_for(settings)
    found = [_audited(options, settings, services, name) for name in options.strategy or STRATEGIES]
    with services.store.transaction() as tx:
        for played in (played for one in found for played in (one.own, *one.without.values())):
            tx.replays.log_trial(played.run.trial)
    if options.json:
        print(json.dumps([audit_json(one) for one in found], indent=1))
    else:
        console = Console()
        for one in found:
            print_audit(console, one)
        console.print(verdict_line(found), highlight=False)
    return Exit.FOUND if any(one.audit.breaches for one in found) else 0


def _audited(options: argparse.Namespace, settings: Settings, services: Services, name: str) -> Audited:
    spec, timeline = spec_named(name), past_timeline(services, options.first_on, options.last_on)
    now, cash_usd = services.clock.now(), Decimal(options.cash or settings.starting_cash_usd)
    facts, is_synthetic = read_history(services, spec, timeline, cutoff_at=now)
    terms = cli_costs.terms_of(options, services)
    costs = cli_costs.costs_of(options, services, spec, facts, timeline)
    panel, market = history_panel(spec, facts, timeline, terms), Market.of(spec, facts, timeline, terms, costs)
    benchmarks, book = benchmarks_of(facts, spec, timeline), BookId(BookKind.REPLAY, NAME)

    def play(varied: StrategySpec) -> tuple[ReplayResult, Played]:
        result = replay_panel(varied, panel, market, timeline, book=book, cash_usd=cash_usd, terms=terms)
        configuration = configuration_of(varied, timeline, terms, cash_usd=cash_usd, costs=costs.described())
        label = RunLabel(NAME, now, configuration, now, code_of(services), is_synthetic)
        return result, Played.of(result, run_of(result, label, benchmarks))

    result, own = play(spec)
    others = tuple(without_each(spec)) if options.rules else ()
    with told(f"{name} without each rule") as tell:
        without: dict[str, Played] = {}
        for done, (part, varied) in enumerate(others):
            tell(done, len(others))
            without[part] = play(varied)[1]
    title = f"{SYNTHETIC if is_synthetic else ''} {spec.label}: {options.first_on} to {options.last_on}".strip()
    return Audited(title, result, own, audit(result, facts, timeline), without)
