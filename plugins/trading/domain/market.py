"""What the market told us, and when we could know it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from trading.domain.instruments import Symbol
from trading.domain.records import quick

SYNTHETIC = "SYNTHETIC"
"""The `source` of every generated row; a paper or live book that meets it raises `InvariantBroken`."""

MAX_PRICE = 1e7
"""USD/share. Postgres holds NaN and Infinity for greater than 0, so each CHECK needs this upper wall too."""

MAX_VOLUME = 1e18
"""Shares; the wall of `market.finite`."""


class Resolution(StrEnum):
    """Length of a bar. Hours are session-anchored (09:30 New York); clock-anchored ones are refused."""

    HALF_HOUR = "30m"
    HOUR = "1h"
    DAY = "1d"


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """Half-open stretch of time, `starts_at <= t < ends_at`, aware and UTC."""

    starts_at: datetime
    ends_at: datetime


@quick
@dataclass(frozen=True, slots=True)
class Bar:
    """One raw (as-traded) bar.

    Attributes:
        starts_at, ends_at: aware UTC. A daily bar spans the session from open to close.
        open, high, low, close: USD/share (index points for an index), as quoted at the time.
        volume: shares.
        source: who said so.
        known_at: when a decision may first read it.
    """

    symbol: Symbol
    resolution: Resolution
    starts_at: datetime
    ends_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float
    source: str
    known_at: datetime


class BarFault(StrEnum):
    """Why a bar is refused. A refused bar is kept in staging with this word and reaches no indicator."""

    NOT_A_NUMBER = "not_a_number"
    NOT_POSITIVE = "not_positive"
    CROSSED = "crossed"
    NEGATIVE_VOLUME = "negative_volume"
    FROM_THE_FUTURE = "from_the_future"
    OFF_THE_GRID = "off_the_grid"
    BEFORE_ITS_END = "before_its_end"
    BAD_PRINT = "bad_print"
    CONFLICTING = "conflicting"
    JUMP = "jump"
    DUPLICATE = "duplicate"


def _is_number(value: object) -> bool:
    is_real = isinstance(value, int | float) and not isinstance(value, bool)
    # An integer beyond every float makes `isfinite` raise.
    return is_real and -MAX_VOLUME < value < MAX_VOLUME  # type: ignore[operator]


def bar_fault(bar: Bar, *, cutoff_at: datetime | None = None) -> BarFault | None:
    """Return why `bar` alone is not usable, or None.

    A jump against the previous close, a bad print and a duplicate need the neighbours; see `analysis.quality`.
    """
    prices = (bar.open, bar.high, bar.low, bar.close)
    if not all(_is_number(p) for p in (*prices, bar.volume)):
        return BarFault.NOT_A_NUMBER
    if not all(0 < p < MAX_PRICE for p in prices):
        return BarFault.NOT_POSITIVE
    if bar.high < max(bar.open, bar.close, bar.low) or bar.low > min(bar.open, bar.close):
        return BarFault.CROSSED
    if bar.volume < 0:
        return BarFault.NEGATIVE_VOLUME
    if bar.ends_at <= bar.starts_at:
        return BarFault.OFF_THE_GRID
    if bar.known_at < bar.ends_at:
        return BarFault.BEFORE_ITS_END
    if cutoff_at is not None and max(bar.ends_at, bar.known_at) > cutoff_at:
        return BarFault.FROM_THE_FUTURE
    return None


@dataclass(frozen=True, slots=True)
class Quote:
    """The market of one symbol as the broker shows it now.

    Attributes:
        bid, ask, last: USD/share; None where the broker shows none.
        quoted_at: the broker's time of the youngest of them; None when nothing came.
        is_delayed: shown without a subscription, about 15 minutes late.
        is_halted: None when the broker did not say.
    """

    symbol: Symbol
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    quoted_at: datetime | None
    is_delayed: bool
    is_halted: bool | None

    def price_for(self, *, buying: bool) -> Decimal | None:
        """Return what a trade would meet now [USD/share]: the other side's price, else the last one; None without."""
        side = self.ask if buying else self.bid
        return side if side is not None else self.last


