"""TWS API wire format (text protocol, server versions 157..178), the part that a trading client needs.

A frame is a 4-byte big-endian length and NUL-terminated fields. Everything that depends on the negotiated version
is here. Layouts follow what ib_insync 0.9.86 and IB's own client decode.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from trading.gateway.records import Execution, GatewayOrder, Refusal, Ticket

MIN_VERSION, MAX_VERSION = 157, 178
AMBIGUOUS_VERSION = 158
"""ib_insync and IB's client disagree about one openOrder field at this version, so it is never announced."""
MAX_FRAME_BYTES = 0xFFFFFF
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INT = "2147483647"
EASTERN = ZoneInfo("America/New_York")

_CONTRACT = (  # noqa: SIM905 - reads better than a list
    "conId symbol secType expiry strike right multiplier exchange primaryExchange currency localSymbol tradingClass"
).split()
_PLACE_HEAD = (  # noqa: SIM905 - reads better than a list
    "secIdType secId action totalQuantity orderType lmtPrice auxPrice tif ocaGroup account openClose origin orderRef "
    "transmit parentId blockOrder sweepToFill displaySize triggerMethod outsideRth hidden sharesAllocation "
    "discretionaryAmt goodAfterTime goodTillDate faGroup faMethod faPercentage"
).split()
_PLACE_TAIL = (  # noqa: SIM905 - reads better than a list
    "modelCode shortSaleSlot designatedLocation exemptCode ocaType rule80A settlingFirm allOrNone minQty percentOffset "
    "eTradeOnly firmQuoteOnly nbboPriceCap auctionStrategy startingPrice stockRefPrice delta stockRangeLower "
    "stockRangeUpper overridePercentageConstraints volatility volatilityType deltaNeutralOrderType "
    "deltaNeutralAuxPrice continuousUpdate referencePriceType trailStopPrice trailingPercent scaleInitLevelSize "
    "scaleSubsLevelSize scalePriceIncrement scaleTable activeStartTime activeStopTime hedgeType optOutSmartRouting "
    "clearingAccount clearingIntent notHeld deltaNeutralContract algoStrategy algoId whatIf miscOptions solicited "
    "randomizeSize randomizePrice conditions"
).split()
_NOT_SIMULATED = ("deltaNeutralOrderType", "hedgeType", "deltaNeutralContract", "algoStrategy", "whatIf", "conditions")
"""Fields that would change the layout or the meaning; a request that sets one is refused, never misread."""


def negotiate(client_max: int) -> int:
    """Return the server version to announce to a client that understands up to `client_max`."""
    version = min(client_max, MAX_VERSION)
    return MIN_VERSION if version == AMBIGUOUS_VERSION else version


def frame(*fields: object) -> bytes:
    """Return one message."""
    body = "".join(f"{_text(field)}\0" for field in fields).encode("ascii", "backslashreplace")
    return struct.pack(">I", len(body)) + body


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


