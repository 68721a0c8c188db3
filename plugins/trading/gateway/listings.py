"""What the gateway lists: a contract for each symbol of the feed, its hours and its price increments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.domain.instruments import GOLD, SILVER, VIX, Instrument, InstrumentKind, Symbol
from trading.domain.money import CENT, PRICE_STEP
from trading.ports import MarketCalendar

EASTERN = ZoneInfo("America/New_York")
MARKET_RULE_ID = 26
"""IB's rule of US stocks; the only one here."""
PRICE_BANDS = ((Decimal(0), PRICE_STEP), (Decimal(1), CENT))
"""(price from which, increment) [USD/share]: SEC rule 612."""
HOURS_DAYS = 6
"""How many days of trading hours a contract shows, today included."""
_STOCK_TYPES = {InstrumentKind.STOCK: "COMMON", InstrumentKind.FUND: "ETF", InstrumentKind.INDEX: ""}


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract.

    Attributes:
        con_id: stable number made from the symbol; it has nothing to do with IB's.
        exchange: primary listing.
        kind: STK, IND or CMDTY, in the broker's words.
        route: exchange that a client names in a qualified contract.
    """

    symbol: Symbol
    con_id: int
    kind: str
    exchange: str
    route: str
    name: str
    stock_type: str


def con_id(symbol: Symbol) -> int:
    """Return a stable contract id for `symbol`."""
    return 900_000_000 + int.from_bytes(symbol.encode()[:8], "big") % 99_999_989


def listing_of(symbol: Symbol, instrument: Instrument | None = None) -> Listing:
    """Return the contract of a symbol; what the instrument does not tell is a NASDAQ stock.

    VIX is an index at CBOE, gold and silver are spot metals.
    """
    if symbol in (GOLD, SILVER):
        return Listing(symbol, con_id(symbol), "CMDTY", "IBCMDTY", "SMART", f"{symbol} spot, USD an ounce", "")
    if symbol == VIX:
        instrument = instrument or Instrument(VIX, None, InstrumentKind.INDEX, "Cboe Volatility Index", "CBOE")
    known = instrument or Instrument(symbol, None, InstrumentKind.STOCK, symbol)
    is_index = known.kind is InstrumentKind.INDEX
    route = known.exchange if is_index else "SMART"
    kind = "IND" if is_index else "STK"
    return Listing(symbol, con_id(symbol), kind, known.exchange, route, known.name, _STOCK_TYPES[known.kind])


class Listings:
    """The contracts of a feed.

    Args:
        symbols: what the feed serves.
        instruments: what is known about them.
    """

    def __init__(self, symbols: Iterable[Symbol], instruments: Iterable[Instrument] = ()) -> None:
        known: Mapping[Symbol, Instrument] = {i.symbol: i for i in instruments}
        self._by_symbol = {s: listing_of(s, known.get(s)) for s in sorted(symbols)}
        self._by_con_id = {listing.con_id: listing for listing in self._by_symbol.values()}

    def __getitem__(self, symbol: Symbol) -> Listing:
        """Return the contract of a symbol, also of one that is no longer listed."""
        return self._by_symbol.get(symbol) or listing_of(symbol)

    def find(self, con_id: int, symbol: Symbol, kind: str, exchange: str, currency: str) -> Listing | None:
        """Return the contract that fits everything that is given, or None."""
        found = self._by_con_id.get(con_id) if con_id else self._by_symbol.get(symbol)
        if found is None or kind not in ("", found.kind) or currency not in ("", "USD"):
            return None
        return found if exchange in ("", "SMART", "ISLAND", found.exchange) else None

    def matching(self, pattern: str) -> Iterator[Listing]:
        """Yield contracts whose symbol or name begins with `pattern`."""
        wanted = pattern.upper()
        for listing in self._by_symbol.values():
            if listing.symbol.startswith(wanted) or listing.name.upper().startswith(wanted):
                yield listing


def hours_text(calendar: MarketCalendar, now: datetime) -> str:
    """Return the sessions of the next days as contract details write them, e.g. `20190603:0930-20190603:1600;…`."""
    first_on = now.astimezone(EASTERN).date()
    parts = []
    for day in (first_on + timedelta(days=n) for n in range(HOURS_DAYS)):
        session = calendar.session(day)
        if session is None:
            parts.append(f"{day:%Y%m%d}:CLOSED")
            continue
        opens, closes = (at.astimezone(EASTERN) for at in (session.opens_at, session.closes_at))
        parts.append(f"{opens:%Y%m%d:%H%M}-{closes:%Y%m%d:%H%M}")
    return ";".join(parts)
