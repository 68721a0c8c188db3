"""Store a person's files: one transaction a file, so that a refused row leaves nothing behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from trading.domain.instruments import Symbol
from trading.domain.market import Bar, CorporateAction, MacroPoint, NewsItem
from trading.ports import IngestCounts, Provenance, Store


def import_bars(
    store: Store,
    bars: Mapping[Symbol, Sequence[Bar]],
    origin: Provenance,
    *,
    on_symbol: Callable[[Symbol, int], None] = lambda symbol, count: None,
) -> IngestCounts:
    """Store checked bars and return what became of them; `on_symbol` hears of each symbol as it is written."""
    counts = IngestCounts()
    with store.transaction() as tx:
        for symbol, of_symbol in bars.items():
            on_symbol(symbol, len(of_symbol))
            for source, delivery in _by_source(of_symbol).items():
                counts += tx.market.add_bars(delivery, replace(origin, source=source))
    return counts


def import_news(store: Store, items: Sequence[NewsItem], origin: Provenance) -> IngestCounts:
    """Store stories and return what became of them."""
    counts = IngestCounts()
    with store.transaction() as tx:
        for source, delivery in _by_source(items).items():
            counts += tx.market.add_news(delivery, replace(origin, source=source))
    return counts


def import_actions(store: Store, actions: Sequence[CorporateAction], origin: Provenance) -> IngestCounts:
    """Store splits and return what became of them."""
    with store.transaction() as tx:
        return tx.market.add_actions(actions, origin)


def import_macro(store: Store, points: Sequence[MacroPoint], origin: Provenance) -> IngestCounts:
    """Store monthly values and return what became of them."""
    with store.transaction() as tx:
        return tx.market.add_macro(points, origin)


def _by_source[Row: (Bar, NewsItem)](rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return rows grouped by who said so: the store takes one source a delivery."""
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        grouped[row.source].append(row)
    return grouped
