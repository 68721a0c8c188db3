"""Valuation: trailing earnings as filed, and what the market pays for them against the sector's peers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import DateArray, DecisionTimes, Facts, count_known, dates64, pick_time, utc64_all
from trading.analysis.technicals import LastPrices
from trading.domain.instruments import InstrumentKind, Sector, Symbol, Universe
from trading.domain.market import Filing
from trading.domain.panel import FloatArray, Why
from trading.domain.runs import Columns, Runs, Steps, step_begins
from trading.domain.signals import canonical

QUARTER_MAX_AGE = timedelta(days=200)
"""A quarter that ended longer ago than this no longer describes the company."""
YEAR_SPAN = timedelta(days=300)
"""Four consecutive quarter ends lie about 273 days apart; a hole makes it more."""
FIGURES_MEMORY = timedelta(days=5 * 365)
"""Growth compares two trailing years, and a fiscal year completes the quarters of one: five years are plenty."""
YEAR, QUARTER, SAME_PERIOD = timedelta(days=365), timedelta(days=91), timedelta(days=10)
_UNKNOWN = (float("nan"), date.min)

type _Figures = dict[int, dict[date, float]]
"""The newest filed figure by its length in quarters, then by its period's end."""
type _Told = tuple[float, date]
"""What filings add up to, and the last day on which that still describes the company."""


def valuation_columns(
    facts: Facts,
    universe: Universe,
    peers: Mapping[Sector, tuple[Symbol, ...]],
    times: DecisionTimes,
    prices: LastPrices,
) -> dict[str, NDArray[Any] | Runs]:
    """Return the panel columns of valuation for the traded symbols, each of shape (times, symbols)."""
    lenders = tuple(dict.fromkeys(p for group in peers.values() for p in group))
    figures = {p: trailing_figures(facts, p, times, with_growth=p in universe.traded) for p in lenders}
    earned = {p: figures[p]["eps_ttm"].whole() for p in lenders}
    ratios = {p: _price_to(prices, p, earned[p]) for p in lenders}
    # What a peer cost long ago, halted since, says nothing about what its sector costs now.
    of_peer = {p: np.where(prices.why(p) == Why.STALE, np.nan, ratios[p]) for p in lenders}
    medians: dict[tuple[Symbol, ...], FloatArray] = {}
    columns = Columns(len(times), len(universe.traded))
    for symbol in universe.traded:
        instrument = universe[symbol]
        group = peers.get(instrument.sector, ()) if instrument.sector else ()
        others = tuple(p for p in group if p != symbol)
        if others not in medians:
            medians[others] = _median([of_peer[p] for p in others], len(times))
        own = figures[symbol] if symbol in figures else trailing_figures(facts, symbol, times)
        eps = earned[symbol] if symbol in earned else own["eps_ttm"].whole()
        pe = ratios[symbol] if symbol in ratios else _price_to(prices, symbol, eps)
        median = medians[others]
        why = _why(instrument.kind, eps, pe, median)
        columns.add({"pe_ratio": pe, "pe_sector_median": median, **own, "why_valuation": why})
    return columns.done()


def _price_to(prices: LastPrices, symbol: Symbol, eps: FloatArray) -> FloatArray:
    return _positive_ratio(prices.price(symbol), eps) if (eps > 0).any() else np.full(len(eps), np.nan)


def _why(kind: InstrumentKind, eps: FloatArray, pe: FloatArray, median: FloatArray) -> NDArray[np.int8]:
    if kind is not InstrumentKind.STOCK:
        return np.full(len(eps), Why.NOT_APPLICABLE, dtype=np.int8)
    loses_money = eps <= 0
    why = np.where(np.isnan(pe) & ~loses_money, np.int8(Why.NO_DATA), np.int8(Why.KNOWN))
    why = np.where(np.isnan(median) & ~loses_money, np.int8(Why.NO_PEERS), why)
    return np.where(np.isnan(eps), np.int8(Why.NO_FILING), why).astype(np.int8)


