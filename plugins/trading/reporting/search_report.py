"""One self-contained HTML page for a search: plateau or needle, the best trials, and the windows of a walk-forward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np

from trading.domain.market import SYNTHETIC
from trading.domain.searches import Conditions, Outcome, Search, SearchTrial, key_of, text_of
from trading.errors import PermanentError
from trading.reporting.charts import Series, TimeChart, linear_axis
from trading.reporting.charts_svg import drawn
from trading.reporting.page import Markup, captioned, html_of, page, paragraph, section, side_by_side, table
from trading.reporting.search_charts import robustness_charts, robustness_panels, window_chart
from trading.reporting.search_tables import cells_of, columns_of, is_walk_forward, sentences_of, title_of
from trading.reporting.wording import change, ratio, whole
from trading.research.forward import stitched
from trading.research.robustness import Robustness, averaged, robustness_of
from trading.research.scoring import value_of

LISTED = 25
"""Trials in the table."""


def write_search_report(
    folder: Path,
    search: Search,
    trials: Sequence[SearchTrial],
    outcomes: Sequence[Outcome],
    *,
    tested_on: Sequence[date],
    with_png: bool = False,
) -> list[Path]:
    """Write the page, and the robustness plot as a picture on request; return what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{search.name}.html"]
    paths[0].write_text(search_report(search, trials, outcomes, tested_on=tested_on), encoding="utf-8")
    if with_png:
        paths.append(folder / f"{search.name}.png")
        paths[1].write_bytes(search_png(search, trials))
    return paths


def search_png(search: Search, trials: Sequence[SearchTrial]) -> bytes:
    """Return heat maps of each pair of parameters and the scores over each one as a picture for a phone.

    Raises:
        PermanentError: no trial counts, so there is nothing to draw.
    """
    found = robustness_of(search.plan.axes, averaged(trials) if is_walk_forward(search) else trials)
    if found is None:
        raise PermanentError(f"{search.name}: no trial counts, so there is nothing to draw; lower --min-trades")
    # matplotlib takes half a second to load.
    from trading.reporting.charts_png import Picture, png_of

    badge = f"REPLAY, {SYNTHETIC} market" if search.is_synthetic else "REPLAY, no real money"
    said = f"{found.shape.value}; best: {found.best.key}"
    tiles = [(ratio(found.best.score), str(search.plan.objective))]
    return png_of(Picture(title_of(search), badge, said, tiles, tuple(robustness_panels(found))))


def search_report(
    search: Search, trials: Sequence[SearchTrial], outcomes: Sequence[Outcome], *, tested_on: Sequence[date]
) -> str:
    """Return the page; it loads nothing from anywhere.

    Args:
        tested_on: the sessions of all tests that are done, in order.
    """
    shown = averaged(trials) if is_walk_forward(search) else tuple(trials)
    found = robustness_of(search.plan.axes, shown)
    parts = [_head(search, trials)]
    if outcomes:
        parts.append(_windows_part(search, outcomes, tested_on))
    if found is not None:
        parts.append(_robustness_part(search, found))
    parts.append(_trials_part(search, shown))
    parts.append(section("How it was made", paragraph(_fine_print(search), kind="note")))
    return page(search.name, parts)


def _head(search: Search, trials: Sequence[SearchTrial]) -> Markup:
    badge = f'<span class="badge loud">{SYNTHETIC}</span>' if search.is_synthetic else ""
    said = "".join(f"<li>{html_of(sentence)}</li>" for sentence in sentences_of(search, trials))
    return Markup(f"<header>{badge}<h1>{html_of(title_of(search))}</h1><ul>{said}</ul></header>")


def _robustness_part(search: Search, found: Robustness) -> Markup:
    maps, singles = robustness_charts(found)
    over = ", mean over the windows that were searched on" if is_walk_forward(search) else ""
    return section(
        f"{found.shape.capitalize()}: {search.plan.objective} around the best trial{over}",
        *([side_by_side(*map(drawn, maps))] if maps else []),
        side_by_side(*(captioned(drawn(chart), chart.label) for chart in singles)),
        note="Each cell is the median over the other parameters, darker is better, the frame is the best trial. Below: "
        "median (dot) and best (ring) at each value. A plateau survives a small change of its numbers, a needle does "
        "not.",
    )


