"""What clients hear about orders: openOrder, orderStatus, completedOrder, executions, commissions, errors."""

from __future__ import annotations

from decimal import Decimal

from trading.gateway.listings import Listing
from trading.gateway.records import Execution, GatewayOrder, Ticket
from trading.gateway.what_if import Margin, MarginImpact
from trading.gateway.wire.contracts import holding_contract, order_contract
from trading.gateway.wire.frames import UNSET_DOUBLE, UNSET_INT, frame, stamp

SHAREHOLDER = "Not an insider or substantial shareholder"


def _good_till(ticket: Ticket) -> str:
    return "" if ticket.good_till is None else ticket.good_till.strftime("%Y%m%d-%H:%M:%S")


def _trail_stop(order: GatewayOrder) -> Decimal | None:
    return order.stop_price if order.ticket.order_type == "TRAIL" else None


def _ticket_fields(order: GatewayOrder, listing: Listing) -> list[object]:
    """From the contract to orderRef; common to openOrder and completedOrder."""
    t = order.ticket
    return [
        *order_contract(listing), t.action, t.quantity, t.order_type, t.limit_price or 0, t.aux_price or 0, t.tif,
        t.oca_group, t.account, "", 0, t.order_ref,
    ]  # fmt: skip


def _attributes(order: GatewayOrder, version: int) -> list[object]:
    """From the adviser's fields to exemptCode; common to both. faProfile left with version 177."""
    profile: list[object] = [""] if version < 177 else []
    return ["", "", "", *profile, "", _good_till(order.ticket), "", "", "", 0, "", -1]


def open_order(order: GatewayOrder, listing: Listing, version: int) -> bytes:
    """Return message 5 about an order that exists."""
    return _open_order(order, listing, version, str(order.status), None)


def what_if(ticket: Ticket, client_id: int, listing: Listing, version: int, impact: MarginImpact) -> bytes:
    """Return message 5 about an order that would be created."""
    order = GatewayOrder(ticket, client_id, perm_id=0, expires_at=ticket.good_till)
    return _open_order(order, listing, version, str(order.status), impact)


def _open_order(order: GatewayOrder, listing: Listing, version: int, status: str, impact: MarginImpact | None) -> bytes:
    """The delta-neutral type really is the word None followed by eight fields."""
    t = order.ticket
    trail = _trail_stop(order)
    return frame(
        5, t.order_id, *_ticket_fields(order, listing), order.client_id, order.perm_id, False, False, 0, "",
        f"{order.perm_id}.1/{t.account}/100", *_attributes(order, version),
        # auctionStrategy .. stockRangeUpper, displaySize, blockOrder .. nbboPriceCap
        0, "", "", "", "", "", UNSET_INT, False, False, False, "", t.oca_type, False, False, "", t.parent_id, 0,
        # volatility, its type, delta neutral (1 + 1 + 8), continuousUpdate, referencePriceType
        "", 0, "None", "", 0, "", "", "", "?", False, 0, "", False, 0,
        # trailing, basis points, combo parts, scale, hedge, clearing, delta-neutral contract, algorithm, solicited
        trail, t.trail_percent, "", "", "", 0, 0, 0, "", "", "", "", False, "", "IB", False, False, "", False,
        impact is not None, status, *_state(impact), False, False, 0,
        # adjusted order (type, trigger, trail stop, limit offset, three prices, unit), soft dollar x3, cash quantity ..
        "None", UNSET_DOUBLE, UNSET_DOUBLE if trail is None else trail, *[UNSET_DOUBLE] * 4, 0, "", "", "",
        0, True, False, False, 0, *_added_to_open_order(version),
    )  # fmt: skip


def _state(impact: MarginImpact | None) -> list[object]:
    """Nine margin numbers, commission and its range, currency, warning. What-if gives only the range, as IB does."""
    if impact is None:
        return [*[UNSET_DOUBLE] * 9, "", "", "", "", ""]
    numbers = [n for margin in (impact.before, impact.change, impact.after) for n in _numbers(margin)]
    warning = "SIMULATED" if impact.warning is None else f"SIMULATED: {impact.warning}"
    return [*numbers, "", impact.commission_usd, impact.commission_usd, "USD", warning]


