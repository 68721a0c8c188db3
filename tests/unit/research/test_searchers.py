"""A grid enumerates exactly; a sampler repeats itself for a seed and no point within it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.adapters.optuna_searcher import OptunaSearcher
from trading.domain.searches import Axis, Plan, SearchKind, key_of
from trading.research.searchers import GridSearcher, chosen_points

AXES = (Axis("rsi_exit", tuple(range(60, 90, 5))), Axis("trail", (0.10, 0.11, 0.12, 0.13, 0.14, 0.15)))


def a_plan(axes=AXES, **changes) -> Plan:
    return Plan(SearchKind.SEARCH, "technical_core", date(2020, 1, 2), date(2020, 12, 31), axes, **changes)


def asked(searcher, score) -> list[str]:
    keys = []
    while (parameters := searcher.ask()) is not None:
        keys.append(key_of(parameters))
        searcher.tell(parameters, score(parameters))
    return keys


def hill(parameters) -> float | None:
    """One peak at rsi_exit=75 trail=0.13; high stops do not count."""
    if parameters["trail"] > 0.14:
        return None
    return 1.0 - abs(parameters["rsi_exit"] - 75) / 30 - abs(parameters["trail"] - 0.13) * 10


axes_of_any_size = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(
    lambda sizes: tuple(Axis(f"p{number}", tuple(range(size))) for number, size in enumerate(sizes))
)


@given(axes_of_any_size)
def test_a_grid_has_every_point_once(axes):
    plan = a_plan(axes)
    points = chosen_points(plan)
    assert len(points) == plan.point_count == len({key_of(point) for point in points})
    assert all(point[axis.name] in axis.values for point in points for axis in axes)


@given(axes_of_any_size, st.integers(1, 300))
def test_fewer_trials_are_spread_over_the_grid(axes, count):
    plan = a_plan(axes, trial_count=count)
    points = chosen_points(plan)
    assert len(points) == min(count, plan.point_count)
    assert len({key_of(point) for point in points}) == len(points)
    assert points[0] == chosen_points(a_plan(axes))[0]


def test_a_grid_is_asked_in_order_whatever_it_is_told():
    keys = asked(GridSearcher(a_plan()), hill)
    assert keys[:2] == ["rsi_exit=60 trail=0.1", "rsi_exit=60 trail=0.11"]
    assert keys == asked(GridSearcher(a_plan()), lambda _: None)


def test_a_seed_gives_the_same_trials_and_another_one_others():
    first, again, other = (asked(OptunaSearcher(a_plan(trial_count=20, seed=s)), hill) for s in (5, 5, 6))
    assert first == again
    assert first != other
    assert len(set(first)) == 20


def test_a_sampler_finds_the_hill_in_half_of_the_grid():
    keys = asked(OptunaSearcher(a_plan(trial_count=18)), hill)
    assert "rsi_exit=75 trail=0.13" in keys


@pytest.mark.parametrize("count", [None, 36, 500])
def test_a_sampler_that_may_do_everything_ends_by_itself(count):
    keys = asked(OptunaSearcher(a_plan((AXES[0],), trial_count=count)), lambda p: -abs(p["rsi_exit"] - 70))
    assert len(keys) == len(set(keys)) <= 6
    assert "rsi_exit=70" in keys


def test_a_sampler_says_nothing(capfd):
    asked(OptunaSearcher(a_plan(trial_count=3)), hill)
    assert capfd.readouterr() == ("", "")


def test_a_plan_survives_being_stored():
    plan = a_plan((*AXES, Axis("breaker_exit", ("all", "none"))), trial_count=9, train_months=12, test_months=3)
    assert Plan.from_json(plan.as_json()) == plan
