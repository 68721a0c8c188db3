"""An invented market as sources, and its past as a store knows it before the first hour."""

from __future__ import annotations

from datetime import datetime, timedelta

from trading.domain.instruments import Universe
from trading.domain.market import Resolution, TimeWindow
from trading.ports import Provenance, Sources, Store
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource


def synthetic_sources(market: SyntheticMarket) -> Sources:
    """Return one source of each kind of fact, all of the same market; SYNTHETIC on every row."""
    facts = SyntheticFundamentalsSource(market)
    return Sources(
        bars=(SyntheticBarSource(market),),
        news=(SyntheticNewsSource(market),),
        filings=(facts,),
        macro=(facts,),
        actions=(facts,),
    )


def store_past(
    store: Store,
    sources: Sources,
    universe: Universe,
    origin: Provenance,
    *,
    since: datetime,
    until: datetime,
    recent: timedelta,
) -> None:
    """Store what was known by `until`: days and filings since long ago, half hours and news of the last days.

    Args:
        store: where to; all of it in one transaction.
        sources: one of each kind.
        universe: whose market it is.
        origin: under which name it is stored.
        since: from where days, filings, monthly values, splits and dividends reach.
        until: the end of all of it.
        recent: how far half hours and news reach back from there.
    """
    whole, last = TimeWindow(since, until), TimeWindow(until - recent, until)
    (bars,), (news,), (filings,) = sources.bars, sources.news, sources.filings
    (macro,), (actions,) = sources.macro, sources.actions
    symbols = universe.data
    with store.transaction() as tx:
        rows = [b for s in symbols for b in bars.bars(s, whole, Resolution.DAY)]
        rows += [b for s in symbols for b in bars.bars(s, last, Resolution.HALF_HOUR)]
        tx.market.add_bars(rows, origin)
        tx.market.add_news(list(news.news(universe.traded, last)), origin)
        tx.market.add_filings(list(filings.filings(symbols, whole)), origin)
        tx.market.add_macro(list(macro.macro(whole)), origin)
        tx.market.add_actions(list(actions.corporate_actions(symbols, whole)), origin)
