"""What a search says in the end, as plain values: stored with it, printed, and handed to other programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from trading.accounting.trials import deflated_sharpe, probabilistic_sharpe
from trading.domain.replays import Trial
from trading.domain.searches import Figures, Outcome, Search, SearchTrial, key_of
from trading.research.forward import forward_of
from trading.research.robustness import robustness_of
from trading.research.scoring import trial_from


def summary_of(search: Search, trials: Sequence[SearchTrial], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the result of a search whose trials and windows are all done.

    The deflated Sharpe ratio counts every trial of the search, also those with too few trades to win. In a
    walk-forward their spread is that inside the windows.
    """
    common = {
        "trials": len(trials),
        "counting": sum(t.score is not None for t in trials),
    }
    if search.windows[0].test_first_on is None:
        return common | _of_search(search, trials)
    return common | _of_forward(search, trials, outcomes)


def _of_search(search: Search, trials: Sequence[SearchTrial]) -> dict[str, Any]:
    found = robustness_of(search.plan.axes, trials)
    if found is None:
        return {"best": None}
    best = found.best
    assert best.figures is not None, "a trial with a score has figures"
    return {
        "best": dict(best.parameters),
        "score": best.score,
        "median_score": found.median_score,
        "shape": found.shape.value,
        "near_share": found.near_share,
        "at_edge": list(found.at_edge),
        "within_frac": found.within_frac,
        "neighbours": len(found.neighbours),
        "figures": dict(best.figures),
        **_beliefs(_trial(best.figures, best.key), _looked_at(trials)),
    }


def _of_forward(search: Search, trials: Sequence[SearchTrial], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    forward = forward_of(search.plan.axes, outcomes, search.plan.objective)
    if forward is None:
        return {"windows": 0}
    return {
        "windows": len(outcomes),
        "winners": [None if o.winner is None else key_of(o.winner) for o in outcomes],
        "train_mean": forward.train_mean,
        "test_mean": forward.test_mean,
        "own_mean": forward.own_mean,
        "kept_frac": forward.kept_frac,
        "figures": dict(forward.test),
        "own_figures": dict(forward.own),
        "stability": [asdict(each) for each in forward.stability],
        **_beliefs(_trial(forward.test, "stitched tests"), _apart_from_their_years(trials)),
    }


def _looked_at(trials: Sequence[SearchTrial]) -> list[Trial]:
    return [_trial(t.figures, f"{t.window} {t.key}") for t in trials if t.figures is not None]


def _apart_from_their_years(trials: Sequence[SearchTrial]) -> list[Trial]:
    """Return each trial with its Sharpe ratio less the mean of its window: numbers were searched, years were not."""
    apart: list[Trial] = []
    for number in sorted({trial.window for trial in trials}):
        group = _looked_at([trial for trial in trials if trial.window == number])
        known = [trial.sharpe for trial in group if trial.sharpe is not None]
        apart += [replace(t, sharpe=t.sharpe - fmean(known)) for t in group if t.sharpe is not None]
    return apart


def _trial(figures: Figures, key: str) -> Trial:
    return trial_from(figures, spec_hash="", configuration_hash=key)


def _beliefs(chosen: Trial, looked_at: Sequence[Trial]) -> Mapping[str, float | None]:
    """Return what is to be believed, and of how many trials the best had to be beaten."""
    return {
        "probabilistic_sharpe": probabilistic_sharpe(chosen),
        "deflated_sharpe": deflated_sharpe(chosen, looked_at),
        "worthless": sum(trial.sharpe is not None for trial in looked_at),
    }
