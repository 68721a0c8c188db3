"""Jumping over quiet hours and stepping every hour end in the same book, whatever happens in the market."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.instruments import BookId, BookKind, ClientCategory
from trading.domain.orders import OrderPurpose
from trading.domain.portfolio import AccountType
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult

from tests.builders import navs_by
from tests.replay.random_markets import RandomMarket, random_market, with_model, without_breaker

BOOK = BookId(BookKind.REPLAY, "random")


def played(one: RandomMarket, *, jumping: bool) -> ReplayResult:
    return replay_panel(
        one.spec, one.panel, one.market, one.timeline,
        book=BOOK, cash_usd=Decimal(100_000), terms=one.terms, jumping=jumping,
    )  # fmt: skip


def in_cash_account(one: RandomMarket) -> RandomMarket:
    return replace(one, terms=replace(one.terms, account_type=AccountType.CASH))


def for_a_retail_client(one: RandomMarket) -> RandomMarket:
    return replace(one, terms=replace(one.terms, client_category=ClientCategory.EU_RETAIL))


def assert_same(one: RandomMarket) -> None:
    jumped, stepped = played(one, jumping=True), played(one, jumping=False)
    assert jumped.orders == stepped.orders
    assert jumped.fills == stepped.fills
    assert jumped.disposals == stepped.disposals
    assert jumped.dividends == stepped.dividends
    assert navs_by(jumped) == navs_by(stepped)
    assert jumped.state_changes == stepped.state_changes
    assert jumped.rebalances == stepped.rebalances
    assert jumped.denials == stepped.denials
    assert jumped.final == stepped.final


@pytest.mark.parametrize("rests", ["at_broker", "on_closes"])
@given(seed=st.integers(0, 100_000))
@settings(max_examples=20)
def test_jumping_equals_stepping(rests, seed):
    assert_same(random_market(seed, rests=rests))


@pytest.mark.parametrize("rests", ["at_broker", "on_closes"])
@given(seed=st.integers(0, 100_000))
@settings(max_examples=10)
def test_jumping_equals_stepping_while_no_breaker_stops_the_trading(rests, seed):
    assert_same(without_breaker(random_market(seed, rests=rests)))


@given(seed=st.integers(0, 100_000))
@settings(max_examples=20)
def test_jumping_equals_stepping_in_a_cash_account(seed):
    assert_same(in_cash_account(without_breaker(random_market(seed, rests="on_closes"))))


@pytest.mark.parametrize("rests", ["at_broker", "on_closes"])
@given(seed=st.integers(0, 100_000))
@settings(max_examples=15)
def test_jumping_equals_stepping_with_a_model(rests, seed):
    assert_same(with_model(without_breaker(random_market(seed, rests=rests)), seed))


@given(seed=st.integers(0, 100_000))
@settings(max_examples=10)
def test_jumping_equals_stepping_for_a_client_who_may_not_buy_everything(seed):
    one = for_a_retail_client(without_breaker(random_market(seed)))
    assert_same(one)
    assert "CCC" not in {fill.symbol for fill in played(one, jumping=True).fills}


def test_waiting_cash_changes_what_is_bought():
    """A property over accounts in which cash never waited would hold, too."""
    markets = [without_breaker(random_market(seed, rests="on_closes")) for seed in (2, 4, 5, 9)]
    for one in markets:
        assert played(one, jumping=True).fills != played(in_cash_account(one), jumping=True).fills


def test_the_random_markets_make_everything_happen():
    """A property over books in which nothing happened would hold, too."""
    results = [
        played(random_market(seed, rests=rests), jumping=True)
        for seed in range(12)
        for rests in ("at_broker", "on_closes")
    ]
    purposes = Counter(order.purpose for result in results for order in result.orders)
    assert min(purposes[purpose] for purpose in OrderPurpose) > 3
    filled = {fill.order_id for result in results for fill in result.fills}
    by_purpose = Counter(o.purpose for result in results for o in result.orders if o.order_id in filled)
    assert min(by_purpose[purpose] for purpose in OrderPurpose) > 2
    assert {"STATE", "MARKET_CLOSED", "WASH_BLOCK", "COOLDOWN", "STOP_GUARD"} <= {
        code for result in results for code in result.denials
    }
    assert any(len(result.state_changes) > 1 for result in results)
    assert any(result.dividends for result in results)
