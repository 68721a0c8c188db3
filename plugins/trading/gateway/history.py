"""Historical bars as the broker serves them: 30 minutes, 1 hour and 1 day, of trades or midpoints.

The feed has session bars only, so bars outside regular hours do not exist here and `useRTH` changes nothing. Hours
are clock hours cut at the session: the first begins at 09:30 and lasts half an hour. The bar that still runs is
served too, as IB does, with its open for each price. Prices and volumes of TRADES stand on the share basis of the
present: earlier splits are worked into them, also as IB does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import prod

from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, Bar, CorporateAction, Resolution, Session
from trading.gateway.feed import BarFeed
from trading.gateway.listings import EASTERN
from trading.gateway.records import Refusal
from trading.gateway.wire.frames import stamp
from trading.gateway.wire.market import HistoricalBar
from trading.ports import MarketCalendar

_SESSIONS = {"D": 1, "W": 5, "M": 21, "Y": 252}
"""Sessions in each unit of a duration; seconds are counted as they are."""
OLDEST_ON = date(2000, 1, 1)
"""Nothing older is looked for: calendars begin here."""
SHOWN = ("TRADES", "MIDPOINT")


class BarSize(StrEnum):
    """Bar sizes in the broker's words."""

    HALF_HOUR = "30 mins"
    HOUR = "1 hour"
    DAY = "1 day"


@dataclass(frozen=True, slots=True)
class BarRequest:
    """One request for historical bars.

    Attributes:
        ends_at: None for now.
        duration: e.g. "2 D".
        is_epoch: dates of intraday bars as epoch seconds instead of text.
    """

    symbol: Symbol
    ends_at: datetime | None
    size: str
    duration: str
    what: str
    is_epoch: bool


@dataclass(frozen=True, slots=True)
class History:
    """Bars of a request and the stretch that they were looked for in."""

    begins_at: datetime
    ends_at: datetime
    bars: list[HistoricalBar]


def history(request: BarRequest, feed: BarFeed, calendar: MarketCalendar, now: datetime) -> History:
    """Return the bars that began before the end of the request and are known at `now`.

    Raises:
        Refusal: 321 for what is not served, 162 where there is no data.
    """
    if request.size not in set(BarSize):
        raise Refusal(321, "Error validating request.-'bB' : cause - Historical data bar size setting is invalid.")
    if request.what not in SHOWN:
        raise Refusal(321, f"Error validating request.-'bB' : cause - {request.what} is not simulated.")
    ends_at = min(request.ends_at or now, now)
    begins_at = _beginning(request.duration, ends_at, calendar)
    splits = _splits(request.symbol, feed, begins_at, now)
    groups = (
        [_adjusted(bar, splits) for bar in group] for group in _groups(request, feed, calendar, begins_at, ends_at)
    )
    bars = [_merged(group, BarSize(request.size), request, ends_at) for group in groups]
    if not bars:
        text = f"HMDS query returned no data: {request.symbol}@SMART {request.what.title()}"
        raise Refusal(162, f"Historical Market Data Service error message:{text}")
    return History(begins_at, ends_at, bars)


def head(symbol: Symbol, feed: BarFeed, calendar: MarketCalendar, now: datetime) -> datetime | None:
    """Return the start of the oldest session that has bars, or None; found by bisection over sessions."""
    sessions = calendar.sessions(OLDEST_ON, now.date())
    first, last = 0, len(sessions)
    while first < last:
        middle = (first + last) // 2
        if any(feed.bars(symbol, sessions[middle].opens_at, sessions[middle].closes_at)):
            last = middle
        else:
            first = middle + 1
    return sessions[first].opens_at if first < len(sessions) else None


def _splits(symbol: Symbol, feed: BarFeed, begins_at: datetime, now: datetime) -> list[CorporateAction]:
    found = feed.actions([symbol], _day(begins_at), _day(now))
    return [action for action in found if action.kind is ActionKind.SPLIT]


