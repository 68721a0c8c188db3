"""An absurd future, and absurd corrections of the past, in a database that holds what was known at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import (
    SYNTHETIC,
    ActionKind,
    Bar,
    CorporateAction,
    EarningsReport,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
    TimeWindow,
)
from trading.engine.futures import TERRIBLE
from trading.ports import Provenance, Store
from trading.strategy.three_sector import UNIVERSE
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
from trading.tasks.facts import session_before

from tests.builders import an_action
from tests.integration.worlds import SEED, SINCE

CALENDAR = NyseCalendar()
RESOLUTIONS = (Resolution.HALF_HOUR, Resolution.DAY)
_MOMENT = timedelta(microseconds=1)


def poison(store: Store, at: datetime, until: datetime) -> None:
    """Store what nobody knew at `at`: an absurd future until `until`, and absurd corrections of the past."""
    market = SyntheticMarket(SEED, CALENDAR)
    origin = Provenance(SYNTHETIC, "poison", until, "poison")
    with store.transaction() as tx:
        tx.market.add_bars([*_corrected_bars(market, at)], replace(origin, fetched_at=at + _MOMENT))
        tx.market.add_bars([*_later_bars(market, at, until)], origin)
        tx.market.add_news([*_stories(market, at, until)], origin)
        tx.market.add_filings([*_filings(market, at, until)], origin)
        tx.market.add_earnings([*_reports(at)], origin)
        tx.market.add_macro([*_months(market, at, until)], origin)
        tx.market.add_actions([*_actions(at)], origin)


def _times(bar: Bar, factor: float) -> Bar:
    return replace(bar, **{name: getattr(bar, name) * factor for name in ("open", "high", "low", "close")})


def _later_bars(market: SyntheticMarket, at: datetime, until: datetime) -> Iterator[Bar]:
    # From the start of the day: the daily bar of a session under way and the half hour that is open end later.
    window = TimeWindow(at.replace(hour=0, minute=0), until)
    for symbol in UNIVERSE.data:
        for resolution in RESOLUTIONS:
            for bar in SyntheticBarSource(market).bars(symbol, window, resolution):
                if bar.ends_at > at:
                    yield _times(bar, 100)


def _corrected_bars(market: SyntheticMarket, at: datetime) -> Iterator[Bar]:
    """Yield revisions of stored bars: two weeks of days, and the half hours of the last days before `at`."""
    for symbol in UNIVERSE.data:
        for resolution, days in ((Resolution.DAY, 14), (Resolution.HALF_HOUR, 2)):
            window = TimeWindow(at - timedelta(days=days), at)
            for bar in SyntheticBarSource(market).bars(symbol, window, resolution):
                yield replace(_times(bar, 50), known_at=at + _MOMENT)


def _stories(market: SyntheticMarket, at: datetime, until: datetime) -> Iterator[NewsItem]:
    yield from SyntheticNewsSource(market).news(UNIVERSE.traded, TimeWindow(at + _MOMENT, until))
    for number in range(9):
        published_at = at - timedelta(hours=number)
        title = f"{TERRIBLE} {number}"
        yield NewsItem(f"x{number}", UNIVERSE.traded, published_at, at + _MOMENT, title, SYNTHETIC)


def _filings(market: SyntheticMarket, at: datetime, until: datetime) -> Iterator[Filing]:
    for filing in SyntheticFundamentalsSource(market).filings(UNIVERSE.data, TimeWindow(SINCE, until)):
        known_at = filing.known_at if filing.known_at > at else at + _MOMENT
        yield replace(filing, known_at=known_at, eps_diluted=-999.0, revenue_usd=1e15)


def _reports(at: datetime) -> Iterator[EarningsReport]:
    for symbol in UNIVERSE.traded:
        yield EarningsReport(symbol, at.date(), at.date(), 999.0, 0.01, SYNTHETIC, at + _MOMENT)


def _months(market: SyntheticMarket, at: datetime, until: datetime) -> Iterator[MacroPoint]:
    for point in SyntheticFundamentalsSource(market).macro(TimeWindow(SINCE, until)):
        yield replace(point, known_at=max(point.known_at, at + _MOMENT), value=point.value * 50)


def _actions(at: datetime) -> Iterator[CorporateAction]:
    """Yield actions of tomorrow, and of peers some of yesterday and today that became known too late.

    A traded name has none of those: its shares are the simulated broker's, which splits them on the day itself.
    """
    today, tomorrow = at.date(), CALENDAR.next_session(at.date()).session_on
    late = (session_before(CALENDAR, today).session_on, today)
    for symbol in UNIVERSE.data:
        for kind, value in ((ActionKind.SPLIT, 50.0), (ActionKind.DIVIDEND, 5.0)):
            for on in (tomorrow,) if symbol in UNIVERSE.traded else (*late, tomorrow):
                known_at = max(at + _MOMENT, datetime(on.year, on.month, on.day, tzinfo=UTC))
                yield an_action(symbol=symbol, kind=kind, ex_on=on, value=value, known_at=known_at, source=SYNTHETIC)
