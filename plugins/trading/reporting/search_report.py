"""One self-contained HTML page for a search: plateau or needle, the best trials, and the windows of a walk-forward."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from trading.domain.searches import Outcome, Search, SearchTrial, key_of, text_of
from trading.reporting.heat_charts import STYLE, heat_map_svg, marginal_svg, span_of
from trading.reporting.search_tables import is_walk_forward, sentences_of, title_of
from trading.reporting.walk_charts import STYLE as WALK_STYLE
from trading.reporting.walk_charts import equity_svg, scores_svg
from trading.reporting.wording import change, fall, ratio, whole
from trading.research.robustness import Robustness, averaged, robustness_of
from trading.research.scoring import value_of

_LISTED = 25
_PAGE = (
    "body{font:15px/1.5 system-ui,sans-serif;color:#1c2733;max-width:1080px;margin:2em auto;padding:0 1em}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}.row{display:flex;flex-wrap:wrap;gap:24px}"
    "figure{margin:0}table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:3px 10px;"
    "text-align:right;border-bottom:1px solid #e3e9f0}th{color:#5b6b7c;font-weight:600}"
    ".badge{background:#d9480f;color:#fff;padding:2px 8px;border-radius:4px}.note{color:#5b6b7c;font-size:.9em}"
)


def search_report(search: Search, trials: Sequence[SearchTrial], outcomes: Sequence[Outcome]) -> str:
    """Return the page; it loads nothing from anywhere."""
    forward = is_walk_forward(search)
    shown = averaged(trials) if forward else tuple(trials)
    found = robustness_of(search.plan.axes, shown)
    badge = '<p><span class="badge">SYNTHETIC</span> The market is invented.</p>' if search.is_synthetic else ""
    said = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences_of(search, trials))
    parts = [f"<h1>{escape(title_of(search))}</h1>{badge}<ul>{said}</ul>"]
    if forward and outcomes:
        parts.append(_windows_part(search, outcomes))
    if found is not None:
        parts.append(_robustness_part(search, found))
    parts.append(_trials_part(search, shown))
    parts.append(f'<p class="note">{escape(_fine_print(search))}</p>')
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(search.name)}</title>'
        f"<style>{_PAGE}{STYLE}{WALK_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _robustness_part(search: Search, found: Robustness) -> str:
    best = found.best.parameters
    span = span_of(score for heat in found.heat_maps for row in heat.scores for score in row)
    maps = "".join(f"<figure>{heat_map_svg(heat, best, span)}</figure>" for heat in found.heat_maps)
    reach = span_of(score for each in found.marginals.values() for m in each for score in (m.median, m.best))
    singles = "".join(
        f"<figure>{marginal_svg(name, each, best[name], reach)}</figure>" for name, each in found.marginals.items()
    )
    over = ", mean over the windows that were searched on" if is_walk_forward(search) else ""
    return (
        f"<h2>Plateau or needle: {search.plan.objective}{over}</h2>"
        + (f'<div class="row">{maps}</div>' if maps else "")
        + '<p class="note">Each cell is the median over the other parameters; the frame is the best trial. Below: '
        f'median (dot) and best (ring) at each value.</p><div class="row">{singles}</div>'
    )


def _trials_part(search: Search, trials: Sequence[SearchTrial]) -> str:
    axes = search.plan.axes
    ranked = sorted((t for t in trials if t.score is not None), key=lambda t: (-(t.score or 0.0), t.number))
    head = ["", *(axis.name for axis in axes), "score"]
    has_figures = bool(ranked) and ranked[0].figures is not None
    head += ["Sharpe", "CAGR", "drawdown", "entries"] if has_figures else []
    rows = []
    for rank, trial in enumerate(ranked[:_LISTED], start=1):
        cells = [str(rank), *(text_of(trial.parameters[axis.name]) for axis in axes), ratio(trial.score)]
        if trial.figures is not None:
            f = trial.figures
            cells += [ratio(f["sharpe"]), change(f["cagr_frac"]), fall(f["drawdown_frac"]), whole(f["entries"])]
        rows.append(cells)
    left = len(ranked) - len(rows)
    more = f'<p class="note">{left} more trials count.</p>' if left > 0 else ""
    without = [t for t in trials if t.score is None]
    none = f'<p class="note">{len(without)} do not count, e.g. {escape(without[0].why or "")}</p>' if without else ""
    return f"<h2>Best trials</h2>{_table(head, rows)}{more}{none}"


def _windows_part(search: Search, outcomes: Sequence[Outcome]) -> str:
    objective = search.plan.objective
    rows = []
    for outcome in outcomes:
        window = search.windows[outcome.window]
        scores = [
            None if f is None else value_of(f, objective) for f in (outcome.train, outcome.test, outcome.own_test)
        ]
        winner = "own numbers: no trial counts" if outcome.winner is None else key_of(outcome.winner)
        rows.append(
            [
                f"{window.train_first_on} to {window.train_last_on}",
                f"{window.test_first_on} to {window.test_last_on}",
                *map(ratio, scores),
                whole(outcome.test["entries"]),
                winner,
            ]
        )
    head = ["searched on", "tested on", "searched", "tested", "own numbers tested", "entries", "winner"]
    return (
        f'<h2>Out of sample</h2><div class="row"><figure>{equity_svg(search, outcomes)}</figure>'
        f"<figure>{scores_svg(search, outcomes)}</figure></div>{_table(head, rows)}"
        '<p class="note">Each test begins in cash and ends marked to market; its growth carries on where the test '
        "before ended.</p>"
    )


def _fine_print(search: Search) -> str:
    plan, told = search.plan, search.plan.conditions
    windows = (
        f"train {plan.train_months}, test {plan.test_months} months, embargo {plan.embargo_sessions} sessions, "
        f"{'anchored' if plan.is_anchored else 'rolling'}; "
        if is_walk_forward(search)
        else ""
    )
    return (
        f"{windows}{plan.searcher}, at most {plan.trials_per_window} trials of a window, seed {plan.seed}; under "
        f"{plan.min_entry_count} filled entries a trial does not count; {told.cash_usd:,} USD, {told.commission} "
        f"commissions, half a spread of {told.half_spread_bps:g} bp, costs times {told.costs_times}; facts known by "
        f"{search.cutoff_at:%Y-%m-%d %H:%M} UTC; code {search.code_version}, strategy {search.spec_hash}. Past figures "
        "promise nothing, searched ones least of all."
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(word)}</th>" for word in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
