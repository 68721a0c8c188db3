"""Ingest: from the sources into the store.

Each window begins at the last stored row and ends at the slot's cutoff, so a rerun stores nothing new. A book on
imported history has no sources: its ingests only say what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

import numpy as np

from trading.domain.instruments import VIX, BookId, Symbol
from trading.domain.market import Resolution, Slot, TimeWindow
from trading.ports import IngestCounts, Provenance, Services
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import cutoff_of
from trading.tasks.ingest_bars import BarIngest
from trading.tasks.report import StepReport

_FIRST_FACTS = timedelta(days=6 * 365)
_FIRST_NEWS = timedelta(days=4 * 365)
_FACTS_OVERLAP = timedelta(days=7)
_NEWS_OVERLAP = timedelta(hours=2)
_NEWS_GAP = timedelta(days=30)
_NEWS_COUNTED = timedelta(hours=72)
_INSTANT = timedelta(microseconds=1)
"""Windows are half-open, a cutoff is not: what became known exactly at the cutoff counts."""


def ingest_prices(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Store the half-hour and daily bars that ended by `slot.as_of`.

    A name without its newest bar is parked and noted; the step is degraded only when VIX or every traded name
    lacks it, because then no entry can be judged.
    """
    source = services.sources.bars
    if source is None:
        return _stored_prices(services, spec, slot)
    ingest = BarIngest(services, spec, slot, cutoff_of(services, slot), source, _run_id(book, slot))
    ingest.run()
    traded = set(spec.universe.traded)
    return StepReport(
        step="ingest_prices",
        counts={
            **_counted("bars", ingest.counts),
            "bars_missing": ingest.missing_count,
            "bars_repeated": ingest.repeated_count,
        },
        notes=tuple(ingest.notes),
        degraded=VIX in ingest.without_newest or traded <= ingest.without_newest,
    )


def _stored_prices(services: Services, spec: StrategySpec, slot: Slot) -> StepReport:
    """Say which symbols have a bar that ends at the slot, in hours or half hours, and whether VIX is fresh."""
    resolutions = (Resolution.HALF_HOUR, Resolution.HOUR, Resolution.DAY)
    with services.store.transaction() as tx:
        stored = tx.market.bars(
            spec.universe.data,
            resolutions,
            as_of=slot.as_of,
            cutoff_at=cutoff_of(services, slot),
            since=slot.as_of - timedelta(days=7),
        )
    as_of = np.datetime64(slot.as_of.replace(tzinfo=None), "us")
    fresh: set[Symbol] = set()
    for (symbol, resolution), series in stored.items():
        if resolution is not Resolution.DAY and len(series) and series.ends_at[-1] == as_of:
            fresh.add(symbol)
    absent = [symbol for symbol in spec.universe.traded if symbol not in fresh]
    daily = sum(1 for _, resolution in stored if resolution is Resolution.DAY)
    notes = ["no bar source: prices are the imported ones"]
    if absent:
        notes.append(f"no bar ends at {slot.as_of:%Y-%m-%d %H:%M}Z for {', '.join(absent)}")
    if not any(symbol == VIX for symbol, _ in stored):
        notes.append("no VIX of the last 7 days is stored")
    return StepReport(
        step="ingest_prices",
        counts={"symbols_fresh": len(fresh), "symbols_daily": daily},
        notes=tuple(notes),
        degraded=not fresh and not (services.daily_pricing and daily),
    )


