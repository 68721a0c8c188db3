"""`replay run`: what the strategy would have done, in process, with the code that trades."""

from __future__ import annotations

import argparse
from decimal import Decimal

from rich.console import Console

from trading.accounting.performance import SESSIONS_PER_YEAR
from trading.accounting.trials import deflated_sharpe
from trading.bootstrap import services_for, strategy_of, verdict_files_of
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.domain.records import collector_paused
from trading.domain.replays import ReplayRun, checked_name
from trading.domain.searches import Parameters
from trading.engine.missing import idle_sessions
from trading.engine.replay import replay
from trading.engine.verdict_book import VerdictBook
from trading.entrypoints import (
    arguments,
    cli_costs,
    cli_replay_audit,
    cli_replay_bias,
    cli_replay_model,
    cli_replay_numbers,
    cli_replay_parity,
    cli_replay_report,
    cli_replay_runs,
    cli_replay_search,
)
from trading.entrypoints.cli_replay_report import Replayed
from trading.errors import PermanentError
from trading.ports import Services
from trading.reporting.missing import idle_sentence, missing_lines, short_sentence
from trading.reporting.replay_summary import print_summary
from trading.reporting.wording import counted, probability
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.space import with_parameters
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import code_of, past_timeline, read_history
from trading.tasks.replay_runs import RunLabel, all_trials, benchmarks_of, configuration_of, free_name, run_of


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module and of its siblings."""
    group = subparsers.add_parser("replay", help="replay stored history through the code that trades")
    commands = group.add_subparsers(title="replay commands", metavar="COMMAND", required=True)
    run = commands.add_parser("run", help="replay a stretch of history in this process, print and store it")
    run.add_argument("--from", dest="first_on", type=arguments.day, required=True, help="first session")
    run.add_argument("--to", dest="last_on", type=arguments.day, required=True, help="last session")
    run.add_argument("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
    run.add_argument("--name", help="name to store it under; default: run-1, run-2, …")
    run.add_argument("--replace", action="store_true", help="replace the stored run of that name")
    run.add_argument("--no-store", action="store_true", help="store no run; its outcome still counts as a trial")
    cli_replay_numbers.add_to(run)
    run.add_argument("--cash", type=arguments.cash_usd, help="starting cash in USD; default: AIRDESK_STARTING_CASH_USD")
    cli_costs.add_to(run)
    cli_replay_model.add_to(run)
    cli_replay_report.add_to(run)
    run.set_defaults(run=_run)
    cli_replay_runs.add_to(commands)
    cli_replay_parity.add_to(commands)
    cli_replay_search.add_to(commands)
    cli_replay_bias.add_to(commands)
    cli_replay_audit.add_to(commands)


@collector_paused()
def _run(options: argparse.Namespace) -> int:
    arguments.check_span(options.first_on, options.last_on)
    arguments.check_report(options.report, with_png=options.png)
    settings = load_settings()
    services = services_for(settings)
    with services.store.transaction() as tx:
        name = checked_name(options.name or free_name(tx))
        _refuse_taken(options, name, is_taken=tx.replays.is_taken(name))
    strategy, parameters = cli_replay_numbers.of(options, services, options.strategy or settings.strategy)
    spec = with_parameters(strategy_of(settings, strategy), parameters)
    cash = options.cash or settings.starting_cash_usd
    replayed = replay_as(options, services, spec, name, cash, parameters)
    print_summary(Console(), _title(options, replayed, spec), replayed.result, replayed.run, replayed.benchmarks)
    for line in missing_lines(replayed.missing):
        print(line)
    sessions = replayed.run.trial.return_count
    if sessions < SESSIONS_PER_YEAR:
        print(short_sentence(sessions))
    if idle_count := idle_sessions(replayed.result):
        print(idle_sentence(idle_count, sessions))
    _keep(options, services, replayed.run)
    if not options.no_store:
        _keep_verdicts(settings, replayed)
    if options.report:
        cli_replay_report.write(options, services, replayed)
    return 0


def _refuse_taken(options: argparse.Namespace, name: str, *, is_taken: bool) -> None:
    """Refuse early what the store would refuse after minutes."""
    if is_taken and not options.no_store and not options.replace:
        raise PermanentError(f"replay {name} exists; choose another --name, or --replace it")


def replay_as(
    options: argparse.Namespace,
    services: Services,
    spec: StrategySpec,
    name: str,
    cash: int,
    parameters: Parameters,
) -> Replayed:
    """Return the replay that the options describe."""
    timeline = past_timeline(services, options.first_on, options.last_on)
    now = services.clock.now()
    facts, is_synthetic = read_history(services, spec, timeline, cutoff_at=now)
    terms, cash_usd = cli_costs.terms_of(options, services), Decimal(cash)
    costs = cli_costs.costs_of(options, services, spec, facts, timeline)
    book = BookId(BookKind.REPLAY, name)
    eras = cli_replay_model.eras_for(options, services, spec, timeline, terms)
    models = cli_replay_model.names_of(eras)
    result = replay(spec, facts, timeline, book=book, cash_usd=cash_usd, terms=terms, costs=costs, eras=eras)
    benchmarks = benchmarks_of(facts, spec, timeline)
    label = RunLabel(
        name=name,
        made_at=now,
        configuration=configuration_of(
            spec, timeline, terms, cash_usd=cash_usd, costs=costs.described(), models=models
        ),
        data_cutoff_at=now,
        code_version=code_of(services),
        is_synthetic=is_synthetic,
        search=options.search,
        parameters=dict(parameters) or None,
    )
    return Replayed(result, facts, timeline, terms, costs, benchmarks, run_of(result, label, benchmarks))


def _keep(options: argparse.Namespace, services: Services, run: ReplayRun) -> None:
    with services.store.transaction() as tx:
        if options.no_store:
            tx.replays.log_trial(run.trial)
        else:
            tx.replays.save_run(run, replace=options.replace)
    with services.store.snapshot() as tx:
        trials = all_trials(tx)
    luck = probability(deflated_sharpe(run.trial, trials))
    print(f"deflated Sharpe {luck} over {counted(len(trials), 'trial')} (probability that it is more than luck)")
    if not options.no_store:
        print(f"stored as {run.name}; ./airdesk replay show {run.name}")


def _keep_verdicts(settings: Settings, replayed: Replayed) -> None:
    """Keep the verdicts of every hour in a file, for `why --book replay:NAME`."""
    kept = VerdictBook.of(
        replayed.result,
        code_version=replayed.run.code_version,
        delay_minutes=replayed.terms.delay_minutes,
        is_synthetic=replayed.run.is_synthetic,
    )
    verdict_files_of(settings).write(kept)


def _title(options: argparse.Namespace, replayed: Replayed, spec: StrategySpec) -> str:
    badge = f"{SYNTHETIC} " if replayed.run.is_synthetic else ""
    is_daily = replayed.run.configuration["daily_pricing"]
    pricing = "symbols without intraday bars trade on daily bars" if is_daily else "intraday bars only"
    return f"{badge}{spec.label}: {options.first_on} to {options.last_on} ({pricing})"
