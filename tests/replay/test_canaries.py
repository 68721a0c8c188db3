"""Planted leaks: the check against looking ahead catches each of them and passes the honest reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from trading.analysis.facts import Facts
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose
from trading.domain.signals import RuleRole
from trading.engine.futures import KINDS, kinds_in
from trading.engine.hours import Terms
from trading.engine.instants import telling_instants
from trading.engine.lookahead import Part, Played, look_ahead
from trading.strategy.judging import judge
from trading.strategy.rules import rsi_below

from tests.poison import SPEC, honest, leaks, played
from tests.replay.canaries import CANARIES
from tests.replay.leak_world import awkward, timeline, world

# Within a session, a split's eve, a late split's limbo, after a month's end, the hour after a release, a gap.
INSTANTS = [
    datetime(2024, 7, 9, 15, 30, tzinfo=UTC),
    datetime(2024, 7, 11, 15, 40, tzinfo=UTC),
    datetime(2024, 7, 17, 17, 0, tzinfo=UTC),
    datetime(2024, 7, 24, 16, 30, tzinfo=UTC),
    datetime(2024, 8, 1, 14, 30, tzinfo=UTC),
    datetime(2024, 8, 13, 14, 30, tzinfo=UTC),
]


@pytest.fixture(scope="module")
def plain():
    return world()


@pytest.fixture(scope="module")
def facts(plain):
    return awkward(plain)


@pytest.mark.parametrize("name", CANARIES)
def test_a_planted_leak_is_caught(facts, name):
    found = leaks(CANARIES[name], facts, timeline(), INSTANTS)
    assert found, f"{name} goes unseen"
    assert all(leak.as_of <= leak.at for leak in found)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a bar that ends after the decision", "bars of 30m"),
        ("tomorrow's close", "bars of 1d"),
        ("a revised vintage of the CPI", "macro"),
        ("a filing at the end of its period", "filings"),
        ("a split before it was known", "splits"),
        ("news by its date", "news"),
        ("dividends of the future", "dividends"),
    ],
)
def test_poison_of_one_kind_tells_where_the_leak_is(facts, name, kind):
    assert leaks(CANARIES[name], facts, timeline(), INSTANTS, kinds=[kind])
    others = {"bars of 1d", "macro", "filings", "news"} - {kind}
    assert leaks(CANARIES[name], facts, timeline(), INSTANTS[3:4], kinds=others) == ()


def test_the_honest_reader_passes_at_the_same_instants(facts):
    assert leaks(honest, facts, timeline(), INSTANTS) == ()


def test_a_leak_names_column_symbol_first_instant_and_the_facts_that_it_came_through(facts):
    found = leaks(CANARIES["tomorrow's close"], facts, timeline(), INSTANTS[:1])
    assert {(leak.part, leak.name) for leak in found} == {(Part.COLUMN, "price"), (Part.RULE, "block.price_not_fresh")}
    first = found[0]
    assert (first.symbol, first.through) == ("AAPL", ("bars of 1d",))
    # On the morning of the ninth the close of the ninth is unknown, and all of the eighth was decided with it.
    assert first.as_of == datetime(2024, 7, 8, 14, 30, tzinfo=UTC)
    assert float(first.before) > 0
    assert first.after != first.before


def test_filings_by_period_end_reach_the_rule_that_reads_them(facts):
    found = leaks(CANARIES["a filing at the end of its period"], facts, timeline(), INSTANTS)
    assert "entry_optional.cheaper_than_sector" in {leak.name for leak in found}
    assert {leak.through for leak in found if leak.through} == {("filings",)}


def test_a_rule_that_scales_by_the_whole_sample_is_caught_though_no_column_leaks(plain):
    """Its columns are honest: only a rule that is judged everywhere, traded or not, gives it away."""

    def rsi_below_its_mean(panel):
        scores = (panel.rsi_14 - np.nanmean(panel.rsi_14, axis=0)) / np.nanstd(panel.rsi_14, axis=0)
        return rsi_below(replace(panel, rsi_14=scores), threshold=-9.0)

    spec = replace(SPEC, exits=(*SPEC.exits, rsi_below_its_mean))

    def play(facts, sessions):
        panel = honest(facts, sessions, Terms())
        return Played(panel, judge(spec, panel))

    found = look_ahead(play, plain, timeline(), lambda whole: INSTANTS[2:3])
    assert {leak.part for leak in found.leaks} == {Part.RULE}
    assert {leak.name for leak in found.leaks} == {f"{RuleRole.EXIT}.rsi_below_its_mean"}
    assert {leak.symbol for leak in found.leaks} == set(SPEC.universe.traded)


def test_a_fill_at_the_close_of_the_signal_bar_is_caught(plain):
    """Nothing in it is from the future, and yet nobody could have had it."""

    def play(facts, sessions):
        true = played(facts, sessions)
        return replace(true, fills=[*true.fills, *at_the_signal(facts, true)])

    def at_the_signal(facts, true):
        for entry in (order for order in true.orders if order.purpose is OrderPurpose.ENTRY):
            series = facts.bars[entry.symbol, Resolution.HALF_HOUR]
            seen = series.ends_at <= np.datetime64(entry.planned_at.replace(tzinfo=None), "us")
            price = Decimal(f"{series.close[seen][-1]:.4f}")
            filled = true.fills[0] if true.fills else some_fill
            yield replace(
                filled, fill_id=f"canary.{entry.order_id}", order_id=entry.order_id, symbol=entry.symbol,
                quantity=entry.quantity, price=price, executed_at=entry.planned_at,
            )  # fmt: skip

    some_fill = played(plain, timeline()).fills[0]
    found = look_ahead(play, plain, timeline(), busiest)
    assert {leak.part for leak in found.leaks} == {Part.FILL}
    assert found.leaks[0].name == "filled by a bar that the decision had seen"


def busiest(whole):
    return telling_instants(timeline(), Facts(), decided_at=[o.planned_at for o in whole.orders], seed=1, count=5)


def test_the_whole_replay_is_clean_and_every_rule_but_the_model_is_put_to_the_test(plain):
    found = look_ahead(played, plain, timeline(), lambda whole: INSTANTS[:4])
    assert found.leaks == ()
    assert found.untested == ("model_agrees",)
    assert found.fills > 0
    judged = sum(found.rules[0].__dict__[name] for name in ("passes", "fails", "abstains"))
    assert judged == found.decisions * len(SPEC.universe.traded)


def test_every_kind_of_fact_is_there_to_be_changed(facts):
    assert kinds_in(facts) == KINDS
