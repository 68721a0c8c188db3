"""A book that trades plainly ends as if every hour had been stepped: orders, fills, lots, NAV and the book itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.instruments import BookId, BookKind
from trading.engine.express import NEEDLESS
from trading.engine.plain_trades import Filled
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.engine.step import Gate, gate_of

from tests.builders import navs_by
from tests.replay.random_markets import RandomMarket, random_market, with_model, without_breaker

BOOK = BookId(BookKind.REPLAY, "plain")


def in_order(one: RandomMarket, **sizing: float) -> RandomMarket:
    """Return the market with a strategy that may trade plainly."""
    return replace(
        one, spec=replace(one.spec, sizing=replace(one.spec.sizing, rule="in_order", entry_order="market", **sizing))
    )


def market(seed: int, kind: str) -> tuple[RandomMarket, Gate]:
    """Return gaps, late bars and splits for a strategy of a kind, and the checks that its orders pass."""
    one = random_market(seed, rests="on_closes")
    if kind == "unwatched":
        one = in_order(without_breaker(one), trim_above_frac=1.0, cash_buffer_frac=0.02 * (seed % 2))
    else:
        one = in_order(one)
    gate = gate_of(one.spec)
    if kind == "as specified":
        return (with_model(one, seed) if seed % 3 == 0 else one), gate
    return one, Gate(gate.limits, tuple(check for check in gate.checks if check.code in NEEDLESS))


def played(one: RandomMarket, gate: Gate, *, jumping: bool) -> ReplayResult:
    return replay_panel(
        one.spec, one.panel, one.market, one.timeline,
        book=BOOK, cash_usd=Decimal(100_000), terms=one.terms, gate=gate, jumping=jumping,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["unwatched", "watched", "as specified"])
@given(seed=st.integers(0, 100_000))
@settings(max_examples=8)
def test_a_plain_book_ends_as_if_every_hour_were_stepped(kind, seed):
    one, gate = market(seed, kind)
    rode, stepped = played(one, gate, jumping=True), played(one, gate, jumping=False)
    assert rode.ledger.executions == stepped.ledger.executions
    assert rode.orders == stepped.orders
    assert rode.fills == stepped.fills
    assert rode.disposals == stepped.disposals
    assert rode.dividends == stepped.dividends
    assert navs_by(rode) == navs_by(stepped)
    assert np.array_equal(rode.curve.quantity, stepped.curve.quantity)
    assert np.array_equal(rode.curve.cash_usd, stepped.curve.cash_usd)
    assert rode.state_changes == stepped.state_changes
    assert rode.denials == stepped.denials
    assert rode.final == stepped.final


@pytest.mark.parametrize("kind", ["unwatched", "watched", "as specified"])
def test_the_books_trade_plainly_and_much_happens_to_them(kind):
    """A property over books that every hour were stepped, or in which nothing happened, would hold, too."""
    results = [played(*market(seed, kind), jumping=True) for seed in range(6)]
    orders = [order for result in results for order in result.orders]
    assert {None, "rsi_above", "software_stop", "take_profit"} <= {order.cause for order in orders}
    assert len(orders) > sum(len(result.fills) for result in results) > 100
    assert sum(isinstance(one, Filled) for result in results for one in result.ledger.booked) > 50
    assert any(result.dividends for result in results)
    if kind == "as specified":
        assert {"MARKET_CLOSED", "WASH_BLOCK", "COOLDOWN"} <= {code for result in results for code in result.denials}
        assert any(result.state_changes for result in results)


def test_executions_are_the_fills_in_plain_numbers():
    result = played(*market(3, "as specified"), jumping=True)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert [
        (epoch + timedelta(microseconds=one.at), one.symbol, one.side, one.shares, one.price)
        for one in result.ledger.executions
    ] == [(f.executed_at, f.symbol, f.side, float(f.quantity), float(f.price)) for f in result.fills]
