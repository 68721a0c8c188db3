"""Seven weeks of a SYNTHETIC market with everything that a careless reader could look ahead at.

A split, dividends, filings, two publications of the CPI and a half day lie in the window. Added to it are stories with
a date only, revised months, an amended filing, a split and a dividend that became known after their day, a daily bar
that came two days late and a gap in the half hours.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts, utc64
from trading.domain.market import ActionKind, EarningsReport, MacroSeries, NewsItem, Resolution, TimeWindow
from trading.engine.hours import Timeline
from trading.strategy.three_sector import UNIVERSE
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
from trading.tasks.facts import timeline_of

from tests.builders import an_action, series_of

CALENDAR = NyseCalendar()
FIRST, LAST = date(2024, 7, 1), date(2024, 8, 16)
LATE_SPLIT, LATE_DIVIDEND = ("SLV", date(2024, 7, 10)), ("MSFT", date(2024, 7, 11))


def timeline() -> Timeline:
    """Return the sessions of the window."""
    return timeline_of(CALENDAR, FIRST, LAST)


def world() -> Facts:
    """Return the facts as the vendors would have delivered them."""
    market = SyntheticMarket(7, CALENDAR)
    window = TimeWindow(datetime(2021, 6, 1, tzinfo=UTC), datetime(2024, 8, 17, tzinfo=UTC))
    recent = replace(window, starts_at=datetime(2024, 6, 21, tzinfo=UTC))
    source, fundamentals = SyntheticBarSource(market), SyntheticFundamentalsSource(market)
    bars = {
        (symbol, resolution): series_of(symbol, resolution, source.bars(symbol, stretch, resolution))
        for symbol in UNIVERSE.data
        for resolution, stretch in ((Resolution.DAY, window), (Resolution.HALF_HOUR, recent))
    }
    return Facts(
        bars,
        tuple(SyntheticNewsSource(market).news(UNIVERSE.traded, recent)),
        tuple(fundamentals.filings(UNIVERSE.data, window)),
        tuple(fundamentals.macro(window)),
        tuple(fundamentals.corporate_actions(UNIVERSE.data, window)),
    )


def awkward(facts: Facts) -> Facts:
    """Return the world with what comes late, twice or not at all."""
    daily, half_hours = ("AMD", Resolution.DAY), ("MSFT", Resolution.HALF_HOUR)
    late = facts.bars[daily]
    known_at = np.where(
        late.starts_at.astype("datetime64[D]") == np.datetime64("2024-07-16"),
        np.datetime64("2024-07-18T15:00"),
        late.known_at,
    )
    whole = facts.bars[half_hours]
    gap = (whole.starts_at > utc64(datetime(2024, 7, 22, 15, tzinfo=UTC))) & (
        whole.starts_at < utc64(datetime(2024, 7, 31, 16, tzinfo=UTC))
    )
    names = ("starts_at", "ends_at", "known_at", "open", "high", "low", "close", "volume")
    # One symbol has hours in place of half hours, so that every resolution is there to be poisoned.
    hours = replace(facts.bars["TSLA", Resolution.HALF_HOUR], resolution=Resolution.HOUR)
    bars = {key: series for key, series in facts.bars.items() if key != ("TSLA", Resolution.HALF_HOUR)}
    return replace(
        facts,
        bars={
            **bars,
            daily: replace(late, known_at=known_at),
            half_hours: replace(whole, **{name: getattr(whole, name)[~gap] for name in names}),
            ("TSLA", Resolution.HOUR): hours,
        },
        news=(*facts.news, *_dated_stories()),
        filings=(*facts.filings, *_amendments(facts)),
        macro=(*facts.macro, *_revisions(facts)),
        actions=(*facts.actions, *_late_actions()),
        earnings=tuple(_reports()),
    )


def _dated_stories():
    for session in CALENDAR.sessions(FIRST, LAST):
        on = session.session_on
        published_at = datetime(on.year, on.month, on.day, tzinfo=UTC)
        known_at = CALENDAR.next_session(on).opens_at
        for number in range(4):
            mood = "record profit, great success" if on.day % 2 else "disaster, terrible losses"
            yield NewsItem(
                f"d{on}-{number}", ("AAPL",), published_at, known_at, f"Apple {number}: {mood} {on}", "dated"
            )


def _amendments(facts: Facts):
    for filing in facts.filings:
        if filing.symbol in ("NVDA", "AVGO") and filing.known_at.year == 2024:
            yield replace(
                filing, known_at=filing.known_at + timedelta(days=90), eps_diluted=(filing.eps_diluted or 0) + 5
            )


def _reports():
    """Yield two quarters of two companies, released in the evening, so that they count from the next open."""
    for symbol, days in (
        ("NVDA", (date(2024, 5, 22), date(2024, 7, 24))),
        ("AAPL", (date(2024, 5, 2), date(2024, 8, 1))),
    ):
        for number, on in enumerate(days):
            known_at = CALENDAR.next_session(on).opens_at
            yield EarningsReport(symbol, on.replace(day=1), on, 1.0 + number, 0.8, "TEST", known_at)


def _revisions(facts: Facts):
    for point in facts.macro:
        if point.series is MacroSeries.CPI_NSA:
            yield replace(point, known_at=point.known_at + timedelta(days=41), value=point.value * 1.02)


def _late_actions():
    (split, split_on), (dividend, dividend_on) = LATE_SPLIT, LATE_DIVIDEND
    known_at = datetime(2024, 7, 15, 15, 10, tzinfo=UTC)
    yield an_action(symbol=split, ex_on=split_on, value=2.0, known_at=known_at)
    yield an_action(symbol=dividend, kind=ActionKind.DIVIDEND, ex_on=dividend_on, value=3.0, known_at=known_at)
