from __future__ import annotations

import numpy as np
import pytest
from trading.domain.panel import Why, panel_of
from trading.domain.signals import ABSTAIN, FAIL, OUTCOMES, PASS
from trading.strategy import rules
from trading.strategy.judging import judge
from trading.strategy.three_sector import technical_core, three_sector

NOW = np.array(["2024-06-12T14:30"], dtype="datetime64[us]")
TRADED = three_sector().universe.traded
NAN = float("nan")


def panel(symbols=("GLD", "NVDA"), **known):
    return panel_of(NOW, symbols, **{name: np.array([value], dtype=np.float64) for name, value in known.items()})


def outcome(verdicts, column: int = 0) -> str:
    return OUTCOMES[verdicts.outcome(0)[column]].value


@pytest.mark.parametrize(
    ("cpi", "before", "gpr", "mean", "expected"),
    [
        (0.030, 0.030, 90.0, 100.0, "PASS"),
        (0.020, 0.010, 90.0, 100.0, "PASS"),
        (0.020, 0.020, 110.0, 100.0, "PASS"),
        (0.020, 0.020, 90.0, 100.0, "FAIL"),
        (NAN, NAN, 110.0, 100.0, "PASS"),
        (NAN, NAN, 90.0, 100.0, "ABSTAIN"),
        (0.020, 0.020, NAN, NAN, "ABSTAIN"),
        (0.030, 0.030, NAN, NAN, "PASS"),
        # The month to compare with was never published: whether inflation rises is open.
        (0.020, NAN, 90.0, 100.0, "ABSTAIN"),
        (0.020, NAN, 110.0, 100.0, "PASS"),
        (0.030, NAN, 90.0, 100.0, "PASS"),
    ],
)
def test_macro_supports_metals_when_one_known_half_does_and_denies_only_on_both(cpi, before, gpr, mean, expected):
    facts = panel(cpi_yoy_frac=[cpi], cpi_yoy_3m_ago_frac=[before], gpr=[gpr], gpr_mean_12m=[mean])
    verdicts = rules.macro_supports_metals(facts, metals=("GLD",), cpi_threshold_frac=0.025)
    assert outcome(verdicts) == expected
    assert (outcome(verdicts, 1), verdicts.why[0, 1]) == ("ABSTAIN", Why.NOT_APPLICABLE)


def test_a_loss_maker_is_never_cheap():
    facts = panel(eps_ttm=[-1.0, 2.0], pe_ratio=[NAN, 10.0], pe_sector_median=[20.0, 20.0], why_valuation=[0, 0])
    verdicts = rules.cheaper_than_sector(facts)
    assert [outcome(verdicts, n) for n in (0, 1)] == ["FAIL", "PASS"]


@pytest.mark.parametrize(
    ("rule", "column", "why"),
    [
        (rules.revenue_growing, "revenue_growth_frac", "why_valuation"),
        (rules.earnings_surprise_above, "earnings_surprise_frac", "why_earnings"),
    ],
)
def test_growth_and_surprise_pass_above_their_threshold_and_name_why_they_abstain(rule, column, why):
    names = ("NVDA", "AMD", "MSFT", "GLD", "AAPL")
    reasons = [Why.KNOWN, Why.KNOWN, Why.KNOWN, Why.NOT_APPLICABLE, Why.NO_DATA]
    facts = panel(names, **{column: [0.11, 0.10, -0.2, NAN, NAN], why: reasons})
    verdicts = rule(facts, threshold=0.10)
    assert [outcome(verdicts, n) for n in range(5)] == ["PASS", "FAIL", "FAIL", "ABSTAIN", "ABSTAIN"]
    missing = Why.NO_REVENUE if rule is rules.revenue_growing else Why.NO_DATA
    assert list(verdicts.why[0]) == [0, 0, 0, Why.NOT_APPLICABLE, missing]
    assert list(verdicts.observed[0, :3]) == [0.11, 0.10, -0.2]
    assert set(verdicts.threshold[0]) == {0.10}


def test_two_bad_sources_are_an_event_even_without_a_score():
    facts = panel(negative_source_count=[2, 1], evidence=[NAN, NAN])
    verdicts = rules.negative_news(facts, threshold=-0.5, sources=2)
    assert list(verdicts.outcome(0)) == [PASS, ABSTAIN]


def test_every_abstention_has_its_reason_and_every_verdict_its_numbers():
    spec = three_sector()
    known = {"sma_50": [1.0] * len(TRADED), "sma_200": [2.0] * len(TRADED), "rsi_14": [50.0] * len(TRADED)}
    judgement = judge(spec, panel(TRADED, **known))
    for reason in judgement.reasons(0, None):
        assert (reason.why is not None) == (reason.outcome == "ABSTAIN") or reason.rule == "price_not_fresh", reason
        assert reason.outcome == "ABSTAIN" or reason.observed is not None or reason.rule == "price_not_fresh", reason


def test_an_optional_rule_may_abstain_but_not_fail():
    spec = technical_core()
    known = {"sma_50": [2.0] * len(TRADED), "sma_200": [1.0] * len(TRADED), "rsi_14": [50.0] * len(TRADED)}
    assert judge(spec, panel(TRADED, **known)).enters.all()
    sour = judge(spec, panel(TRADED, **known, sentiment=[0.1] * len(TRADED), evidence=[0.1] * len(TRADED)))
    assert not sour.enters.any()
    assert {name for _, name, v in sour.verdicts if v.outcome(0)[0] == FAIL} == {
        "sentiment_above",
        "rsi_above",
        "negative_news",
    }


def test_the_hash_of_a_strategy_follows_its_numbers_and_not_its_label():
    base = three_sector()
    assert base.spec_hash == three_sector().spec_hash
    assert base.spec_hash != technical_core().spec_hash
