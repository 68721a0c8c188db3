"""How a book stands: what page, bot, command line and reports show of it. Rows are made here once; they only word them.

`read_history` reads a book; everything else is worked out from what it read. A value that is not known is None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from trading.accounting.equity import Equity, EquityPoint, Period, PeriodGain, equity_of, gains_by_period, thinned
from trading.accounting.performance import Figures, figures_of
from trading.accounting.trades import GainCount, TradeFigures, trade_figures
from trading.analysis.facts import Facts, bar_sessions
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution
from trading.domain.orders import Side
from trading.domain.panel import FloatArray
from trading.domain.replays import RunTrade
from trading.ports import MarketCalendar, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.book_history import NEW_YORK, BookHistory, Ledger, buys, read_history
from trading.tasks.exposure import Exposure, Holding, SectorWeight, exposure_of, price_of, unrealised_of
from trading.tasks.facts import session_before
from trading.tasks.replay_runs import MARKET, held_by, held_growth

__all__ = [
    "BOOK",
    "MOST_POINTS",
    "BookHistory",
    "Contribution",
    "Curve",
    "Exposure",
    "Holding",
    "Period",
    "PeriodGain",
    "SectorWeight",
    "Statistics",
    "SymbolGain",
    "contributions",
    "curve_of",
    "exposure_of",
    "gains_of",
    "read_history",
    "statistics_of",
    "symbol_gains",
]

MOST_POINTS = 600
"""As many as a screen can tell apart."""
PRICE_MEMORY = timedelta(days=30)
"""How long the last price of a benchmark stands for the beginning of a span."""
BOOK = "book"
"""Name of the book's own figures."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A book beside what simply held would have done, over the same sessions.

    Attributes:
        points: of each session or hour, thinned. starting_usd: NAV before the first one.
        benchmarks: growth of 1 USD by name ("list", "SPY", "QQQ"), one value per point: at the newest close by then;
            None where no bar tells. What has no prices at all is left out.
        figures: of the session closes, by name, the book's own under "book"; empty for benchmarks that a gap ends.
        deepest: the point with the largest drawdown; None without a point.
    """

    first_on: date | None
    last_on: date | None
    starting_usd: float
    points: tuple[EquityPoint, ...]
    benchmarks: Mapping[str, tuple[float | None, ...]]
    figures: Mapping[str, Figures]
    deepest: EquityPoint | None


def curve_of(
    tx: Transaction,
    calendar: MarketCalendar,
    spec: StrategySpec,
    history: BookHistory,
    *,
    now: datetime,
    first_on: date | None = None,
    last_on: date | None = None,
    is_hourly: bool = False,
    most: int = MOST_POINTS,
) -> Curve:
    """Return NAV, drawdown and benchmarks of the sessions in [first_on, last_on].

    Args:
        now: prices known by then are read.
        first_on, last_on: None for as far as the book goes.
        is_hourly: every hour instead of the last one of each session; a stored replay has none.
        most: about how many points are returned; drawdown and figures are of all of them.
    """
    equity, base_on = _span(tx, history, first_on, last_on, is_hourly=is_hourly)
    if not equity.points:
        return Curve(first_on, last_on, equity.starting_usd, (), {}, {}, None)
    sessions = list(dict.fromkeys(p.mark.session_on for p in equity.points))
    days = [base_on or session_before(calendar, sessions[0]).session_on, *sessions]
    growth = _benchmarks(tx, spec, history, days, equity.points[-1].mark.as_of, now)
    points = thinned(equity.points, most)
    place = {on: n for n, on in enumerate(days)}
    beside = {
        name: tuple(_known(values, place[p.mark.session_on] - (not p.mark.is_closing)) for p in points)
        for name, values in growth.items()
    }
    return Curve(
        first_on=sessions[0],
        last_on=sessions[-1],
        starting_usd=equity.starting_usd,
        points=points,
        benchmarks=beside,
        figures=_figures(equity, growth),
        deepest=max(equity.points, key=lambda p: p.drawdown_frac),
    )


def _span(
    tx: Transaction, history: BookHistory, first_on: date | None, last_on: date | None, *, is_hourly: bool
) -> tuple[Equity, date | None]:
    """Return the history between two sessions, and the session of the mark that it is measured from."""
    first, last = first_on or date.min, last_on or date.max
    inside = [m for m in history.marks if first <= m.session_on <= last]
    base = next((m for m in reversed(history.marks) if m.session_on < first), None)
    if is_hourly and history.ledger is not None:
        inside = list(tx.standing.marks(history.book, first_on=first_on, last_on=last_on, is_hourly=True))
    if base is None and history.run is not None:
        whole = history.equity
        return Equity(whole.starting_usd, whole.points[: len(inside)]), None
    moves = () if history.ledger is None else history.ledger.moves
    return equity_of(inside, moves, base=base), None if base is None else base.session_on


def _benchmarks(
    tx: Transaction, spec: StrategySpec, history: BookHistory, days: Sequence[date], until: datetime, now: datetime
) -> dict[str, FloatArray]:
    """Return growth at the close of each day, the first one being 1; NaN after the newest bar."""
    if history.run is not None:
        return _stored_benchmarks(history, days)
    names = {symbol for held in held_by(spec).values() for symbol in held}
    begins_at = datetime.combine(days[0], datetime.min.time(), NEW_YORK)
    # As known now: a bar that came late tells of its close all the same.
    bars = tx.market.bars(sorted(names), (Resolution.DAY,), as_of=until, cutoff_at=now, since=begins_at - PRICE_MEMORY)
    facts = Facts(bars=bars, actions=tx.market.actions(cutoff_at=now))
    return {name: _cut(facts, held_by(spec)[name], days, c) for name, c in held_growth(facts, spec, days).items()}


def _stored_benchmarks(history: BookHistory, days: Sequence[date]) -> dict[str, FloatArray]:
    run = history.run
    if run is None or run.equity is None:
        return {}
    at = {on: n for n, on in enumerate(run.equity.session_on, start=1)}
    rows = [at.get(on, 0) for on in days]
    grown = {name: np.array([1.0, *values])[rows] for name, values in run.equity.benchmarks.items()}
    return {name: values / values[0] for name, values in grown.items()}


def _cut(facts: Facts, symbols: Iterable[Symbol], days: Sequence[date], growth: FloatArray) -> FloatArray:
    """Return growth with what no bar tells any more as NaN."""
    ends = [bar_sessions(daily)[-1] for s in symbols if (daily := facts.daily(s)) is not None and len(daily)]
    return np.where(np.array(days, dtype="datetime64[D]") <= max(ends), growth, np.nan)


def _known(values: FloatArray, place: int) -> float | None:
    value = float(values[place])
    return value if np.isfinite(value) else None


def _figures(equity: Equity, growth: Mapping[str, FloatArray]) -> dict[str, Figures]:
    last = {p.mark.session_on: p.growth for p in equity.points}
    market = growth.get(MARKET)
    known = market if market is not None and np.isfinite(market).all() else None
    found = {BOOK: figures_of([1.0, *last.values()], market=known)}
    for name, values in growth.items():
        found[name] = figures_of(values, market=known) if np.isfinite(values).all() else Figures()
    return found


# --- gains --------------------------------------------------------------------------------------


def gains_of(history: BookHistory, period: Period, count: int | None = None) -> tuple[PeriodGain, ...]:
    """Return what each day, week or month brought, oldest first; with a count the newest ones."""
    found = gains_by_period(history.equity, history.earned, period)
    return found if count is None else found[-count:]


@dataclass(frozen=True, slots=True)
class SymbolGain:
    """What one symbol brought to a book [USD].

    Attributes:
        trades: closed ones. realised_usd: of all sales, commissions taken off.
        unrealised_usd: open shares at the newest mark over their cost; None without a mark, 0 without shares.
        dividends_usd, commissions_usd: None for a stored replay, which keeps none.
    """

    symbol: Symbol
    trades: int
    hit_frac: float | None
    realised_usd: float
    unrealised_usd: float | None
    dividends_usd: float | None
    commissions_usd: float | None

    @property
    def total_usd(self) -> float | None:
        """Realised, unrealised and dividends; None if one of them is not known."""
        parts = (self.realised_usd, self.unrealised_usd, self.dividends_usd)
        return None if None in parts else sum(p for p in parts if p is not None)


def symbol_gains(history: BookHistory) -> tuple[SymbolGain, ...]:
    """Return every symbol that was traded, what realised most first."""
    ledger = history.ledger
    traded = {t.symbol for t in history.trades}
    if ledger is not None:
        traded |= {f.symbol for f in ledger.fills}
    gains = (_symbol_gain(history, ledger, symbol) for symbol in sorted(traded))
    return tuple(sorted(gains, key=lambda g: (-(g.total_usd or g.realised_usd), g.symbol)))


def _symbol_gain(history: BookHistory, ledger: Ledger | None, symbol: Symbol) -> SymbolGain:
    trades = [t for t in history.trades if t.symbol == symbol]
    figures = trade_figures(trades)
    if ledger is None:
        return SymbolGain(symbol, len(trades), figures.hit_frac, figures.gain_usd, None, None, None)
    held = ledger.portfolio.positions.get(symbol)
    return SymbolGain(
        symbol=symbol,
        trades=len(trades),
        hit_frac=figures.hit_frac,
        realised_usd=_sum(d.gain_usd for d in ledger.disposals if d.symbol == symbol),
        unrealised_usd=0.0 if held is None or not held.lots else unrealised_of(held, price_of(ledger, symbol)),
        dividends_usd=_sum(m.amount_usd for m in ledger.moves if m.kind == "dividend" and _is_of(m.reference, symbol)),
        commissions_usd=_sum(f.commission_usd or Decimal(0) for f in ledger.fills if f.symbol == symbol),
    )


def _is_of(reference: str | None, symbol: Symbol) -> bool:
    """Whether a dividend's entry is of a symbol: it names it, or the entry of its ex-date that it corrects."""
    return reference == symbol or (reference or "").startswith(f"dividend.{symbol}.")