def _numbers(margin: Margin) -> list[object]:
    return [margin.initial_usd, margin.maintenance_usd, margin.equity_with_loan_usd]


def _added_to_open_order(version: int) -> list[object]:
    """Duration, postToAts, autoCancelParent and five peg fields.

    ib_insync reads the duration from version 159, IB's client from 158: the reason why 158 is never announced.
    """
    fields: list[object] = []
    if version >= 159:
        fields.append(UNSET_INT)
    if version >= 160:
        fields.append(UNSET_INT)
    if version >= 162:
        fields.append(False)
    return fields + _peg_fields(version)


def _peg_fields(version: int) -> list[object]:
    return [""] * 5 if version >= 170 else []


def completed_order(order: GatewayOrder, listing: Listing, parent_perm_id: int, version: int) -> bytes:
    """Return message 101. It carries permId and orderRef, but neither order id nor client id.

    The word None is followed by four fields here.
    """
    t = order.ticket
    trail = _trail_stop(order)
    assert order.done_at is not None, "only an order that ended is completed"
    auto_cancel = None if order.auto_cancel_at is None else stamp(order.auto_cancel_at)
    return frame(
        101, *_ticket_fields(order, listing), order.perm_id, False, False, 0, "", *_attributes(order, version),
        # startingPrice .. stockRangeUpper, displaySize, sweepToFill, allOrNone, minQty, ocaType, triggerMethod
        "", "", "", "", "", UNSET_INT, False, False, "", t.oca_type, 0,
        # volatility, its type, delta neutral (1 + 1 + 4), continuousUpdate, referencePriceType
        "", 0, "None", "", 0, False, 0, "", False, 0,
        # trailing, combo parts, scale, hedge, clearing, delta-neutral contract, algorithm, solicited
        trail, t.trail_percent, "", 0, 0, 0, "", "", "", "", "", "IB", False, False, "", False,
        order.status, False, False, 0, UNSET_DOUBLE if trail is None else trail, UNSET_DOUBLE, 0, True, False,
        auto_cancel, order.filled, UNSET_INT, False, SHAREHOLDER, False, False, parent_perm_id, stamp(order.done_at),
        order.done_text, *_peg_fields(version),
    )  # fmt: skip


def order_status(order: GatewayOrder, client_id: int, last_price: Decimal) -> bytes:
    """Return message 3; after a cancel by another client it carries the canceller's id, as IB does."""
    return frame(
        3, order.ticket.order_id, order.status, order.filled, order.remaining, order.average_price, order.perm_id,
        order.ticket.parent_id, last_price, client_id, order.why_held, 0,
    )  # fmt: skip


def error(version: int, request_id: int, code: int, text: str) -> bytes:
    """Return message 4."""
    return frame(4, 2, request_id, code, text, *([""] if version >= 166 else []))


def execution(order: GatewayOrder, done: Execution, listing: Listing, request_id: int, version: int) -> bytes:
    """Return message 11; ib_insync unpacks exactly 31 fields, so the one of version 178 must not come earlier."""
    t = order.ticket
    return frame(
        11, request_id, t.order_id, *holding_contract(listing, listing.exchange), done.exec_id, stamp(done.executed_at),
        t.account, listing.exchange, "BOT" if t.action == "BUY" else "SLD", done.quantity, done.price, order.perm_id,
        order.client_id, 0, done.cumulative, done.average_price, t.order_ref, "", "", "", 2,
        *([False] if version >= 178 else []),
    )  # fmt: skip


def commission(done: Execution) -> bytes:
    """Return message 59; the realised gain is unset where the execution closed nothing."""
    realized = UNSET_DOUBLE if done.realized_usd is None else done.realized_usd
    return frame(59, 1, done.exec_id, done.commission_usd, "USD", realized, UNSET_DOUBLE, "")
