"""What a replay says in the terminal: the book beside simply holding its list, trades by symbol, and the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from trading.accounting.performance import figures_of
from trading.domain.orders import OrderPurpose, Side
from trading.domain.panel import FloatArray
from trading.domain.replays import ReplayRun
from trading.engine.plain_trades import Execution
from trading.engine.result import ReplayResult
from trading.reporting.figures import LINES, benchmark_name
from trading.reporting.story_tables import openings_of, openings_table
from trading.reporting.tables import table_of
from trading.reporting.wording import counted, percent, whole

_FIGURES = ("total_frac", "cagr_frac", "sharpe", "sortino", "drawdown_frac")
MOST_WHOLE_YEARS = 7


def print_summary(
    console: Console, title: str, result: ReplayResult, run: ReplayRun, benchmarks: Mapping[str, FloatArray]
) -> None:
    """Print the book beside its comparisons, then what it traded."""
    lines = [line for line in LINES if line.key in _FIGURES]
    console.print(title, style="italic", highlight=False)
    table = table_of("", "", *(line.name for line in lines))
    rows = {str(result.book): run.figures, **{n: asdict(figures_of(growth)) for n, growth in benchmarks.items()}}
    for name, figures in rows.items():
        table.add_row(benchmark_name(name), *(line.of(figures) for line in lines))
    console.print(table)
    nav = run.starting_usd if run.equity is None else run.equity.nav_usd[-1]
    entries = sum(o.purpose is OrderPurpose.ENTRY for o in result.orders)
    console.print(
        f"NAV {nav:,.2f} USD from {run.starting_usd:,.0f}; {counted(len(result.ledger.booked), 'fill')} of "
        f"{'1 entry' if entries == 1 else f'{whole(entries)} entries'} and their exits; "
        f"{counted(sum(result.denials.values()), 'denial')}, each hour counted; mean invested "
        f"{percent(run.figures['exposure_frac'])}; {counted(len(result.curve), 'hour')}",
        highlight=False,
    )
    console.print(entries_table(result))
    if found := openings_of(result):
        console.print(openings_table(*found))
    for as_of, sentence in result.state_changes:
        console.print(f"  {as_of:%Y-%m-%d %H:%M} UTC  {sentence}")


def entries_table(result: ReplayResult) -> Table:
    """Return filled entries by symbol and year, with the hours in which the entry rules passed; a zero is shown."""
    years = sorted({int(y) for y in result.curve.session_on.astype("datetime64[Y]").astype(int) + 1970})
    # All years fit into 80 columns.
    heads = [str(year) if len(years) <= MOST_WHOLE_YEARS else f"{year % 100:02d}" for year in years]
    title = f"filled entries a year, {years[0]} to {years[-1]}" if len(years) > 1 else "filled entries a year"
    bought = [(one.symbol, _year_of(one)) for one in result.ledger.executions if one.side is Side.BUY]
    table = table_of(title, "symbol", *heads, "all", "hours open")
    hours_open = result.hours_open
    for symbol in result.panel.symbols:
        counts = [bought.count((symbol, year)) for year in years]
        table.add_row(symbol, *(str(c) for c in counts), str(sum(counts)), whole(hours_open[symbol]))
    totals = [sum(on == year for _, on in bought) for year in years]
    table.add_row("all", *(str(t) for t in totals), str(sum(totals)), whole(sum(hours_open.values())))
    return table


def _year_of(one: Execution) -> int:
    return datetime.fromtimestamp(one.at / 1e6, UTC).year