def _adjusted(bar: Bar, splits: Sequence[CorporateAction]) -> Bar:
    """Return a bar on the share basis of the present."""
    ratio = prod(split.value for split in splits if split.ex_on > _day(bar.starts_at))
    if ratio == 1:
        return bar
    opened, high, low, close = (round(price / ratio, 4) for price in (bar.open, bar.high, bar.low, bar.close))
    return replace(bar, open=opened, high=high, low=low, close=close, volume=bar.volume * ratio)


def _beginning(duration: str, ends_at: datetime, calendar: MarketCalendar) -> datetime:
    """Return where a duration begins: that many sessions back, the one that is on counted."""
    count, _, unit = duration.partition(" ")
    if not count.isdecimal() or not int(count) or unit not in (*_SESSIONS, "S"):
        raise Refusal(321, "Error validating request.-'bB' : cause - Historical data duration is invalid.")
    if unit == "S":
        return max(ends_at - timedelta(seconds=int(count)), datetime.combine(OLDEST_ON, time(), UTC))
    wanted = int(count) * _SESSIONS[unit]
    today = ends_at.astimezone(EASTERN).date()
    if today < OLDEST_ON:
        return ends_at
    found = calendar.sessions(max(OLDEST_ON, today - timedelta(days=wanted * 2 + 10)), today)
    begun = [s for s in found if s.opens_at < ends_at][-wanted:]
    return begun[0].opens_at if begun else ends_at


def _groups(
    request: BarRequest, feed: BarFeed, calendar: MarketCalendar, begins_at: datetime, ends_at: datetime
) -> Iterator[list[Bar]]:
    """Yield the feed's bars that make up each bar of the answer, oldest first."""
    first_on, last_on = (at.astimezone(EASTERN).date() for at in (begins_at, ends_at))
    for session in calendar.sessions(first_on, last_on):
        grouped: dict[object, list[Bar]] = {}
        for bar in _session_bars(request.symbol, feed, session, ends_at):
            if bar.starts_at >= begins_at and (key := _key(bar, BarSize(request.size))) is not None:
                grouped.setdefault(key, []).append(bar)
        yield from grouped.values()


def _session_bars(symbol: Symbol, feed: BarFeed, session: Session, ends_at: datetime) -> Iterable[Bar]:
    until = min(session.closes_at, ends_at)
    bars = feed.bars(symbol, session.opens_at, until)
    return (b for b in bars if session.opens_at <= b.starts_at < until)


def _key(bar: Bar, size: BarSize) -> object | None:
    """Return what bars of one answer bar have in common; None where a bar is too coarse for the size."""
    if size is BarSize.DAY:
        return bar.starts_at.date()
    if bar.resolution is not Resolution.HALF_HOUR:
        return None
    return bar.starts_at if size is BarSize.HALF_HOUR else bar.starts_at.replace(minute=0)


def _merged(group: list[Bar], size: BarSize, request: BarRequest, ends_at: datetime) -> HistoricalBar:
    known = [b if b.ends_at <= ends_at else _just_opened(b) for b in group]
    volume = sum(b.volume for b in known)
    average = sum((b.high + b.low + b.close) / 3 * b.volume for b in known) / volume if volume else known[-1].close
    is_trades = request.what == "TRADES"
    return HistoricalBar(
        date=_date_text(group[0].starts_at, size, is_epoch=request.is_epoch),
        open=known[0].open,
        high=max(b.high for b in known),
        low=min(b.low for b in known),
        close=known[-1].close,
        volume=round(volume) if is_trades else -1,
        average=round(average, 4) if is_trades else -1,
        count=max(1, round(volume / 100)) if is_trades else -1,
    )


def _just_opened(bar: Bar) -> Bar:
    return replace(bar, high=bar.open, low=bar.open, close=bar.open, volume=0.0)


def _date_text(at: datetime, size: BarSize, *, is_epoch: bool) -> str:
    if size is BarSize.DAY:
        return _day(at).strftime("%Y%m%d")
    return str(int(at.timestamp())) if is_epoch else stamp(at)


def _day(at: datetime) -> date:
    return at.astimezone(EASTERN).date()