def _positive_ratio(price: FloatArray, eps: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return canonical(np.where(eps > 0, price / eps, np.nan))


def _median(others: Sequence[FloatArray], length: int) -> FloatArray:
    if not others:
        return np.full(length, np.nan)
    # Unknown ones sort to the end; the middle of the known ones is found by their number.
    ascending = _ascending(others)
    count = np.isfinite(ascending).sum(axis=0)
    column = np.arange(length)
    lower, upper = ascending[np.maximum(count - 1, 0) // 2, column], ascending[count // 2, column]
    return canonical(np.where(count > 0, (lower + upper) / 2, np.nan))


def _ascending(columns: Sequence[FloatArray]) -> FloatArray:
    """Return the values of each time in order, NaN as infinity, shape (columns, times).

    Neighbours change places, whole columns at once: for a few of them that takes a fifth of sorting time by time.
    """
    rows = [np.where(np.isnan(column), np.inf, column) for column in columns]
    for end in range(len(rows) - 1, 0, -1):
        for place in range(end):
            low, high = rows[place], rows[place + 1]
            rows[place], rows[place + 1] = np.minimum(low, high), np.maximum(low, high)
    return np.array(rows)


def trailing_figures(
    facts: Facts, symbol: Symbol, times: DecisionTimes, *, with_growth: bool = True
) -> dict[str, Steps]:
    """Return trailing diluted EPS on the share basis of each decision, revenue growth, and the newest filing's time.

    Args:
        with_growth: False leaves the growth unknown, for a company that only lends its P/E to a sector.
    """
    filings = sorted(facts.filings_of(symbol), key=lambda f: f.known_at)
    known_at = utc64_all(f.known_at for f in filings)
    # How many filings are known at each time: 0 has no figures. They stand for all hours of a session between two.
    known = count_known(known_at, times.cutoff_at)
    begins = step_begins(known, times.session_on)
    session_on, count = times.session_on[begins], known[begins]
    splits = BasisFactors.of_splits(facts.actions_of(symbol))
    bases = splits.at(dates64(f.filed_on or f.known_at.date() for f in filings)).tolist()
    totals, growths = [_UNKNOWN], [_UNKNOWN]
    is_read = set(count.tolist())
    earnings: _Figures = {}
    revenue: _Figures = {}
    for number, (filing, basis) in enumerate(zip(filings, bases, strict=True), start=1):
        _note(earnings, filing, None if filing.eps_diluted is None else filing.eps_diluted * basis)
        _note(revenue, filing, filing.revenue_usd)
        totals.append(_trailing_total(earnings) if number in is_read else _UNKNOWN)
        growths.append(_revenue_growth(revenue) if with_growth and number in is_read else _UNKNOWN)
    columns = {
        "eps_ttm": canonical(_standing(totals, count, session_on) / splits.at(session_on)),
        "revenue_growth_frac": canonical(_standing(growths, count, session_on)),
        "filing_at": pick_time(known_at, count - 1),
    }
    return {name: Steps(values, begins, len(times)) for name, values in columns.items()}


def _standing(told: Sequence[_Told], count: NDArray[np.intp], session_on: DateArray) -> FloatArray:
    """Return what the first `count` filings told, NaN where it no longer describes the company."""
    until = dates64(last_on for _, last_on in told)
    return np.where(session_on <= until[count], np.array([figure for figure, _ in told])[count], np.nan)


def _note(figures: _Figures, filing: Filing, figure: float | None) -> None:
    """Put a filed figure among `figures` and forget what lies too far back to enter any sum."""
    if figure is None:
        return
    figures.setdefault(filing.quarters, {})[filing.period_ends_on] = figure
    oldest = max(map(max, figures.values())) - FIGURES_MEMORY
    for length, of_length in figures.items():
        if min(of_length) < oldest:
            figures[length] = {end: told for end, told in of_length.items() if end >= oldest}


def _newest(figures: _Figures) -> date | None:
    return max(map(max, figures.values()), default=None)


def _trailing_total(figures: _Figures) -> _Told:
    """Return the newest trailing year, on one share basis."""
    ends_on = _newest(figures)
    if ends_on is None or (total := _trailing_year(figures, ends_on)) is None:
        return _UNKNOWN
    return total, ends_on + QUARTER_MAX_AGE


def _revenue_growth(figures: _Figures) -> _Told:
    """Return the newest trailing year against the one before."""
    ends_on = _newest(figures)
    if ends_on is None:
        return _UNKNOWN
    before_on = _near([end for of_length in figures.values() for end in of_length], ends_on - YEAR)
    if before_on is None or (now := _trailing_year(figures, ends_on)) is None:
        return _UNKNOWN
    before = _trailing_year(figures, before_on)
    if before is None or before <= 0:
        return _UNKNOWN
    return now / before - 1.0, ends_on + QUARTER_MAX_AGE


def _trailing_year(figures: _Figures, ends_on: date) -> float | None:
    """Return what the four quarters to `ends_on` add up to, or None when the filings do not tell.

    A fiscal year is its own answer. Within a year it is the last fiscal year, plus this year to date, less the same
    part of the year before: both parts stand in the newest filing, on its share basis. Else four single quarters.
    """
    years = figures.get(4, {})
    if (year := years.get(ends_on)) is not None:
        return year
    for quarters in (3, 2, 1):
        parts = figures.get(quarters, {})
        if ends_on not in parts or (year_on := _near(years, ends_on - QUARTER * quarters)) is None:
            continue
        if (before_on := _near(parts, ends_on - YEAR)) is not None:
            return years[year_on] + parts[ends_on] - parts[before_on]
    quarters_filed = _single_quarters(figures)
    last = sorted([end for end in quarters_filed if end <= ends_on])[-4:]
    if len(last) < 4 or last[-1] != ends_on or last[-1] - last[0] > YEAR_SPAN:
        return None
    return sum(quarters_filed[end] for end in last)


def _near(ends: Collection[date], on: date) -> date | None:
    """Return the end closest to `on`; years of 52 or 53 weeks end some days apart, so up to 10 days count as equal."""
    if on in ends:
        return on
    first, last = on - SAME_PERIOD, on + SAME_PERIOD
    return min((end for end in ends if first <= end <= last), key=lambda end: abs(end - on), default=None)


def _single_quarters(figures: _Figures) -> Mapping[date, float]:
    """Return the figure of each quarter by its end; a fiscal year's last quarter is the year less the other three."""
    quarters = dict(figures.get(1, {}))
    years = [(end, total) for end, total in figures.get(4, {}).items() if end not in quarters]
    for ends_on, total in sorted(years):
        inside = [q for q in quarters if ends_on - YEAR_SPAN < q < ends_on]
        if len(inside) == 3:
            quarters[ends_on] = total - sum(quarters[q] for q in inside)
    return quarters
