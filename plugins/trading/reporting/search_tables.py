"""What a search says in the terminal: the best trials, what surrounds the best one, and the windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from trading.domain.market import SYNTHETIC
from trading.domain.searches import Figures, Objective, Outcome, Parameters, Search, SearchTrial, key_of, text_of
from trading.reporting.tables import table_of
from trading.reporting.wording import change, fall, percent, probability, ratio, whole
from trading.research.robustness import averaged, is_neighbour, robustness_of
from trading.research.scoring import value_of

BEST = 10
"""Trials that are listed."""
type Column = tuple[str, str, Callable[[float | None], str]]
"""Heading, key of the figure, and how it is worded."""


def columns_of(objective: Objective) -> tuple[Column, ...]:
    """Return what is shown of a trial beside its score."""
    columns: tuple[Column, ...] = (
        ("CAGR", "cagr_frac", change),
        ("drawdown", "drawdown_frac", fall),
        ("entries", "entries", whole),
    )
    return columns if objective is Objective.SHARPE else (("Sharpe", "sharpe", ratio), *columns)


def title_of(search: Search) -> str:
    """Return what the search is, in one line."""
    plan = search.plan
    badge = f"{SYNTHETIC} " if search.is_synthetic else ""
    asked = f"{plan.strategy}, {plan.first_on} to {plan.last_on}, {plan.searcher} for {plan.objective}"
    return f"{badge}{search.name}: {asked}"


def is_walk_forward(search: Search) -> bool:
    """Whether the search tests its winners on later months."""
    return search.windows[0].test_first_on is not None


def print_search(
    console: Console,
    search: Search,
    trials: Sequence[SearchTrial],
    outcomes: Sequence[Outcome],
    own: Parameters,
) -> None:
    """Print a search as far as it has come; `own` are the strategy's own numbers."""
    console.print(title_of(search))
    if not is_walk_forward(search):
        console.print(_best_table(search, trials, own))
    else:
        console.print(_windows_table(search, trials, outcomes))
    for sentence in sentences_of(search, trials):
        console.print(f"  {sentence}")


def sentences_of(search: Search, trials: Sequence[SearchTrial]) -> list[str]:
    """Return what is to be said about how much to believe."""
    said = [_robustness_sentence(search, trials)]
    if (summary := search.summary) is not None and "figures" in summary:
        said += _forward_sentences(summary) if "windows" in summary else [_belief(summary, "the best trial")]
    return said


def _robustness_sentence(search: Search, trials: Sequence[SearchTrial]) -> str:
    is_forward = is_walk_forward(search)
    found = robustness_of(search.plan.axes, averaged(trials) if is_forward else trials)
    if found is None:
        return f"none of {len(trials)} trials counts: {trials[0].why if trials else 'nothing was run yet'}"
    near = 0 if found.near_share is None else round(found.near_share * len(found.neighbours))
    edge = f"; the best lies at the edge of {' and '.join(found.at_edge)}" if found.at_edge else ""
    over = "mean score over the windows: " if is_forward else ""
    return (
        f"{over}{found.shape.value}: {near} of {len(found.neighbours)} neighbours of {found.best.key} lack at most "
        f"{percent(found.within_frac)} of its score; best {ratio(found.best.score)}, "
        f"median {ratio(found.median_score)} of {found.counting} trials that count{edge}"
    )


def _forward_sentences(summary: Any) -> list[str]:
    kept = summary["kept_frac"]
    return [
        f"mean score: searched on {ratio(summary['train_mean'])}, tested {ratio(summary['test_mean'])} "
        f"({'–' if kept is None else percent(kept)} kept), own numbers tested {ratio(summary['own_mean'])}",
        f"tests one behind the other: {_told(summary['figures'])}",
        f"own numbers on the same tests: {_told(summary['own_figures'])}",
        _belief(summary, "the tests one behind the other"),
        *(_steadiness(each) for each in summary["stability"]),
    ]


def _told(figures: Figures) -> str:
    return (
        f"total {change(figures['total_frac'])}, CAGR {change(figures['cagr_frac'])}, "
        f"Sharpe {ratio(figures['sharpe'])}, drawdown {fall(figures['drawdown_frac'])}, "
        f"{whole(figures['entries'])} entries"
    )


def _steadiness(each: Any) -> str:
    values = ", ".join("own" if v is None else text_of(v) for v in each["values"])
    share, steps = each["most_chosen_share"], each["mean_steps"]
    moved = "" if steps is None else f", {steps:.1f} steps from one window to the next"
    return f"{each['name']} by window: {values} (most chosen {percent(share)}{moved})"


def _belief(summary: Any, what: str) -> str:
    # What was summed up before the count was kept says how many trials there were.
    count = summary.get("worthless", summary["trials"])
    return (
        f"{what}: the true Sharpe is over 0 with probability {probability(summary['probabilistic_sharpe'])}, and over "
        f"that of the best of {count} worthless trials with {probability(summary['deflated_sharpe'])} "
        "(deflated)"
    )


def _best_table(search: Search, trials: Sequence[SearchTrial], own: Parameters) -> Table:
    """Return the best trials and every neighbour of the best one."""
    axes, columns = search.plan.axes, columns_of(search.plan.objective)
    names = [*(axis.name for axis in axes), search.plan.objective, *(name for name, _, _ in columns)]
    table = table_of("", "", *names, "")
    ranked = sorted((t for t in trials if t.score is not None), key=lambda t: (-(t.score or 0.0), t.number))
    for rank, trial in enumerate(ranked, start=1):
        remarks = ["own numbers"] if all(own.get(a.name) == trial.parameters[a.name] for a in axes) else []
        if rank > 1 and is_neighbour(axes, trial.parameters, ranked[0].parameters):
            remarks.append("next to it")
        if rank <= BEST or remarks:
            values = (text_of(trial.parameters[a.name]) for a in axes)
            cells = cells_of(trial.figures, columns)
            table.add_row(str(rank), *values, ratio(trial.score), *cells, ", ".join(remarks))
    return table


def cells_of(figures: Figures | None, columns: Sequence[Column]) -> list[str]:
    """Return the figures of a trial as text."""
    return [word(None if figures is None else figures[key]) for _, key, word in columns]


def _windows_table(search: Search, trials: Sequence[SearchTrial], outcomes: Sequence[Outcome]) -> Table:
    table = table_of("", "", "tested on", "searched", "tested", "own", "entries", "winner")
    done = {outcome.window: outcome for outcome in outcomes}
    objective = search.plan.objective
    for window in search.windows:
        outcome = done.get(window.number)
        span = f"{window.test_first_on:%Y-%m}..{window.test_last_on:%Y-%m}"
        if outcome is None:
            count = sum(t.window == window.number for t in trials)
            table.add_row(str(window.number + 1), span, "", "", "", "", f"{count} trials so far")
            continue
        scores = [
            None if f is None else value_of(f, objective) for f in (outcome.train, outcome.test, outcome.own_test)
        ]
        winner = "own numbers: no trial counts" if outcome.winner is None else key_of(outcome.winner)
        table.add_row(
            str(window.number + 1), span, *map(ratio, scores), whole(outcome.test["entries"]), winner
        )  # fmt: skip
    return table
