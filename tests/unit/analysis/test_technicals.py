from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.analysis.facts import Facts
from trading.analysis.technicals import PRICE_INDICATORS, PURE_INDICATORS, LastPrices, Ohlc, technical_columns
from trading.domain.market import ActionKind, CorporateAction, Resolution
from trading.domain.panel import Why

from tests.oracles import oracle
from tests.unit.analysis.worlds import daily_series, half_hours, laid_out, times_of

ON = date(2024, 6, 12)
NAMES = {
    "SMA50": "sma_50",
    "SMA200": "sma_200",
    "EMA12": "ema_12",
    "EMA26": "ema_26",
    "RSI14": "rsi_14",
    "ATR14": "atr_14",
}
NAMES |= {"MACD": "macd", "MACD_signal": "macd_signal"}


def wave(count: int) -> np.ndarray:
    n = np.arange(count)
    return 100 + 10 * np.sin(n / 9) + n * 0.05


def columns(facts: Facts, on: date = ON, **options):
    times = times_of(on, on)
    prices = LastPrices(facts, times, **{"daily_pricing": False, **options})
    return laid_out(technical_columns(facts, ("NVDA",), times, prices))


def at_first_slot(columns, name: str) -> float:
    return float(columns[name][0, 0])


def test_indicators_are_those_of_the_oracle():
    rows = oracle("bars_420.csv")
    prices = Ohlc(*(np.array([float(r[k]) for r in rows]) for k in ("high", "low", "close")))
    expected = oracle("indicators_expected.json")
    for theirs, ours in NAMES.items():
        series = {**PRICE_INDICATORS, **PURE_INDICATORS}[ours](prices)
        for row, value in expected["values"][theirs].items():
            if value is None:
                assert np.isnan(series[int(row)]), (ours, row)
            else:
                assert series[int(row)] == pytest.approx(value, abs=expected["tolerance_abs"]), (ours, row)


def test_todays_daily_bar_is_first_used_by_the_next_session():
    closes = wave(320)
    through = columns(Facts({("NVDA", Resolution.DAY): daily_series("NVDA", closes, last_on=ON)}))["daily_through"]
    assert {t.astype("datetime64[D]").item() for t in through[:, 0]} == {date(2024, 6, 11)}


def test_fewer_than_250_daily_bars_abstain_and_say_so():
    facts = Facts({("NVDA", Resolution.DAY): daily_series("NVDA", wave(249), last_on=date(2024, 6, 11))})
    got = columns(facts)
    assert set(got["why_technicals"][:, 0]) == {Why.TOO_FEW_BARS}
    assert np.isnan(got["sma_50"]).all()


def test_a_daily_history_that_stopped_is_stale():
    facts = Facts({("NVDA", Resolution.DAY): daily_series("NVDA", wave(320), last_on=date(2024, 6, 7))})
    assert set(columns(facts)["why_technicals"][:, 0]) == {Why.STALE}


def test_a_symbol_without_bars_says_that_there_are_none():
    got = columns(Facts())
    assert set(got["why_price"][:, 0]) == {Why.NO_DATA}
    assert set(got["why_technicals"][:, 0]) == {Why.NO_DATA}


def test_a_split_changes_neither_the_rules_nor_the_scale_of_the_averages():
    closes = wave(320)
    whole = daily_series("NVDA", closes, last_on=date(2024, 6, 11))
    split = CorporateAction(
        "NVDA", ActionKind.SPLIT, date(2024, 6, 10), 10.0, "test", datetime(2024, 5, 22, tzinfo=UTC)
    )
    traded = closes.copy()
    traded[:-2] *= 10  # the last two sessions already trade on the new basis
    as_traded = daily_series("NVDA", traded, last_on=date(2024, 6, 11))
    plain = columns(Facts({("NVDA", Resolution.DAY): whole}))
    adjusted = columns(Facts({("NVDA", Resolution.DAY): as_traded}, actions=[split]))
    for name in ("sma_50", "sma_200", "rsi_14", "atr_14", "volatility_frac"):
        assert at_first_slot(adjusted, name) == pytest.approx(at_first_slot(plain, name), rel=1e-8), name
    before = columns(Facts({("NVDA", Resolution.DAY): as_traded}, actions=[split]), on=date(2024, 6, 7))
    assert at_first_slot(before, "sma_50") == pytest.approx(10 * 113.2, rel=0.1)


def test_the_price_is_the_last_completed_half_hour_and_is_stale_in_an_hour_without_a_bar():
    whole = half_hours("NVDA", lambda n: 100.0 + n, ON, ON)
    got = columns(Facts({("NVDA", Resolution.HALF_HOUR): whole}))
    assert list(got["price"][:, 0]) == [101, 103, 105, 107, 109, 111, 112]
    halted = columns(Facts({("NVDA", Resolution.HALF_HOUR): whole.take(slice(0, 4))}))
    assert list(halted["price"][:, 0]) == [101, 103, 103, 103, 103, 103, 103]
    assert [Why(c) for c in halted["why_price"][:4, 0]] == [Why.KNOWN, Why.KNOWN, Why.STALE, Why.STALE]


def test_without_intraday_bars_the_daily_close_prices_only_when_the_setting_says_so():
    facts = Facts({("NVDA", Resolution.DAY): daily_series("NVDA", wave(320), last_on=date(2024, 6, 11))})
    assert set(columns(facts)["why_price"][:, 0]) == {Why.NO_HOURLY_BARS}
    got = columns(facts, daily_pricing=True)
    assert set(got["why_price"][:, 0]) == {Why.KNOWN}
    assert at_first_slot(got, "price") == pytest.approx(wave(320)[-1])


def test_a_symbol_trades_on_daily_bars_until_its_intraday_bars_begin():
    daily = daily_series("NVDA", wave(320), last_on=ON)
    hours = half_hours("NVDA", lambda n: 50.0, ON, ON)
    facts = Facts({("NVDA", Resolution.DAY): daily, ("NVDA", Resolution.HALF_HOUR): hours})
    before = columns(facts, on=date(2024, 6, 11), daily_pricing=True)
    after = columns(facts, daily_pricing=True)
    assert (set(before["daily_priced"][:, 0]), set(before["why_price"][:, 0])) == ({1.0}, {Why.KNOWN})
    assert (set(after["daily_priced"][:, 0]), set(after["price"][:, 0])) == ({0.0}, {50.0})


def test_a_parked_symbol_keeps_its_price_for_nav_and_is_unfit():
    facts = Facts({("NVDA", Resolution.HALF_HOUR): half_hours("NVDA", lambda n: 50.0, ON, ON)}, parked={"NVDA": ()})
    got = columns(facts)
    assert at_first_slot(got, "price") == 50.0
    assert set(got["why_price"][:, 0]) == {Why.PARKED}


def test_a_delayed_source_is_read_only_up_to_the_cutoff():
    series = daily_series("NVDA", wave(320), last_on=date(2024, 6, 11))
    late = type(series)(**{**series.__dict__, "known_at": series.known_at + np.timedelta64(20, "h")})
    facts, times = Facts({("NVDA", Resolution.DAY): late}), times_of(ON, ON)
    got = laid_out(technical_columns(facts, ("NVDA",), times, LastPrices(facts, times, daily_pricing=False)))
    through = [t.astype("datetime64[D]").item() for t in got["daily_through"][:, 0]]
    assert through[0] == date(2024, 6, 10)
    assert through[-1] == date(2024, 6, 11)
    assert timedelta(0) < through[-1] - through[0]
