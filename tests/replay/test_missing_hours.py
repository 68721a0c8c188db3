"""Hours without a bar are named, nothing is bought on them, and no fill is invented in a hole."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from trading.analysis.facts import Facts, utc64
from trading.domain.instruments import VIX, BookId, BookKind
from trading.domain.market import Resolution
from trading.domain.orders import Order, OrderPurpose
from trading.domain.panel import instant
from trading.domain.series import BarSeries
from trading.engine.hours import Terms
from trading.engine.missing import missing_days, missing_hours
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.execution.costs import CostModel
from trading.reporting.missing import gap_line, missing_lines
from trading.strategy.three_sector import three_sector

from tests.fakes import ny
from tests.replay.leak_world import timeline, world

SPEC = three_sector()
BOOK = BookId(BookKind.REPLAY, "holes")
SESSIONS = timeline()


@pytest.fixture(scope="module")
def whole() -> Facts:
    """A market in which every bar was printed: a halt or a lost bar that it invents is filled."""
    facts = world()
    complete = facts.bars["SPY", Resolution.HALF_HOUR]
    repaired = {key: filled(series, complete) for key, series in facts.bars.items() if key[1] is Resolution.HALF_HOUR}
    return replace(facts, bars={**facts.bars, **repaired})


@pytest.fixture(scope="module")
def bought(whole) -> Order:
    """The first entry that was filled while nothing was missing."""
    result = played(whole)
    filled = {f.order_id for f in result.fills}
    return next(o for o in result.orders if o.purpose is OrderPurpose.ENTRY and o.order_id in filled)


def played(facts: Facts) -> ReplayResult:
    return replay(SPEC, facts, SESSIONS, book=BOOK, cash_usd=Decimal(100_000), terms=Terms(), costs=CostModel())


def filled(series: BarSeries, complete: BarSeries) -> BarSeries:
    """Return the series with a bar wherever `complete` has one, like the bar before it."""
    before = np.searchsorted(series.ends_at, complete.ends_at, side="right") - 1
    kept = {name: getattr(series, name)[before] for name in ("open", "high", "low", "close", "volume")}
    times = {name: getattr(complete, name) for name in ("starts_at", "ends_at", "known_at")}
    return replace(series, **times, **kept)


def without(
    facts: Facts, symbol: str, starts_at: datetime, ends_at: datetime, resolution=Resolution.HALF_HOUR
) -> Facts:
    """Return the facts without the bars of `symbol` that lie in a stretch."""
    series = facts.bars[symbol, resolution]
    gone = (series.starts_at >= utc64(starts_at)) & (series.ends_at <= utc64(ends_at))
    assert gone.any()
    names = ("starts_at", "ends_at", "known_at", "open", "high", "low", "close", "volume")
    left = replace(series, **{name: getattr(series, name)[~gone] for name in names})
    return replace(facts, bars={**facts.bars, (symbol, resolution): left})


def named(result: ReplayResult) -> list[str]:
    return [gap_line(gap) for gap in missing_hours(result.panel, SESSIONS)]


def test_nothing_is_missing_in_a_whole_world(whole):
    assert named(played(whole)) == []
    assert missing_days(whole, SPEC.universe.data, SESSIONS) == ()
    assert missing_lines(()) == []


def test_an_hour_without_a_bar_is_named_and_its_entry_is_not_made(whole, bought):
    hour = timedelta(hours=1)
    result = played(without(whole, bought.symbol, bought.planned_at - hour, bought.planned_at))
    assert not [o for o in result.orders if (o.symbol, o.planned_at) == (bought.symbol, bought.planned_at)]
    (gap,) = missing_hours(result.panel, SESSIONS)
    assert (gap.symbol, gap.starts_at, gap.ends_at, gap.count) == (
        bought.symbol, bought.planned_at - hour, bought.planned_at, 1,
    )  # fmt: skip


def test_an_order_is_not_filled_where_there_is_no_bar(whole, bought):
    holed = without(whole, bought.symbol, bought.planned_at, bought.planned_at + timedelta(minutes=30))
    result = played(holed)
    assert bought.order_id in {o.order_id for o in result.orders}
    assert bought.order_id not in {f.order_id for f in result.fills}


def test_holes_of_every_kind_are_named_and_filled_from_no_price(whole):
    holed = without(whole, "AMD", ny("2024-07-09 11:30"), ny("2024-07-09 13:30"))
    holed = without(holed, "NVDA", ny("2024-07-10 09:30"), ny("2024-07-11 16:00"))
    holed = without(holed, "MSFT", ny("2024-07-12 15:30"), ny("2024-07-12 16:00"))
    result = played(holed)
    assert sorted(named(result)) == [
        "AMD: 2024-07-09 11:30–13:30 (2 hours)",
        "MSFT: 2024-07-12 15:30–16:00 (1 hour)",
        "NVDA: 2024-07-10 09:30 to 2024-07-11 16:00 (14 hours)",
    ]
    entries = {(o.symbol, o.planned_at) for o in result.orders if o.purpose is OrderPurpose.ENTRY}
    for gap in missing_hours(result.panel, SESSIONS):
        rows = [instant(at) for at in result.panel.times if gap.starts_at < instant(at) <= gap.ends_at]
        assert len(rows) == gap.count
        assert not entries & {(gap.symbol, at) for at in rows}
    for fill in result.fills:
        bars = holed.bars[fill.symbol, Resolution.HALF_HOUR]
        assert utc64(fill.executed_at) in np.concatenate([bars.starts_at, bars.ends_at])


def test_a_symbol_without_hours_the_vix_and_days_of_the_benchmark_are_named(whole):
    first, last = SESSIONS.sessions[0], SESSIONS.sessions[-1]
    lacking = replace(whole, bars={k: v for k, v in whole.bars.items() if k != ("GLD", Resolution.HALF_HOUR)})
    for resolution in (Resolution.HALF_HOUR, Resolution.DAY):
        lacking = without(lacking, VIX, ny("2024-07-15 09:30"), ny("2024-07-17 16:00"), resolution)
    lacking = without(lacking, "SPY", ny("2024-07-09 09:30"), ny("2024-07-10 16:00"), Resolution.DAY)
    gold, *vix = named(played(lacking))
    hours = len(SESSIONS.slots)
    assert gold == f"GLD: {first.session_on} 09:30 to {last.session_on} 16:00 ({hours} hours)"
    assert vix == [f"{VIX}: 2024-07-16 09:30 to 2024-07-17 16:00 (14 hours)"]
    days = missing_days(lacking, ("SPY", "QQQ"), SESSIONS)
    assert [gap_line(gap) for gap in days] == ["SPY: no daily bar 2024-07-09 to 2024-07-10 (2 sessions)"]
    head, *rest = missing_lines((*missing_hours(played(lacking).panel, SESSIONS), *days))
    counted = f"{hours + 14} hours and 2 daily bars of 3 symbols"
    assert head == f"missing: {counted}; nothing is bought on them (New York time)"
    assert len(rest) == 3
