"""A book that trades plainly ends as if every hour had been stepped: orders, fills, lots, NAV and the book itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.instruments import BookId, BookKind
from trading.engine.express import NEEDLESS, is_plain
from trading.engine.hours import Hours
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.engine.step import Gate, gate_of
from trading.strategy.judging import judge

from tests.builders import navs_by
from tests.replay.random_markets import RandomMarket, random_market

BOOK = BookId(BookKind.REPLAY, "plain")


def plain_market(seed: int) -> RandomMarket:
    """Return a market of gaps, late bars and splits with a strategy that trades plainly."""
    one = random_market(seed, rests="on_closes")
    sizing = replace(
        one.spec.sizing,
        rule="in_order", entry_order="market", trim_above_frac=1.0, cash_buffer_frac=0.02 * (seed % 2),
    )  # fmt: skip
    protection = replace(one.spec.protection, breaker_frac=1.0, lifetime_halt_frac=1.0)
    return replace(one, spec=replace(one.spec, sizing=sizing, protection=protection))


def bare_gate(one: RandomMarket) -> Gate:
    gate = gate_of(one.spec)
    return Gate(gate.limits, tuple(check for check in gate.checks if check.code in NEEDLESS))


def played(one: RandomMarket, *, jumping: bool) -> ReplayResult:
    return replay_panel(
        one.spec, one.panel, one.market, one.timeline,
        book=BOOK, cash_usd=Decimal(100_000), terms=one.terms, gate=bare_gate(one), jumping=jumping,
    )  # fmt: skip


@given(seed=st.integers(0, 100_000))
@settings(max_examples=25, deadline=None)
def test_a_plain_book_ends_as_if_every_hour_were_stepped(seed):
    one = plain_market(seed)
    rode, stepped = played(one, jumping=True), played(one, jumping=False)
    assert rode.orders == stepped.orders
    assert rode.fills == stepped.fills
    assert rode.disposals == stepped.disposals
    assert rode.dividends == stepped.dividends
    assert navs_by(rode) == navs_by(stepped)
    assert np.array_equal(rode.curve.quantity, stepped.curve.quantity)
    assert np.array_equal(rode.curve.cash_usd, stepped.curve.cash_usd)
    assert rode.denials == stepped.denials
    assert rode.final == stepped.final


def test_plain_books_trade_meet_splits_and_are_told_from_others():
    """A property over books that never rode, or in which nothing happened, would hold, too."""
    results = [played(plain_market(seed), jumping=True) for seed in range(6)]
    assert min(len(result.fills) for result in results) > 30
    orders = [order for result in results for order in result.orders]
    assert {order.cause for order in orders} == {None, "rsi_above", "software_stop", "take_profit"}
    assert len(orders) > sum(len(result.fills) for result in results)
    assert sum(len(result.dividends) for result in results) > 3
    one = plain_market(3)
    hours = Hours(judge(one.spec, one.panel), one.panel, one.timeline, one.terms)
    assert is_plain(one.spec, hours, bare_gate(one))
    assert not is_plain(one.spec, hours, gate_of(one.spec))
    resting = random_market(3).spec
    assert not is_plain(resting, hours, bare_gate(one))
