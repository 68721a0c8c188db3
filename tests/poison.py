"""The check against looking ahead: replace, or cut off, everything later than t, and compare what was decided by t.

A `Reader` turns facts into a panel; the honest one is `history_panel`. `leaks` names every decision that a future,
absurd or absent, has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from trading.analysis.facts import Facts, utc64
from trading.domain.market import ActionKind, EarningsReport, Filing, MacroPoint, NewsItem, Resolution
from trading.domain.panel import FeaturePanel
from trading.domain.series import BarSeries
from trading.domain.signals import Targets
from trading.engine.hashing import decision_hash
from trading.engine.hours import Terms, Timeline, history_panel, hours
from trading.strategy.judging import judge
from trading.strategy.three_sector import three_sector

SPEC = three_sector()
PRICES = ("open", "high", "low", "close")
TERRIBLE = "Fraud disaster, terrible losses, bankruptcy, devastated investors sue"
BARS = {f"bars of {r}": r for r in Resolution}
KINDS = (*BARS, "news", "filings", "earnings", "macro", "splits", "dividends")

type Reader = Callable[[Facts, Timeline, Terms], FeaturePanel]
type Change = Callable[[Facts, datetime, frozenset[str]], Facts]


def honest(facts: Facts, timeline: Timeline, terms: Terms) -> FeaturePanel:
    """Read as the product reads."""
    return history_panel(SPEC, facts, timeline, terms)


@dataclass(frozen=True)
class Leak:
    """A decision that changed: what was done to the future, from when on, and which decision it reached."""

    change: str
    at: datetime
    as_of: datetime


def leaks(
    read: Reader,
    facts: Facts,
    timeline: Timeline,
    instants: Iterable[datetime],
    *,
    terms: Terms | None = None,
    kinds: Iterable[str] = KINDS,
) -> Iterator[Leak]:
    """Yield the decisions with a cutoff at or before t that a change of everything known later than t reaches."""
    terms = terms or Terms()
    delay = timedelta(minutes=terms.delay_minutes)
    before, chosen = decided(read, facts, timeline, terms), frozenset(kinds)
    for at in instants:
        for change in (cut, poison):
            after = decided(read, change(facts, at, chosen), timeline, terms)
            for as_of, digest in before.items():
                if as_of + delay <= at and after[as_of] != digest:
                    yield Leak(change.__name__, at, as_of)


def decided(read: Reader, facts: Facts, timeline: Timeline, terms: Terms) -> dict[datetime, str]:
    """Return the hash over inputs and verdicts of every decision of the timeline."""
    panel = read(facts, timeline, terms)
    return {
        hour.slot.as_of: decision_hash(SPEC.spec_hash, hour, Targets(hour.slot.as_of, 1.0, {}))
        for hour in hours(judge(SPEC, panel), panel, timeline, terms)
    }


def cut(facts: Facts, at: datetime, kinds: frozenset[str] = frozenset(KINDS)) -> Facts:
    """Forget what became known after `at`."""
    return replace(
        facts,
        bars={key: _cut_bars(series, at) if _is_of(series, kinds) else series for key, series in facts.bars.items()},
        news=_kept(facts.news, at, "news" in kinds),
        filings=_kept(facts.filings, at, "filings" in kinds),
        earnings=_kept(facts.earnings, at, "earnings" in kinds),
        macro=_kept(facts.macro, at, "macro" in kinds),
        actions=tuple(a for a in facts.actions if a.known_at <= at or _kind_of(a) not in kinds),
    )


def poison(facts: Facts, at: datetime, kinds: frozenset[str] = frozenset(KINDS)) -> Facts:
    """Make what became known after `at` absurd, and add absurdities of which nobody knew at `at`."""
    return replace(
        facts,
        bars={key: _wild(series, at) if _is_of(series, kinds) else series for key, series in facts.bars.items()},
        news=tuple(_news(facts.news, at)) if "news" in kinds else facts.news,
        filings=tuple(_filings(facts.filings, at)) if "filings" in kinds else facts.filings,
        earnings=tuple(_earnings(facts.earnings, at)) if "earnings" in kinds else facts.earnings,
        macro=tuple(_macro(facts.macro, at)) if "macro" in kinds else facts.macro,
        actions=tuple(
            a if a.known_at <= at or _kind_of(a) not in kinds else replace(a, value=a.value * 3) for a in facts.actions
        ),
    )


def _is_of(series: BarSeries, kinds: frozenset[str]) -> bool:
    return f"bars of {series.resolution}" in kinds


def _kind_of(action) -> str:
    return "splits" if action.kind is ActionKind.SPLIT else "dividends"


def _kept(rows, at: datetime, is_chosen: bool):
    return tuple(row for row in rows if row.known_at <= at or not is_chosen)


def _later(series: BarSeries, at: datetime) -> np.ndarray:
    return np.maximum(series.ends_at, series.known_at) > utc64(at)


def _cut_bars(series: BarSeries, at: datetime) -> BarSeries:
    kept = ~_later(series, at)
    names = ("starts_at", "ends_at", "known_at", *PRICES, "volume")
    return replace(series, **{name: getattr(series, name)[kept] for name in names})


def _wild(series: BarSeries, at: datetime) -> BarSeries:
    factor = np.where(_later(series, at), 1000.0, 1.0)
    return replace(series, **{name: getattr(series, name) * factor for name in (*PRICES, "volume")})


def _news(items: Iterable[NewsItem], at: datetime) -> Iterator[NewsItem]:
    """Published stories keep their instants; what they say becomes terrible. More of them were published before."""
    yield from (n if n.known_at <= at else replace(n, title=f"{TERRIBLE} {n.item_id}") for n in items)
    for number in range(9):
        published_at, known_at = at - timedelta(minutes=number), at + timedelta(microseconds=1)
        source = f"poison {number % 3}"
        yield NewsItem(f"p{number}", SPEC.universe.traded, published_at, known_at, f"{TERRIBLE} {number}", source)


def _filings(filings: Iterable[Filing], at: datetime) -> Iterator[Filing]:
    """Later filings, and an amendment of everything filed before."""
    for filing in filings:
        absurd = {"eps_diluted": -999.0, "revenue_usd": 1e15}
        if filing.known_at > at:
            yield replace(filing, **absurd)
        else:
            yield filing
            yield replace(filing, known_at=at + timedelta(microseconds=1), filed_on=None, **absurd)


def _earnings(reports: Iterable[EarningsReport], at: datetime) -> Iterator[EarningsReport]:
    """Later reports, and a revision of every one before."""
    for report in reports:
        if report.known_at > at:
            yield replace(report, eps_reported=999.0)
        else:
            yield report
            yield replace(report, known_at=at + timedelta(microseconds=1), eps_reported=999.0)


def _macro(points: Iterable[MacroPoint], at: datetime) -> Iterator[MacroPoint]:
    """Later publications, and a revision of every month published before."""
    for point in points:
        if point.known_at > at:
            yield replace(point, value=point.value * 50)
        else:
            yield point
            yield replace(point, known_at=at + timedelta(microseconds=1), value=point.value * 50)


def moments(timeline: Timeline, facts: Facts, *, seed: int, random: int) -> list[datetime]:
    """Return instants to poison from: opens, decisions, closes, half days, and the eve and hour of every fact."""
    opens = [s.opens_at for s in timeline.sessions]
    first, last = opens[0], timeline.sessions[-1].closes_at
    halves = [s for s in timeline.sessions if s.closes_at - s.opens_at < timedelta(hours=6)]
    events = sorted(
        {row.known_at for rows in (facts.filings, facts.earnings, facts.macro, facts.actions) for row in rows}
        | {_morning(a.ex_on) for a in facts.actions}
    )
    inside = [at for at in events if first <= at <= last]
    draw = np.random.default_rng(seed)
    chosen = [opens[3], *(s.closes_at for s in halves), *(s.closes_at - timedelta(minutes=30) for s in halves)]
    chosen += [s.as_of for s in draw.choice(np.array(timeline.slots, dtype=object), 4)]
    for at in draw.choice(np.array(inside, dtype=object), min(4, len(inside)), replace=False):
        chosen += [at, at - timedelta(microseconds=1)]
    seconds = draw.integers(0, int((last - first).total_seconds()), random)
    return sorted({*chosen, *(first + timedelta(seconds=int(n)) for n in seconds)})


def _morning(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 8, tzinfo=UTC)
