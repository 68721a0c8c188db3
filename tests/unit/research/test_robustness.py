"""A plateau is told from a needle; a walk-forward's windows make one curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from trading.domain.searches import Axis, Objective, Outcome, SearchTrial, best_of
from trading.research.forward import forward_of, stitched
from trading.research.robustness import Shape, robustness_of
from trading.research.scoring import figures_of_curve, score_of
from trading.research.searchers import chosen_points

from tests.unit.research.test_searchers import a_plan

AXES = (Axis("a", (1, 2, 3, 4, 5)), Axis("b", (1, 2, 3, 4, 5)), Axis("one", (9,)))


def trials(score, axes=AXES) -> list[SearchTrial]:
    points = chosen_points(a_plan(axes))
    return [SearchTrial(0, n, p, "", score(p), None, None) for n, p in enumerate(points)]


def needle(p) -> float:
    return 2.0 if (p["a"], p["b"]) == (3, 3) else 1.0


def plateau(p) -> float:
    return 2.0 - 0.01 * abs(p["a"] - 3) - 0.01 * abs(p["b"] - 3)


def test_a_plateau_and_a_needle_are_told_apart():
    found = robustness_of(AXES, trials(plateau))
    assert (found.shape, found.near_share, len(found.neighbours), found.neighbour_count) == (Shape.PLATEAU, 1.0, 8, 8)
    found = robustness_of(AXES, trials(needle))
    assert (found.shape, found.near_share, found.median_score) == (Shape.NEEDLE, 0.0, 1.0)
    assert found.best.parameters == {"a": 3, "b": 3, "one": 9}


def test_near_is_measured_from_a_best_score_under_zero_too():
    found = robustness_of(AXES, trials(lambda p: plateau(p) - 4.0))
    assert (found.best.score, found.near_share) == (-2.0, 1.0)


def test_a_best_trial_in_the_corner_has_fewer_neighbours():
    found = robustness_of(AXES, trials(lambda p: float(p["a"] + p["b"])))
    assert (found.best.parameters["a"], found.neighbour_count) == (5, 3)
    assert found.at_edge == ("a", "b")
    assert robustness_of(AXES, trials(plateau)).at_edge == ()


def test_neighbours_that_do_not_count_are_not_near_and_unmeasured_ones_say_nothing():
    found = robustness_of(AXES, trials(lambda p: None if p["a"] == 4 else plateau(p)))
    assert found.near_share == pytest.approx(5 / 8)
    few = [t for t in trials(plateau) if t.parameters["a"] == 3]
    assert robustness_of(AXES, few).shape is Shape.UNKNOWN, "two measured neighbours are too few"


def test_marginals_and_heat_maps_hold_every_value():
    found = robustness_of(AXES, trials(lambda p: None if p["b"] == 1 else float(10 * p["a"] + p["b"])))
    assert [m.value for m in found.marginals["a"]] == [1, 2, 3, 4, 5]
    assert (found.marginals["a"][0].median, found.marginals["a"][0].best) == (13.5, 15.0)
    assert (found.marginals["b"][0].median, found.marginals["b"][0].count) == (None, 5)
    (heat,) = found.heat_maps
    assert (heat.down.name, heat.across.name) == ("a", "b")
    assert heat.scores[1] == (None, 22.0, 23.0, 24.0, 25.0)


def test_no_trial_that_counts_is_no_best():
    none = trials(lambda _: None)
    assert best_of(none) is None
    assert robustness_of(AXES, none) is None


def test_the_earlier_of_equal_trials_is_the_best():
    assert best_of(trials(lambda _: 1.0)).number == 0


def curve(*growth: float, start: float = 100.0) -> tuple[float, ...]:
    return tuple(float(x) for x in start * np.cumprod([1.0, *growth]))


def outcome(window: int, winner, growth, train_sharpe=2.0) -> Outcome:
    equity = curve(*growth)
    figures = figures_of_curve(np.array(equity), 0.5, 3)
    return Outcome(window, winner, {**figures, "sharpe": train_sharpe}, figures, figures, equity, equity)


def test_windows_are_stitched_by_their_growth():
    joined = stitched([curve(1.1, 1.2), curve(0.5, 2.0, start=7.0)])
    assert joined == pytest.approx([100.0, 110.0, 132.0, 66.0, 132.0])


def test_a_walk_forward_says_what_was_kept_and_how_steady_the_winners_are():
    growth = (1.01, 0.995, 1.02, 0.999)
    outcomes = [outcome(n, {"a": a, "b": 2, "one": 9}, growth) for n, a in enumerate([1, 3, 3])]
    forward = forward_of(AXES, outcomes, Objective.SHARPE)
    assert forward.test["entries"] == forward.own["entries"] == 9
    assert forward.own == forward.test, "here the winners are the strategy's own numbers"
    assert forward.test["total_frac"] == pytest.approx(math.prod(growth) ** 3 - 1)
    assert forward.kept_frac == pytest.approx(forward.test_mean / 2.0)
    a, b, _ = forward.stability
    assert (a.values, a.most_chosen_share, a.mean_steps) == ((1, 3, 3), 2 / 3, 1.0)
    assert (b.most_chosen_share, b.mean_steps) == (1.0, 0.0)


def test_a_window_without_a_winner_has_no_value_of_its_parameters():
    forward = forward_of(AXES, [outcome(0, None, (1.01, 0.99))], Objective.SHARPE)
    assert forward.stability[0].values == (None,)
    assert forward.stability[0].most_chosen_share is None
    assert forward_of(AXES, [], Objective.SHARPE) is None


def test_a_score_needs_trades_and_a_figure():
    figures = figures_of_curve(np.array(curve(1.01, 0.99, 1.02)), 0.5, 4)
    assert score_of(figures, Objective.TOTAL, 4) == (figures["total_frac"], None)
    assert score_of(figures, Objective.SHARPE, 5) == (None, "entries that filled: 4, under 5, too few to say anything")
    flat = figures_of_curve(np.array([100.0, 100.0]), 0.0, 9)
    assert score_of(flat, Objective.SHARPE, 5)[1] == "no sharpe: the equity never moved or never fell"
