"""`replay list|show|compare|delete`: stored runs, and the books of `hourly_replay`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime

from rich.console import Console

from trading.accounting.trials import deflated_sharpe
from trading.bootstrap import services_for, verdict_files_of
from trading.domain.instruments import BookId, BookKind
from trading.domain.replays import ReplayRun, Trial
from trading.entrypoints import arguments
from trading.errors import PermanentError
from trading.ports import Transaction
from trading.reporting.figures import LINES
from trading.reporting.replay_tables import (
    compare_table,
    differences,
    figures_table,
    first_difference,
    head_lines,
    runs_table,
    trades_table,
)
from trading.reporting.wording import counted
from trading.settings import load_settings
from trading.tasks.replay_runs import all_runs, all_trials, benchmark_figures, forget_book, run_named

TRADES_SHOWN = 10


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands about stored runs."""
    listing = commands.add_parser("list", help="list stored runs and replay books")
    listing.add_argument("--search", help="only the runs of this parameter search")
    listing.set_defaults(run=_list)
    show = commands.add_parser("show", help="show a stored run: configuration, figures, newest trades")
    show.add_argument("name", help="name of the run, without replay:")
    show.add_argument(
        "--trades", type=arguments.natural, default=TRADES_SHOWN, help=f"how many trades; default {TRADES_SHOWN}"
    )
    show.set_defaults(run=_show)
    compare = commands.add_parser("compare", help="put stored runs beside one another")
    compare.add_argument("names", nargs="+", metavar="name", help="two names or more")
    compare.set_defaults(run=_compare)
    for reading in (listing, show, compare):
        reading.add_argument("--json", action="store_true", help="print JSON")
    delete = commands.add_parser("delete", help="delete a stored run, or a replay book with all its rows")
    delete.add_argument("name", help="name, without replay:")
    delete.set_defaults(run=_delete)


def _list(options: argparse.Namespace) -> int:
    with services_for(load_settings()).store.snapshot() as tx:
        runs = tx.replays.runs(search=options.search) if options.search else all_runs(tx)
    if options.json:
        print(json.dumps([run_as_json(run) for run in runs], indent=1))
    elif runs:
        Console().print(runs_table(runs))
    elif options.search:
        print(f"no stored run took its numbers from search {options.search}; ./airdesk replay run --search NAME does")
    else:
        print("no replay is stored; make one: ./airdesk replay run --from 2016-01-04 --to 2023-12-29")
    return 0


def _show(options: argparse.Namespace) -> int:
    with services_for(load_settings()).store.snapshot() as tx:
        run, trials = run_named(tx, options.name), all_trials(tx)
    figures = {**run.figures, "deflated_sharpe": deflated_sharpe(run.trial, trials)}
    if options.json:
        print(json.dumps(run_as_json(run, trials), indent=1))
        return 0
    console = Console()
    for name, value in head_lines(run):
        console.print(f"[bold]{name:14}[/bold]{value}", highlight=False)
    columns = {run.name: figures, **benchmark_figures(run)}
    console.print(figures_table(f"{run.name}: figures, {counted(len(trials), 'trial')} so far", columns, LINES))
    if options.trades and (trades := (run.trades or ())[-options.trades :]):
        console.print(trades_table(f"last {len(trades)} of {len(run.trades or ())} closed trades", trades))
    return 0


def _compare(options: argparse.Namespace) -> int:
    if len(set(options.names)) < 2:
        raise PermanentError("compare needs two names or more; ./airdesk replay list shows them")
    with services_for(load_settings()).store.snapshot() as tx:
        runs, trials = [run_named(tx, name) for name in dict.fromkeys(options.names)], all_trials(tx)
    if options.json:
        print(json.dumps([run_as_json(run, trials) for run in runs], indent=1))
        return 0
    console = Console()
    if (differing := differences(runs)) is not None:
        console.print(differing)
    console.print(compare_table(runs, {run.name: deflated_sharpe(run.trial, trials) for run in runs}))
    _print_first_difference(console, runs)
    return 0


def _print_first_difference(console: Console, runs: Sequence[ReplayRun]) -> None:
    for other in runs[1:]:
        trades = first_difference(runs[0].trades or (), other.trades or ())
        pair = f"{runs[0].name} and {other.name}"
        if trades == (None, None):
            console.print(f"{pair} closed the same {len(other.trades or ())} trades, prices and costs aside")
            continue
        console.print(f"{pair} differ from here on, by entry:")
        for run, trade in zip((runs[0], other), trades, strict=True):
            console.print(trades_table(run.name, () if trade is None else (trade,)))


def _delete(options: argparse.Namespace) -> int:
    settings = load_settings()
    with services_for(settings).store.transaction() as tx:
        if not tx.replays.delete_run(options.name):
            _delete_book(tx, options.name)
    verdict_files_of(settings).forget(options.name)
    print(f"replay {options.name} is deleted; its outcome still counts as a trial")
    return 0


def _delete_book(tx: Transaction, name: str) -> None:
    book = BookId(BookKind.REPLAY, name)
    if book not in tx.ledger.books():
        known = ", ".join(run.name for run in all_runs(tx))
        raise PermanentError(f"there is no replay {name}; stored: {known or 'none'}")
    forget_book(tx, book)


def run_as_json(run: ReplayRun, trials: Sequence[Trial] = ()) -> dict[str, object]:
    """Return a run as plain values, instants and dates in ISO format; with `trials` its deflated Sharpe ratio too."""
    found = asdict(run)
    if trials:
        found["figures"] = {**run.figures, "deflated_sharpe": deflated_sharpe(run.trial, trials)}
    plain = json.loads(json.dumps(found, default=_as_text))
    return {name: value for name, value in plain.items() if value is not None}


def _as_text(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{value!r} has no plain form")
