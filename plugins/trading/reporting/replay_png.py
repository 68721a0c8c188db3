"""A replay as PNGs for messages: equity with drawdown, and the months. The only module that loads matplotlib."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from trading.accounting.performance import drawdowns
from trading.accounting.periods import monthly_returns
from trading.domain.market import SYNTHETIC
from trading.domain.replays import ReplayRun
from trading.reporting.figures import benchmark_name
from trading.reporting.replay_charts import BOOK, curves_of
from trading.reporting.wording import change, points, tick

_COLOURS = ("#0a5fa8", "#c25a06", "#00735a", "#8d4a86")
_DASHES = ("solid", "dashed", "dotted", "dashdot")
_GAINS_BLUE = LinearSegmentedColormap.from_list("gains", ("#d8730f", "#ffffff", "#2c7fc4"))
_WIDE, _DPI = (9.0, 5.6), 120


def write_pngs(run: ReplayRun, folder: Path) -> list[Path]:
    """Write equity.png and months.png into `folder`; the files written."""
    drawn = {"equity.png": _equity(run), "months.png": _months(run)}
    for name, figure in drawn.items():
        figure.savefig(folder / name)
    return [folder / name for name in drawn]


def _titled(run: ReplayRun, what: str) -> Figure:
    figure = Figure(figsize=_WIDE, dpi=_DPI, layout="constrained")
    badge = f"{SYNTHETIC} market, " if run.is_synthetic else ""
    figure.suptitle(f"{badge}replay:{run.name} {run.first_on} to {run.last_on}: {what}", fontsize=11)
    return figure


def _equity(run: ReplayRun) -> Figure:
    figure = _titled(run, "growth of 1 USD and fall from the highest close")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
    days, curves = curves_of(run)
    for (name, growth), colour, dash in zip(curves.items(), _COLOURS, _DASHES, strict=False):
        width = 2.0 if name == BOOK else 1.1
        label = f"{benchmark_name(name)} {change(float(growth[-1]) - 1.0)}"
        above.plot(days, growth, color=colour, linestyle=dash, linewidth=width, label=label)
        falls = -100.0 * drawdowns(np.concatenate([[1.0], growth]))[1:]
        below.plot(days, falls, color=colour, linestyle=dash, linewidth=width)
    above.set_yscale("log")
    above.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    above.yaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    above.yaxis.set_minor_formatter(NullFormatter())
    above.legend(frameon=False, fontsize=9)
    below.set_ylabel("%")
    for axes in (above, below):
        axes.grid(alpha=0.25)
    return figure


def _months(run: ReplayRun) -> Figure:
    figure = _titled(run, "returns by month, %")
    days, curves = curves_of(run)
    months = monthly_returns(days, np.concatenate([[1.0], curves[BOOK]]))
    years = sorted({year for year, _ in months})
    grid = np.full((len(years), 12), np.nan)
    for (year, month), frac in months.items():
        grid[years.index(year), month - 1] = 100.0 * frac
    axes = figure.subplots()
    axes.imshow(grid, cmap=_GAINS_BLUE, vmin=-8.0, vmax=8.0, aspect="auto")
    axes.set_yticks(range(len(years)), map(str, years))
    axes.set_xticks(range(12), ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"])
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            axes.text(column, row, points(value / 100.0), ha="center", va="center", fontsize=8)
    return figure
