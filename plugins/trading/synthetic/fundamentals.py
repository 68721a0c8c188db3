"""Invented filings, splits, dividends and monthly series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import numpy as np

from trading.domain.instruments import Symbol
from trading.domain.market import SYNTHETIC, ActionKind, CorporateAction, Filing, MacroPoint, MacroSeries
from trading.synthetic.market import History
from trading.synthetic.profiles import SPLITS, profile_of
from trading.synthetic.randomness import smoothed, stream

_FILED_AT = time(20, 5, tzinfo=UTC)
_PUBLISHED_AT = time(13, 30, tzinfo=UTC)
_ANNOUNCED_BEFORE = timedelta(days=10)


def filings(history: History, symbol: Symbol) -> Iterator[Filing]:
    """Yield the quarterly filings of a stock, oldest first; nothing for a fund.

    Earnings follow the price of the period's end at the name's usual P/E, so that some names look cheap and
    some dear; they are stated on the share basis of the filing day.
    """
    profile = profile_of(symbol)
    if profile is None or profile.pe_usual is None:
        return
    path = history.path(symbol)
    ends = _quarter_ends(history)
    noise = stream(history.seed, symbol, "filings").standard_normal((len(ends), 3))
    richness = np.exp(smoothed(noise[:, 0].copy(), 0.7, scale=0.22))
    for quarter, ends_on in enumerate(ends):
        at = int(np.searchsorted(history.days, np.datetime64(ends_on, "D"), side="right")) - 1
        filed_on = ends_on + timedelta(days=33 + int(abs(noise[quarter, 1]) * 4) % 9)
        filed_at = int(np.searchsorted(history.days, np.datetime64(filed_on, "D"), side="right")) - 1
        basis = path.share_ratio[at] / path.share_ratio[filed_at]
        eps = path.last_close[at] * basis / (4 * profile.pe_usual * richness[quarter])
        revenue = profile.first_price * 1e8 * 1.02**quarter * (1 + 0.03 * noise[quarter, 2])
        yield Filing(
            symbol=symbol,
            period_ends_on=ends_on,
            quarters=1,
            eps_diluted=round(float(eps), 2),
            revenue_usd=round(float(revenue)),
            source=SYNTHETIC,
            known_at=datetime.combine(filed_on, _FILED_AT),
        )


def corporate_actions(history: History, symbol: Symbol) -> Iterator[CorporateAction]:
    """Yield the split, if the name has one, and its quarterly dividends, each announced ten days ahead."""
    profile = profile_of(symbol)
    if profile is None:
        return
    if symbol in SPLITS and SPLITS[symbol][0] < len(history.sessions):
        number, ratio = SPLITS[symbol]
        yield _action(symbol, ActionKind.SPLIT, history.sessions[number].session_on, ratio)
    if not profile.dividend_yield_frac:
        return
    path = history.path(symbol)
    offset = int(stream(history.seed, symbol, "dividends").integers(1, 20))
    for quarter_end in _quarter_ends(history):
        ex_at = int(np.searchsorted(history.days, np.datetime64(quarter_end + timedelta(days=40 + offset), "D")))
        priced_at = ex_at - 15
        if ex_at >= len(history.sessions) or priced_at < 0:
            continue
        basis = path.share_ratio[priced_at] / path.share_ratio[ex_at]
        amount = round(float(path.last_close[priced_at] * basis * profile.dividend_yield_frac / 4), 4)
        yield _action(symbol, ActionKind.DIVIDEND, history.sessions[ex_at].session_on, amount)


def _action(symbol: Symbol, kind: ActionKind, ex_on: date, value: float) -> CorporateAction:
    known_at = datetime.combine(ex_on - _ANNOUNCED_BEFORE, _PUBLISHED_AT)
    return CorporateAction(symbol, kind, ex_on, value, SYNTHETIC, known_at)


def macro(history: History) -> Iterator[MacroPoint]:
    """Yield consumer prices and geopolitical risk, monthly, from two years before the history begins."""
    first = history.sessions[0].session_on.replace(day=1)
    months = [_month_after(first, n) for n in range(-24, _months_between(first, history.last_on) + 1)]
    noise = stream(history.seed, "macro").standard_normal((len(months), 2))
    yearly_inflation = 0.028 + smoothed(noise[:, 0].copy(), 0.94, scale=0.012)
    price_level = 260.0 * np.exp(np.cumsum(yearly_inflation / 12))
    risk = 110.0 * np.exp(smoothed(noise[:, 1].copy(), 0.85, scale=0.3))
    for month, prices, tension in zip(months, price_level, risk, strict=True):
        published_at = datetime.combine(_month_after(month, 1) + timedelta(days=12), _PUBLISHED_AT)
        yield MacroPoint(MacroSeries.CPI_NSA, month, round(float(prices), 3), SYNTHETIC, published_at)
        yield MacroPoint(MacroSeries.GPR, month, round(float(tension), 1), SYNTHETIC, published_at)


def _quarter_ends(history: History) -> list[date]:
    first = history.sessions[0].session_on.replace(day=1)
    starts = (_month_after(first, n) for n in range(1, _months_between(first, history.last_on) + 1))
    ends = (start - timedelta(days=1) for start in starts if start.month in (1, 4, 7, 10))
    return [end for end in ends if end + timedelta(days=45) <= history.last_on]


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _month_after(month: date, count: int) -> date:
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)