def _trials_part(search: Search, trials: Sequence[SearchTrial]) -> Markup:
    axes, columns = search.plan.axes, columns_of(search.plan.objective)
    ranked = sorted((t for t in trials if t.score is not None), key=lambda t: (-(t.score or 0.0), t.number))
    head = ["", *(axis.name for axis in axes), str(search.plan.objective)]
    if ranked and ranked[0].figures is not None:
        head += [name for name, _, _ in columns]
    rows = []
    for rank, trial in enumerate(ranked[:LISTED], start=1):
        cells = [str(rank), *(text_of(trial.parameters[axis.name]) for axis in axes), ratio(trial.score)]
        if trial.figures is not None:
            cells += cells_of(trial.figures, columns)
        rows.append(cells)
    notes = []
    if (left := len(ranked) - len(rows)) > 0:
        notes.append(paragraph(f"{left} more trials count.", kind="note"))
    if without := [t for t in trials if t.score is None]:
        notes.append(paragraph(f"{len(without)} do not count, e.g. {without[0].key}: {without[0].why}", kind="note"))
    return section("Best trials", table(head, rows, empty="no trial counts"), *notes)


def _windows_part(search: Search, outcomes: Sequence[Outcome], tested_on: Sequence[date]) -> Markup:
    objective = search.plan.objective
    rows = []
    for outcome in outcomes:
        window = search.windows[outcome.window]
        scores = [
            None if f is None else value_of(f, objective) for f in (outcome.train, outcome.test, outcome.own_test)
        ]
        winner = "own numbers: no trial counts" if outcome.winner is None else key_of(outcome.winner)
        trained = f"{window.train_first_on} to {window.train_last_on}"
        tested = f"{window.test_first_on} to {window.test_last_on}"
        rows.append([trained, tested, *map(ratio, scores), whole(outcome.test["entries"]), winner])
    head = ["searched on", "tested on", "searched", "tested", "own tested", "entries", "winner"]
    return section(
        "Out of sample",
        drawn(_equity_chart(outcomes, tested_on)),
        paragraph(f"{objective} of each window", kind="note"),
        drawn(window_chart(search, outcomes)),
        table(head, rows, kind="words"),
        note="Growth over the tests one behind the other. Each test begins in cash and ends marked to market; its "
        "growth carries on where the test before ended.",
    )


def _equity_chart(outcomes: Sequence[Outcome], tested_on: Sequence[date]) -> TimeChart:
    curves = {"winners": [o.test_equity for o in outcomes], "own numbers": [o.own_equity for o in outcomes]}
    lines = []
    for tone, (name, pieces) in enumerate(curves.items(), start=1):
        equity = stitched(pieces)
        growth = (equity / equity[0])[1:]
        lines.append(Series(name, growth, tone, change(float(growth[-1]) - 1.0)))
    levels = np.concatenate([line.values for line in lines])
    axis = linear_axis(float(levels.min()), float(levels.max()))
    days = np.array(tested_on, dtype="datetime64[D]")
    return TimeChart("growth over the tests one behind the other", days, lines, axis, ratio, base=1.0)


def _fine_print(search: Search) -> str:
    plan = search.plan
    windows = (
        f"train {plan.train_months}, test {plan.test_months} months, embargo {plan.embargo_sessions} sessions, "
        f"{'anchored' if plan.is_anchored else 'rolling'}; "
        if is_walk_forward(search)
        else ""
    )
    return (
        f"{windows}{plan.searcher}, at most {plan.trials_per_window} trials of a window, seed {plan.seed}; under "
        f"{plan.min_entry_count} filled entries a trial does not count; {_told(plan.conditions)}; facts known by "
        f"{search.cutoff_at:%Y-%m-%d %H:%M} UTC; code {search.code_version}, strategy {search.spec_hash}. Past figures "
        "promise nothing, searched ones least of all."
    )


def _told(told: Conditions) -> str:
    """Return what every replay of a search started with and paid, in words."""
    slippage = f", slippage of {told.slippage_volatility:g} daily volatilities" if told.slippage_volatility else ""
    pricing = "daily bars where hours are missing" if told.daily_pricing else "intraday bars only"
    return (
        f"{told.cash_usd:,} USD in a {told.account_type} account, {told.commission} commissions, half a spread of "
        f"{told.half_spread_bps:g} bp{slippage}, costs times {told.costs_times}; {pricing}, read "
        f"{told.delay_minutes} minutes late"
    )
