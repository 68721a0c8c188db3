"""`replay run --report DIR`: the report of a replay, and what it needs besides the replay itself."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from trading.analysis.facts import Facts
from trading.domain.market import ActionKind
from trading.domain.panel import FloatArray
from trading.domain.replays import ReplayRun
from trading.engine.arrival import Market
from trading.engine.hours import Terms, Timeline
from trading.engine.missing import Gap, missing_days, missing_hours
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.execution.costs import CostModel
from trading.ports import Services
from trading.reporting.replay_files import write_report
from trading.reporting.replay_report import Findings
from trading.tasks.replay_runs import BENCHMARKS, LIST, RunLabel, all_trials, benchmark_figures, run_of

FACTORS = (0, 1, 2)
"""On all costs."""


@dataclass(frozen=True)
class Replayed:
    """A replay with everything that its figures and its report need."""

    result: ReplayResult
    facts: Facts
    timeline: Timeline
    terms: Terms
    costs: CostModel
    benchmarks: dict[str, FloatArray]
    run: ReplayRun

    @cached_property
    def missing(self) -> tuple[Gap, ...]:
        """The hours and days without a bar: of what is traded, of the VIX, and of what it is compared with."""
        compared = (name for name in BENCHMARKS if name != LIST)
        symbols = dict.fromkeys((*self.result.panel.symbols, *compared))
        days = missing_days(self.facts, symbols, self.timeline)
        return (*missing_hours(self.result.panel, self.timeline), *days)


def add_to(parser: argparse.ArgumentParser) -> None:
    """Add the options of the report."""
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html and trades.csv into DIR")
    parser.add_argument("--png", action="store_true", help="with --report: pictures for messages too")
    parser.add_argument(
        "--cost-sensitivity",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with --report: replay again with every cost times 0 and 2",
    )


def write(options: argparse.Namespace, services: Services, replayed: Replayed) -> None:
    """Write the report's files and say where they are."""
    with services.store.snapshot() as tx:
        trials = all_trials(tx)
    by_cost = {factor: _with_costs_times(replayed, factor) for factor in FACTORS} if options.cost_sensitivity else {}
    run = replayed.run
    found = Findings(
        replayed.result,
        run,
        benchmark_figures(run),
        trials,
        _dividend_count(replayed),
        by_cost,
        replayed.missing,
    )
    for path in write_report(found, options.report, with_png=options.png):
        print(f"wrote {path}")


def _dividend_count(replayed: Replayed) -> int:
    """Return how many dividends of the list are stored for the range."""
    run, traded = replayed.run, frozenset(replayed.result.panel.symbols)
    paid = (a for a in replayed.facts.actions if a.kind is ActionKind.DIVIDEND and a.symbol in traded)
    return sum(run.first_on <= action.ex_on <= run.last_on for action in paid)


def _with_costs_times(replayed: Replayed, factor: int) -> dict[str, float | None]:
    """Return the figures of the same replay with every cost times `factor`; looking at costs is no trial."""
    if factor == 1:
        return dict(replayed.run.figures)
    result, terms = replayed.result, replayed.terms
    costs = replayed.costs.scaled(factor)
    again = replay_panel(
        result.spec,
        result.panel,
        Market.of(result.spec, replayed.facts, replayed.timeline, terms, costs),
        replayed.timeline,
        book=result.book,
        cash_usd=Decimal(repr(result.starting_usd)),
        terms=terms,
    )
    label = RunLabel(**{f.name: getattr(replayed.run, f.name) for f in fields(RunLabel)})
    return dict(run_of(again, label, replayed.benchmarks).figures)
