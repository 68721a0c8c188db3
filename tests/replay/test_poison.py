"""Poison of every kind, from many instants: no decision by t changes, in the panel and in the whole replay."""

from __future__ import annotations

import pytest
from trading.engine.futures import KINDS, cut, poison
from trading.engine.hours import Terms
from trading.engine.instants import telling_instants
from trading.engine.lookahead import look_ahead

from tests.poison import decided, honest, leaks, played
from tests.replay.leak_world import awkward, timeline, world


@pytest.fixture(scope="module")
def plain():
    return world()


@pytest.fixture(scope="module")
def facts(plain):
    return awkward(plain)


@pytest.mark.parametrize("terms", [Terms(), Terms(delay_minutes=15, daily_pricing=True)])
def test_no_decision_by_t_changes_whatever_is_known_later(facts, terms):
    sessions = timeline()
    instants = telling_instants(sessions, facts, seed=20240701 + terms.delay_minutes, count=20)
    assert len(instants) == 20
    assert leaks(honest, facts, sessions, instants, terms=terms) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_fact_alone_reaches_back(facts, kind):
    sessions = timeline()
    instants = telling_instants(sessions, facts, seed=len(kind), count=4)
    assert leaks(honest, facts, sessions, instants, kinds=[kind]) == ()


def test_the_poison_is_strong_enough_to_change_what_comes_after(facts):
    """A check that could not fail would pass: each kind, poisoned early, changes some later decision."""
    sessions = timeline()
    at = sessions.sessions[1].opens_at
    before = decided(honest, facts, sessions, Terms())
    for kind in KINDS:
        after = decided(honest, poison(facts, at, frozenset({kind})), sessions, Terms())
        assert before != after, kind
        assert before != decided(honest, cut(facts, at, frozenset({kind})), sessions, Terms()), kind


def test_no_order_fill_or_nav_by_t_changes_in_the_whole_replay(plain):
    sessions = timeline()

    def where_it_trades(whole):
        assert len({fill.executed_at for fill in whole.fills}) > 3
        planned = [order.planned_at for order in whole.orders]
        return telling_instants(sessions, plain, decided_at=planned, seed=5, count=6)

    assert look_ahead(played, plain, sessions, where_it_trades).leaks == ()
