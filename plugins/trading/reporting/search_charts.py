"""The charts of a search: scores over pairs of parameters, over each one, and by window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trading.domain.searches import Outcome, Parameters, Search, Value, text_of
from trading.reporting.charts import Chart, ColumnChart, Grid, Mark, Span, Values, linear_axis, span_of
from trading.reporting.wording import ratio
from trading.research.robustness import HeatMap, Marginal, Robustness
from trading.research.scoring import value_of


def heat_chart(heat: HeatMap, best: Parameters, span: Span) -> Grid:
    """Return a heat map of median scores with the best trial's cell framed; a dash is a cell without a score."""
    at = (heat.down.values.index(best[heat.down.name]), heat.across.values.index(best[heat.across.name]))
    return Grid(
        label=f"median score over {heat.down.name} and {heat.across.name}",
        columns=[text_of(v) for v in heat.across.values],
        rows=[(text_of(v), scores) for v, scores in zip(heat.down.values, heat.scores, strict=True)],
        word=ratio,
        spans=[span] * len(heat.across.values),
        best=at,
        across=heat.across.name,
        down=heat.down.name,
    )


def marginal_chart(name: str, marginals: Sequence[Marginal], best: Value, span: Span) -> ColumnChart:
    """Return median (dot) and best (ring) score at each value of a parameter; the best trial's value is bold."""
    values = [each.value for each in marginals]
    return ColumnChart(
        label=f"score by {name}",
        places=[text_of(v) for v in values],
        series=(
            Values("median", [each.median for each in marginals], 1, Mark.LINE),
            Values("best", [each.best for each in marginals], 1, Mark.RING),
        ),
        axis=linear_axis(*span, count=3),
        word=ratio,
        base=span[0],
        strong=values.index(best) if best in values else None,
        is_small=True,
    )


def window_chart(search: Search, outcomes: Sequence[Outcome]) -> ColumnChart:
    """Return the score of each window: searched, tested, own numbers tested."""
    objective = search.plan.objective
    rows = [[None if f is None else value_of(f, objective) for f in (o.train, o.test, o.own_test)] for o in outcomes]
    named = enumerate(("searched", "tested", "own numbers tested"))
    return ColumnChart(
        label=f"{objective} by window",
        places=[f"{search.windows[o.window].test_first_on:%Y-%m}" for o in outcomes],
        series=[Values(name, [row[n] for row in rows], tone) for (n, name), tone in zip(named, (3, 1, 2), strict=True)],
        axis=linear_axis(*span_of([0.0, *(score for row in rows for score in row)])),
        word=ratio,
    )


def robustness_charts(found: Robustness) -> tuple[list[Grid], list[ColumnChart]]:
    """Return the heat map of each pair of parameters, and the scores over each one."""
    best = found.best.parameters
    span = span_of(score for heat in found.heat_maps for row in heat.scores for score in row)
    reach = span_of(score for each in found.marginals.values() for m in each for score in (m.median, m.best))
    maps = [heat_chart(heat, best, span) for heat in found.heat_maps]
    return maps, [marginal_chart(name, each, best[name], reach) for name, each in found.marginals.items()]


def robustness_panels(found: Robustness) -> Iterator[Chart]:
    """Yield what a picture of a search shows."""
    maps, singles = robustness_charts(found)
    yield from maps
    yield from singles
