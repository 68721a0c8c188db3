"""placeOrder (message 3): an order as a client sends it. No message-version field since 145; everything positional."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trading.gateway.records import Refusal, Ticket
from trading.gateway.wire.contracts import ContractQuery, read_contract
from trading.gateway.wire.frames import Request, number


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_HEAD = _names(
    "secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
    "transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden"
)
_MIDDLE = _names(
    "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset "
    "eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower "
    "stockRangeUpper overridePercentageConstraints volatility volatilityType"
)
_TAIL = _names(
    "adjustedOrderType triggerPrice lmtPriceOffset adjustedStopPrice adjustedStopLimitPrice adjustedTrailingAmount "
    "adjustableTrailingUnit extOperator softDollarName softDollarValue cashQty mifidDecisionMaker mifidDecisionAlgo "
    "mifidTrader mifidAlgo dontUseAutoPriceForHedge isOmsContainer discretionaryUpToLimitPrice "
    "usePriceMgmtAlgo"
)
_ADDED = ((158, "duration"), (160, "postToAts"), (162, "autoCancelParent"), (166, "errorOverride"), (169, "manualTime"))
"""(first version, field) that later versions appended. Peg fields of version 170 come only with order types that are
not simulated."""
_INSTANT = re.compile(r"(\d{8})[- ](\d\d:\d\d:\d\d)(?: (\S+))?")
DEFAULT_OCA_TYPE = 3
"""Reduce without block: what the broker takes for an order that names none."""


def read_ticket(order_id: int, request: Request, version: int) -> tuple[ContractQuery, Ticket]:
    """Return the contract and the order of a placeOrder message whose order id was read already.

    Raises:
        Refusal: the request does not parse, or uses something that is not simulated: refused, never misread.
    """
    contract = read_contract(request)
    if contract.kind == "BAG":
        raise _not_simulated("combinations")
    sent = request.named(_HEAD)
    request.skip(2)  # deprecated sharesAllocation, discretionaryAmt
    sent |= request.named(("goodAfterTime", "goodTillDate"))
    request.skip(3 if version >= 177 else 4)  # faGroup, faMethod, faPercentage and, before 177, faProfile
    sent |= request.named(_MIDDLE)
    _read_delta_neutral(request)
    request.skip(2)  # continuousUpdate, referencePriceType
    sent |= request.named(("trailStopPrice", "trailingPercent"))
    is_what_if = _read_optional_parts(request)
    sent |= request.named(_TAIL)
    sent |= request.named([name for first_version, name in _ADDED if version >= first_version])
    if request.left:
        raise Refusal(320, f"Error reading request: {request.left} fields too many")
    if sent["goodAfterTime"]:
        raise _not_simulated("a start time")
    if number(sent["cashQty"]):
        raise Refusal(10244, "Cash quantity cannot be used for this order. Please use desktop version.")
    return contract, _ticket(order_id, contract.symbol, sent, is_what_if=is_what_if)


def _read_delta_neutral(request: Request) -> None:
    """Pass over the delta-neutral part; a client that changes an order sends our own word None back."""
    kind = request.text()
    request.skip(1)  # deltaNeutralAuxPrice
    if kind:
        request.skip(8)
    if kind not in ("", "None"):
        raise _not_simulated("delta-neutral orders")


def _read_optional_parts(request: Request) -> bool:
    """Pass over scale, hedge, algo and condition parts; whether it is a what-if request."""
    request.skip(2)  # scaleInitLevelSize, scaleSubsLevelSize
    if (request.number() or 0) > 0:
        raise _not_simulated("scale orders")
    request.skip(3)  # scaleTable, activeStartTime, activeStopTime
    if request.text():
        raise _not_simulated("hedge orders")
    request.skip(4)  # optOutSmartRouting, clearingAccount, clearingIntent, notHeld
    if request.flag():
        raise _not_simulated("delta-neutral contracts")
    if algorithm := request.text():
        raise _not_simulated(f"the algorithm {algorithm}")
    request.skip(1)  # algoId
    is_what_if = request.flag()
    request.skip(4)  # miscOptions, solicited, randomizeSize, randomizePrice
    if request.whole():
        raise _not_simulated("conditions")
    return is_what_if


def _not_simulated(what: str) -> Refusal:
    return Refusal(321, f"Error validating request.-'bF' : cause - not simulated: {what} (SIMULATED gateway)")


def _ticket(order_id: int, symbol: str, sent: Mapping[str, str], *, is_what_if: bool) -> Ticket:
    return Ticket(
        order_id=order_id,
        symbol=symbol,
        action=sent["action"],
        quantity=number(sent["totalQuantity"]) or Decimal(0),
        order_type=sent["orderType"],
        tif=sent["tif"],
        account=sent["account"],
        order_ref=sent["orderRef"],
        parent_id=int(number(sent["parentId"]) or 0),
        oca_group=sent["ocaGroup"],
        transmit=sent["transmit"] not in ("", "0"),
        limit_price=number(sent["lmtPrice"]),
        aux_price=number(sent["auxPrice"]),
        trail_stop_price=number(sent["trailStopPrice"]),
        trail_percent=number(sent["trailingPercent"]),
        good_till=read_instant(sent["goodTillDate"]),
        oca_type=int(number(sent["ocaType"]) or DEFAULT_OCA_TYPE),
        is_what_if=is_what_if,
    )


def read_instant(text: str) -> datetime | None:
    """Return an instant as clients write it, `yyyymmdd-hh:mm:ss` in UTC or with a zone's name; None if empty."""
    if not text:
        return None
    found = _INSTANT.fullmatch(text.strip())
    try:
        day, clock, zone = found.groups() if found else ("", "", "")
        at = datetime.strptime(day + clock, "%Y%m%d%H:%M:%S")  # noqa: DTZ007 - its zone follows
        return at.replace(tzinfo=ZoneInfo(zone or "UTC")).astimezone(UTC)
    except (ValueError, ZoneInfoNotFoundError):
        text = f"The date {text!r} is not of the form yyyymmdd-hh:mm:ss (UTC) or yyyymmdd hh:mm:ss ZONE"
        raise Refusal(391, text) from None
