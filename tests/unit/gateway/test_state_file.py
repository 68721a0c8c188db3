"""The gateway's memory: everything comes back, and a change costs the same however long the history is."""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from trading.errors import ConfigurationError
from trading.gateway import persistence
from trading.gateway.account import add_cash, split_holding
from trading.gateway.persistence import StateFile
from trading.gateway.records import BrokerState, CashKind, ScriptedQuote, Unsettled
from trading.gateway.stepping import advance

from tests.fakes import ACCOUNT, ny
from tests.unit.gateway.paper import CLIENT, FLAT, START, a_market_order, a_ticket, broker_on, place_bracket


def a_full_state() -> BrokerState:
    """A state in which every attribute holds something."""
    broker = broker_on(FLAT)
    place_bracket(broker)
    state = broker.state
    add_cash(state, CashKind.DEPOSIT, Decimal("12.34"), "wire")
    split_holding(state, "NVDA", Decimal(3), Decimal(33), START)
    state.halted.add("AAPL")
    state.fill_caps["NVDA"] = Decimal(4)
    state.quotes["NVDA"] = ScriptedQuote(None, Decimal("1.1"), None, is_delayed=True, is_halted=None)
    state.unsettled.append(Unsettled(date(2019, 6, 4), Decimal("7.5")))
    return state


def test_every_attribute_comes_back(tmp_path) -> None:
    state = a_full_state()
    assert all(getattr(state, f.name) for f in fields(state)), "the example leaves something out"
    persistence.save(state, tmp_path / "state")
    assert persistence.load(tmp_path / "state", account=ACCOUNT) == state


def test_what_is_taken_back_is_gone(tmp_path) -> None:
    state = a_full_state()
    with closing(StateFile(tmp_path / "state")) as file:
        file.write(state)
        state.halted.clear()
        state.fill_caps.clear()
        state.quotes.clear()
        state.unsettled.clear()
        assert file.write(state) == 4
        assert file.read(account=ACCOUNT) == state


def test_nothing_changed_is_nothing_written(tmp_path) -> None:
    state = a_full_state()
    with closing(StateFile(tmp_path / "state")) as file:
        file.write(state)
        assert file.write(state) == 0


def test_a_change_costs_the_same_rows_after_a_long_history(tmp_path) -> None:
    broker, rows = broker_on(FLAT, cash_usd=10_000_000), []
    with closing(StateFile(tmp_path / "state")) as file:
        for order_id in range(1, 402):
            broker.place(CLIENT, a_market_order(order_id))
            rows.append(file.write(broker.state))
    assert set(rows[1:]) == {6}, "an order, its execution, cash, the holding, the permanent id and the next id"


def test_an_order_that_ended_is_not_looked_at_again(tmp_path) -> None:
    broker = broker_on(FLAT)
    with closing(StateFile(tmp_path / "state")) as file:
        broker.place(CLIENT, a_ticket(limit_price=Decimal("95.00")))
        file.write(broker.state)
        broker.cancel(CLIENT, 1)
        assert file.write(broker.state) == 1
        advance(broker, ny("2019-06-03 12:00"))
        assert file.write(broker.state) == 1, "only the clock"
        assert file.read(account=ACCOUNT) == broker.state


def test_a_file_has_one_gateway_at_a_time(tmp_path) -> None:
    with closing(StateFile(tmp_path / "state")) as file:
        file.write(a_full_state())
        with pytest.raises(ConfigurationError, match="stop the other gateway"):
            persistence.load(tmp_path / "state", account=ACCOUNT)


def test_a_file_that_is_no_state_is_refused_and_left_alone(tmp_path) -> None:
    path = tmp_path / "notes.json"
    path.write_text('{"label": "SIMULATED", "account": "DU0000001"}' * 100)
    with pytest.raises(ConfigurationError, match="name another state file"):
        persistence.load(path, account=ACCOUNT)
    assert path.read_text().startswith('{"label"')


def test_ids_and_permanent_ids_go_on_after_a_restart(tmp_path) -> None:
    broker = broker_on(FLAT)
    place_bracket(broker)
    persistence.save(broker.state, tmp_path / "state")
    state = persistence.load(tmp_path / "state", account=ACCOUNT)
    assert (state.next_ids, state.last_perm_id) == ({CLIENT: 4}, broker.state.orders[-1].perm_id)
