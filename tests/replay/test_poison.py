"""Poison of every kind, from many instants: no decision by t changes, in the panel and in the whole replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose
from trading.engine.futures import KINDS, cut, poison
from trading.engine.hours import Terms
from trading.engine.instants import telling_instants
from trading.engine.lookahead import Played, look_ahead
from trading.engine.replay import replay
from trading.execution.costs import CostModel

from tests.poison import BOOK, SPEC, decided, honest, leaks, played
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


def test_symbols_without_hours_that_wait_for_the_next_open_are_clean_too(plain):
    """Their entries wait through a session whose only bar is open: that it has begun is known, what it holds is not."""
    days_only = {key: bars for key, bars in plain.bars.items() if bars.resolution is Resolution.DAY}
    sessions, terms = timeline(), Terms(daily_pricing=True)

    def play(facts, some):
        return Played.of(
            replay(SPEC, facts, some, book=BOOK, cash_usd=Decimal(100_000), terms=terms, costs=CostModel())
        )

    def while_they_wait(whole):
        entries = [order for order in whole.orders if order.purpose is OrderPurpose.ENTRY]
        assert entries
        return [at + timedelta(hours=hours) for at in {o.planned_at for o in entries[:3]} for hours in (0, 24, 26)]

    assert look_ahead(play, replace(plain, bars=days_only), sessions, while_they_wait).leaks == ()


def test_a_bar_that_is_open_stays_with_values_that_nobody_can_know(plain):
    at = datetime(2024, 7, 22, 15, 45, tzinfo=UTC)
    kept = cut(plain, at).bars["GLD", Resolution.HALF_HOUR]
    true = plain.bars["GLD", Resolution.HALF_HOUR].take(slice(0, len(kept)))
    assert kept.starts_at[-1] == np.datetime64("2024-07-22T15:30")
    assert (kept.close[:-1] == true.close[:-1]).all()
    assert kept.close[-1] == 1000 * true.close[-1]


def test_an_instant_before_the_first_decision_has_nothing_to_compare(plain):
    sessions = timeline()
    assert leaks(honest, plain, sessions, [sessions.sessions[0].opens_at]) == ()
