"""The robustness plot of a search as a PNG, for messages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trading.domain.searches import Parameters, Search, SearchTrial, text_of
from trading.errors import PermanentError
from trading.reporting.heat_charts import span_of
from trading.reporting.search_tables import is_walk_forward, title_of
from trading.reporting.wording import ratio
from trading.research.robustness import HeatMap, Marginal, averaged, robustness_of


def write_picture(path: Path, search: Search, trials: Sequence[SearchTrial]) -> None:
    """Write heat maps of each pair of parameters and the marginals of each one.

    Raises:
        PermanentError: no trial counts, so there is nothing to draw.
    """
    found = robustness_of(search.plan.axes, averaged(trials) if is_walk_forward(search) else trials)
    if found is None:
        raise PermanentError(f"{search.name}: no trial counts, so there is nothing to draw; lower --min-trades")
    # matplotlib takes half a second to load. No pyplot: it keeps figures of the whole process.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(found.heat_maps) + len(found.marginals)
    columns = min(3, count)
    rows = -(-count // columns)
    figure = Figure(figsize=(4.6 * columns, 3.6 * rows + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = np.asarray(figure.subplots(rows, columns, squeeze=False)).ravel()
    span = span_of(score for heat in found.heat_maps for row in heat.scores for score in row)
    for ax, heat in zip(axes, found.heat_maps, strict=False):
        _draw_heat_map(ax, heat, found.best.parameters, span)
    for ax, (name, marginals) in zip(axes[len(found.heat_maps) :], found.marginals.items(), strict=False):
        _draw_marginal(ax, name, marginals)
    for ax in axes[count:]:
        ax.set_axis_off()
    figure.suptitle(f"{title_of(search)}\n{found.shape.value}, best {ratio(found.best.score)}: {found.best.key}")
    figure.savefig(path, dpi=110)


def _draw_heat_map(ax: Any, heat: HeatMap, best: Parameters, span: tuple[float, float]) -> None:
    values = np.array([[np.nan if score is None else score for score in row] for row in heat.scores])
    ax.imshow(values, cmap="Blues", vmin=span[0], vmax=span[1], aspect="auto")
    for row, column in np.ndindex(values.shape):
        is_dark = values[row, column] > sum(span) / 2
        text = ratio(heat.scores[row][column])
        ax.text(column, row, text, ha="center", va="center", color="white" if is_dark else "black", fontsize=8)
    at = (heat.across.values.index(best[heat.across.name]), heat.down.values.index(best[heat.down.name]))
    ax.plot(*at, marker="s", markersize=22, markerfacecolor="none", markeredgecolor="#d9480f", markeredgewidth=2)
    ax.set_xticks(range(len(heat.across.values)), [text_of(v) for v in heat.across.values])
    ax.set_yticks(range(len(heat.down.values)), [text_of(v) for v in heat.down.values])
    ax.set_xlabel(heat.across.name)
    ax.set_ylabel(heat.down.name)


def _draw_marginal(ax: Any, name: str, marginals: Sequence[Marginal]) -> None:
    places = range(len(marginals))
    ax.plot(
        places, [np.nan if m.median is None else m.median for m in marginals], "o-", color="#0b3d7a", label="median"
    )
    ax.plot(
        places, [np.nan if m.best is None else m.best for m in marginals], "o", mfc="none", mec="#0b3d7a", label="best"
    )
    ax.set_xticks(places, [text_of(m.value) for m in marginals])
    ax.set_xlabel(name)
    ax.set_ylabel("score")
    ax.legend(fontsize=8)
