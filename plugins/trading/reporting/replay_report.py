"""The report of a replay: one HTML file that loads nothing, with what speaks against the result near its top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trading.accounting.trials import deflated_sharpe
from trading.domain.market import SYNTHETIC
from trading.domain.replays import ReplayRun, Trial
from trading.engine.missing import Gap, idle_sessions
from trading.engine.result import ReplayResult
from trading.reporting.charts_svg import drawn
from trading.reporting.critique import Evidence, objections
from trading.reporting.curve_charts import BOOK
from trading.reporting.figures import LINES, benchmark_name
from trading.reporting.page import Markup, html_of, page, section, side_by_side, table
from trading.reporting.replay_charts import equity_charts, exposure_chart, month_chart, replay_tiles
from trading.reporting.replay_sections import (
    cost_table,
    crisis_table,
    data_table,
    denial_table,
    exit_table,
    gate_table,
    missing_table,
    opening_table,
    optional_table,
    rule_key,
    rule_table,
    state_table,
    trade_tables,
)
from trading.reporting.replay_tables import head_lines
from trading.reporting.wording import counted


@dataclass(frozen=True)
class Findings:
    """What a report is made from.

    Attributes:
        run: with equity and trades. benchmarks: figures of what simply held would have done, by name.
        trials: every outcome that was looked at, this one too.
        dividend_count: dividends of the list that are stored for the range.
        by_cost: figures by factor on all costs; empty where the replay was not repeated.
        missing: hours and days without a bar.
    """

    result: ReplayResult
    run: ReplayRun
    benchmarks: Mapping[str, Mapping[str, float | None]]
    trials: Sequence[Trial]
    dividend_count: int
    by_cost: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)
    missing: Sequence[Gap] = ()

    @property
    def deflated(self) -> float | None:
        """Deflated Sharpe ratio over all trials."""
        return deflated_sharpe(self.run.trial, self.trials)

    def objections(self) -> tuple[str, ...]:
        """Return what speaks against the result."""
        opened = self.result.judgement.enters & ~self.result.judgement.blocked
        never = [s for s, is_open in zip(self.result.panel.symbols, opened.any(axis=0), strict=True) if not is_open]
        breaker = self.result.spec.protection
        evidence = Evidence(
            benchmarks=self.benchmarks,
            deflated=self.deflated,
            trial_count=len(self.trials),
            open_hours=int(opened.sum()),
            symbol_hours=opened.size,
            never_open=never,
            state_changes=self.result.state_changes,
            dividend_count=self.dividend_count,
            idle_sessions=idle_sessions(self.result),
            breaker_sells=breaker.breaker_exit == "all",
            breaker_sessions=counted(breaker.reentry_sessions, "session"),
            totals_by_cost={factor: figures["total_frac"] for factor, figures in self.by_cost.items()},
        )
        return objections(self.run, evidence)


def replay_report(found: Findings) -> str:
    """Return the report as one HTML document."""
    run, result = found.run, found.result
    title = f"{result.spec.label}: {run.first_on} to {run.last_on}"
    return page(
        f"{SYNTHETIC} {title}" if run.is_synthetic else title,
        (
            _head(found, title),
            _critique(found),
            section("Equity and drawdown", *map(drawn, equity_charts(run, result)), note=_EQUITY),
            section("Figures", side_by_side(_curve_figures(found), _trade_figures(found)), note=_FIGURES),
            section("Returns by month", drawn(month_chart(run)), note=_MONTHS),
            section("Crisis windows", crisis_table(run), note=_CRISES),
            section("Exposure by sector", drawn(exposure_chart(result, run)), note=_EXPOSURE),
            section("What let entries in, and kept them out", rule_key(), rule_table(result), note=_RULES),
            section("Entries by verdict of optional rules", optional_table(result, run), note=_OPTIONAL),
            section("How often entries were open", gate_table(result), note=_GATE),
            section("How often the sentiment gate opened", opening_table(result), note=_OPENINGS),
            section("Orders that the checks denied", denial_table(result), note=_DENIALS),
            section("What ended positions", exit_table(result), note=_EXITS),
            section("Worst and best trades", *trade_tables(run), note=_TRADES),
            section("Costs", cost_table(found.by_cost), note=_COSTS),
            section("Changes of the trading state", state_table(result)),
            section("Data holes", data_table(result), missing_table(found.missing), note=_HOLES),
            section("What the figures mean", _meanings()),
        ),
    )


_EQUITY = (
    "Growth of 1 USD at session closes, on a logarithmic scale where the range is wide, and the fall from the highest "
    "close so far. An upright line is a turn of the drawdown breaker, the shade is where it trips."
)
_FIGURES = (
    "Daily session closes, a year of 252 sessions, interest rate 0. A dash is a figure that is not defined. "
    "Benchmarks are bought once before the first session and held with the dividends that are stored, without costs."
)
_MONTHS = "Of the book at month ends, in percent. The last columns set its year beside the list and SPY, simply held."
_CRISES = "Return, and deepest fall inside the window, where the replay covers all of it."
_EXPOSURE = "Part of NAV in each sector at session closes, by market price; the rest is cash. The legend says the mean."
_RULES = (
    "Over all hours and symbols. “Kept out alone” counts the symbol-hours in which nothing but this rule stood in the "
    "way of an entry: it is what the rule costs, or saves."
)
_OPTIONAL = (
    "Closed trades by what an optional rule said when their entry was decided. A rule helps if PASS does better."
)
_GATE = "Part of the hours of a year in which every entry rule let the symbol in and nothing blocked it."
_OPENINGS = "Scores of headlines at session closes against the threshold of their rule, by how many stories were told."
_DENIALS = "Counted anew in every hour in which the same wish was denied; docs/strategy.md says what each code means."
_EXITS = "Sales by cause. A position that was trimmed counts once for each sale, so this adds up to all realised gains."
_TRADES = "Closed positions, commissions taken off, dividends not added."
_COSTS = "The whole replay again with every cost (spread, slippage, commission, fees) times 0, 1 and 2."
_HOLES = "A symbol without a price in an hour is neither bought nor sold in it. Daily: priced by its last daily close."


def _head(found: Findings, title: str) -> Markup:
    run = found.run
    badges = [("REPLAY, no real money", ""), *([(f"{SYNTHETIC} market", " loud")] if run.is_synthetic else [])]
    marks = "".join(f'<span class="badge{kind}">{html_of(text)}</span>' for text, kind in badges)
    facts = [("book", str(found.result.book)), *head_lines(run), ("beware", _survivors(found.result))]
    lines = "".join(f"<dt>{html_of(name)}</dt><dd>{html_of(value)}</dd>" for name, value in facts)
    tiles = "".join(f'<div class="tile"><b>{html_of(v)}</b><span>{html_of(n)}</span></div>' for n, v in _tiles(found))
    body = f'<h1>{html_of(title)}</h1><div class="tiles">{tiles}</div><dl class="facts">{lines}</dl>'
    return Markup(f"<header>{marks}{body}</header>")


def _tiles(found: Findings) -> list[tuple[str, str]]:
    line = {one.key: one for one in LINES}
    tiles = [(name, value) for value, name in replay_tiles(found.run)]
    if held := found.benchmarks.get("list"):
        tiles.insert(1, (benchmark_name("list"), line["total_frac"].of(held)))
    return [
        *tiles,
        (f"deflated Sharpe, {counted(len(found.trials), 'trial')}", line["deflated_sharpe"].word(found.deflated)),
    ]


def _survivors(result: ReplayResult) -> str:
    names = len(result.panel.symbols)
    return (
        f"The {names} names of the list are today's. They were chosen by people who knew how they had done, and what "
        "failed before is not among them: every figure here is flattered."
    )


def _critique(found: Findings) -> Markup:
    said = found.objections() or ("Nothing of what is looked for was found; that proves nothing.",)
    items = "".join(f"<li>{html_of(sentence)}</li>" for sentence in said)
    return Markup(f'<section class="critique"><h2>What speaks against this result</h2><ul>{items}</ul></section>')


def _curve_figures(found: Findings) -> Markup:
    columns = {BOOK: found.run.figures, **found.benchmarks}
    rows = ([line.name, *(line.of(f) for f in columns.values())] for line in LINES if line.is_of_curve)
    return table(["", *map(benchmark_name, columns)], rows)


def _trade_figures(found: Findings) -> Markup:
    figures = {**found.run.figures, "deflated_sharpe": found.deflated}
    return table(["", BOOK], ([ln.name, ln.of(figures)] for ln in LINES if not ln.is_of_curve))


def _meanings() -> Markup:
    return table(["figure", "definition"], ((line.name, line.means) for line in LINES), kind="words")