def _sum(amounts: Iterable[Decimal]) -> float:
    return float(sum(amounts, Decimal(0)))


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one symbol brought over a stretch of sessions [USD].

    Attributes:
        gain_usd: end value less start value, less what was bought, plus what was sold and dividends; commissions are
            in it.
        start_usd, end_usd: worth at the marks before and at the end.
    """

    symbol: Symbol
    gain_usd: float
    start_usd: float
    end_usd: float


def contributions(tx: Transaction, history: BookHistory, first_on: date, last_on: date) -> tuple[Contribution, ...]:
    """Return what each symbol brought in the sessions in [first_on, last_on], what brought most first.

    With interest, fees and what came without a symbol they add up to the gain of the same sessions. Empty for a stored
    replay, which keeps no positions.
    """
    ledger, book = history.ledger, history.book
    inside = [m for m in history.marks if first_on <= m.session_on <= last_on]
    if ledger is None or not inside:
        return ()
    base = next((m for m in reversed(history.marks) if m.session_on < first_on), None)
    start = {} if base is None else _worth(tx.ledger.marks_at(book, base.as_of))
    end, flows = _worth(tx.ledger.marks_at(book, inside[-1].as_of)), _flows(history, ledger, first_on, last_on)
    found = (
        Contribution(s, end.get(s, 0.0) - start.get(s, 0.0) + flows.get(s, 0.0), start.get(s, 0.0), end.get(s, 0.0))
        for s in sorted({*start, *end, *flows})
    )
    return tuple(sorted(found, key=lambda c: (-c.gain_usd, c.symbol)))


def _worth(marks: Mapping[Symbol, tuple[Decimal, float, float]]) -> dict[Symbol, float]:
    return {symbol: float(quantity) * price for symbol, (quantity, price, _) in marks.items()}


def _flows(history: BookHistory, ledger: Ledger, first_on: date, last_on: date) -> dict[Symbol, float]:
    """Return what sales and dividends brought less what purchases took, by symbol."""
    found: dict[Symbol, float] = {}

    def add(symbol: Symbol, amount: Decimal, at: datetime) -> None:
        on = history.session_of(at)
        if on is not None and first_on <= on <= last_on:
            found[symbol] = found.get(symbol, 0.0) + float(amount)

    for fill in ledger.fills:
        sign = 1 if fill.side is Side.SELL else -1
        add(fill.symbol, sign * fill.quantity * fill.price - (fill.commission_usd or Decimal(0)), fill.executed_at)
    for move in ledger.moves:
        if move.kind in ("dividend", "cash_in_lieu") and (symbol := _symbol_of(move.reference, ledger)) is not None:
            add(symbol, move.amount_usd, move.happened_at)
    return found


def _symbol_of(reference: str | None, ledger: Ledger) -> Symbol | None:
    return next((f.symbol for f in ledger.fills if _is_of(reference, f.symbol)), None)


@dataclass(frozen=True, slots=True)
class Statistics:
    """The trades of a book in numbers.

    Attributes:
        entries: orders that bought something; None for a stored replay, which keeps closed trades only.
        worst, best: closed trades by gain; None without one.
        exits: what sales brought by what asked for them: a rule's name, a guard's, or the order's purpose.
    """

    entries: int | None
    trades: TradeFigures
    worst: RunTrade | None
    best: RunTrade | None
    exits: tuple[GainCount, ...]


def statistics_of(history: BookHistory) -> Statistics:
    """Return the figures of all closed trades."""
    by_gain = sorted(history.trades, key=lambda t: t.gain_usd)
    return Statistics(
        entries=None if history.ledger is None else buys(history.ledger.fills),
        trades=trade_figures(history.trades),
        worst=by_gain[0] if by_gain else None,
        best=by_gain[-1] if by_gain else None,
        exits=history.exits(),
    )
