"""Ingest: from the sources into the store.

Each window begins at the last stored row and ends at the slot's cutoff, so a rerun stores nothing new. A book on
imported history has no sources: its ingests only say what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from trading.analysis.gates import is_fresh
from trading.analysis.stories import distinct, first_seen_at, new_versions
from trading.domain.gates import Gate
from trading.domain.instruments import VIX, BookId, InstrumentKind, Symbol
from trading.domain.market import Resolution, Slot, TimeWindow
from trading.ports import IngestCounts, Place, Provenance, Services, Transaction
from trading.strategy.spec import StrategySpec
from trading.tasks.facts import cutoff_of, session_before
from trading.tasks.gathering import Gathering
from trading.tasks.ingest_bars import ACTOR, JUDGED_BY_ABSENCE, BarIngest
from trading.tasks.ingest_facts import FactIntake
from trading.tasks.metals import ingest_metals
from trading.tasks.parking import gate_events, park
from trading.tasks.report import StepReport

_NEWS_OVERLAP = timedelta(hours=2)
_NEWS_GAP = timedelta(days=30)
_NEWS_COUNTED = timedelta(hours=72)
_EARNINGS_AHEAD = timedelta(days=10)
_STORED = (Resolution.HALF_HOUR, Resolution.HOUR, Resolution.DAY)
_PRICES_WITHIN = timedelta(days=7)
_INSTANT = timedelta(microseconds=1)
"""Windows are half-open, a cutoff is not: what became known exactly at the cutoff counts."""


def ingest_prices(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Store the half-hour and daily bars that ended by `slot.as_of`.

    A name whose bars close a quality gate is parked and noted (`domain.gates`). The step is degraded only when VIX or
    every traded name lacks its newest bar, because then no entry can be judged.
    """
    if not services.sources.bars:
        _judge_stored(services, book, slot)
        return _stored_prices(services, spec, slot)
    ingest = BarIngest(services, spec, book, slot, cutoff_of(services, slot), _run_id(book, slot))
    ingest.run()
    metals, metal_notes = ingest_metals(services, slot, ingest.cutoff_at, ingest.run_id)
    traded = set(spec.universe.traded)
    return StepReport(
        step="ingest_prices",
        counts={
            **_counted("bars", ingest.counts),
            **(_counted("metals", metals) if metals.received else {}),
            "bars_missing": ingest.missing_count,
            "bars_repeated": ingest.repeated_count,
        },
        notes=(*ingest.gathering.notes, *ingest.notes, *metal_notes),
        degraded=ingest.gathering.is_partial or VIX in ingest.without_newest or traded <= ingest.without_newest,
    )


def _judge_stored(services: Services, book: BookId, slot: Slot) -> None:
    """Open the gates of absence where the stored bars are fresh: without sources nothing else looks at them."""
    at = cutoff_of(services, slot)
    day_due_at = session_before(services.calendar, slot.session_on).closes_at
    with services.store.transaction() as tx:
        parked = tx.market.parked()
        stored = tx.market.bars(
            tuple(parked), _STORED, as_of=slot.as_of, cutoff_at=at, since=slot.as_of - _PRICES_WITHIN
        )
        for symbol, held in parked.items():
            newest = {
                resolution: series.ends_at[-1].item().replace(tzinfo=UTC)
                for resolution in _STORED
                if (series := stored.get((symbol, resolution))) is not None and len(series)
            }
            fresh = is_fresh(newest, as_of=slot.as_of, day_due_at=day_due_at)
            judged = JUDGED_BY_ABSENCE if fresh else {Gate.LEGACY}
            park(tx, book, list(gate_events(symbol, {}, held, judged=judged, actor=ACTOR, at=at)))


