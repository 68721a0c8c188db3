"""Contracts on the wire: what a client asks for, and how a listing is described to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trading.gateway.listings import MARKET_RULE_ID, Listing
from trading.gateway.wire.frames import Request, frame

ORDER_TYPES = "DAY,FOK,GTC,GTD,IOC,LMT,MKT,OCA,OPG,STP,TRAIL,WHATIF"


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """A contract as a client names it; empty fields match anything.

    Attributes:
        con_id: 0 where the client does not know it.
    """

    con_id: int
    symbol: str
    kind: str
    exchange: str
    primary_exchange: str
    currency: str


def read_contract(request: Request) -> ContractQuery:
    """Return the twelve fields of a contract."""
    con_id, symbol, kind = request.whole(), request.text(), request.text()
    request.skip(4)  # expiry, strike, right, multiplier
    exchange, primary_exchange, currency = request.text(), request.text(), request.text()
    request.skip(2)  # localSymbol, tradingClass
    return ContractQuery(con_id, symbol, kind, exchange, primary_exchange, currency)


def order_contract(listing: Listing) -> list[object]:
    """Return the eleven fields that open and completed orders carry."""
    symbol = listing.symbol
    return [listing.con_id, symbol, listing.kind, "", 0, "?", "", listing.route, "USD", symbol, symbol]


def holding_contract(listing: Listing, exchange: str) -> list[object]:
    """Return the eleven fields that executions, positions and the portfolio carry."""
    symbol = listing.symbol
    return [listing.con_id, symbol, listing.kind, "", 0, "", "", exchange, "USD", symbol, symbol]


def contract_details(request_id: int, listing: Listing, trading_hours: str, liquid_hours: str, version: int) -> bytes:
    """Return message 10. `minSize` says 0.0001 as at IB, which is no permission for fractional orders."""
    old = version < 164
    symbol = listing.symbol
    return frame(
        10, *([8] if old else []), request_id, symbol, listing.kind, "", 0, "", listing.route, "USD", symbol, symbol,
        symbol, listing.con_id, "0.01", *([100] if old else []), "", ORDER_TYPES,
        ",".join(dict.fromkeys((listing.route, listing.exchange))), 1, 0, f"{listing.name} (SIMULATED)",
        listing.exchange, "", "", "", "", "US/Eastern", trading_hours, liquid_hours, "", "", 1, "ISIN", "", 1, "", "",
        MARKET_RULE_ID, "", listing.stock_type, *_sizes(version),
    )  # fmt: skip


def _sizes(version: int) -> list[object]:
    if version == 163:
        return [100]
    return ["0.0001", "0.0001", 100] if version >= 164 else []


def contract_details_end(request_id: int) -> bytes:
    """Return message 52."""
    return frame(52, 1, request_id)


def symbol_samples(request_id: int, listings: Sequence[Listing], version: int) -> bytes:
    """Return message 79."""
    fields: list[object] = []
    for listing in listings:
        fields += [listing.con_id, listing.symbol, listing.kind, listing.exchange, "USD", 0]
        fields += [f"{listing.name} (SIMULATED)", ""] if version >= 176 else []
    return frame(79, request_id, len(listings), *fields)


def market_rule(rule_id: int, bands: Iterable[tuple[object, object]]) -> bytes:
    """Return message 93: (price from which, increment) [USD/share]."""
    steps = [field for band in bands for field in band]
    return frame(93, rule_id, len(steps) // 2, *steps)
