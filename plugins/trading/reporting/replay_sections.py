"""The tables of a replay's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from trading.accounting.periods import CRISES, stretch_returns
from trading.analysis.facts import utc64
from trading.domain.panel import Why
from trading.domain.replays import ReplayRun, RunTrade
from trading.domain.signals import RuleRole
from trading.engine.missing import Gap
from trading.engine.result import ReplayResult
from trading.reporting.attribution import gains_by_exit, gains_by_optional_rule, open_by_year, rule_counts
from trading.reporting.figures import LINES, benchmark_name
from trading.reporting.missing import gap_line
from trading.reporting.page import Cell, Markup, bar, heat, paragraph, table
from trading.reporting.replay_charts import curves_of
from trading.reporting.story_tables import opening_rows, openings_of
from trading.reporting.wording import UNKNOWN, change, fall, gain, percent, whole

WORST, BEST = 10, 5
_ROLES = {
    RuleRole.ENTRY_REQUIRED: "must pass",
    RuleRole.ENTRY_OPTIONAL: "must not fail",
    RuleRole.SHRINK: "may only shrink",
    RuleRole.EXIT: "exit",
    RuleRole.BLOCK: "block",
}


def _with_start(growth: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.concatenate([[1.0], growth])


def crisis_table(run: ReplayRun) -> Markup:
    """Return return and drawdown of each crisis that the replay covers."""
    days, curves = curves_of(run)
    rows = []
    for stretch in CRISES:
        found = {name: stretch_returns(days, _with_start(growth), stretch) for name, growth in curves.items()}
        if any(found.values()):
            cells = [UNKNOWN if f is None else f"{change(f[0])} ({fall(f[1])})" for f in found.values()]
            rows.append([stretch.name, *cells])
    return table(["", *map(benchmark_name, curves)], rows, empty="The range covers none of them.")


def rule_key() -> Markup:
    """Return what the colours of a rule's bar mean."""
    parts = "".join(f"{bar([(kind, 1.0)]).html}{kind}" for kind in ("pass", "fail", "abstain"))
    return Markup(f'<p class="keys">{parts}</p>')


def rule_table(result: ReplayResult) -> Markup:
    """Return how often each rule passed, failed and abstained, and kept an entry out alone."""
    rows: list[list[Cell]] = []
    for count in rule_counts(result):
        total = max(count.passed + count.failed + count.abstained, 1)
        shares = [("pass", count.passed / total), ("fail", count.failed / total), ("abstain", count.abstained / total)]
        rows.append(
            [count.rule, _ROLES[count.role], bar(shares), *(percent(share) for _, share in shares), whole(count.alone)]
        )
    return table(["rule", "role", "", "pass", "fail", "abstain", "kept out alone"], rows, kind="named")


def optional_table(result: ReplayResult, run: ReplayRun) -> Markup:
    """Return what came of entries by the verdicts of optional rules."""
    found = gains_by_optional_rule(result, run.trades or ())
    rows = ([r, c.name, whole(c.count), percent(c.hit_frac), gain(c.gain_usd)] for r, c in found)
    head = ["rule", "verdict", "trades", "hit rate", "gain, USD"]
    return table(head, rows, kind="named", empty="No trade was closed, or there is no optional rule.")


def gate_table(result: ReplayResult) -> Markup:
    """Return how often entries were open, by symbol and year."""
    years, open_frac = open_by_year(result)
    rows: list[list[Cell]] = [
        [symbol, *(heat(f"{f:.1%}".removesuffix("%"), 0.75 * float(f)) for f in line), whole(hours)]
        for (symbol, hours), line in zip(result.hours_open.items(), open_frac, strict=True)
    ]
    return table(["% of hours", *map(str, years), "hours open"], rows, kind="months")


def opening_table(result: ReplayResult) -> Markup:
    """Return how often the score of headlines was over the threshold of its rule, by the stories told."""
    found = openings_of(result)
    rows = opening_rows(found[1]) if found else []
    head = ["stories in 72 hours", "symbol-days", f"over {found[0]:g}" if found else "", "part"]
    return table(head, rows, empty="No rule reads a score of headlines.")


