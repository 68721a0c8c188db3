"""Store a person's files: one transaction a file, so that a refused row leaves nothing behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from trading.domain.gates import PERSON, ActionState
from trading.domain.market import Bar, CorporateAction, EarningsReport, Filing, MacroPoint, NewsItem
from trading.errors import DataRejected
from trading.ports import IngestCounts, Provenance, Store

type Settle = Callable[[IngestCounts], object]
"""Hears what became of the rows before they are committed; an error of its own leaves nothing stored."""

_IMPORT = f"{PERSON}import"
"""A person chose the file, so its word on a split is a person's."""
_ALWAYS = datetime(9999, 1, 1, tzinfo=UTC)
_SHOWN = 20


def import_bars(
    store: Store,
    deliveries: Iterable[Sequence[Bar]],
    origin: Provenance,
    *,
    settle: Settle = lambda counts: None,
    on_delivery: Callable[[Sequence[Bar]], None] = lambda bars: None,
) -> IngestCounts:
    """Store checked bars and return what became of them.

    The hourly ingest does not wait for it, and may store other bars of the same symbols meanwhile.

    Args:
        deliveries: read while the transaction is open; an error in the middle leaves nothing stored.
        settle: see `Settle`.
        on_delivery: hears of each delivery before it is written.

    Raises:
        TransientError: another delivery stored some of the same bars meanwhile; nothing of the file is stored.
    """
    counts, has_room = IngestCounts(), set[int]()
    with store.transaction() as tx:
        for bars in deliveries:
            on_delivery(bars)
            years = {bar.starts_at.year for bar in bars}
            if not years <= has_room:
                with store.transaction() as short:
                    short.market.ensure_years(years, origin.fetched_at)
                has_room |= years
            for source, delivery in _by_source(bars).items():
                counts += tx.market.add_bars(delivery, replace(origin, source=source), is_long=True)
        settle(counts)
    return counts


def import_news(
    store: Store,
    deliveries: Iterable[Sequence[NewsItem]],
    origin: Provenance,
    *,
    settle: Settle = lambda counts: None,
) -> IngestCounts:
    """Store stories and return what became of them; an error in the middle leaves nothing stored."""
    counts = IngestCounts()
    with store.transaction() as tx:
        for items in deliveries:
            for source, delivery in _by_source(items).items():
                counts += tx.market.add_news(delivery, replace(origin, source=source))
        settle(counts)
    return counts


def import_filings(
    store: Store, filings: Sequence[Filing], origin: Provenance, *, settle: Settle = lambda counts: None
) -> IngestCounts:
    """Store fundamentals and return what became of them.

    Raises:
        DataRejected: a filing that is stored already says something else.
    """
    with store.transaction() as tx:
        _refuse_contradictions(
            filings,
            tx.market.filings(cutoff_at=_ALWAYS),
            key=lambda f: (f.symbol, f.period_ends_on, f.quarters, f.known_at),
            says=lambda f: (f.eps_diluted, f.revenue_usd),
            name=lambda f: f"{f.symbol} {f.period_ends_on}",
        )
        counts = tx.market.add_filings(filings, origin)
        settle(counts)
    return counts


def import_earnings(
    store: Store, reports: Sequence[EarningsReport], origin: Provenance, *, settle: Settle = lambda counts: None
) -> IngestCounts:
    """Store earnings reports and return what became of them.

    Raises:
        DataRejected: a report that is stored already says something else.
    """
    with store.transaction() as tx:
        _refuse_contradictions(
            reports,
            (r for r in tx.market.earnings(cutoff_at=_ALWAYS) if r.source == origin.source),
            key=lambda r: (r.symbol, r.period_ends_on, r.known_at),
            says=lambda r: (r.eps_reported, r.eps_estimated),
            name=lambda r: f"{r.symbol} {r.period_ends_on}",
        )
        counts = tx.market.add_earnings(reports, origin)
        settle(counts)
    return counts


def import_actions(
    store: Store, actions: Sequence[CorporateAction], origin: Provenance, *, settle: Settle = lambda counts: None
) -> IngestCounts:
    """Store splits or dividends and return what became of them.

    One that is stored as suspect and stands in the file with the same value is confirmed from now on, and counts as
    revised: a person has looked where prices left a doubt.

    Raises:
        DataRejected: one that is stored already has another value: the first announcement would stand, unseen.
    """
    with store.transaction() as tx:
        suspect = tx.market.suspect_actions(cutoff_at=_ALWAYS)
        _refuse_contradictions(
            actions,
            (*suspect, *tx.market.actions(cutoff_at=_ALWAYS)),
            key=_key_of,
            says=lambda a: a.value,
            name=lambda a: f"{a.kind} of {a.symbol} on {a.ex_on}",
        )
        doubted = set(map(_key_of, suspect))
        counts = tx.market.add_actions(actions, origin)
        confirmed = sum(
            tx.market.judge_action(
                action, ActionState.CONFIRMED, known_at=origin.fetched_at, detail=origin.request, actor=_IMPORT
            )
            for action in actions
            if _key_of(action) in doubted
        )
        counts = replace(counts, unchanged=counts.unchanged - confirmed, revised=confirmed)
        settle(counts)
    return counts


def import_macro(
    store: Store, points: Sequence[MacroPoint], origin: Provenance, *, settle: Settle = lambda counts: None
) -> IngestCounts:
    """Store monthly values and return what became of them.

    Raises:
        DataRejected: a publication that is stored already has another value.
    """
    with store.transaction() as tx:
        _refuse_contradictions(
            points,
            tx.market.macro(cutoff_at=_ALWAYS),
            key=lambda p: (p.series, p.period_on, p.known_at),
            says=lambda p: p.value,
            name=lambda p: f"{p.series} of {p.period_on:%Y-%m}",
        )
        counts = tx.market.add_macro(points, origin)
        settle(counts)
    return counts


def _key_of(action: CorporateAction) -> tuple[object, ...]:
    return action.symbol, action.kind, action.ex_on


def _refuse_contradictions[Row](
    given: Iterable[Row],
    stored: Iterable[Row],
    *,
    key: Callable[[Row], object],
    says: Callable[[Row], object],
    name: Callable[[Row], str],
) -> None:
    """Refuse what is stored under the same key with another value: it would be dropped without a word."""
    known = {key(row): says(row) for row in stored}
    found = [
        f"  {name(row)}: stored is {known[key(row)]}, the file says {says(row)}"
        for row in given
        if key(row) in known and known[key(row)] != says(row)
    ]
    if found:
        shown = "\n".join(found[:_SHOWN])
        raise DataRejected(
            f"{len(found)} rows contradict what is stored, nothing was stored:\n{shown}\ncorrect the file, or leave "
            "these rows out"
        )


def _by_source[Row: (Bar, NewsItem)](rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows grouped by who said so: the store takes one source a delivery."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.source].append(row)
    return grouped
