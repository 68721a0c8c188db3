"""What the broker refuses before an order exists: nothing is created and no id is used up."""

from __future__ import annotations

from decimal import Decimal

from trading.domain.money import CENT
from trading.gateway.records import Refusal, Ticket

COLLAR_FRAC = Decimal("0.10")
"""A limit further than this through the market is refused (IBKR knowledge base 838)."""
_TIFS = {"MKT": {"DAY", "GTC", "OPG", "GTD"}, "LMT": {"DAY", "GTC", "GTD"}, "STP": {"DAY", "GTC", "GTD"}}
_TIFS["TRAIL"] = _TIFS["STP"]


def check_ticket(ticket: Ticket, *, account: str, symbols: frozenset[str]) -> None:
    """Raise the `Refusal` that the broker would answer with, if any."""
    if ticket.symbol not in symbols:
        raise Refusal(200, "No security definition has been found for the request")
    if ticket.order_type not in _TIFS or ticket.action not in ("BUY", "SELL"):
        raise Refusal(321, "Error validating request.-'bF' : cause - Invalid order type was entered")
    if ticket.tif not in _TIFS[ticket.order_type] or (ticket.tif == "GTD") != (ticket.good_till is not None):
        raise Refusal(321, f"Error validating request.-'bF' : cause - Invalid time in force {ticket.tif!r}")
    if ticket.account != account:
        raise Refusal(321, "Error validating request.-'bF' : cause - Invalid account code")
    if ticket.quantity <= 0:
        raise Refusal(434, "The order size cannot be zero")
    if ticket.quantity != ticket.quantity.to_integral_value():
        raise Refusal(10243, "Fractional-sized order cannot be placed via API. Please use desktop version.")
    _check_prices(ticket)


def _check_prices(ticket: Ticket) -> None:
    needed = {"LMT": ticket.limit_price, "STP": ticket.aux_price}
    if ticket.order_type in needed:
        price = needed[ticket.order_type]
        if price is None or price <= 0:
            raise Refusal(321, "Error validating request.-'bF' : cause - Price is missing")
        if price % CENT:
            raise Refusal(110, "The price does not conform to the minimum price variation for this contract.")
    if ticket.order_type == "TRAIL" and not (ticket.trail_percent and 0 < ticket.trail_percent < 100):
        raise Refusal(321, "Error validating request.-'bF' : cause - Trailing percent is missing")


def market_objection(ticket: Ticket, *, last_price: float | None, cash_usd: Decimal) -> str | None:
    """Return why an order is left behind as Inactive (too far through the market, too dear); None if it may work."""
    if ticket.parent_id:
        return None
    last = None if last_price is None else Decimal(repr(last_price))
    if ticket.order_type == "TRAIL" and last is None and ticket.trail_stop_price is None:
        return f"no market price for {ticket.symbol}"
    limit = ticket.limit_price if ticket.order_type == "LMT" else None
    if limit is not None and last is not None:
        through = limit - last if ticket.action == "BUY" else last - limit
        if through > last * COLLAR_FRAC:
            return f"the limit price {limit} is too far through the market {last}"
    price = limit or last
    if ticket.action == "BUY" and price is not None and ticket.quantity * price > cash_usd:
        return f"insufficient funds: {cash_usd:.2f} USD available"
    return None
