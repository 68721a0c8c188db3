"""Gold and silver: the spot price where a source has it, else a fund that holds the metal and is called a proxy.

For people and the macro picture; no rule reads it, and nothing of it can degrade a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from trading.analysis.quality import check_bars, expected_windows
from trading.domain.instruments import GOLD, SILVER, Symbol
from trading.domain.market import Resolution, Slot, TimeWindow
from trading.ports import IngestCounts, MarketRows, Provenance, Services
from trading.tasks.gathering import Gathering

PROXIES: dict[Symbol, Symbol] = {GOLD: "GLD", SILVER: "SLV"}
"""A share of each fund stands for a fraction of an ounce that shrinks with its costs: its price is no spot price."""
LOOK_BACK = timedelta(days=7)
RESOLUTIONS = (Resolution.HALF_HOUR, Resolution.DAY)


@dataclass(frozen=True, slots=True)
class MetalPrice:
    """The newest price of one metal that was known at an instant.

    Attributes:
        series: XAUUSD or XAGUSD [USD/ounce], or the proxy's symbol [USD/share].
        at: end of the bar that it closed.
        source: who said so.
    """

    metal: Symbol
    series: Symbol
    value: float
    at: datetime
    is_proxy: bool
    source: str


def ingest_metals(
    services: Services, slot: Slot, cutoff_at: datetime, run_id: str
) -> tuple[IngestCounts, tuple[str, ...]]:
    """Store the half hours of the two spot prices that ended by `slot.as_of`; what went wrong is a note."""
    counts, gathering = IngestCounts(), Gathering()
    with services.store.transaction() as tx:
        newest = tx.market.last_bar_starts_at(Resolution.HALF_HOUR)
    for metal in PROXIES:
        served = services.sources.bars_for(metal, Resolution.HALF_HOUR, slot.as_of)
        if served is None:
            continue
        source, until = served
        last_at = newest.get(metal)
        window = TimeWindow(slot.as_of - LOOK_BACK if last_at is None else last_at, min(until, slot.as_of))
        if window.starts_at >= window.ends_at:
            continue  # An older slot, run again: what is stored goes further.
        ask = partial(source.bars, metal, window, Resolution.HALF_HOUR)
        bars = gathering.ask(source.name, f"no prices of {metal}", ask)
        if bars is None:
            continue
        sessions = services.calendar.sessions(window.starts_at.date(), window.ends_at.date())
        expected = expected_windows(sessions, Resolution.HALF_HOUR, through=window.ends_at)
        checked = check_bars(
            bars, previous=None, actions=(), cutoff_at=cutoff_at, expected=expected, trades_shares=False
        )
        request = f"{metal} 30m bars from {window.starts_at:%Y-%m-%dT%H:%MZ}"
        origin = Provenance(source.name, request, services.clock.now(), run_id)
        with services.store.transaction() as tx:
            counts += tx.market.add_bars(checked.accepted, origin, checked.rejected)
    return counts, tuple(gathering.notes)


def metals_spot(market: MarketRows, *, at: datetime) -> tuple[MetalPrice, ...]:
    """Return what was known of gold and silver at `at`: one price each, none for a metal without any in a week.

    A spot price that is older than the proxy's session gives way to the proxy.
    """
    symbols = [*PROXIES, *PROXIES.values()]
    stored = market.bars(symbols, RESOLUTIONS, as_of=at, cutoff_at=at, since=at - LOOK_BACK)
    newest: dict[Symbol, tuple[datetime, Resolution, datetime, float]] = {}
    for (symbol, resolution), series in stored.items():
        starts_at, ends_at = (column[-1].item().replace(tzinfo=UTC) for column in (series.starts_at, series.ends_at))
        newest[symbol] = max(newest.get(symbol, _NEVER), (ends_at, resolution, starts_at, float(series.close[-1])))
    prices = []
    for metal, proxy in PROXIES.items():
        found = [symbol for symbol in (metal, proxy) if symbol in newest]
        if not found:
            continue
        is_stale = len(found) == 2 and newest[metal][0].date() < newest[proxy][0].date()
        series_name = proxy if is_stale else found[0]
        ends_at, resolution, starts_at, value = newest[series_name]
        source = market.bar_source(series_name, resolution, starts_at, cutoff_at=at)
        prices.append(MetalPrice(metal, series_name, value, ends_at, series_name == proxy, source))
    return tuple(prices)


_NEVER = (datetime.min.replace(tzinfo=UTC), Resolution.DAY, datetime.min.replace(tzinfo=UTC), 0.0)
