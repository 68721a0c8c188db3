"""A model may only take away: from the same book, the orders with it are some of those without it, none larger."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Order, OrderPurpose, Side
from trading.domain.portfolio import Portfolio
from trading.domain.signals import RuleRole
from trading.engine.hours import Hours
from trading.engine.playing import Played, play
from trading.engine.rebalance import rebalance_step
from trading.engine.shrinking import MODEL
from trading.engine.state import BookState, Step
from trading.engine.step import step
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec

from tests.replay.random_markets import RandomMarket, random_market, with_model, without_breaker

BOOK = BookId(BookKind.REPLAY, "shrinking")


def hours_of(one: RandomMarket) -> Hours:
    return Hours(judge(one.spec, one.panel), one.panel, one.timeline, one.terms)


def played(one: RandomMarket) -> list[Played]:
    opens_at = one.timeline.sessions[0].opens_at
    return list(
        play(one.spec, BookState(Portfolio(BOOK, opens_at, Decimal(100_000))), hours_of(one), one.market, opens_at)
    )


def without_model(spec: StrategySpec, one: Played) -> Step:
    """Return what the same decision does with the same book when every rule that may shrink is silent."""
    judgement = replace(one.hour.judgement, kept_frac=np.ones_like(one.hour.judgement.kept_frac))
    decide = step if one.kind is DecisionKind.HOURLY else rebalance_step
    return decide(spec, one.found, replace(one.hour, judgement=judgement), "without")


def by_leg(orders) -> dict[tuple, Order]:
    return {(o.symbol, o.purpose, o.side, o.leg): o for o in orders}


def assert_only_less(spec: StrategySpec, one: Played) -> None:
    mine, all_of_it = by_leg(one.taken.orders), by_leg(without_model(spec, one).orders)
    assert mine.keys() <= all_of_it.keys()
    for key, order in mine.items():
        assert 1 <= order.quantity <= all_of_it[key].quantity
        assert order.quantity == order.quantity.to_integral_value()
        assert (order.limit_price, order.stop_price) == (all_of_it[key].limit_price, all_of_it[key].stop_price)
    # What reduces is not touched, and a protection guards just what its entry buys.
    reducing = [k for k, o in all_of_it.items() if o.side is Side.SELL and not o.is_protective]
    assert [mine[k] for k in reducing] == [
        replace(all_of_it[k], order_id=mine[k].order_id, decision_id=mine[k].decision_id) for k in reducing
    ]
    bought = {o.order_id: o.quantity for o in mine.values() if o.side is Side.BUY}
    assert all(o.quantity == bought[o.parent_id] for o in mine.values() if o.parent_id is not None)


@pytest.mark.parametrize("rests", ["at_broker", "on_closes"])
@given(seed=st.integers(0, 100_000))
@settings(max_examples=12)
def test_every_order_is_at_most_the_one_without_the_model(rests, seed):
    one = with_model(without_breaker(random_market(seed, rests=rests)), seed)
    for hour in played(one):
        assert_only_less(one.spec, hour)


def test_the_random_models_refuse_shrink_and_agree():
    """A property over models that never spoke would hold, too."""
    seen: Counter[str] = Counter()
    for seed in range(6):
        one = with_model(without_breaker(random_market(seed)), seed)
        for hour in played(one):
            seen["refused"] += sum(v.code == MODEL and bool(v.denials) for v in hour.taken.vetoes)
            entries = [o for o in hour.taken.orders if o.purpose is OrderPurpose.ENTRY]
            seen["shrunk"] += sum("MODEL" in (o.detail or "") for o in entries)
            seen["whole"] += sum("MODEL" not in (o.detail or "") for o in entries)
    assert min(seen[kind] for kind in ("refused", "shrunk", "whole")) > 5


def test_a_refusal_is_stored_with_the_chance_and_the_threshold():
    one = with_model(without_breaker(random_market(3)), 3)
    vetoes = [(p.hour, v) for p in played(one) for v in p.taken.vetoes if v.code == MODEL and v.denials]
    hour, veto = vetoes[0]
    (denial,) = veto.denials
    column = hour.panel.column[veto.order.symbol]
    assert denial.observed == hour.panel.model_probability[hour.row, column]
    assert denial.threshold == 0.5
    assert "no better than 0.5" in (veto.order.detail or "")


def test_what_a_model_refuses_changes_nobodys_weight():
    """A refused name keeps its place in the allocation, so that no other name grows by it."""
    one = with_model(without_breaker(random_market(5)), 5)
    weights = [p.taken.account.targets.weight_frac for p in played(one) if any(v.code == MODEL for v in p.taken.vetoes)]
    refused = [
        {v.order.symbol for v in p.taken.vetoes if v.code == MODEL}
        for p in played(one)
        if any(v.code == MODEL for v in p.taken.vetoes)
    ]
    assert refused
    assert all(symbols <= targets.keys() for symbols, targets in zip(refused, weights, strict=True))


def test_entries_do_not_depend_on_the_model():
    one = with_model(random_market(1), 1)
    with_it, without = judge(one.spec, one.panel), judge(replace(one.spec, shrinks=()), one.panel)
    assert (with_it.enters == without.enters).all()
    assert (with_it.blocked == without.blocked).all()
    assert [name for role, name, _ in with_it.verdicts if role is RuleRole.SHRINK] == ["model_agrees"]
    assert (without.kept_frac == 1.0).all()


@pytest.mark.parametrize(
    ("chance", "kept"), [(0.2, 0.0), (0.5, 0.0), (0.5001, 0.5), (0.55, 0.75), (0.6, 1.0), (0.9, 1.0), (np.nan, 1.0)]
)
def test_what_is_kept_of_an_order(chance, kept):
    one = with_model(random_market(1), 1)
    shape = one.panel.price.shape
    why = np.full(shape, 9 if np.isnan(chance) else 0, dtype=np.int8)
    panel = replace(one.panel, model_probability=np.full(shape, chance), why_model=why)
    assert judge(one.spec, panel).kept_frac == pytest.approx(np.full(shape, kept), abs=1e-3)
