"""Valuation: trailing earnings as filed, and what the market pays for them against the sector's peers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.adjustment import BasisFactors
from trading.analysis.facts import DateArray, DecisionTimes, Facts, utc64
from trading.analysis.technicals import last_prices
from trading.domain.instruments import InstrumentKind, Sector, Symbol, Universe
from trading.domain.market import Filing
from trading.domain.panel import FloatArray, TimeArray, Why
from trading.domain.signals import canonical

QUARTER_MAX_AGE = timedelta(days=200)
"""A quarter that ended longer ago than this no longer describes the company."""
YEAR_SPAN = timedelta(days=300)
"""Four consecutive quarter ends lie about 273 days apart; a hole makes it more."""


def valuation_columns(
    facts: Facts, universe: Universe, peers: Mapping[Sector, tuple[Symbol, ...]], times: DecisionTimes
) -> dict[str, NDArray[Any]]:
    """Return the panel columns of valuation for the traded symbols, each of shape (times, symbols)."""
    traded = universe.traded
    companies = tuple(dict.fromkeys((*(p for group in peers.values() for p in group), *traded)))
    price = last_prices(facts, companies, times)
    trailing = {s: trailing_figures(facts, s, times) for s in companies}
    pe = {s: _positive_ratio(price[:, i], trailing[s]["eps_ttm"]) for i, s in enumerate(companies)}
    columns: dict[str, list[NDArray[Any]]] = {}
    for symbol in traded:
        instrument = universe[symbol]
        others = [pe[p] for p in peers.get(instrument.sector, ()) if p != symbol] if instrument.sector else []
        median = _median(others, len(times))
        own = trailing[symbol]
        why = _why(instrument.kind, own["eps_ttm"], pe[symbol], median)
        for name, values in (
            ("pe_ratio", pe[symbol]),
            ("pe_sector_median", median),
            *own.items(),
            ("why_valuation", why),
        ):
            columns.setdefault(name, []).append(values)
    return {name: np.stack(values, axis=1) for name, values in columns.items()}


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
    stacked = np.stack(others)
    known = np.isfinite(stacked).any(axis=0)
    return canonical(np.where(known, np.nanmedian(np.where(known, stacked, 0.0), axis=0), np.nan))


def trailing_figures(facts: Facts, symbol: Symbol, times: DecisionTimes) -> dict[str, NDArray[Any]]:
    """Return trailing diluted EPS on the share basis of each decision, revenue growth, and the newest filing's time."""
    filings = sorted((f for f in facts.filings if f.symbol == symbol), key=lambda f: f.known_at)
    known_at = np.array([utc64(f.known_at) for f in filings], dtype="datetime64[us]")
    newest = np.searchsorted(known_at, times.cutoff_at, side="right")
    eps, growth = np.full(len(times), np.nan), np.full(len(times), np.nan)
    filing_at: TimeArray = np.full(len(times), np.datetime64("NaT"), dtype="datetime64[us]")
    splits = BasisFactors.of_splits([a for a in facts.actions if a.symbol == symbol])
    for count in np.unique(newest[newest > 0]):
        rows = newest == count
        seen = filings[:count]
        eps[rows] = _trailing_eps(seen, splits, times.session_on[rows])
        growth[rows] = _revenue_growth(seen)
        filing_at[rows] = known_at[count - 1]
    return {"eps_ttm": canonical(eps), "revenue_growth_frac": canonical(growth), "filing_at": filing_at}


def _trailing_eps(filings: Sequence[Filing], splits: BasisFactors, on: DateArray) -> FloatArray:
    quarters = _quarters(
        (f.period_ends_on, f.quarters, f.eps_diluted * _filed_basis(splits, f))
        for f in filings
        if f.eps_diluted is not None
    )
    last = sorted(quarters)[-4:]
    if len(last) < 4 or last[-1] - last[0] > YEAR_SPAN:
        return np.full(len(on), np.nan)
    fresh = on <= np.datetime64(last[-1] + QUARTER_MAX_AGE, "D")
    total = sum(quarters[end] for end in last)
    return np.where(fresh, total / splits.at(on), np.nan)


def _filed_basis(splits: BasisFactors, filing: Filing) -> float:
    return float(splits.at(np.array([filing.known_at.date()], dtype="datetime64[D]"))[0])


def _revenue_growth(filings: Sequence[Filing]) -> float:
    quarters = _quarters((f.period_ends_on, f.quarters, f.revenue_usd) for f in filings if f.revenue_usd is not None)
    ends = sorted(quarters)[-8:]
    if len(ends) < 8 or (before := sum(quarters[e] for e in ends[:4])) <= 0:
        return float("nan")
    return sum(quarters[e] for e in ends[4:]) / before - 1.0


def _quarters(rows: Iterable[tuple[date, int, float]]) -> dict[date, float]:
    """Return the figure of each quarter by its end; a fiscal year's last quarter is the year less the other three."""
    quarters: dict[date, float] = {}
    years: dict[date, float] = {}
    for ends_on, length, value in rows:
        (quarters if length == 1 else years)[ends_on] = value
    for ends_on, total in sorted(years.items()):
        inside = [q for q in quarters if ends_on - YEAR_SPAN < q < ends_on]
        if ends_on not in quarters and len(inside) == 3:
            quarters[ends_on] = total - sum(quarters[q] for q in inside)
    return quarters