class FrameSplitter:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the fields of each complete message in `data` and what was left of earlier calls."""
        self._buffer += data
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "big")
            if size > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {size} bytes; the client does not speak the TWS protocol")
            if len(self._buffer) < 4 + size:
                return
            body, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
            yield body.decode("utf-8", "replace").split("\0")[:-1]


def read_ticket(fields: list[str], version: int) -> Ticket:
    """Return the order in a placeOrder message (`fields` without the message id).

    Raises:
        Refusal: the request uses something that is not simulated, or does not parse.
    """
    layout = ["orderId", *_CONTRACT, *_PLACE_HEAD, *(["faProfile"] if version < 177 else []), *_PLACE_TAIL]
    if len(fields) < len(layout):
        raise Refusal(320, f"Error reading request: {len(fields)} fields instead of {len(layout)}")
    sent = dict(zip(layout, fields, strict=False))
    if set_fields := [name for name in _NOT_SIMULATED if sent[name] not in ("", "0")]:
        raise Refusal(321, f"Error validating request.-'bF' : cause - not simulated: {', '.join(set_fields)}")
    if sent["secType"] != "STK":
        raise Refusal(200, "No security definition has been found for the request")
    return Ticket(
        order_id=int(sent["orderId"]),
        symbol=sent["symbol"],
        action=sent["action"],
        quantity=_number(sent["totalQuantity"]) or Decimal(0),
        order_type=sent["orderType"],
        tif=sent["tif"],
        account=sent["account"],
        order_ref=sent["orderRef"],
        parent_id=int(sent["parentId"] or 0),
        oca_group=sent["ocaGroup"],
        transmit=sent["transmit"] not in ("", "0"),
        limit_price=_number(sent["lmtPrice"]),
        aux_price=_number(sent["auxPrice"]),
        trail_stop_price=_number(sent["trailStopPrice"]),
        trail_percent=_number(sent["trailingPercent"]),
        good_till=_instant(sent["goodTillDate"]),
    )


def _number(text: str) -> Decimal | None:
    if text == "" or text.lower().startswith("1.797693134862315"):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Refusal(320, f"Error reading request: {text!r} is not a number") from None
    if not number.is_finite():
        raise Refusal(320, f"Error reading request: {text!r} is not finite")
    return number


def _instant(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise Refusal(391, f"The good till date {text!r} is not of the form yyyymmdd-hh:mm:ss (UTC)") from None


def stamp(at: datetime) -> str:
    """Return `at` as the broker writes times."""
    return at.astimezone(EASTERN).strftime("%Y%m%d %H:%M:%S US/Eastern")


def _contract_of(symbol: str) -> list[object]:
    return [con_id(symbol), symbol, "STK", "", 0, "?", "", "SMART", "USD", symbol, symbol]


def con_id(symbol: str) -> int:
    """Return a stable contract id for `symbol`; it has nothing to do with IB's."""
    return 900_000_000 + int.from_bytes(symbol.encode()[:8], "big") % 99_999_989


def _good_till(order: GatewayOrder) -> str:
    good_till = order.ticket.good_till
    return "" if good_till is None else good_till.strftime("%Y%m%d-%H:%M:%S")


def _trail_stop(order: GatewayOrder) -> Decimal | None:
    return order.stop_price if order.ticket.order_type == "TRAIL" else None


def _attributes(version: int, order: GatewayOrder) -> list[object]:
    """From the FA fields to designatedLocation; common to openOrder and completedOrder."""
    profile: list[object] = [""] if version < 177 else []
    return ["", "", "", *profile, "", _good_till(order), "", "", "", 0, "", -1]


def open_order(order: GatewayOrder, version: int) -> bytes:
    """Return message 5. The delta-neutral type really is the word None followed by eight fields."""
    t = order.ticket
    trail = _trail_stop(order)
    fields: list[object] = [
        5, t.order_id, *_contract_of(t.symbol), t.action, t.quantity, t.order_type, t.limit_price or 0,
        t.aux_price or 0, t.tif, t.oca_group, t.account, "", 0, t.order_ref, order.client_id, order.perm_id,
        False, False, 0, "", f"{order.perm_id}.1/{t.account}/100", *_attributes(version, order),
        # auctionStrategy .. stockRangeUpper, displaySize, blockOrder .. nbboPriceCap
        0, "", "", "", "", "", UNSET_INT, False, False, False, "", 3, False, False, "", t.parent_id, 0,
        # volatility, its type, delta neutral (1 + 1 + 8), continuousUpdate, referencePriceType
        "", 0, "None", "", 0, "", "", "", "?", False, 0, "", False, 0,
        trail, t.trail_percent, "", "", "", 0, 0, 0, "", "", "", "", False, "", "IB", False, False, "",
        # solicited, whatIf, status, nine margin numbers, commission x3, currency, warning, randomize x2, conditions
        False, False, order.status, *[UNSET_DOUBLE] * 9, "", "", "", "", "", False, False, 0,
        # adjusted order (type, trigger, trail stop, limit offset, three prices, unit), soft dollar x3, cash quantity ..
        "None", UNSET_DOUBLE, UNSET_DOUBLE if trail is None else trail, *[UNSET_DOUBLE] * 4, 0, "", "", "",
        0, True, False, False, 0,
    ]  # fmt: skip
    return frame(*fields, *_extras(version))


