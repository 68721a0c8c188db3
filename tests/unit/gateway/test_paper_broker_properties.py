"""What must hold whatever is ordered: nothing appears or vanishes, a jump equals its steps, a kill changes nothing."""

from __future__ import annotations

import tempfile
from contextlib import closing
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from trading.domain.portfolio import AccountType
from trading.execution.costs import ibkr_fixed
from trading.gateway import persistence
from trading.gateway.broker import PaperBroker
from trading.gateway.persistence import StateFile
from trading.gateway.records import BrokerState, Refusal, ScriptedQuote
from trading.gateway.stepping import advance

from tests.fakes import ACCOUNT, WeekdayCalendar, half_hours
from tests.unit.gateway.paper import CLIENT, START, a_dividend, a_market_order, a_split, a_ticket, broker_of

SPLIT_ON = date(2019, 6, 5)
ACTIONS = [a_split(SPLIT_ON, 1.5), a_dividend(date(2019, 6, 4), 0.37)]
HALF_HOUR = timedelta(minutes=30)

moves = st.lists(st.sampled_from([-6, -2, -1, 0, 1, 2, 6]), min_size=39, max_size=39)
tickets = st.fixed_dictionaries(
    {
        "action": st.sampled_from(["BUY", "SELL"]),
        "kind": st.sampled_from(["MKT", "LMT", "STP", "TRAIL", "bracket", "group"]),
        "quantity": st.integers(1, 40),
        "offset": st.integers(-6, 6),
        "tif": st.sampled_from(["DAY", "GTC", "IOC", "FOK"]),
        "oca_type": st.sampled_from([1, 3]),
    }
)
acts = st.one_of(
    st.tuples(st.just("place"), tickets),
    st.tuples(st.just("place"), tickets),
    st.tuples(st.just("cancel"), st.integers(1, 12)),
    st.tuples(st.just("modify"), st.tuples(st.integers(1, 12), st.integers(1, 40), st.integers(-6, 6))),
    st.tuples(st.just("quote"), st.one_of(st.none(), st.integers(-8, 8))),
    st.tuples(st.just("advance"), st.integers(1, 100)),
    st.tuples(st.just("cap"), st.sampled_from([None, 3, 10])),
)
scripts = st.lists(acts, min_size=6, max_size=16)


def bars_of(steps: list[int]):
    price, ohlc = 100, []
    for step in steps:
        opened, price = price, max(40, price + step)
        ohlc.append((opened, max(opened, price) + 1.0, min(opened, price) - 1.0, price))
    sessions = WeekdayCalendar().sessions(date(2019, 6, 3), date(2019, 6, 5))
    return [b for n, s in enumerate(sessions) for b in half_hours("NVDA", s.opens_at, ohlc[n * 13 : n * 13 + 13])]


def a_broker(bars, state: BrokerState | None = None) -> PaperBroker:
    state = state or BrokerState(ACCOUNT, Decimal(100_000), START)
    kind = AccountType.CASH if bars[0].close > bars[0].open else AccountType.MARGIN
    return broker_of(state, bars, ibkr_fixed, ACTIONS, account_type=kind)


def place(broker: PaperBroker, wish: dict) -> None:
    """Place what is wished for; a refusal is an answer too."""
    first = broker.next_id(CLIENT)
    price, sized = Decimal(100 + wish["offset"]), {"quantity": Decimal(wish["quantity"]), "action": wish["action"]}
    kind, other = wish["kind"], "SELL" if wish["action"] == "BUY" else "BUY"
    if kind == "MKT":
        broker.place(CLIENT, a_market_order(first, tif=wish["tif"], **sized))
    elif kind == "STP":
        broker.place(CLIENT, a_ticket(first, order_type="STP", limit_price=None, aux_price=price, **sized))
    elif kind == "TRAIL":
        trail = {"order_type": "TRAIL", "limit_price": None, "trail_percent": Decimal(3)}
        broker.place(CLIENT, a_ticket(first, **trail, **sized))
    elif kind == "group":
        group = {"oca_group": "g", "oca_type": wish["oca_type"], "limit_price": price}
        broker.place(CLIENT, a_ticket(first, **group, **sized))
    elif kind == "bracket":
        broker.place(CLIENT, a_ticket(first, transmit=False, limit_price=price, **sized))
        child = sized | {"action": other, "parent_id": first}
        stop = {"order_type": "STP", "limit_price": None, "aux_price": price - 5}
        broker.place(CLIENT, a_ticket(first + 1, transmit=False, **stop, **child))
        broker.place(CLIENT, a_ticket(first + 2, limit_price=price + 4, **child))
    else:
        broker.place(CLIENT, a_ticket(first, limit_price=price, tif=wish["tif"], **sized))


