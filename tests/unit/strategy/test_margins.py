"""How far a verdict is from turning, and which symbols nearly got in."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.strategy.catalogue import STRATEGIES
from trading.strategy.margins import SCALES, gap_of, is_in_the_way, near_misses
from trading.strategy.space import PARAMETERS
from trading.strategy.spec import rule_name

from tests.builders import AS_OF

REQUIRED, OPTIONAL, EXIT, BLOCK, SHRINK = (
    RuleRole.ENTRY_REQUIRED, RuleRole.ENTRY_OPTIONAL, RuleRole.EXIT, RuleRole.BLOCK, RuleRole.SHRINK,
)  # fmt: skip
PASS, FAIL, ABSTAIN = Outcome.PASS, Outcome.FAIL, Outcome.ABSTAIN


def a_reason(rule="rsi_below", outcome=FAIL, seen=72.0, limit=70.0, role=REQUIRED, symbol="NVDA", hour=0):
    why = "no data known at the decision" if outcome is ABSTAIN else None
    return Reason(symbol, AS_OF + timedelta(hours=hour), rule, role, outcome, seen, limit, AS_OF, why)


@pytest.mark.parametrize(
    ("rule", "outcome", "seen", "limit", "change", "frac"),
    [
        ("rsi_below", FAIL, 72.0, 70.0, -2.0, 0.02),
        ("rsi_below", PASS, 60.0, 70.0, 10.0, 0.10),
        ("golden_cross", FAIL, 95.0, 100.0, 5.0, 0.05),
        ("sentiment_above", FAIL, 0.5, 0.7, 0.2, 0.1),
        ("cheaper_than_sector", FAIL, 30.0, 24.0, -6.0, 0.25),
        ("vix_above", PASS, 33.0, 30.0, -3.0, 0.1),
        ("rsi_below", FAIL, 70.0, 70.0, 0.0, 0.0),
    ],
)
def test_a_gap_is_what_has_to_be_added_and_its_part_of_the_range(rule, outcome, seen, limit, change, frac):
    gap = gap_of(a_reason(rule, outcome, seen, limit))
    assert (gap.change, gap.frac) == pytest.approx((change, frac))


@pytest.mark.parametrize(
    "reason",
    [
        a_reason(outcome=ABSTAIN, seen=None),
        a_reason("price_not_fresh", PASS, 10.0, None, BLOCK),
        # Two sources pass whatever the score is; a loss fails under every P/E; the breaker stays tripped.
        a_reason("negative_news", PASS, 0.2, -0.5, EXIT),
        a_reason("cheaper_than_sector", FAIL, -1.0, 0.0, OPTIONAL),
        a_reason("drawdown_breaker", PASS, 0.01, 0.05, EXIT),
    ],
)
def test_what_another_number_decided_has_no_gap(reason):
    assert gap_of(reason) is None


def test_every_rule_of_a_strategy_has_its_scale():
    added = {rule_name(p.adds) for p in PARAMETERS.values() if p.adds is not None}
    rules = {rule_name(rule) for strategy in STRATEGIES.values() for _, rule in strategy().rules()}
    assert (rules | added) - {"price_not_fresh"} <= set(SCALES)


@pytest.mark.parametrize(
    ("role", "keeps_out"),
    [
        (REQUIRED, {FAIL, ABSTAIN}),
        (OPTIONAL, {FAIL}),
        (SHRINK, {FAIL}),
        (EXIT, {PASS}),
        (BLOCK, {PASS, ABSTAIN}),
    ],
)
def test_what_keeps_a_symbol_out_is_what_judging_says(role, keeps_out):
    assert {o for o in Outcome if is_in_the_way(a_reason(outcome=o, role=role))} == keeps_out


def test_one_rule_alone_is_a_near_miss_however_far_and_several_only_by_little():
    far = [a_reason(seen=95.0), a_reason("golden_cross", PASS, 110.0, 100.0)]
    two_far = [a_reason(seen=95.0, symbol="AMD"), a_reason("golden_cross", FAIL, 80.0, 100.0, symbol="AMD")]
    two_near = [
        a_reason(seen=71.0, symbol="MSFT"),
        a_reason("rsi_above", PASS, 71.0, 70.0, EXIT, symbol="MSFT"),
    ]
    found = near_misses([*far, *two_far, *two_near])
    assert [(miss.symbol, miss.rules) for miss in found] == [
        ("MSFT", ("rsi_above", "rsi_below")),
        ("NVDA", ("rsi_below",)),
    ]
    assert [miss.frac for miss in found] == pytest.approx([0.01, 0.25])


def test_hours_of_one_symbol_and_rule_are_counted_and_the_nearest_is_shown():
    found = near_misses([a_reason(seen=s, hour=n) for n, s in enumerate((75.0, 71.0, 80.0))])
    (miss,) = found
    assert (miss.count, miss.first_at, miss.last_at) == (3, AS_OF, AS_OF + timedelta(hours=2))
    assert [reason.observed for reason in miss.closest] == [71.0]
    assert miss.frac == pytest.approx(0.01)


def test_what_only_lacks_a_value_comes_last_and_what_is_held_or_open_never():
    lacking = a_reason("sentiment_above", ABSTAIN, None, 0.7, symbol="AAPL")
    held = [a_reason(symbol="GLD"), a_reason("position_open", PASS, 10.0, 0.0, BLOCK, symbol="GLD")]
    held_alone = [a_reason("position_open", PASS, 10.0, 0.0, BLOCK, symbol="SLV")]
    is_open = [a_reason(outcome=PASS, seen=50.0, symbol="TSLA")]
    found = near_misses([lacking, *held, *held_alone, *is_open, a_reason(seen=99.0)])
    assert [(miss.symbol, miss.frac) for miss in found] == [("NVDA", pytest.approx(0.29)), ("AAPL", None)]
