"""`replay search` and `replay walk-forward`: which numbers would have done best, and how much to believe it."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console

from trading.bootstrap import searcher_for, services_for
from trading.domain.searches import (
    OPTUNA_TRIALS,
    Conditions,
    Objective,
    Plan,
    Search,
    SearcherName,
    SearchKind,
    SearchTrial,
)
from trading.entrypoints import arguments, cli_costs
from trading.entrypoints.progress import told_of_each
from trading.errors import ConfigurationError
from trading.ports import Services
from trading.reporting.search_tables import print_search
from trading.settings import Settings, load_settings
from trading.strategy.catalogue import STRATEGIES, spec_named
from trading.strategy.space import PARAMETERS, axes_of, own_values
from trading.tasks.research import (
    conditions_of,
    current,
    finish_search,
    open_search,
    read_search,
    run_window,
    stored_search,
    tested_sessions,
)


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    search = commands.add_parser(
        "search",
        help="replay a stretch of history with many numbers and show which did best",
        description="With a new NAME and --set: search. With a stored NAME alone: go on with it, or show it. "
        f"What may vary: {_known()}.",
    )
    _add_plan(search)
    search.set_defaults(run=_run, kind=SearchKind.SEARCH)
    forward = commands.add_parser(
        "walk-forward",
        help="search on months of history, test the winner on the months that follow, and move on",
        description="With a new NAME and --set: walk. With a stored NAME alone: go on with it, or show it. "
        f"What may vary: {_known()}.",
    )
    _add_plan(forward)
    forward.add_argument("--train", type=arguments.positive, default=24, help="months to search on (default 24)")
    forward.add_argument("--test", type=arguments.positive, default=6, help="months to test the winner on (default 6)")
    forward.add_argument(
        "--embargo", type=arguments.natural, default=5, help="sessions left out before each test (default 5)"
    )
    forward.add_argument("--anchored", action="store_true", help="always search from the first month on")
    forward.set_defaults(run=_run, kind=SearchKind.WALK_FORWARD)


def _known() -> str:
    return ", ".join(f"{p.name} ({p.bounds})" for p in PARAMETERS.values())


def _add_plan(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("name", nargs="?", help="of the search; without one, the stored searches are listed")
    add("--from", dest="first_on", type=arguments.day, help="first session")
    add("--to", dest="last_on", type=arguments.day, help="last session")
    add("--strategy", choices=sorted(STRATEGIES), help="default: AIRDESK_STRATEGY")
    add("--set", dest="sets", action="append", default=[], metavar="NAME=LOW..HIGH:STEP|A,B,C", help="what varies")
    add("--searcher", choices=list(SearcherName), default=SearcherName.GRID, help="every point, or Optuna's TPE")
    add(
        "--trials",
        type=arguments.positive,
        help=f"most trials of a window (default: the grid; {OPTUNA_TRIALS} with optuna)",
    )
    add("--seed", type=arguments.natural, default=1, help="of optuna (default 1)")
    add("--objective", choices=list(Objective), default=Objective.SHARPE, help="what is made large (default sharpe)")
    add(
        "--min-trades",
        type=arguments.natural,
        default=20,
        help="filled entries under which a trial does not count (default 20)",
    )
    add("--cash", type=arguments.cash_usd, help="starting cash in USD; default: AIRDESK_STARTING_CASH_USD")
    cli_costs.add_to(parser)
    add("--report", type=Path, metavar="DIR", help="write NAME.html with the robustness plot into DIR")
    add("--png", action="store_true", help="with --report: the plot as a picture, NAME.png, too")
    add("--json", action="store_true", help="print everything as JSON instead of tables")


def _run(options: argparse.Namespace) -> int:
    arguments.check_report(options.report, with_png=options.png)
    settings = load_settings()
    services = services_for(settings)
    if options.name is None:
        return _list(services)
    search = _asked(options, services, settings)
    if search.summary is None:
        current(services, search)
        with told_of(search) as told:
            for window in search.windows:
                run_window(services, search, window, searcher_for(search.plan), told=told)
        search = finish_search(services, search)
    _show(options, services, search)
    return 0


def _list(services: Services) -> int:
    with services.store.snapshot() as tx:
        names = tx.searches.names()
    print("\n".join(names) if names else "no searches are stored; begin one with a name and --set")
    return 0


def _asked(options: argparse.Namespace, services: Services, settings: Settings) -> Search:
    if not options.sets:
        return stored_search(services, options.name)
    if options.first_on is None or options.last_on is None:
        raise ConfigurationError("a new search needs --from and --to; give both dates")
    arguments.check_span(options.first_on, options.last_on)
    return open_search(services, options.name, _plan_of(options, services, settings))


def _plan_of(options: argparse.Namespace, services: Services, settings: Settings) -> Plan:
    is_forward = options.kind is SearchKind.WALK_FORWARD
    return Plan(
        kind=options.kind,
        strategy=options.strategy or settings.strategy,
        first_on=options.first_on,
        last_on=options.last_on,
        axes=axes_of(options.sets),
        searcher=SearcherName(options.searcher),
        objective=Objective(options.objective),
        trial_count=options.trials,
        seed=options.seed,
        min_entry_count=options.min_trades,
        train_months=options.train if is_forward else None,
        test_months=options.test if is_forward else None,
        embargo_sessions=options.embargo if is_forward else 0,
        is_anchored=is_forward and options.anchored,
        conditions=_conditions(options, services, options.cash or settings.starting_cash_usd),
    )


def _conditions(options: argparse.Namespace, services: Services, cash_usd: int) -> Conditions:
    own = conditions_of(services, cash_usd=cash_usd)
    return replace(
        own,
        commission=str(options.commission or own.commission),
        half_spread_bps=own.half_spread_bps if options.half_spread_bps is None else options.half_spread_bps,
        slippage_volatility=options.slippage_volatility,
        costs_times=options.costs_times,
        account_type=str(options.account_type or own.account_type),
    )


def _show(options: argparse.Namespace, services: Services, search: Search) -> None:
    trials, outcomes = read_search(services, search)
    if options.json:
        print(json.dumps(_as_json(search, trials, outcomes), indent=1))
    else:
        own = own_values(spec_named(search.plan.strategy))
        print_search(Console(), search, trials, outcomes, own)
    if options.report is not None:
        from trading.reporting.search_report import write_search_report

        tested_on = tested_sessions(services, search, outcomes)
        for path in write_search_report(
            options.report, search, trials, outcomes, tested_on=tested_on, with_png=options.png
        ):
            print(f"wrote {path}", file=sys.stderr)


def _as_json(search: Search, trials: tuple[SearchTrial, ...], outcomes: tuple[Any, ...]) -> dict[str, Any]:
    """Return a search with everything in it as plain values."""
    return {
        "name": search.name,
        "plan": search.plan.as_json(),
        "is_synthetic": search.is_synthetic,
        "cutoff_at": search.cutoff_at.isoformat(),
        "code_version": search.code_version,
        "windows": [[str(day) for day in _days(window)] for window in search.windows],
        "summary": search.summary,
        "trials": [_plain(trial) for trial in trials],
        "outcomes": [_plain(outcome) for outcome in outcomes],
    }


def _days(window: Any) -> tuple[date | None, ...]:
    return (window.train_first_on, window.train_last_on, window.test_first_on, window.test_last_on)


def _plain(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in record.__dataclass_fields__}


@contextmanager
def told_of(search: Search) -> Iterator[Callable[[SearchTrial], None]]:
    """Yield what hears of each trial: a bar on a terminal, else every tenth as a line on stderr."""
    total = search.plan.trials_per_window * len(search.windows)
    numbers = itertools.count(1)

    def every_tenth(line: str) -> None:
        count = next(numbers)
        if count % 10 == 0 or count == total:
            print(f"{count}/{total} {line}", file=sys.stderr, flush=True)

    with told_of_each(total, every_tenth) as hear:
        yield lambda trial: hear(_line(search, trial))


def _line(search: Search, trial: SearchTrial) -> str:
    window = f"{search.windows[trial.window].train_first_on:%Y-%m} " if len(search.windows) > 1 else ""
    return f"{window}{trial.key}: {'–' if trial.score is None else f'{trial.score:.2f}'}"
