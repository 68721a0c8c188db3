"""Valuation: trailing earnings as filed, and what the market pays for them against the sector's peers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import DecisionTimes, Facts, count_known, utc64
from trading.analysis.technicals import LastPrices
from trading.domain.instruments import InstrumentKind, Sector, Symbol, Universe
from trading.domain.market import Filing
from trading.domain.panel import FloatArray, Why
from trading.domain.runs import Columns, Runs
from trading.domain.signals import canonical

QUARTER_MAX_AGE = timedelta(days=200)
"""A quarter that ended longer ago than this no longer describes the company."""
YEAR_SPAN = timedelta(days=300)
"""Four consecutive quarter ends lie about 273 days apart; a hole makes it more."""
FIGURES_MEMORY = timedelta(days=5 * 365)
"""Growth compares two trailing years, and a fiscal year completes the quarters of one: five years are plenty."""
YEAR, QUARTER, SAME_PERIOD = timedelta(days=365), timedelta(days=91), timedelta(days=10)
_UNKNOWN = (float("nan"), np.datetime64("NaT", "D"))

type _Figures = Mapping[tuple[date, int], float]
"""The newest filed figure by (period's end, its length in quarters)."""


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
    ratios = {p: _price_to(prices, p, figures[p]["eps_ttm"]) for p in lenders}
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
        pe = ratios[symbol] if symbol in ratios else _price_to(prices, symbol, own["eps_ttm"])
        median = medians[others]
        why = _why(instrument.kind, own["eps_ttm"], pe, median)
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
    ascending = np.sort(np.stack(others), axis=0)
    count = np.isfinite(ascending).sum(axis=0)
    column = np.arange(length)
    lower, upper = ascending[np.maximum(count - 1, 0) // 2, column], ascending[count // 2, column]
    return canonical(np.where(count > 0, (lower + upper) / 2, np.nan))


def trailing_figures(
    facts: Facts, symbol: Symbol, times: DecisionTimes, *, with_growth: bool = True
) -> dict[str, NDArray[Any]]:
    """Return trailing diluted EPS on the share basis of each decision, revenue growth, and the newest filing's time.

    Args:
        with_growth: False leaves the growth unknown, for a company that only lends its P/E to a sector.
    """
    filings = sorted(facts.filings_of(symbol), key=lambda f: f.known_at)
    known_at = np.array([np.datetime64("NaT"), *(utc64(f.known_at) for f in filings)], dtype="datetime64[us]")
    # How many filings are known at each time: 0 has no figures.
    count = count_known(known_at[1:], times.cutoff_at)
    splits = BasisFactors.of_splits(facts.actions_of(symbol))
    bases = splits.at(np.array([f.filed_on or f.known_at.date() for f in filings], dtype="datetime64[D]")).tolist()
    total, growth = np.full(len(filings) + 1, np.nan), np.full(len(filings) + 1, np.nan)
    fresh_until = np.full(len(filings) + 1, np.datetime64("NaT"), dtype="datetime64[D]")
    grown_until = fresh_until.copy()
    is_read = set(count.tolist())
    earnings: dict[tuple[date, int], float] = {}
    revenue: dict[tuple[date, int], float] = {}
    for number, (filing, basis) in enumerate(zip(filings, bases, strict=True), start=1):
        _note(earnings, filing, None if filing.eps_diluted is None else filing.eps_diluted * basis)
        _note(revenue, filing, filing.revenue_usd)
        if number in is_read:
            total[number], fresh_until[number] = _trailing_total(earnings)
            if with_growth:
                growth[number], grown_until[number] = _revenue_growth(revenue)
    is_fresh = times.session_on <= fresh_until[count]
    eps = np.where(is_fresh, total[count] / splits.at(times.session_on), np.nan)
    return {
        "eps_ttm": canonical(eps),
        "revenue_growth_frac": canonical(np.where(times.session_on <= grown_until[count], growth[count], np.nan)),
        "filing_at": known_at[count],
    }


def _note(figures: dict[tuple[date, int], float], filing: Filing, figure: float | None) -> None:
    """Put a filed figure among `figures` and forget what lies too far back to enter any sum."""
    if figure is None:
        return
    figures[filing.period_ends_on, filing.quarters] = figure
    ends = [end for end, _ in figures]
    oldest = max(ends) - FIGURES_MEMORY
    if min(ends) < oldest:
        for period in [period for period in figures if period[0] < oldest]:
            del figures[period]


def _trailing_total(figures: _Figures) -> tuple[float, np.datetime64]:
    """Return the newest trailing year, on one share basis, and the last day on which it still describes the company."""
    ends_on = max((end for end, _ in figures), default=None)
    if ends_on is None or (total := _trailing_year(figures, ends_on)) is None:
        return _UNKNOWN
    return total, np.datetime64(ends_on + QUARTER_MAX_AGE, "D")


def _revenue_growth(figures: _Figures) -> tuple[float, np.datetime64]:
    """Return the newest trailing year against the one before, and the last day on which it still says something."""
    ends_on = max((end for end, _ in figures), default=None)
    before_on = None if ends_on is None else _near({end for end, _ in figures}, ends_on - YEAR)
    if ends_on is None or before_on is None:
        return _UNKNOWN
    now, before = _trailing_year(figures, ends_on), _trailing_year(figures, before_on)
    if now is None or before is None or before <= 0:
        return _UNKNOWN
    return now / before - 1.0, np.datetime64(ends_on + QUARTER_MAX_AGE, "D")


def _trailing_year(figures: _Figures, ends_on: date) -> float | None:
    """Return what the four quarters to `ends_on` add up to, or None when the filings do not tell.

    A fiscal year is its own answer. Within a year it is the last fiscal year, plus this year to date, less the same
    part of the year before: both parts stand in the newest filing, on its share basis. Else four single quarters.
    """
    if (year := figures.get((ends_on, 4))) is not None:
        return year
    for quarters in (3, 2, 1):
        if (ends_on, quarters) not in figures:
            continue
        year_on = _near({end for end, length in figures if length == 4}, ends_on - QUARTER * quarters)
        before_on = _near({end for end, length in figures if length == quarters}, ends_on - YEAR)
        if year_on is not None and before_on is not None:
            return figures[year_on, 4] + figures[ends_on, quarters] - figures[before_on, quarters]
    quarters_filed = _single_quarters(figures)
    last = sorted(end for end in quarters_filed if end <= ends_on)[-4:]
    if len(last) < 4 or last[-1] != ends_on or last[-1] - last[0] > YEAR_SPAN:
        return None
    return sum(quarters_filed[end] for end in last)


def _near(ends: Collection[date], on: date) -> date | None:
    """Return the end closest to `on`; years of 52 or 53 weeks end some days apart, so up to 10 days count as equal."""
    if on in ends:
        return on
    closest = min(ends, key=lambda end: abs(end - on), default=None)
    return closest if closest is not None and abs(closest - on) <= SAME_PERIOD else None


def _single_quarters(figures: _Figures) -> dict[date, float]:
    """Return the figure of each quarter by its end; a fiscal year's last quarter is the year less the other three."""
    quarters = {end: value for (end, length), value in figures.items() if length == 1}
    years = [(end, total) for (end, length), total in figures.items() if length == 4 and end not in quarters]
    for ends_on, total in sorted(years):
        inside = [q for q in quarters if ends_on - YEAR_SPAN < q < ends_on]
        if len(inside) == 3:
            quarters[ends_on] = total - sum(quarters[q] for q in inside)
    return quarters
