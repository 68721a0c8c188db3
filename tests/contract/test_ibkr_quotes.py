"""Quotes through the installed client library: subscribed or not, halted, competing, broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.session import Patience
from trading.domain.market import Quote
from trading.errors import BrokerRefused, TransientError
from trading.gateway.wire import frame
from trading.ports import BrokerRole

from tests.fakes import ACCOUNT, RunningGateway, flat_bars, memory_feed, ny, running_gateway

NOW = ny("2019-06-03 10:30")
SYMBOLS = ["NVDA", "GLD", "MSFT"]
HASTY = Patience(2.0, 2.0, 2.0, 0.5, 0.5, 0.5)


@pytest.fixture
def gateway() -> Iterator[RunningGateway]:
    bars = [bar for symbol in SYMBOLS for bar in flat_bars(symbol, date(2019, 6, 3), 5)]
    with running_gateway(memory_feed(bars), NOW) as running:
        yield running


def quotes(gateway: RunningGateway, *symbols: str) -> dict[str, Quote]:
    gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port, patience=HASTY)
    with gate.connect(BrokerRole.DATA) as broker:
        return dict(broker.quotes(symbols or SYMBOLS))


def test_every_symbol_has_both_sides(gateway: RunningGateway) -> None:
    for quote in quotes(gateway).values():
        assert quote.bid <= quote.last <= quote.ask
        assert (quote.quoted_at, quote.is_delayed, quote.is_halted) == (NOW, False, False)


def test_without_a_subscription_delayed_quotes_come_with_their_age(gateway: RunningGateway) -> None:
    gateway.tell("advance", to=ny("2019-06-03 11:30").isoformat())
    gateway.tell("live_data", is_subscribed=False)
    seen = quotes(gateway)
    assert {q.is_delayed for q in seen.values()} == {True}
    assert all(q.quoted_at <= ny("2019-06-03 11:30") - timedelta(minutes=15) for q in seen.values())
    assert {q.is_halted for q in seen.values()} == {False}


@pytest.mark.parametrize("is_subscribed", [True, False])
def test_a_halt_is_seen_live_and_delayed(gateway: RunningGateway, is_subscribed: bool) -> None:
    gateway.tell("live_data", is_subscribed=is_subscribed)
    gateway.tell("halt", symbol="GLD", is_halted=True)
    seen = quotes(gateway)
    assert {symbol: q.is_halted for symbol, q in seen.items()} == {"NVDA": False, "GLD": True, "MSFT": False}


def test_a_halt_that_nobody_speaks_of_is_unknown(gateway: RunningGateway) -> None:
    gateway.tell("quote", symbol="GLD", bid=99, ask=101, last=100, is_halted=None)
    assert quotes(gateway, "GLD")["GLD"].is_halted is None


def test_a_market_without_sides_has_none(gateway: RunningGateway) -> None:
    gateway.tell("quote", symbol="GLD", last=100)
    seen = quotes(gateway, "GLD")["GLD"]
    assert (seen.bid, seen.ask, seen.last) == (None, None, Decimal(100))


def test_a_snapshot_that_never_ends_gives_what_came(gateway: RunningGateway) -> None:
    gateway.tell("fault", message_id=-57, fault="drop", times=3)
    gateway.tell("fault", message_id=-45, fault="drop", times=3)
    seen = quotes(gateway)
    assert {q.is_halted for q in seen.values()} == {None}
    assert all(q.bid is not None for q in seen.values())


def test_behind_a_broken_farm_a_quote_is_as_old_as_its_last_trade(gateway: RunningGateway) -> None:
    gateway.tell("advance", to=(NOW + timedelta(minutes=10)).isoformat())
    gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port, patience=HASTY)
    with gate.connect(BrokerRole.DATA) as broker:
        gateway.tell("connectivity", code=2103)
        stale = broker.quotes(["GLD"])["GLD"]
        gateway.tell("connectivity", code=2104)
        fresh = broker.quotes(["GLD"])["GLD"]
    assert stale.quoted_at < fresh.quoted_at == NOW + timedelta(minutes=10)


def test_a_competing_session_is_named(gateway: RunningGateway) -> None:
    gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port, patience=HASTY)
    with gate.connect(BrokerRole.DATA) as broker:
        broker.quotes(["GLD"])
        gateway.tell("fault", message_id=-1, fault="drop", times=10)
        gateway.tell("fault", message_id=-57, fault="drop")
        gateway.say(frame(4, 2, -1, 10197, "No market data during competing live session", ""))
        with pytest.raises(BrokerRefused, match="another session"):
            broker.quotes(["GLD"])


def test_a_broken_connection_is_worth_a_retry(gateway: RunningGateway) -> None:
    gateway.tell("fault", message_id=1, fault="close_before")
    with pytest.raises(TransientError):
        quotes(gateway)
