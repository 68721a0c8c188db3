"""What speaks against a result: each objection appears with its figure, and only where it is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from trading.accounting.trials import probabilistic_sharpe
from trading.reporting.critique import Evidence, objections

from tests.builders import AS_OF, a_run, a_trade

SOUND = {
    "total_frac": 0.5,
    "sharpe": 1.2,
    "drawdown_frac": 0.1,
    "probabilistic_sharpe": 0.99,
    "exposure_frac": 0.6,
    "trades": 90,
}
TRADES = tuple(
    a_trade(symbol=symbol, closed_at=AS_OF + timedelta(days=400 * year), gain_usd=10.0)
    for symbol in ("NVDA", "AMD", "GLD")
    for year in range(3)
    for _ in range(10)
)
EVIDENCE = Evidence(
    benchmarks={"list": {"total_frac": 0.2, "sharpe": 0.6, "drawdown_frac": 0.3}},
    deflated=0.97,
    trial_count=3,
    open_hours=42_000,
    symbol_hours=140_390,
    never_open=(),
    state_changes=(),
    dividend_count=40,
    idle_sessions=0,
    breaker_sells=True,
    breaker_sessions="10 sessions",
    totals_by_cost={0: 0.55, 1: 0.5, 2: 0.45},
)


def said(*, figures=None, evidence=None, **run) -> str:
    base = a_run(figures={**SOUND, **(figures or {})}, trades=TRADES)
    trial = replace(base.trial, return_count=run.pop("sessions", 2_000))
    return "\n".join(objections(replace(base, trial=trial, **run), replace(EVIDENCE, **(evidence or {}))))


def test_a_sound_result_meets_no_objection():
    assert said() == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"is_synthetic": True}, "SYNTHETIC"),
        ({"evidence": {"dividend_count": 0}}, "No dividend of the list"),
        ({"evidence": {"idle_sessions": 250}}, "In 250 sessions of 2,000 no name of the list had a usable price"),
        ({"sessions": 120}, "Only 120 sessions"),
        ({"figures": {"trades": 6}}, "Only 6 closed trades"),
        ({"figures": {"exposure_frac": 0.02}}, "98.0\u00a0% cash"),
        ({"figures": {"sharpe": 4.2}}, "4.20 is not credible"),
        ({"figures": {"probabilistic_sharpe": 0.61}}, "0.610"),
        ({"evidence": {"deflated": 0.4, "trial_count": 46}}, "Deflated for 46 trials"),
        ({"evidence": {"trial_count": 1_200}}, "1,200 trials"),
        ({"figures": {"total_frac": 0.1}}, "The list, simply held, made +20.0\u00a0%, this book +10.0\u00a0%"),
        ({"evidence": {"totals_by_cost": {0: 1.0, 1: 0.5, 2: 0.2}}}, "Costs take 50.0\u00a0%"),
        ({"evidence": {"totals_by_cost": {0: 0.55, 1: 0.5, 2: -0.01}}}, "At twice the costs nothing is left"),
        ({"evidence": {"open_hours": 50}}, "open in 50 of 140,390 symbol-hours"),
        ({"evidence": {"never_open": ("GLD", "SLV")}}, "Never open: GLD, SLV"),
        ({"trades": (*TRADES, a_trade(symbol="TSLA", gain_usd=2_700.0))}, "One symbol, TSLA, brought 75.0\u00a0%"),
        ({"trades": (*TRADES, a_trade(gain_usd=900.0))}, "One year, 2019, brought"),
        ({"trades": (*TRADES, a_trade(gain_usd=900.0))}, "The best five of 91 trades"),
    ],
)
def test_each_fault_is_said_with_its_figure(given, words):
    assert words in said(**given)


def test_trips_of_the_breaker_are_counted_by_year():
    at = datetime(2018, 1, 2, tzinfo=UTC)
    changes = ((at, "drawdown 5.2% is over 5%: REDUCE_ONLY"), (at, "ACTIVE"), (at, "lifetime drawdown: HALTED"))
    words = said(evidence={"state_changes": changes}, sessions=504)
    assert "The drawdown breaker sold everything once (0.50 a year), and kept the book from buying for 10 s" in words
    assert "HALTED and stayed so" in words


def test_a_breaker_that_sells_nothing_is_not_said_to_sell():
    changes = ((AS_OF, "drawdown 5.2% is over 5%: REDUCE_ONLY"),) * 2
    given = {"state_changes": changes, "breaker_sells": False, "breaker_sessions": "1 session"}
    words = said(evidence=given, sessions=504)
    assert "The drawdown breaker tripped 2 times (1.00 a year), and kept the book from buying for 1 session" in words


def test_what_is_not_defined_is_no_objection():
    unknown = dict.fromkeys(SOUND)
    assert "credible" not in said(figures={**unknown, "trades": 90})
    assert probabilistic_sharpe(replace(a_run().trial, sharpe=None)) is None
