"""Other futures: facts in which everything known later than an instant is cut off, or made absurd. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import Facts, utc64
from trading.domain.instruments import Symbol
from trading.domain.market import (
    ActionKind,
    CorporateAction,
    EarningsReport,
    Filing,
    MacroPoint,
    NewsItem,
    Resolution,
)
from trading.domain.series import ARRAYS, BarSeries

PRICES = ("open", "high", "low", "close")
TERRIBLE = "Fraud disaster, terrible losses, bankruptcy, devastated investors sue"
KINDS = (*(f"bars of {r}" for r in Resolution), "news", "filings", "earnings", "macro", "splits", "dividends")
"""The kinds of facts that can be changed alone."""
EVERY_KIND = frozenset(KINDS)
_MOMENT = timedelta(microseconds=1)


def cut(facts: Facts, at: datetime, kinds: frozenset[str] = EVERY_KIND) -> Facts:
    """Return facts without what became known after `at`; kinds that are not named stay whole.

    A bar that is open at `at` stays: that the market trades is no secret. Its values are absurd, for nobody knows them.
    """
    return replace(
        facts,
        bars={key: _cut_bars(series, at) if _is_of(series, kinds) else series for key, series in facts.bars.items()},
        news=_kept(facts.news, at, "news" in kinds),
        filings=_kept(facts.filings, at, "filings" in kinds),
        earnings=_kept(facts.earnings, at, "earnings" in kinds),
        macro=_kept(facts.macro, at, "macro" in kinds),
        actions=tuple(a for a in facts.actions if a.known_at <= at or _kind_of(a) not in kinds),
    )


def poison(facts: Facts, at: datetime, kinds: frozenset[str] = EVERY_KIND) -> Facts:
    """Return facts in which what became known after `at` is absurd, with absurdities of which nobody knew at `at`.

    Prices are a thousand times as high, every headline is terrible, and each filing, report and month published before
    is amended a microsecond after `at`: whoever reads the amended value for an earlier decision has looked ahead.
    """
    symbols = tuple(dict.fromkeys(symbol for symbol, _ in facts.bars))
    return replace(
        facts,
        bars={key: _wild(series, at) if _is_of(series, kinds) else series for key, series in facts.bars.items()},
        news=tuple(_news(facts.news, at, symbols)) if "news" in kinds else facts.news,
        filings=tuple(_filings(facts.filings, at)) if "filings" in kinds else facts.filings,
        earnings=tuple(_earnings(facts.earnings, at)) if "earnings" in kinds else facts.earnings,
        macro=tuple(_macro(facts.macro, at)) if "macro" in kinds else facts.macro,
        actions=tuple(
            a if a.known_at <= at or _kind_of(a) not in kinds else replace(a, value=a.value * 3) for a in facts.actions
        ),
    )


def kinds_in(facts: Facts) -> tuple[str, ...]:
    """Return the kinds of which there are any facts."""
    present = {f"bars of {series.resolution}" for series in facts.bars.values() if len(series)}
    present |= {_kind_of(action) for action in facts.actions}
    present |= {name for name in ("news", "filings", "earnings", "macro") if getattr(facts, name)}
    return tuple(kind for kind in KINDS if kind in present)


def _is_of(series: BarSeries, kinds: frozenset[str]) -> bool:
    return f"bars of {series.resolution}" in kinds


def _kind_of(action: CorporateAction) -> str:
    return "splits" if action.kind is ActionKind.SPLIT else "dividends"


def _kept[Row: (NewsItem, Filing, EarningsReport, MacroPoint)](
    rows: Sequence[Row], at: datetime, is_chosen: bool
) -> Sequence[Row]:
    return tuple(row for row in rows if row.known_at <= at or not is_chosen)


def _later(series: BarSeries, at: datetime) -> NDArray[np.bool_]:
    return np.asarray(np.maximum(series.ends_at, series.known_at) > utc64(at))


def _cut_bars(series: BarSeries, at: datetime) -> BarSeries:
    is_open = (series.starts_at < utc64(at)) & (series.ends_at > utc64(at))
    kept, wild = ~_later(series, at) | is_open, _wild(series, at)
    return replace(series, **{name: getattr(wild, name)[kept] for name in ARRAYS})


def _wild(series: BarSeries, at: datetime) -> BarSeries:
    factor = np.where(_later(series, at), 1000.0, 1.0)
    return replace(series, **{name: getattr(series, name) * factor for name in (*PRICES, "volume")})


def _news(items: Iterable[NewsItem], at: datetime, symbols: tuple[Symbol, ...]) -> Iterator[NewsItem]:
    """Published stories keep their instants; what they say becomes terrible. More of them were published before."""
    yield from (n if n.known_at <= at else replace(n, title=f"{TERRIBLE} {n.item_id}") for n in items)
    for number in range(9):
        source = f"poison {number % 3}"
        published_at = at - timedelta(minutes=number)
        yield NewsItem(f"p{number}", symbols, published_at, at + _MOMENT, f"{TERRIBLE} {number}", source)


def _filings(filings: Iterable[Filing], at: datetime) -> Iterator[Filing]:
    """Later filings, and an amendment of everything filed before."""
    for filing in filings:
        absurd = replace(filing, eps_diluted=-999.0, revenue_usd=1e15)
        if filing.known_at > at:
            yield absurd
        else:
            yield filing
            yield replace(absurd, known_at=at + _MOMENT, filed_on=None)


def _earnings(reports: Iterable[EarningsReport], at: datetime) -> Iterator[EarningsReport]:
    """Later reports, and a revision of every one before."""
    for report in reports:
        if report.known_at > at:
            yield replace(report, eps_reported=999.0)
        else:
            yield report
            yield replace(report, known_at=at + _MOMENT, eps_reported=999.0)


def _macro(points: Iterable[MacroPoint], at: datetime) -> Iterator[MacroPoint]:
    """Later publications, and a revision of every month published before."""
    for point in points:
        if point.known_at > at:
            yield replace(point, value=point.value * 50)
        else:
            yield point
            yield replace(point, known_at=at + _MOMENT, value=point.value * 50)