@dataclass(frozen=True, slots=True)
class NewsItem:
    """One story.

    Attributes:
        item_id: vendor's id, or a hash of source, day and title.
        symbols: tickers that the story is about.
        published_at: vendor's time stamp.
        known_at: when a decision may first read it; a date-only story counts from the next session's open.
        title: headline, cut to 2,000 characters; hostile text is data.
    """

    item_id: str
    symbols: tuple[Symbol, ...]
    published_at: datetime
    known_at: datetime
    title: str
    source: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """One fiscal period as filed.

    Attributes:
        period_ends_on: last day of the fiscal period.
        quarters: length of the period: 1 (a single quarter), 2 or 3 (the year to date), 4 (a year).
        eps_diluted: USD/share on the share basis of the filing day; None when not filed.
        revenue_usd: None when not filed.
        known_at: acceptance time; the next session's open where only the filing day is known.
        filed_on: the filing day; None where it is the day of `known_at`.
    """

    symbol: Symbol
    period_ends_on: date
    quarters: int
    eps_diluted: float | None
    revenue_usd: float | None
    source: str
    known_at: datetime
    filed_on: date | None = None


@dataclass(frozen=True, slots=True)
class EarningsReport:
    """What a company earned in a quarter, and what analysts had expected of it.

    Attributes:
        period_ends_on: last day of the fiscal quarter. reported_on: day of the release, New York.
        eps_reported: USD/share. eps_estimated: USD/share, on the same basis; None where nobody estimated.
    """

    symbol: Symbol
    period_ends_on: date
    reported_on: date
    eps_reported: float
    eps_estimated: float | None
    source: str
    known_at: datetime

    @property
    def surprise_frac(self) -> float | None:
        """Return (reported − estimated) ÷ |estimated|; None without an estimate, or with one of nothing."""
        if not self.eps_estimated:
            return None
        return (self.eps_reported - self.eps_estimated) / abs(self.eps_estimated)


class MacroSeries(StrEnum):
    """Monthly series that rules read."""

    CPI_NSA = "cpi_nsa"
    GPR = "gpr"


@dataclass(frozen=True, slots=True)
class MacroPoint:
    """One monthly value as first published."""

    series: MacroSeries
    period_on: date
    value: float
    source: str
    known_at: datetime


class ActionKind(StrEnum):
    """Corporate actions that change the basis of prices or pay cash."""

    SPLIT = "split"
    DIVIDEND = "dividend"


@dataclass(frozen=True, slots=True)
class CorporateAction:
    """A split or a cash dividend.

    Attributes:
        ex_on: first session on the new basis.
        value: new shares per old share for a split; USD/share for a dividend.
    """

    symbol: Symbol
    kind: ActionKind
    ex_on: date
    value: float
    source: str
    known_at: datetime


@dataclass(frozen=True, slots=True)
class SessionNotice:
    """A day on which a vendor says that the exchange does not keep its usual hours.

    Attributes:
        closes_at: its early close; None where it stays closed.
    """

    on: date
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """One exchange session."""

    session_on: date
    opens_at: datetime
    closes_at: datetime


HOUR = timedelta(hours=1)
"""Length of a session hour; the last one of a session may be cut at the close."""


@quick
@dataclass(frozen=True, slots=True)
class Slot:
    """One session hour: a decision stands at its end.

    Attributes:
        starts_at: start of the hour.
        as_of: end of the hour; only bars with `ends_at <= as_of` count.
        is_closing: whether `as_of` is the session's close. The closing slot marks, guards and plans exits only.
    """

    session_on: date
    starts_at: datetime
    as_of: datetime
    is_closing: bool


def session_slots(session: Session) -> tuple[Slot, ...]:
    """Return the session hours of `session`: 60 minutes each from the open, the last one cut at the close."""
    slots: list[Slot] = []
    start = session.opens_at
    while start < session.closes_at:
        end = min(start + HOUR, session.closes_at)
        slots.append(Slot(session.session_on, start, end, end == session.closes_at))
        start = end
    return tuple(slots)
