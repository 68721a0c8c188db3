"""The weekly report: the sessions of a week added up, the curve beside benchmarks, and what ruled the trading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from trading.domain.instruments import BookId
from trading.domain.models import champion_of
from trading.domain.replays import RunTrade
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.ports.standing import Blocker
from trading.reporting.charts import ColumnChart, Values, linear_axis
from trading.reporting.document import Part, Report, Rows
from trading.reporting.wording import change, counted, days, fall, gain, percent, ratio, tick, whole
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import BookHistory
from trading.tasks.reports import state_rows as state
from trading.tasks.reports import trading_rows as trade
from trading.tasks.reports.pieces import (
    FEW_SESSIONS,
    beside,
    cause_words,
    curve_charts,
    day_words,
    gain_bars,
    gained,
    name_of,
    parts_of,
    sector_bars,
    usd,
)
from trading.tasks.standing import (
    BOOK,
    Contribution,
    Curve,
    Exposure,
    Period,
    PeriodGain,
    Statistics,
    contributions,
    curve_of,
    exposure_of,
    gains_of,
    read_history,
    statistics_of,
)

CURVE_SESSIONS = 252
"""Sessions of the curve in a weekly report: about a year."""
MOST_BLOCKERS = 8


@dataclass(frozen=True)
class Week:
    """What the store says of the sessions of a week.

    Attributes:
        days: its sessions. alone: the curve of the week only; curve: of about a year until its end.
        closed: trades that ended in it.
        is_newest: whether it is the book's newest; only then breaks and sectors of now belong to it.
    """

    history: BookHistory
    gain: PeriodGain
    before_usd: float
    days: tuple[PeriodGain, ...]
    alone: Curve
    curve: Curve
    found: tuple[Contribution, ...]
    traded: trade.Traded
    closed: tuple[RunTrade, ...]
    statistics: Statistics
    blockers: tuple[Blocker, ...]
    exposure: Exposure | None
    notes: tuple[str, ...]
    night: state.Night
    is_newest: bool


def weekly_report(services: Services, spec: StrategySpec, book: BookId, on: date | None = None) -> Report:
    """Return the report of the week that a day is in; None for the book's newest one.

    Raises:
        PermanentError: the book is not known, or has no mark of that week.
    """
    now = services.clock.now()
    with services.store.snapshot() as tx:
        history = read_history(tx, services.calendar, book)
        week = _read(tx, services, spec, history, on, now)
    gain_ = week.gain
    return Report(
        name=name_of("weekly", gain_.last_on, book),
        title=f"Week to {day_words(gain_.last_on)}",
        badge=history.badge,
        said=f"{book}, {counted(len(week.days), 'session')} from {gain_.first_on} to {gain_.last_on}",
        tiles=_tiles(week),
        parts=tuple(_parts(week, spec, now)),
        beware=tuple(_beware(week)),
        caption=_caption(week),
    )


def _read(
    tx: Transaction, services: Services, spec: StrategySpec, history: BookHistory, on: date | None, now: datetime
) -> Week:
    weeks, every_day = gains_of(history, Period.WEEK), gains_of(history, Period.DAY)
    wanted = None if on is None else Period.WEEK.starts_on(on)
    found = [w for w in weeks if wanted is None or Period.WEEK.starts_on(w.last_on) == wanted]
    if not found:
        raise PermanentError(f"{history.book} has no mark of {'any' if on is None else 'that'} week; run its hours")
    gain_ = found[-1]
    first_on, last_on = gain_.first_on, gain_.last_on
    until = [d for d in every_day if d.last_on <= last_on]
    before = [d for d in every_day if d.last_on < first_on]
    since = until[-min(len(until), CURVE_SESSIONS)].first_on
    is_newest = gain_ is weeks[-1]
    has_ledger = history.ledger is not None
    return Week(
        history=history,
        gain=gain_,
        before_usd=before[-1].nav_usd if before else history.equity.starting_usd,
        days=tuple(d for d in until if d.first_on >= first_on),
        alone=curve_of(tx, services.calendar, spec, history, now=now, first_on=first_on, last_on=last_on),
        curve=curve_of(tx, services.calendar, spec, history, now=now, first_on=since, last_on=last_on),
        found=contributions(tx, history, first_on, last_on),
        traded=trade.read_traded(tx, history, first_on, last_on),
        closed=tuple(t for t in history.trades if _is_in(history, t, first_on, last_on)),
        statistics=statistics_of(history),
        blockers=tx.standing.blockers(history.book, first_on, last_on),
        exposure=exposure_of(tx, spec, history) if is_newest else None,
        notes=tuple(_notes(tx, history.book, first_on, last_on, now)) if has_ledger else (),
        night=state.read_night(tx, history.book),
        is_newest=is_newest and has_ledger,
    )


def _is_in(history: BookHistory, closed: RunTrade, first_on: date, last_on: date) -> bool:
    on = history.session_of(closed.closed_at)
    return on is not None and first_on <= on <= last_on


def _notes(tx: Transaction, book: BookId, first_on: date, last_on: date, now: datetime) -> Iterator[str]:
    compared = [p for p in tx.parity.days(book, 30) if first_on <= p.session_on <= last_on]
    said = ", ".join(f"{p.session_on} {p.outcome}" for p in reversed(compared))
    yield f"Beside its replay: {said}." if compared else "No night of the week compared the book with its replay."
    events = tx.models.events(until=now)
    champion = champion_of(events)
    yield f"Model heard: {champion}." if champion else "No model is heard; model_agrees abstains."
    if events and (last := events[-1]).at.date() >= first_on:
        yield f"Newest event of a model: {last.action} {last.model_id} on {last.at:%Y-%m-%d}."


def _tiles(week: Week) -> list[tuple[str, str]]:
    own = week.curve.figures.get(BOOK)
    spy = week.alone.figures.get("SPY")
    return [
        (f"{whole(week.gain.nav_usd)} USD", "NAV"),
        (gained(week.gain.gain_usd), "gain of the week"),
        (change(week.gain.gain_frac), "the week"),
        (change(None if spy is None else spy.total_frac), "SPY, the week"),
        (fall(None if own is None else own.drawdown_frac), "deepest fall of the curve"),
        (usd(week.gain.commissions_usd), "commissions"),
        (str(len(week.closed)), "trades closed"),
        (gained(sum(t.gain_usd for t in week.closed)), "their gain"),
    ]


def _parts(week: Week, spec: StrategySpec, now: datetime) -> Iterator[Part]:
    charts = curve_charts(week.curve, spec.protection.breaker_frac)
    if charts:
        yield Part(
            f"The last {len(week.curve.points)} sessions", (*charts, beside(week.curve)), note=_CURVE, is_pictured=True
        )
    yield Part("Day by day", (_day_columns(week), _day_rows(week)), note=_DAYS)
    rest = week.gain.gain_usd - sum(c.gain_usd for c in week.found)
    bars = (gain_bars(week.found, rest, week.before_usd),) if week.found else ()
    yield Part("Why NAV changed", (*bars, parts_of(week.gain)), note=_WHY, is_pictured=True)
    yield Part("Trades that ended", (_trade_rows(week.closed),), note=_TRADES)
    yield Part("All trades so far", tuple(_statistics(week.statistics)))
    acted = (trade.trading_words(week.traded), trade.fill_rows(week.traded))
    yield Part("Orders and fills", acted, note=_FILLS)
    yield Part("Rules that kept entries out", (_blocker_rows(week.blockers),), note=_BLOCKED)
    yield Part("Orders that the checks denied", (trade.denial_rows(week.traded),))
    if week.exposure is not None:
        yield Part("Sectors", (sector_bars(week.exposure.sectors),), note=_SECTORS)
    if week.notes:
        yield Part("Replay and model", week.notes)
    if week.is_newest:
        broken = state.break_rows(week.night.open_breaks, now)
        yield Part("Book and broker", (broken, state.night_words(week.night)))


def _day_columns(week: Week) -> ColumnChart:
    gains = [d.gain_usd for d in week.days]
    return ColumnChart(
        label="gain of each session, USD",
        places=[f"{d.last_on:%a %d}" for d in week.days],
        series=(Values("gain", gains, 0),),
        axis=linear_axis(min(0.0, *gains), max(0.0, *gains), count=4),
        word=tick,
    )


def _day_rows(week: Week) -> Rows:
    head = ("session", "NAV, USD", "gain, USD", "gain", "realised, USD", "unrealised, USD", "commissions, USD")
    rows = [
        (
            day_words(d.last_on),
            whole(d.nav_usd),
            gain(d.gain_usd),
            change(d.gain_frac),
            gain(d.realised_usd),
            gain(d.unrealised_usd),
            ratio(d.commissions_usd),
        )
        for d in week.days
    ]
    return Rows(head, rows, "No session has a mark.")


def _trade_rows(closed: Sequence[RunTrade]) -> Rows:
    head = ("symbol", "entry", "exit", "bought at, USD", "sold at, USD", "return", "gain, USD", "ended by")
    rows = [
        (
            t.symbol,
            f"{t.opened_at:%Y-%m-%d}",
            f"{t.closed_at:%Y-%m-%d}",
            ratio(t.entry_price),
            ratio(t.exit_price),
            change(t.return_frac),
            gain(t.gain_usd),
            cause_words(t.closed_by.value),
        )
        for t in sorted(closed, key=lambda t: t.gain_usd)
    ]
    return Rows(head, rows, "No position was closed.")


def _statistics(found: Statistics) -> Iterator[Rows | str]:
    figures = found.trades
    rows = [
        ("entries", whole(found.entries)),
        ("closed trades", whole(figures.count)),
        ("hit rate", percent(figures.hit_frac)),
        ("profit factor", ratio(figures.profit_factor)),
        ("mean days held", days(figures.mean_days)),
        ("gain of closed trades, USD", gain(figures.gain_usd)),
    ]
    for name, one in (("best trade", found.best), ("worst trade", found.worst)):
        if one is not None:
            rows.append((name, f"{one.symbol} {gained(one.gain_usd)} to {one.closed_at:%Y-%m-%d}"))
    yield Rows(("figure", "the book"), rows, "none")
    exits = [(cause_words(e.name), whole(e.count), percent(e.hit_frac), gain(e.gain_usd)) for e in found.exits]
    yield Rows(("what ended positions", "sales", "won", "gain, USD"), exits, "Nothing was sold yet.")


def _blocker_rows(found: Sequence[Blocker]) -> Rows:
    rows = [(b.rule, whole(b.alone), whole(b.hours)) for b in found[:MOST_BLOCKERS]]
    return Rows(("rule", "alone, symbol-hours", "in all, symbol-hours"), rows, "No decision of the week is stored.")


def _beware(week: Week) -> Iterator[str]:
    if len(week.history.marks) < FEW_SESSIONS:
        yield "The book has one session only: there is no curve to draw."
    if len(week.history.trades) < 30:
        few = counted(len(week.history.trades), "closed trade")
        yield f"Only {few}: under 30 no rate or ratio of trades means much."
    if not week.gain.is_complete:
        yield "The week still runs."
    spy = week.alone.figures.get("SPY")
    if spy is None or spy.total_frac is None:
        yield "SPY has no daily bar of the week's end yet, so there is nothing to set it beside."
    if week.history.ledger is None:
        yield "A stored replay keeps no orders, fills and positions; only its curve and its trades are here."


def _caption(week: Week) -> str:
    lines = [
        f"Week to {day_words(week.gain.last_on)}: NAV {whole(week.gain.nav_usd)} USD, {gained(week.gain.gain_usd)}, "
        f"{change(week.gain.gain_frac)}",
        beside(week.alone),
    ]
    if week.found:
        ends = [week.found[0], *([week.found[-1]] if len(week.found) > 1 else [])]
        lines.append("Best and worst: " + ", ".join(f"{c.symbol} {gained(c.gain_usd)}" for c in ends))
    lines.append(trade.trading_words(week.traded))
    if week.blockers:
        lines.append(f"What kept entries out most: {week.blockers[0].rule}")
    if week.is_newest:
        lines.append(f"Open breaks: {len(week.night.open_breaks) or 'none'}")
    return "\n".join(filter(None, lines))


_CURVE = "Growth of 1 USD at session closes without deposits, and the fall from the highest close of the curve."
_DAYS = "At session closes; realised and unrealised gains are after commissions."
_WHY = "Worth at the end less worth before, less what was bought, plus sales and dividends, after commissions."
_TRADES = "Positions from their entry to their last sale, after commissions, dividends not added; the worst first."
_FILLS = "Slippage is what a fill lost against the last price that its decision had seen, in basis points (0.01 %)."
_BLOCKED = "Over all hours and symbols; “alone” counts those in which nothing but this rule stood in the way."
_SECTORS = "Part of NAV at the newest mark; the frame is the band."
