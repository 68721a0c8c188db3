"""The synthetic market repeats itself, looks like a market, and never says that it is one."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.quality import INDEX_JUMP_FACTOR, JUMP_FACTOR, check_bars, expected_windows
from trading.domain.instruments import VIX, InstrumentKind
from trading.domain.market import SYNTHETIC, ActionKind, MacroSeries, Resolution, TimeWindow
from trading.errors import PermanentError
from trading.strategy.three_sector import three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.profiles import PROFILES, is_served
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource

SPEC = three_sector()
CALENDAR = NyseCalendar()
THROUGH = datetime(2026, 11, 20, 21, tzinfo=UTC)
YEARS = TimeWindow(datetime(2023, 5, 1, tzinfo=UTC), THROUGH)
MONTH = TimeWindow(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def market():
    return SyntheticMarket(7, CALENDAR)


def everything(market, window):
    bars, news, facts = SyntheticBarSource(market), SyntheticNewsSource(market), SyntheticFundamentalsSource(market)
    return [
        *(
            bar
            for s in ("NVDA", "GLD", VIX)
            for r in (Resolution.HALF_HOUR, Resolution.DAY)
            for bar in bars.bars(s, window, r)
        ),
        *news.news(("NVDA", "GLD"), window),
        *facts.filings(("NVDA",), window),
        *facts.macro(window),
        *facts.corporate_actions(("NVDA", "AAPL"), window),
    ]


def test_a_session_is_the_same_however_far_the_history_is_generated(market):
    market.through(date(2027, 6, 1))
    short = SyntheticMarket(7, CALENDAR)
    assert everything(short, MONTH) == everything(market, MONTH)
    assert short.through(date(2026, 4, 1)).last_on < market.through(date(2026, 4, 1)).last_on


@pytest.mark.parametrize("seed", [7, 11])
def test_what_becomes_known_is_known_on_its_day_however_far_the_history_is_generated(seed):
    calendar, first_on = NyseCalendar(), date(2020, 1, 2)
    opening = datetime.combine(first_on, time(), UTC)
    days = [opening + timedelta(days=n) for n in range(0, 800, 3)]

    def known(source, window):
        yield from source.filings(sorted(PROFILES), window)
        yield from source.corporate_actions(sorted(PROFILES), window)
        yield from source.macro(window)

    day_by_day = SyntheticFundamentalsSource(SyntheticMarket(seed, calendar, first_on))
    seen = {row for begin, end in pairwise(days) for row in known(day_by_day, TimeWindow(begin, end))}
    far = SyntheticMarket(seed, calendar, first_on)
    far.through(date(2024, 1, 1))
    assert seen == set(known(SyntheticFundamentalsSource(far), TimeWindow(days[0], days[-1])))


def test_another_seed_is_another_market(market):
    assert everything(SyntheticMarket(8, CALENDAR), MONTH) != everything(market, MONTH)


def test_every_row_says_synthetic_and_is_known_in_its_window(market):
    for row in everything(market, YEARS):
        assert row.source == SYNTHETIC
        assert YEARS.starts_at <= row.known_at <= YEARS.ends_at


def test_the_whole_universe_is_served(market):
    assert all(map(is_served, SPEC.universe.data))
    assert not is_served("ZZZZ")


@pytest.mark.parametrize("symbol", ["NVDA", "AAPL", "TSLA", "GLD", "SPY", VIX])
def test_half_hours_pass_the_quality_walls_and_add_up_to_their_days(market, symbol):
    source, facts = SyntheticBarSource(market), SyntheticFundamentalsSource(market)
    half_hours = list(source.bars(symbol, YEARS, Resolution.HALF_HOUR))
    days = list(source.bars(symbol, YEARS, Resolution.DAY))
    sessions = CALENDAR.sessions(YEARS.starts_at.date(), YEARS.ends_at.date())
    outcome = check_bars(
        half_hours,
        previous=None,
        actions=list(facts.corporate_actions((symbol,), YEARS)),
        cutoff_at=THROUGH,
        expected=expected_windows(sessions, Resolution.HALF_HOUR, through=THROUGH),
        jump_factor=INDEX_JUMP_FACTOR if symbol == VIX else JUMP_FACTOR,
        trades_shares=symbol != VIX,
    )
    assert outcome.accepted == tuple(half_hours)
    assert len(outcome.missing) < 0.002 * len(half_hours)

    by_day = defaultdict(list)
    for bar in half_hours:
        by_day[bar.starts_at.date()].append(bar)
    assert [day.starts_at.date() for day in days] == list(by_day) == [s.session_on for s in sessions]
    for day, parts in zip(days, by_day.values(), strict=True):
        assert (day.open, day.close) == (parts[0].open, parts[-1].close)
        assert (day.high, day.low) == (max(b.high for b in parts), min(b.low for b in parts))
        assert day.volume == sum(b.volume for b in parts)


def test_half_days_have_seven_half_hours(market):
    after_thanksgiving = TimeWindow(datetime(2025, 11, 28, tzinfo=UTC), datetime(2025, 11, 29, tzinfo=UTC))
    assert len(list(SyntheticBarSource(market).bars("SPY", after_thanksgiving, Resolution.HALF_HOUR))) == 7


def test_a_bar_that_has_not_ended_is_not_served(market):
    noon = TimeWindow(datetime(2026, 11, 20, 14, 30, tzinfo=UTC), datetime(2026, 11, 20, 17, 10, tzinfo=UTC))
    source = SyntheticBarSource(market)
    assert [b.ends_at.hour * 60 + b.ends_at.minute for b in source.bars("SPY", noon, Resolution.HALF_HOUR)][
        -1
    ] == 17 * 60
    assert list(source.bars("SPY", noon, Resolution.DAY)) == []


def test_hours_are_refused_because_they_are_built_from_half_hours(market):
    with pytest.raises(PermanentError):
        list(SyntheticBarSource(market).bars("SPY", MONTH, Resolution.HOUR))


def test_three_years_hold_a_halt_a_lost_bar_a_split_and_a_fright(market):
    source = SyntheticBarSource(market)
    history = market.through(THROUGH.date())
    gaps = {"halt": 0, "lost": 0}
    for symbol in SPEC.universe.traded:
        absent = history.bar_counts - history.path(symbol).present.sum(axis=1)
        gaps["halt"] += int((absent >= 3).sum())
        gaps["lost"] += int((absent == 1).sum())
    assert min(gaps.values()) > 0
    vix = [bar.close for bar in source.bars(VIX, YEARS, Resolution.DAY)]
    assert 10 < len([level for level in vix if level > 30]) < 0.2 * len(vix)
    assert 11 < np.median(vix) < 22
    split = next(
        a for a in SyntheticFundamentalsSource(market).corporate_actions(("NVDA",), YEARS) if a.kind is ActionKind.SPLIT
    )
    around = TimeWindow(
        datetime.combine(split.ex_on, time(0), UTC) - timedelta(days=5),
        datetime.combine(split.ex_on, time(0), UTC) + timedelta(days=1),
    )
    before, on_ex = list(source.bars("NVDA", around, Resolution.DAY))[-2:]
    assert before.close / on_ex.close == pytest.approx(split.value, rel=0.2)


def test_returns_have_fat_tails_gaps_and_clustered_volatility(market):
    history = market.through(THROUGH.date())
    path = history.path("SPY")
    returns = np.diff(np.log(path.last_close))
    size = np.abs(returns)
    assert 0.10 < returns.std() * np.sqrt(252) < 0.25
    assert ((returns / returns.std()) ** 4).mean() > 4
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.1
    assert np.abs(np.log(path.open[1:, 0] / path.last_close[:-1])).mean() > 0.001


def test_names_move_with_the_market_and_more_so_with_their_sector(market):
    history = market.through(THROUGH.date())
    returns = {
        s: np.diff(np.log(history.path(s).last_close * history.path(s).share_ratio))
        for s in ("SPY", "NVDA", "AMD", "NEM", "AEM")
    }

    def together(a, b):
        return np.corrcoef(returns[a], returns[b])[0, 1]

    assert together("NVDA", "SPY") > 0.4
    assert together("NEM", "AEM") > together("NEM", "NVDA") + 0.2


def test_every_stock_files_each_quarter_and_one_of_them_loses_money(market):
    filings = list(SyntheticFundamentalsSource(market).filings(SPEC.universe.data, YEARS))
    by_symbol = defaultdict(list)
    for filing in filings:
        assert filing.known_at.time() == time(20, 5)
        assert 30 < (filing.known_at.date() - filing.period_ends_on).days < 45
        by_symbol[filing.symbol].append(filing.eps_diluted)
    assert set(by_symbol) == {i.symbol for i in SPEC.universe if i.kind is InstrumentKind.STOCK}
    assert {s for s, eps in by_symbol.items() if max(eps) < 0} == {"TSLA"}


def test_earnings_stand_on_the_share_basis_of_the_filing_day(market):
    filings = list(SyntheticFundamentalsSource(market).filings(("NVDA",), YEARS))
    split_on = date(2024, 7, 30)
    before = [f.eps_diluted for f in filings if f.known_at.date() < split_on][-1]
    after = next(f.eps_diluted for f in filings if f.known_at.date() >= split_on)
    assert before / after == pytest.approx(4, rel=0.6)


def test_monthly_series_are_published_about_two_weeks_after_their_month(market):
    points = list(SyntheticFundamentalsSource(market).macro(YEARS))
    for series in MacroSeries:
        months = [p.period_on for p in points if p.series is series]
        assert len(months) == len(set(months)) > 36
    assert all(10 < (p.known_at.date() - p.period_on).days - 28 < 20 for p in points)


def test_actions_are_announced_ten_days_before_they_go_ex(market):
    actions = list(SyntheticFundamentalsSource(market).corporate_actions(SPEC.universe.data, YEARS))
    assert {(a.ex_on - a.known_at.date()).days for a in actions} == {10}
    assert len({(a.symbol, a.kind, a.ex_on) for a in actions}) == len(actions)