def ingest_fundamentals(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Store filings, monthly series, splits and dividends that became known by the cutoff."""
    source, cutoff_at = services.sources.fundamentals, cutoff_of(services, slot)
    with services.store.transaction() as tx:
        market = tx.market
        known = {
            "filings": [row.known_at for row in market.filings(cutoff_at=cutoff_at)],
            "macro": [row.known_at for row in market.macro(cutoff_at=cutoff_at)],
            "actions": [row.known_at for row in market.actions(cutoff_at=cutoff_at)],
        }
    if source is None:
        counts = {f"{kind}_stored": len(instants) for kind, instants in known.items()}
        notes = ["no source of fundamentals: filings and macro are the imported ones"]
        notes += [f"no {kind} are stored" for kind, instants in known.items() if not instants]
        return StepReport(step="ingest_fundamentals", counts=counts, notes=tuple(notes))
    symbols = spec.universe.data
    windows = {kind: _facts_window(instants, cutoff_at) for kind, instants in known.items()}
    filings = tuple(source.filings(symbols, windows["filings"]))
    macro = tuple(source.macro(windows["macro"]))
    actions = tuple(source.corporate_actions(symbols, windows["actions"]))

    def origin(kind: str) -> Provenance:
        return _origin(services, book, slot, source.name, f"{kind} from {windows[kind].starts_at:%Y-%m-%d}")

    with services.store.transaction() as tx:
        stored = {
            "filings": tx.market.add_filings(filings, origin("filings")),
            "macro": tx.market.add_macro(macro, origin("macro")),
            "actions": tx.market.add_actions(actions, origin("actions")),
        }
    report = {name: count for kind, ingest in stored.items() for name, count in _counted(kind, ingest).items()}
    return StepReport(step="ingest_fundamentals", counts=report)


def ingest_news(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Store stories about the traded names that were published by the cutoff.

    The step is degraded when a source is on and no traded name has any story of the last 72 hours.
    """
    source, cutoff_at = services.sources.news, cutoff_of(services, slot)
    with services.store.transaction() as tx:
        recent = tx.market.news(since=cutoff_at - _NEWS_GAP, cutoff_at=cutoff_at)
    if source is None:
        note = "no news source: headlines are the imported ones"
        counted = [item for item in recent if item.known_at > cutoff_at - _NEWS_COUNTED]
        return StepReport(step="ingest_news", counts={"stories_in_72h": len(counted)}, notes=(note,))
    newest_at = max((item.published_at for item in recent), default=cutoff_at - _FIRST_NEWS)
    window = TimeWindow(newest_at - _NEWS_OVERLAP, cutoff_at + _INSTANT)
    items = tuple(source.news(spec.universe.traded, window))
    origin = _origin(services, book, slot, source.name, f"news from {window.starts_at:%Y-%m-%dT%H:%MZ}")
    with services.store.transaction() as tx:
        counts = tx.market.add_news(items, origin)
    fresh = {item.item_id: item.symbols for item in (*recent, *items) if item.known_at > cutoff_at - _NEWS_COUNTED}
    stories = Counter(symbol for symbols in fresh.values() for symbol in symbols)
    silent = [symbol for symbol in spec.universe.traded if not stories[symbol]]
    return StepReport(
        step="ingest_news",
        counts={**_counted("stories", counts), "stories_in_72h": len(fresh)},
        notes=(f"no story in 72 hours about {', '.join(silent)}",) if silent else (),
        degraded=len(silent) == len(spec.universe.traded),
    )


def _facts_window(known: Iterable[datetime], cutoff_at: datetime) -> TimeWindow:
    """Return the span since the newest stored fact, a week earlier because facts arrive out of order."""
    newest_at = max(known, default=cutoff_at - _FIRST_FACTS)
    return TimeWindow(newest_at - _FACTS_OVERLAP, cutoff_at + _INSTANT)


def _run_id(book: BookId, slot: Slot) -> str:
    return f"{book}@{slot.as_of:%Y-%m-%dT%H:%MZ}"


def _origin(services: Services, book: BookId, slot: Slot, source: str, request: str) -> Provenance:
    return Provenance(source, request, services.clock.now(), _run_id(book, slot))


def _counted(kind: str, counts: IngestCounts) -> dict[str, int]:
    return {
        f"{kind}_received": counts.received,
        f"{kind}_stored": counts.stored,
        f"{kind}_revised": counts.revised,
        f"{kind}_rejected": counts.rejected,
    }
