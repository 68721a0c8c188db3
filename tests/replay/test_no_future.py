"""Nothing from the future: cutting or poisoning everything later than t never changes what was decided by t."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts, decision_times
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution, TimeWindow
from trading.engine.futures import cut, poison
from trading.engine.hours import Terms, history_panel
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.engine.warmup import Memory, remembered
from trading.execution.costs import CostModel
from trading.strategy.judging import judge
from trading.strategy.three_sector import three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
from trading.tasks.facts import timeline_of

from tests.builders import navs_by, series_of

CALENDAR = NyseCalendar()
SPEC = three_sector()
FIRST, CUT, LAST = date(2023, 5, 1), date(2023, 7, 20), date(2023, 9, 29)
CUT_AT = datetime(2023, 7, 20, 20, 0, tzinfo=UTC)
BOOK = BookId(BookKind.REPLAY, "poison")


@pytest.fixture(scope="module")
def facts() -> Facts:
    market = SyntheticMarket(7, CALENDAR)
    window = TimeWindow(datetime(2020, 6, 1, tzinfo=UTC), datetime(2023, 10, 1, tzinfo=UTC))
    recent = replace(window, starts_at=datetime(2023, 4, 20, tzinfo=UTC))
    bars, source = {}, SyntheticBarSource(market)
    for symbol in SPEC.universe.data:
        for resolution, stretch in ((Resolution.DAY, window), (Resolution.HALF_HOUR, recent)):
            bars[symbol, resolution] = series_of(symbol, resolution, source.bars(symbol, stretch, resolution))
    fundamentals = SyntheticFundamentalsSource(market)
    return Facts(
        bars,
        tuple(SyntheticNewsSource(market).news(SPEC.universe.traded, recent)),
        tuple(fundamentals.filings(SPEC.universe.data, window)),
        tuple(fundamentals.macro(window)),
        tuple(fundamentals.corporate_actions(SPEC.universe.data, window)),
    )


def decided(facts: Facts, last_on: date) -> ReplayResult:
    timeline = timeline_of(CALENDAR, FIRST, last_on)
    return replay(SPEC, facts, timeline, book=BOOK, cash_usd=Decimal(100_000), terms=Terms(), costs=CostModel())


def until_cut(result: ReplayResult):
    orders = [o for o in result.orders if o.planned_at <= CUT_AT]
    fills = [f for f in result.fills if f.executed_at < CUT_AT]
    return orders, fills, navs_by(result, CUT_AT)


@pytest.fixture(scope="module")
def whole(facts) -> ReplayResult:
    return decided(facts, LAST)


def test_the_replay_trades_before_and_after_the_cut(whole):
    orders, fills, navs = until_cut(whole)
    assert len(fills) > 3
    assert len(whole.orders) > len(orders) > 5
    assert len(whole.curve) > len(navs)


@pytest.mark.parametrize("change", [cut, poison])
def test_the_future_changes_no_decision_of_the_past(facts, whole, change):
    last_on = CUT if change is cut else LAST
    assert until_cut(decided(change(facts, CUT_AT), last_on)) == until_cut(whole)


def test_every_verdict_before_the_cut_is_the_same_under_a_poisoned_future(facts):
    timeline = timeline_of(CALENDAR, FIRST, LAST)
    rows = sum(slot.as_of <= CUT_AT for slot in timeline.slots)

    def verdicts(known: Facts):
        panel = history_panel(SPEC, known, timeline, Terms())
        judgement = judge(SPEC, panel)
        return [(name, (v.passes[:rows], v.abstains[:rows]), v.observed[:rows]) for _, name, v in judgement.verdicts]

    for (name, outcome, observed), (_, again, seen) in zip(
        verdicts(facts), verdicts(poison(facts, CUT_AT)), strict=True
    ):
        assert np.array_equal(outcome, again), name
        assert np.array_equal(observed, seen, equal_nan=True), name


def test_one_hour_judged_alone_is_the_hour_judged_in_ten_weeks(facts):
    """Live reads 900 days and one slot; the replay reads everything at once."""
    timeline = timeline_of(CALENDAR, FIRST, LAST)
    together = history_panel(SPEC, facts, timeline, Terms())
    for number in (0, 100, 333, len(timeline.slots) - 1):
        slot = timeline.slots[number]
        day = timeline_of(CALENDAR, slot.session_on, slot.session_on)
        memory = Memory(timedelta(days=900), timedelta(days=7), timedelta(days=7))
        one = decision_times([slot], day.previous_on, 0)
        alone = history_panel(SPEC, remembered(facts, one, memory), day, Terms())
        row = [s.as_of for s in day.slots].index(slot.as_of)
        for name in ("price", "sma_50", "sma_200", "rsi_14", "sentiment", "pe_ratio", "pe_sector_median", "vix"):
            left, right = getattr(alone, name)[row], getattr(together, name)[number]
            assert np.array_equal(left, right, equal_nan=True), (name, slot.as_of)