def denial_table(result: ReplayResult) -> Markup:
    """Return denials by code, the most frequent first."""
    rows = ((code, whole(count)) for code, count in sorted(result.denials.items(), key=lambda item: -item[1]))
    return table(["code", "hours × orders"], rows, empty="No order was denied.")


def exit_table(result: ReplayResult) -> Markup:
    """Return sales by cause."""
    found = gains_by_exit(result)
    rows = [[c.name, whole(c.count), percent(c.hit_frac), gain(c.gain_usd), gain(c.gain_usd / c.count)] for c in found]
    if found:
        count, total = sum(c.count for c in found), sum(c.gain_usd for c in found)
        won = sum(c.won for c in found) / count
        rows.append(["all sales", whole(count), percent(won), gain(total), gain(total / count)])
    return table(["cause", "sales", "won", "gain, USD", "a sale, USD"], rows, empty="Nothing was sold.")


def trade_tables(run: ReplayRun) -> Sequence[Markup]:
    """Return the worst and the best closed trades."""
    by_gain = sorted(run.trades or (), key=lambda t: t.gain_usd)
    if not by_gain:
        return (paragraph("No trade was closed."),)
    best = by_gain[::-1][:BEST]
    return (_trades("worst", by_gain[:WORST]), _trades("best", best))


def _trades(name: str, trades: Sequence[RunTrade]) -> Markup:
    rows = (
        [
            t.symbol,
            f"{t.opened_at:%Y-%m-%d}",
            f"{t.closed_at:%Y-%m-%d}",
            whole(t.quantity),
            f"{t.entry_price:,.2f}",
            f"{t.exit_price:,.2f}",
            change(t.return_frac),
            gain(t.gain_usd),
            t.closed_by,
        ]
        for t in trades
    )
    return table([name, "entry", "exit", "shares", "bought at", "sold at", "return", "gain, USD", "closed by"], rows)


def cost_table(by_cost: Mapping[int, Mapping[str, float | None]]) -> Markup:
    """Return the figures that costs change, by factor on all costs."""
    shown = ("total_frac", "cagr_frac", "sharpe", "drawdown_frac", "trades", "profit_factor", "gain_usd", "costs_usd")
    lines = [line for line in LINES if line.key in shown]
    rows = ([f"costs × {factor}", *(line.of(figures) for line in lines)] for factor, figures in sorted(by_cost.items()))
    return table(["", *(line.name for line in lines)], rows, empty="Not measured (--no-cost-sensitivity).")


def state_table(result: ReplayResult) -> Markup:
    """Return what changed the trading state, and how long each state lasted in sessions."""
    closes = result.curve.as_of[result.curve.is_closing]
    begun = [int(np.searchsorted(closes, utc64(as_of))) for as_of, _ in result.state_changes]
    lasted = [after - before for before, after in pairwise([*begun, len(closes)])]
    rows = (
        [f"{as_of:%Y-%m-%d %H:%M} UTC", f"{n} sessions", sentence]
        for (as_of, sentence), n in zip(result.state_changes, lasted, strict=True)
    )
    return table(["when", "lasted", "why"], rows, kind="words", empty="It was ACTIVE throughout.")


def data_table(result: ReplayResult) -> Markup:
    """Return how the hours of each symbol were priced, and its longest stretch without a price."""
    panel = result.panel
    missing = panel.why_price != Why.KNOWN
    daily = (panel.daily_priced == 1.0) & ~missing
    rows = [
        [
            symbol,
            percent(1.0 - float(missing[:, i].mean()) - float(daily[:, i].mean())),
            percent(float(daily[:, i].mean())),
            whole(float(missing[:, i].sum())),
            whole(_longest(missing[:, i])),
        ]
        for i, symbol in enumerate(panel.symbols)
    ]
    return table(["", "hours by intraday bars", "daily", "hours without a price", "longest without"], rows)


def missing_table(gaps: Sequence[Gap]) -> Markup:
    """Return each stretch without bars; such hours are not traded."""
    rows = ([gap_line(gap)] for gap in gaps)
    return table(["missing, New York time"], rows, kind="words", empty="Every hour and every day had its bar.")


def _longest(missing: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """Return the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], missing, [False]]).astype(np.int8)))
    return max((last - first for first, last in list(pairwise(edges.tolist()))[::2]), default=0)