def modify(broker: PaperBroker, order_id: int, quantity: int, offset: int) -> None:
    """Send an order again with another size and price."""
    order = broker.find(CLIENT, order_id)
    if order is not None:
        price = Decimal(100 + offset)
        prices = {"LMT": {"limit_price": price}, "STP": {"aux_price": price}}.get(order.ticket.order_type, {})
        broker.place(CLIENT, replace(order.ticket, quantity=Decimal(quantity), **prices))


def quote(broker: PaperBroker, offset: int | None) -> None:
    """Script a market a dollar wide, or give it back to the feed."""
    last = None if offset is None else Decimal(100 + offset)
    broker.script_quote("NVDA", None if last is None else ScriptedQuote(last - 1, last + 1, last))


def act(broker: PaperBroker, what: str, how, *, in_steps: bool = False) -> None:
    try:
        if what == "place":
            place(broker, how)
        elif what == "modify":
            modify(broker, *how)
        elif what == "quote":
            quote(broker, how)
        elif what == "cancel":
            broker.cancel(CLIENT, how)
        elif what == "advance":
            for _ in range(how if in_steps else 1):
                advance(broker, broker.state.clock + HALF_HOUR * (1 if in_steps else how))
        elif how is None:
            broker.state.fill_caps.clear()
        else:
            broker.state.fill_caps["NVDA"] = Decimal(how)
    except Refusal:
        pass


@settings(max_examples=60)
@given(moves, scripts)
def test_cash_and_shares_are_conserved(steps: list[int], script: list) -> None:
    broker = a_broker(bars_of(steps))
    for what, how in script:
        act(broker, what, how)
    state = broker.state
    cash, shares = Decimal(100_000), Decimal(0)
    events = [(e.executed_at, 1, e) for e in state.executions] + [(s.applied_at, 0, s) for s in state.splits]
    for _, is_trade, event in sorted(events, key=lambda event: event[:2]):
        if not is_trade:
            shares = event.quantity
            continue
        sign = 1 if broker.order(event.perm_id).ticket.action == "BUY" else -1
        shares += sign * event.quantity
        cash -= sign * event.quantity * event.price + event.commission_usd
    cash += sum(item.amount_usd for item in state.cash_items)
    holding = state.holdings.get("NVDA")
    assert (state.cash_usd, Decimal(0) if holding is None else holding.quantity) == (cash, shares)


@settings(max_examples=60)
@given(moves, scripts)
def test_no_order_and_no_family_trades_more_than_it_may(steps: list[int], script: list) -> None:
    broker = a_broker(bars_of(steps))
    for what, how in script:
        act(broker, what, how)
    for order in broker.state.orders:
        traded = sum(e.quantity for e in broker.state.executions if e.perm_id == order.perm_id)
        children = sum(o.filled for o in broker.state.orders if o.parent_perm_id == order.perm_id)
        assert order.filled == traded <= order.ticket.quantity
        assert children <= order.filled


@settings(max_examples=60)
@given(moves, scripts)
def test_a_jump_equals_its_steps(steps: list[int], script: list) -> None:
    jump, step = a_broker(bars_of(steps)), a_broker(bars_of(steps))
    for what, how in script:
        act(jump, what, how)
        act(step, what, how, in_steps=True)
    assert persistence.as_json(jump.state) == persistence.as_json(step.state)


@settings(max_examples=25)
@given(moves, scripts, st.data())
def test_a_gateway_killed_at_any_point_goes_on_as_if_nothing_had_happened(steps: list[int], script: list, data) -> None:
    bars = bars_of(steps)
    straight, killed = a_broker(bars), a_broker(bars)
    with tempfile.TemporaryDirectory() as folder:
        file = StateFile(Path(folder) / "state")
        for what, how in script:
            act(straight, what, how)
            act(killed, what, how)
            file.write(killed.state)
            if data.draw(st.booleans(), label="kill"):
                file.close()
                file = StateFile(Path(folder) / "state")
                stored = file.read(account=ACCOUNT)
                assert stored == killed.state
                killed = a_broker(bars, deepcopy(stored))
        with closing(file):
            assert persistence.as_json(killed.state) == persistence.as_json(straight.state)