def _extras(version: int) -> list[object]:
    """Fields that later versions appended to openOrder: duration, postToAts, autoCancelParent, peg options."""
    extras: list[object] = []
    if version >= 159:
        extras.append(UNSET_INT)
    if version >= 160:
        extras.append(UNSET_INT)
    if version >= 162:
        extras.append(False)
    if version >= 170:
        extras += [""] * 5
    return extras


def completed_order(order: GatewayOrder, version: int) -> bytes:
    """Return message 101. It carries permId and orderRef, but neither order id nor client id."""
    t = order.ticket
    trail = _trail_stop(order)
    assert order.done_at is not None, "only an order that ended is completed"
    fields: list[object] = [
        101, *_contract_of(t.symbol), t.action, t.quantity, t.order_type, t.limit_price or 0, t.aux_price or 0, t.tif,
        t.oca_group, t.account, "", 0, t.order_ref, order.perm_id, False, False, 0, "", *_attributes(version, order),
        "", "", "", "", "", UNSET_INT, False, False, "", 3, 0,
        # volatility, its type, delta neutral (1 + 1 + 4), continuousUpdate, referencePriceType
        "", 0, "None", "", 0, False, 0, "", False, 0,
        trail, t.trail_percent, "", 0, 0, 0, "", "", "", "", "", "IB", False, False, "",
        False, order.status, False, False, 0, UNSET_DOUBLE if trail is None else trail, UNSET_DOUBLE, 0, True, False,
        "", order.filled, UNSET_INT, False, "Not an insider or substantial shareholder", False, False,
        order.parent_perm_id, stamp(order.done_at), order.done_text,
    ]  # fmt: skip
    return frame(*fields, *([""] * 5 if version >= 170 else []))


def order_status(order: GatewayOrder, client_id: int, last_price: Decimal) -> bytes:
    """Return message 3 as `client_id` hears it."""
    return frame(
        3, order.ticket.order_id, order.status, order.filled, order.remaining, order.average_price, order.perm_id,
        order.ticket.parent_id, last_price, client_id, order.why_held, 0,
    )  # fmt: skip


def error(version: int, request_id: int, code: int, text: str) -> bytes:
    """Return message 4."""
    return frame(4, 2, request_id, code, text, *([""] if version >= 166 else []))


def execution(order: GatewayOrder, done: Execution, request_id: int, version: int) -> bytes:
    """Return message 11; ib_insync unpacks exactly 31 fields, so the one of version 178 must not come earlier."""
    t = order.ticket
    side = "BOT" if t.action == "BUY" else "SLD"
    fields: list[object] = [
        11, request_id, t.order_id, con_id(t.symbol), t.symbol, "STK", "", 0, "", "", "ISLAND", "USD", t.symbol,
        t.symbol, done.exec_id, stamp(done.executed_at), t.account, "ISLAND", side, done.quantity, done.price,
        order.perm_id, order.client_id, 0, done.cumulative, done.average_price, t.order_ref, "", "", "", 2,
    ]  # fmt: skip
    return frame(*fields, *([False] if version >= 178 else []))


def commission(done: Execution) -> bytes:
    """Return message 59."""
    return frame(59, 1, done.exec_id, done.commission_usd, "USD", UNSET_DOUBLE, UNSET_DOUBLE, "")


def contract_details(request_id: int, symbol: str, version: int) -> bytes:
    """Return message 10 for a US stock that ticks in cents."""
    old = version < 164
    fields: list[object] = [10, *([8] if old else []), request_id, symbol, "STK", "", 0, "", "SMART", "USD", symbol]
    fields += [symbol, symbol, con_id(symbol), "0.01", *([100] if old else [])]
    fields += [
        "",
        "DAY,GTC,GTD,LMT,MKT,OPG,STP,TRAIL",
        "SMART",
        1,
        0,
        f"{symbol} (simulated)",
        "ISLAND",
        "",
        "",
        "",
        "",
    ]
    fields += ["US/Eastern", "", "", "", 1, 0, 1, "", "", "26", "", "COMMON"]
    if version == 163:
        fields.append(1)
    if version >= 164:
        fields += ["0.0001", "0.0001", 100]
    return frame(*fields)