def _stored_prices(services: Services, spec: StrategySpec, slot: Slot) -> StepReport:
    """Say which symbols have a bar that ends at the slot, in hours or half hours, and whether VIX is fresh."""
    with services.store.transaction() as tx:
        stored = tx.market.bars(
            spec.universe.data,
            _STORED,
            as_of=slot.as_of,
            cutoff_at=cutoff_of(services, slot),
            since=slot.as_of - _PRICES_WITHIN,
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
    """Store filings, monthly series, splits, dividends and reports of earnings that became known by the cutoff.

    The step is degraded when one of several sources is out of service; what the others say is stored.
    """
    sources, cutoff_at = services.sources, cutoff_of(services, slot)
    with services.store.transaction() as tx:
        filings = tx.market.filings(cutoff_at=cutoff_at)
        macro = tx.market.macro(cutoff_at=cutoff_at)
        actions = (*tx.market.actions(cutoff_at=cutoff_at), *tx.market.suspect_actions(cutoff_at=cutoff_at))
        # A report of this evening counts from the next open: it is stored already and must not be stored again.
        earnings = tx.market.earnings(cutoff_at=cutoff_at + _EARNINGS_AHEAD)
    if not (sources.filings or sources.macro or sources.actions or sources.earnings):
        return _stored_facts({"filings": filings, "macro": macro, "actions": actions})
    gathering = Gathering()
    intake = FactIntake(services, gathering, cutoff_at, _run_id(book, slot))
    intake.filings([i.symbol for i in spec.universe if i.kind is InstrumentKind.STOCK], filings)
    intake.macro(macro)
    intake.actions([i.symbol for i in spec.universe if i.kind is not InstrumentKind.INDEX], actions)
    is_partial = gathering.is_partial
    intake.earnings([s for s in spec.universe.traded if spec.universe[s].kind is InstrumentKind.STOCK], earnings)
    gathering.conclude()
    counts = {name: count for kind, of_kind in intake.counts.items() for name, count in _counted(kind, of_kind).items()}
    counts |= {"companies_later": intake.later} if intake.later else {}
    # No entry waits for a surprise: of their sources only a failure is worth an alarm, the end of a quota is none.
    return StepReport(
        "ingest_fundamentals", counts, tuple(gathering.notes), degraded=is_partial or gathering.has_failed
    )


def _stored_facts(stored: Mapping[str, Sequence[object]]) -> StepReport:
    notes = ["no source of fundamentals: filings and macro are the imported ones"]
    notes += [f"no {kind} are stored" for kind, rows in stored.items() if not rows]
    counts = {f"{kind}_stored": len(rows) for kind, rows in stored.items()}
    return StepReport("ingest_fundamentals", counts, tuple(notes))


def ingest_news(services: Services, spec: StrategySpec, book: BookId, slot: Slot) -> StepReport:
    """Store stories about the traded names that were published by the cutoff.

    Each source's telling of a story is a row of its own, and a changed headline another one; they count once.
    Each source is asked from its own newest story on, or from where a quota left questions open. The step is degraded
    when a source fails (the end of a plan's quota is a note), or when sources are on and no traded name has any story
    of the last 72 hours.
    """
    sources, cutoff_at = services.sources.news, cutoff_of(services, slot)
    with services.store.transaction() as tx:
        recent = tx.market.news(since=cutoff_at - _NEWS_GAP, cutoff_at=cutoff_at)
    if not sources:
        note = "no news source: headlines are the imported ones"
        counted = distinct(item for item in recent if item.known_at > cutoff_at - _NEWS_COUNTED)
        return StepReport(step="ingest_news", counts={"stories_in_72h": len(counted)}, notes=(note,))
    gathering, counts, stories = Gathering(), IngestCounts(), list(recent)
    for source in sources:
        newest_at = max((item.published_at for item in recent if item.source == source.name), default=None)
        starts_at = cutoff_at - services.sources.first_news if newest_at is None else newest_at - _NEWS_OVERLAP
        with services.store.transaction() as tx:
            cut_at = _unanswered_since(tx, source.name, after=cutoff_at - _NEWS_GAP)
        starts_at = starts_at if cut_at is None else min(starts_at, cut_at)
        window = TimeWindow(starts_at, cutoff_at + _INSTANT)
        items = gathering.ask(source.name, "no news", partial(source.news, spec.universe.traded, window))
        seen_at = first_seen_at(services.clock.now(), window.ends_at)
        new = new_versions(items or (), stories, seen_at=seen_at)
        stories += new
        request = f"news from {window.starts_at:%Y-%m-%dT%H:%MZ}"
        origin = Provenance(source.name, request, services.clock.now(), _run_id(book, slot))
        with services.store.transaction() as tx:
            counts += tx.market.add_news(new, origin)
            if items is not None and (gathering.was_cut or cut_at is not None):
                kind = Place.NEWS_CUT if gathering.was_cut else Place.NEWS_WHOLE
                tx.history.remember(kind, "", window, source=source.name, at=services.clock.now())
    gathering.conclude()
    told = [item for item in stories if cutoff_at - _NEWS_COUNTED < item.known_at <= cutoff_at]
    fresh = distinct(told)
    about = Counter(symbol for item in fresh for symbol in item.symbols)
    silent = [symbol for symbol in spec.universe.traded if not about[symbol]]
    notes = gathering.notes + ([f"no story in 72 hours about {', '.join(silent)}"] if silent else [])
    return StepReport(
        step="ingest_news",
        counts={
            **_counted("stories", counts),
            "stories_in_72h": len(fresh),
            "stories_repeated": len(told) - len(fresh),
        },
        notes=tuple(notes),
        degraded=gathering.has_failed or len(silent) == len(spec.universe.traded),
    )


def _unanswered_since(tx: Transaction, source: str, *, after: datetime) -> datetime | None:
    """Return from when on some of a source's questions were never answered, because its quota ended; None for none.

    Args:
        after: what is older is given up.
    """
    whole = tx.history.asked(Place.NEWS_WHOLE, "", source=source)
    cut = [c for c in tx.history.asked(Place.NEWS_CUT, "", source=source) if c.starts_at > after]
    left = (c.starts_at for c in cut if not any(w.starts_at <= c.starts_at and w.ends_at > c.ends_at for w in whole))
    return min(left, default=None)


def _run_id(book: BookId, slot: Slot) -> str:
    return f"{book}@{slot.as_of:%Y-%m-%dT%H:%MZ}"


def _counted(kind: str, counts: IngestCounts) -> dict[str, int]:
    return {
        f"{kind}_received": counts.received,
        f"{kind}_stored": counts.stored,
        f"{kind}_revised": counts.revised,
        f"{kind}_rejected": counts.rejected,
    }
