"""The daily report: what a session changed and why, what was decided, traded and refused, and what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from trading.domain.instruments import BookId, Symbol
from trading.domain.parity import Parity
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.reporting.document import Part, Report
from trading.reporting.wording import UNKNOWN, change, fall, first_hour, percent, whole
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import BookHistory
from trading.tasks.reports import state_rows as state
from trading.tasks.reports import trading_rows as trade
from trading.tasks.reports.pieces import (
    FEW_SESSIONS,
    curve_charts,
    day_words,
    gain_bars,
    gained,
    holding_rows,
    name_of,
    parts_of,
    sector_bars,
    usd,
)
from trading.tasks.standing import (
    Contribution,
    Curve,
    Exposure,
    Period,
    PeriodGain,
    contributions,
    curve_of,
    exposure_of,
    gains_of,
    read_history,
)

CURVE_SESSIONS = 60
"""Sessions of the curve in a daily report."""
_NEWS_SPAN = timedelta(days=2)


@dataclass(frozen=True)
class Day:
    """What the store says of one session.

    Attributes:
        is_newest: whether it is the book's newest; only then do state, breaks and data of now belong to it.
        benchmark_frac: what SPY gained in the session; None where unknown.
    """

    history: BookHistory
    gain: PeriodGain
    week: PeriodGain
    curve: Curve
    found: tuple[Contribution, ...]
    exposure: Exposure | None
    traded: trade.Traded
    benchmark_frac: float | None
    is_newest: bool
    before_usd: float


def daily_report(services: Services, spec: StrategySpec, book: BookId, session_on: date | None = None) -> Report:
    """Return the report of a session; None for the book's newest one.

    Raises:
        PermanentError: the book is not known, or has no mark of that session.
    """
    now = services.clock.now()
    with services.store.snapshot() as tx:
        history = read_history(tx, services.calendar, book)
        day = _read(tx, services, spec, history, session_on, now)
        parts = tuple(_parts(tx, services, spec, day, now))
        night = state.read_night(tx, book)
        said = state.state_words(tx, book) if day.is_newest and history.ledger is not None else ""
    on = day.gain.last_on
    return Report(
        name=name_of("daily", on, book),
        title=f"{day_words(on)}",
        badge=history.badge,
        said=f"{book}, session of {on}{'' if day.gain.is_complete else ', still running'}",
        tiles=_tiles(day),
        parts=(*parts, *_standing_parts(services, spec, day, night, said, now)),
        beware=tuple(_beware(day)),
        caption=_caption(day, said, night),
    )


def _read(
    tx: Transaction, services: Services, spec: StrategySpec, history: BookHistory, on: date | None, now: datetime
) -> Day:
    days = gains_of(history, Period.DAY)
    gain = next((d for d in days if d.last_on == on), None) if on is not None else (days[-1] if days else None)
    if gain is None:
        which = "no session" if on is None else f"no mark of {on}"
        newest = f"; the newest is {days[-1].last_on}" if days else f"; {first_hour(history.book)}"
        raise PermanentError(f"{history.book} has {which} to report{newest}")
    place = days.index(gain)
    first_on = days[max(place - CURVE_SESSIONS + 1, 0)].first_on
    curve = curve_of(tx, services.calendar, spec, history, now=now, first_on=first_on, last_on=gain.last_on)
    alone = curve_of(tx, services.calendar, spec, history, now=now, first_on=gain.first_on, last_on=gain.last_on)
    spy = alone.benchmarks.get("SPY", (None,))[-1]
    is_newest = place == len(days) - 1
    return Day(
        history=history,
        gain=gain,
        week=next(w for w in gains_of(history, Period.WEEK) if w.first_on <= gain.last_on <= w.last_on),
        curve=curve,
        found=contributions(tx, history, gain.first_on, gain.last_on),
        exposure=exposure_of(tx, spec, history) if is_newest else None,
        traded=trade.read_traded(tx, history, gain.first_on, gain.last_on),
        benchmark_frac=None if spy is None or not gain.is_complete else spy - 1.0,
        is_newest=is_newest,
        before_usd=days[place - 1].nav_usd if place else history.equity.starting_usd,
    )


def _tiles(day: Day) -> list[tuple[str, str]]:
    point = next((p for p in day.history.equity.points if p.mark.session_on == day.gain.last_on), None)
    invested = None if point is None or point.mark.cash_usd is None else 1.0 - point.mark.cash_usd / point.mark.nav_usd
    return [
        (f"{whole(day.gain.nav_usd)} USD", "NAV"),
        (gained(day.gain.gain_usd), "gain of the session"),
        (change(day.gain.gain_frac), "the session"),
        (change(day.benchmark_frac), "SPY, the session"),
        (change(day.week.gain_frac), "the week so far" if day.is_newest else "its week"),
        (fall(None if point is None else point.drawdown_frac), "from the highest close"),
        (percent(invested), "invested"),
        (usd(day.gain.commissions_usd), "commissions"),
    ]


def _parts(tx: Transaction, services: Services, spec: StrategySpec, day: Day, now: datetime) -> Iterator[Part]:
    rest = day.gain.gain_usd - sum(c.gain_usd for c in day.found)
    why = (gain_bars(day.found, rest, day.before_usd),) if day.found else ()
    yield Part("Why NAV changed", (*why, parts_of(day.gain)), note=_WHY, is_pictured=True)
    charts = curve_charts(day.curve)
    if charts:
        title = f"The last {len(day.curve.points)} sessions"
        yield Part(title, charts[:1], note=_CURVE, is_pictured=True)
    acted = (trade.trading_words(day.traded), trade.fill_rows(day.traded), trade.order_rows(day.traded))
    yield Part("Orders and fills", acted if day.traded.executed else (acted[0], acted[2]), note=_FILLS)
    yield Part("Orders that the checks denied", (trade.denial_rows(day.traded),), note=_DENIED)
    yield Part("Decisions", (trade.decision_rows(day.traded),))
    if day.exposure is not None:
        yield Part("Sectors", (sector_bars(day.exposure.sectors),), note=_SECTORS, is_pictured=True)
        yield Part("Positions", (holding_rows(day.exposure, day.gain.last_on),), note=_HELD)
    symbols = _symbols(day)
    since = services.calendar.sessions(day.gain.first_on, day.gain.first_on)[0].opens_at - _NEWS_SPAN
    until = services.calendar.sessions(day.gain.last_on, day.gain.last_on)[0].closes_at
    stories = [n for n in state.headlines(tx, symbols, since, now) if n.published_at <= until]
    yield Part("Headlines", (state.headline_rows(stories, symbols),), note=_NEWS)
    yield Part("Beside its replay", (_parity(tx, day),), note=_PARITY)


def _symbols(day: Day) -> Sequence[Symbol]:
    return [c.symbol for c in day.found]


def _parity(tx: Transaction, day: Day) -> str:
    found: Parity | None = next(
        (p for p in tx.parity.days(day.history.book, 30) if p.session_on == day.gain.last_on), None
    )
    if found is None:
        return "The night has not compared this session with its replay."
    return f"{found.outcome}: {found.summary}."


def _standing_parts(
    services: Services, spec: StrategySpec, day: Day, night: state.Night, said: str, now: datetime
) -> Iterator[Part]:
    """Yield what is of now; nothing for an earlier session or a stored replay."""
    if not day.is_newest or day.history.ledger is None:
        return
    book = day.history.book
    with services.store.snapshot() as tx:
        risk, working = tx.risk.newest(book), tx.orders.working(book)
    yield Part(
        "Risk and state", (said, state.risk_words(risk, spec), state.lock_rows(services, spec, book)), is_pictured=False
    )
    yield Part("Book and broker", (state.break_rows(night.open_breaks, now), state.night_words(night)))
    yield Part("Data", (state.data_rows(services, spec, day.gain.first_on, day.gain.last_on),))
    coming = tuple(state.next_lines(services.calendar, day.gain.last_on, working))
    yield Part("What is next", coming, is_pictured=True)


def _beware(day: Day) -> Iterator[str]:
    if len(day.history.marks) < FEW_SESSIONS:
        yield "The book has one session only: there is no curve to draw and nothing to compare it with."
    if not day.gain.is_complete:
        yield f"The session still runs: the newest mark is of {day.history.marks[-1].as_of:%H:%M} UTC."
    if day.benchmark_frac is None:
        yield "SPY has no daily bar of this session yet, so there is nothing to set the day beside."
    if not day.is_newest:
        yield (
            "State, locks, open breaks, parked data and positions are known of now only; a report of an earlier "
            "session leaves them out."
        )
    if day.history.ledger is None:
        yield "A stored replay keeps no orders, fills and positions; only its curve and its trades are here."
    if day.traded.executed and any(e.fill.commission_usd is None for e in day.traded.executed):
        yield "The broker has not told every commission yet; it is taken off when it does."


def _caption(day: Day, said: str, night: state.Night) -> str:
    lines = [
        f"{day_words(day.gain.last_on)}: NAV {whole(day.gain.nav_usd)} USD, "
        f"{gained(day.gain.gain_usd)}, {change(day.gain.gain_frac)}"
        f" (SPY {change(day.benchmark_frac)})"
    ]
    if day.found:
        ends = [day.found[0], *([day.found[-1]] if len(day.found) > 1 else [])]
        lines.append("Most and least: " + ", ".join(f"{c.symbol} {gained(c.gain_usd)}" for c in ends))
    lines.append(trade.trading_words(day.traded))
    if day.is_newest and day.history.ledger is not None:
        broken = len(night.open_breaks)
        lines.append(f"{said} Open breaks: {broken or 'none'}.")
    return "\n".join(line for line in lines if line and line != UNKNOWN)


_WHY = (
    "Worth at the end less worth before, less what was bought, plus sales and dividends, after commissions; in USD "
    "and part of NAV before the session."
)
_CURVE = "Growth of 1 USD at session closes without deposits, beside what simply held would have done, without costs."
_FILLS = (
    "Slippage is what a fill lost against the last price that its decision had seen, in basis points (0.01 %) and USD; "
    "stops and targets follow no decision's price."
)
_DENIED = "Newest numbers and words of each check, by symbol; docs/strategy.md says what each code means."
_SECTORS = "Part of NAV at the newest mark; the frame is the band."
_HELD = "At the newest mark. Stop and target are what works at the broker; NONE is a position without it."
_NEWS = "The newest about what was held, as they were published; nobody checked them."
_PARITY = "The same day replayed from the same book, on the facts known then."
