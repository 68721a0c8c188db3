"""Poison of every kind, from many instants: no decision by t changes, in the panel and in the whole replay."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.domain.instruments import BookId, BookKind
from trading.engine.hours import Terms
from trading.engine.replay import replay
from trading.execution.costs import CostModel

from tests.builders import navs_by
from tests.poison import KINDS, SPEC, cut, decided, honest, leaks, moments, poison
from tests.replay.leak_world import awkward, timeline, world

BOOK = BookId(BookKind.REPLAY, "poison")


@pytest.fixture(scope="module")
def plain():
    return world()


@pytest.fixture(scope="module")
def facts(plain):
    return awkward(plain)


@pytest.mark.parametrize("terms", [Terms(), Terms(delay_minutes=15, daily_pricing=True)])
def test_no_decision_by_t_changes_whatever_is_known_later(facts, terms):
    sessions = timeline()
    instants = moments(sessions, facts, seed=20240701 + terms.delay_minutes, random=3)
    assert len(instants) > 15
    assert list(leaks(honest, facts, sessions, instants, terms=terms)) == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_fact_alone_reaches_back(facts, kind):
    sessions = timeline()
    instants = moments(sessions, facts, seed=len(kind), random=0)[::5]
    assert list(leaks(honest, facts, sessions, instants, kinds=[kind])) == []


def test_the_poison_is_strong_enough_to_change_what_comes_after(facts):
    """A check that could not fail would pass: each kind, poisoned early, changes some later decision."""
    sessions = timeline()
    at = sessions.sessions[1].opens_at
    before = decided(honest, facts, sessions, Terms())
    for kind in KINDS:
        after = decided(honest, poison(facts, at, frozenset({kind})), sessions, Terms())
        assert before != after, kind
        assert before != decided(honest, cut(facts, at, frozenset({kind})), sessions, Terms()), kind


@pytest.mark.parametrize("change", [cut, poison])
def test_no_order_fill_or_nav_by_t_changes_in_the_whole_replay(plain, change):
    sessions = timeline()

    def played(facts):
        return replay(SPEC, facts, sessions, book=BOOK, cash_usd=Decimal(100_000), terms=Terms(), costs=CostModel())

    whole = played(plain)
    instants = moments(sessions, plain, seed=5, random=2)
    busiest = sorted({fill.executed_at for fill in whole.fills})
    assert len(busiest) > 3
    for at in [*instants[::6], *busiest[1:3]]:
        again = played(change(plain, at))
        assert navs_by(whole, at) == navs_by(again, at)
        left, right = ([o for o in each.orders if o.planned_at <= at] for each in (whole, again))
        assert left == right, at
        left, right = ([f for f in each.fills if f.executed_at < at] for each in (whole, again))
        assert left == right, at
