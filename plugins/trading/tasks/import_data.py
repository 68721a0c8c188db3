"""Store a person's files: one transaction a file, so that a refused row leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
            counts += tx.market.add_bars(of_symbol, origin)
    return counts


def import_news(store: Store, items: Sequence[NewsItem], origin: Provenance) -> IngestCounts:
    """Store stories and return what became of them."""
    with store.transaction() as tx:
        return tx.market.add_news(items, origin)


def import_actions(store: Store, actions: Sequence[CorporateAction], origin: Provenance) -> IngestCounts:
    """Store splits and return what became of them."""
    with store.transaction() as tx:
        return tx.market.add_actions(actions, origin)


def import_macro(store: Store, points: Sequence[MacroPoint], origin: Provenance) -> IngestCounts:
    """Store monthly values and return what became of them."""
    with store.transaction() as tx:
        return tx.market.add_macro(points, origin)
