"""What a control command does: one function a command, listed in `COMMANDS` with its arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from trading.domain.codec import encode
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction
from trading.gateway import account, persistence
from trading.gateway.behaviour import Behaviour, CommissionTiming
from trading.gateway.faults import Fault, Rule
from trading.gateway.records import CashKind, ScriptedQuote, Ticket
from trading.gateway.server import Gateway
from trading.gateway.wire.frames import MAX_MAGNITUDE

type Command = dict[str, Any]
type Answer = dict[str, Any]

LATEST = datetime(2100, 1, 1, tzinfo=UTC)
MOST_TIMES = 10_000


# --- looking ----------------------------------------------------------------------------------------


def _state(gateway: Gateway, command: Command) -> Answer:
    return {
        "state": persistence.as_json(gateway.broker.state),
        "clients": [s.client_id for s in gateway.sessions if s.client_id is not None],
    }


def _log(gateway: Gateway, command: Command) -> Answer:
    """Every order the gateway ever accepted and every execution, oldest first: the oracle of drills."""
    broker = gateway.broker
    placements = [
        {
            "client_id": o.client_id,
            "order_id": o.ticket.order_id,
            "perm_id": o.perm_id,
            "parent_perm_id": o.parent_perm_id,
            "order_ref": o.ticket.order_ref,
            "symbol": o.ticket.symbol,
            "action": o.ticket.action,
            "quantity": o.ticket.quantity,
            "order_type": o.ticket.order_type,
            "status": o.status,
            "filled": o.filled,
            "is_staged": o.is_staged,
            "at": o.created_at,
        }
        for o in broker.state.orders
    ]
    executions = []
    for done in broker.state.executions:
        order = broker.order(done.perm_id)
        whose = {"order_ref": order.ticket.order_ref, "symbol": order.ticket.symbol, "action": order.ticket.action}
        executions.append({**encode(done), **whose})
    return {"placements": encode(placements), "executions": executions}


# --- time and market --------------------------------------------------------------------------------


def _advance(gateway: Gateway, command: Command) -> Answer:
    to = datetime.fromisoformat(command["to"])
    if to.tzinfo is None:
        raise ValueError("`to` needs a UTC offset")
    if to > LATEST:
        raise ValueError(f"`to` lies after {LATEST:%Y}, where no market is known; the clock never moves back")
    bars = gateway.advance(to, whole_bars=bool(command.get("whole_bars", False)))
    return {"bars": bars, "clock": gateway.broker.state.clock.isoformat()}


def _halt(gateway: Gateway, command: Command) -> Answer:
    gateway.halt(_listed(gateway, command), is_halted=bool(command["is_halted"]))
    return {}


def _partial(gateway: Gateway, command: Command) -> Answer:
    symbol, shares = _listed(gateway, command), command["shares"]
    if shares is None:
        gateway.broker.state.fill_caps.pop(symbol, None)
    elif (cap := _decimal(shares)) >= 0:
        gateway.broker.state.fill_caps[symbol] = cap
    else:
        raise ValueError(f"`shares` is {cap}; 0 or more, or null for no cap")
    gateway.publish()
    return {}


def _quote(gateway: Gateway, command: Command) -> Answer:
    symbol = _listed(gateway, command)
    prices = {name: _decimal(command[name]) for name in ("bid", "ask", "last") if command.get(name) is not None}
    if any(price <= 0 for price in prices.values()):
        raise ValueError("prices are positive; leave one out to show none")
    quote = ScriptedQuote(
        **prices, is_delayed=bool(command.get("is_delayed", False)), is_halted=command.get("is_halted", False)
    )
    gateway.broker.script_quote(symbol, quote if prices else None)
    gateway.publish()
    return {}


def _split(gateway: Gateway, command: Command) -> Answer:
    return _take_over(gateway, command, ActionKind.SPLIT, float(command["ratio"]))


def _dividend(gateway: Gateway, command: Command) -> Answer:
    return _take_over(gateway, command, ActionKind.DIVIDEND, float(command["per_share"]))


def _take_over(gateway: Gateway, command: Command, kind: ActionKind, value: float) -> Answer:
    if not 0 < value < 1e7:
        raise ValueError(f"{kind} of {value}; a positive number is needed")
    now = gateway.broker.state.clock
    gateway.broker.take_over(CorporateAction(_listed(gateway, command), kind, now.date(), value, "script", now))
    gateway.publish()
    return {}


def _cash(gateway: Gateway, command: Command) -> Answer:
    amount, kind = _decimal(command["amount_usd"]), CashKind(command["kind"])
    item = account.add_cash(gateway.broker.state, kind, amount, command.get("text", kind.value))
    gateway.publish()
    return {"item": encode(item)}


# --- orders -----------------------------------------------------------------------------------------


def _foreign_order(gateway: Gateway, command: Command) -> Answer:
    """An order made by hand in TWS: client 0, no order id, no reference."""
    limit = command.get("limit_price")
    ticket = Ticket(
        order_id=0,
        symbol=command["symbol"],
        action=command["side"],
        quantity=_decimal(command["quantity"]),
        order_type=command.get("order_type", "MKT"),
        tif=command.get("tif", "DAY"),
        account=gateway.broker.state.account,
        limit_price=None if limit is None else _decimal(limit),
    )
    order = gateway.broker.place_by_hand(ticket)
    gateway.publish()
    return {"perm_id": order.perm_id, "status": order.status}


def _reject(gateway: Gateway, command: Command) -> Answer:
    times = int(command.get("times", 1))
    if not 1 <= times <= MOST_TIMES:
        raise ValueError(f"`times` is {times}; it must be 1 to {MOST_TIMES}")
    gateway.broker.refuse_next(int(command["code"]), str(command["text"]), times)
    return {}


def _message(gateway: Gateway, command: Command) -> Answer:
    gateway.broker.say(int(command["client_id"]), int(command["order_id"]), int(command["code"]), str(command["text"]))
    gateway.publish()
    return {}


# --- misbehaviour -----------------------------------------------------------------------------------


def _fault(gateway: Gateway, command: Command) -> Answer:
    rule = Rule(
        message_id=int(command["message_id"]),
        fault=Fault(command["fault"]),
        skip=int(command.get("skip", 0)),
        times=int(command.get("times", 1)),
        seconds=float(command.get("seconds", 0)),
    )
    gateway.faults.rules.append(rule)
    return {}


def _behave(gateway: Gateway, command: Command) -> Answer:
    """Replace the standing behaviour; what is not named goes back to normal."""
    wanted = {name: value for name, value in command.items() if name != "cmd"}
    if "commission" in wanted:
        wanted["commission"] = CommissionTiming(wanted["commission"])
    gateway.behave(Behaviour(**wanted))
    return {"behaviour": encode(gateway.behaviour)}


def _commission_delay(gateway: Gateway, command: Command) -> Answer:
    seconds = float(command["seconds"])
    timing = CommissionTiming.LATE if seconds else CommissionTiming.ON_TIME
    gateway.behave(replace(gateway.behaviour, commission=timing, commission_delay_seconds=seconds))
    return {}


def _read_only(gateway: Gateway, command: Command) -> Answer:
    gateway.is_read_only = bool(command["is_read_only"])
    return {}


def _connectivity(gateway: Gateway, command: Command) -> Answer:
    gateway.connectivity(int(command["code"]))
    return {}


def _live_data(gateway: Gateway, command: Command) -> Answer:
    """Whether the account has market data subscriptions; without them clients get 354, or delayed data."""
    gateway.has_live_data = bool(command["is_subscribed"])
    return {}


def _flex_error(gateway: Gateway, command: Command) -> Answer:
    """Let the next statement fail once, e.g. with 1019."""
    gateway.flex_errors.append(int(command["code"]))
    return {}


def _drop_clients(gateway: Gateway, command: Command) -> Answer:
    gateway.drop_clients()
    return {}


def _restart(gateway: Gateway, command: Command) -> Answer:
    gateway.restart(float(command.get("down_seconds", 0)))
    return {}


def _listed(gateway: Gateway, command: Command) -> Symbol:
    symbol = str(command["symbol"])
    if symbol not in gateway.broker.feed.symbols:
        raise ValueError(f"{symbol} is not listed here")
    return symbol


def _decimal(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite():
        raise ValueError(f"{value!r} is not finite")
    if number and abs(number.adjusted()) > MAX_MAGNITUDE:
        raise ValueError(f"{str(value)[:40]} is no number of this market")
    return number


COMMANDS: dict[str, Callable[[Gateway, Command], Answer]] = {
    "state": _state,
    "log": _log,
    "advance": _advance,
    "halt": _halt,
    "partial": _partial,
    "quote": _quote,
    "split": _split,
    "dividend": _dividend,
    "cash": _cash,
    "foreign_order": _foreign_order,
    "reject": _reject,
    "message": _message,
    "fault": _fault,
    "behave": _behave,
    "commission_delay": _commission_delay,
    "read_only": _read_only,
    "connectivity": _connectivity,
    "live_data": _live_data,
    "flex_error": _flex_error,
    "drop_clients": _drop_clients,
    "restart": _restart,
}
