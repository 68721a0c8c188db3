"""What the broker says no to.

`checked` refuses before an order exists: nothing is created and no id is used up. `market_objection` is about the
market and the account at the moment of transmission: the order stays behind as Inactive.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from trading.domain.money import CENT, PRICE_STEP
from trading.gateway.account import AccountTerms
from trading.gateway.expiry import AT_ONCE
from trading.gateway.records import GatewayOrder, Refusal, Ticket

_RESTING = {"DAY", "GTC", "GTD"}
_TIFS = {"MKT": _RESTING | AT_ONCE | {"OPG"}, "LMT": _RESTING | AT_ONCE, "STP": _RESTING, "TRAIL": _RESTING}
_EXCHANGEABLE = {"LMT", "MKT"}


def checked(ticket: Ticket, *, account: str, symbols: frozenset[str], terms: AccountTerms) -> Ticket:
    """Return the ticket with the account's presets filled in.

    Raises:
        Refusal: with the code that IB answers.
    """
    ticket = replace(ticket, account=ticket.account or account, tif=ticket.tif or "DAY")
    if ticket.symbol not in symbols:
        raise Refusal(200, "No security definition has been found for the request")
    if ticket.symbol in terms.not_permitted:
        raise Refusal(460, "No trading permissions.")
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
    return ticket


def tick_of(price: Decimal) -> Decimal:
    """Return the minimum price step at `price`, both USD/share: a cent, below one dollar a hundredth of it."""
    return CENT if price >= 1 else PRICE_STEP


def _check_prices(ticket: Ticket) -> None:
    needed = {"LMT": ticket.limit_price, "STP": ticket.aux_price}
    if ticket.order_type in needed:
        price = needed[ticket.order_type]
        if price is None or price <= 0:
            raise Refusal(321, "Error validating request.-'bF' : cause - Price is missing")
        if price % tick_of(price):
            raise Refusal(110, "The price does not conform to the minimum price variation for this contract.")
    if ticket.order_type == "TRAIL" and not (ticket.trail_percent and 0 < ticket.trail_percent < 100):
        raise Refusal(321, "Error validating request.-'bF' : cause - Trailing percent is missing")


def check_change(order: GatewayOrder, ticket: Ticket) -> None:
    """Raise the `Refusal` of a modification; the order lives on as it was."""
    was = order.ticket
    same_kind = was.order_type == ticket.order_type or {was.order_type, ticket.order_type} == _EXCHANGEABLE
    if (was.symbol, was.action) != (ticket.symbol, ticket.action) or not same_kind:
        raise Refusal(105, "Order being modified does not match original order")
    if ticket.quantity < order.filled:
        raise Refusal(10006, "Cannot modify order: quantity below filled")


def check_precaution(ticket: Ticket, *, market_price: Decimal | None, terms: AccountTerms) -> None:
    """Raise the `Refusal` of the user's own percentage precaution, if it is switched on."""
    if terms.precaution_frac is not None and _through(ticket, market_price) > terms.precaution_frac:
        percent = (terms.precaution_frac * 100).normalize()
        raise Refusal(163, f"The order price exceeds the Percentage constraint of {percent:f}%")


def market_objection(
    ticket: Ticket, *, market_price: Decimal | None, spendable_usd: Decimal, held: Decimal | None, terms: AccountTerms
) -> str | None:
    """Return why an order may not work now; None if it may.

    Args:
        ticket: a stand-alone order or the head of a family; children are judged with their head.
        market_price: USD/share that the order would meet; None if nobody knows.
        spendable_usd: what a purchase may cost.
        held: shares that a sale may use; None where selling short is allowed.
        terms: the account's.
    """
    if ticket.parent_id:
        return None
    if ticket.order_type == "TRAIL" and market_price is None and ticket.trail_stop_price is None:
        return f"no market price for {ticket.symbol}"
    if _through(ticket, market_price) > terms.collar_frac:
        return f"the limit price {ticket.limit_price} is too far through the market {market_price}"
    price = ticket.limit_price if ticket.order_type == "LMT" else market_price
    if ticket.action == "BUY" and price is not None and ticket.quantity * price > spendable_usd:
        return f"insufficient funds: {spendable_usd:.2f} USD available"
    if ticket.action == "SELL" and held is not None and ticket.quantity > held:
        return f"a cash account cannot sell short: {held.normalize():f} {ticket.symbol} held"
    return None


def _through(ticket: Ticket, market_price: Decimal | None) -> Decimal:
    """Return how far a limit reaches through the market, as a fraction of it; 0 or less for one that rests."""
    if ticket.order_type != "LMT" or ticket.limit_price is None or not market_price:
        return Decimal(0)
    through = ticket.limit_price - market_price if ticket.action == "BUY" else market_price - ticket.limit_price
    return through / market_price
