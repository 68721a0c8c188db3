"""What the adapter makes of a gateway that misbehaves."""

from __future__ import annotations

import socket
import threading
from datetime import date, time
from decimal import Decimal

import pytest
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.session import Patience
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import OrderPurpose, OrderType
from trading.domain.portfolio import AccountType
from trading.errors import BrokerRefused, PermanentError, TransientError
from trading.gateway.account import AccountTerms
from trading.gateway.commands import COMMANDS
from trading.gateway.requests import Handler
from trading.gateway.session import HANDLERS
from trading.gateway.wire import frame
from trading.ports import BrokerRole, ReservedLeg

from tests.contract.test_broker import leg
from tests.fakes import ACCOUNT, RunningGateway, flat_bars, memory_feed, ny, running_gateway

BOOK = BookId(BookKind.PAPER, ACCOUNT)
NOW = ny("2019-06-03 10:30")
HASTY = Patience(0.5, 0.5, 0.5, 0.5, 0.2)
ENDS = {"open orders": -53, "completed orders": -102, "executions": -55, "positions": -62, "account": -64, "ids": -9}


@pytest.fixture
def gateway():
    with running_gateway(memory_feed(flat_bars("NVDA", date(2019, 6, 3), 5)), NOW) as running:
        yield running


def gate_to(gateway: RunningGateway, account: str = ACCOUNT, client_id: int = 11) -> IbkrGate:
    return IbkrGate("127.0.0.1", gateway.port, client_id, account, gateway.control_port, patience=HASTY)


@pytest.mark.parametrize("message_id", ENDS.values(), ids=ENDS)
def test_an_answer_without_its_end_is_unknown_and_never_empty(gateway: RunningGateway, message_id: int) -> None:
    with gate_to(gateway).connect() as broker:
        gateway.tell("fault", message_id=message_id, fault="drop")
        with pytest.raises(TransientError):
            broker.snapshot(BOOK)


def test_what_a_gateway_without_its_broker_does_not_list_proves_nothing(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        assert not broker.snapshot(BOOK).may_lack_orders
        gateway.tell("connectivity", code=1100)
        assert broker.snapshot(BOOK).may_lack_orders
        gateway.tell("connectivity", code=1102)
        broker.snapshot(BOOK)
        assert not broker.snapshot(BOOK).may_lack_orders


def test_b13_a_client_id_in_use_is_waited_for_and_never_replaced(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect():
        failures: list[BaseException] = []

        def second() -> None:
            try:
                with gate_to(gateway).connect():
                    pass
            except TransientError as refused:
                failures.append(refused)

        other = threading.Thread(target=second)
        other.start()
        other.join(10)
    assert "still in use" in str(failures[0])
    with gate_to(gateway).connect() as broker:
        assert broker.identity().accounts == (ACCOUNT,)


def test_b10_another_account_than_the_configured_one_is_refused(gateway: RunningGateway) -> None:
    with pytest.raises(BrokerRefused, match="DU7"), gate_to(gateway, "DU7").connect():
        pass


def test_b11_an_account_of_real_money_is_refused_on_paper() -> None:
    with running_gateway(memory_feed([]), NOW) as gateway:
        gateway.gateway.broker.state.account = "U1234567"
        with pytest.raises(BrokerRefused, match="paper"), gate_to(gateway, "U1234567").connect():
            pass


def test_b01_nobody_at_the_port_is_worth_a_retry() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gate = IbkrGate("127.0.0.1", port, 11, ACCOUNT, None, patience=HASTY)
    with pytest.raises(TransientError, match="no broker answers"), gate.connect():
        pass


def test_a_port_that_never_speaks_is_worth_a_retry() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        gate = IbkrGate("127.0.0.1", silent.getsockname()[1], 11, ACCOUNT, None, patience=HASTY)
        with pytest.raises(TransientError, match="no broker answers"), gate.connect():
            pass


def test_a_broken_connection_is_worth_a_retry(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        gateway.tell("fault", message_id=7, fault="close_before")
        with pytest.raises(TransientError):
            broker.snapshot(BOOK)


def test_duplicate_messages_change_nothing(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        gateway.tell("fault", message_id=-53, fault="duplicate")
        gateway.tell("fault", message_id=-62, fault="duplicate")
        assert broker.snapshot(BOOK).cash_usd == Decimal(100_000)


def test_a_message_that_cannot_be_read_spoils_the_snapshot(gateway: RunningGateway) -> None:
    with gate_to(gateway).connect() as broker:
        gateway.say(frame(5, 7, "an open order that ends here"))
        with pytest.raises(PermanentError, match="could not read"):
            broker.snapshot(BOOK)


def test_nothing_of_the_account_is_logged(gateway: RunningGateway, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), gate_to(gateway).connect() as broker:
        broker.snapshot(BOOK)
    assert "TotalCashValue" not in caplog.text
    assert "100000" not in caplog.text


@pytest.mark.parametrize(("kind", "settled_usd"), [(AccountType.CASH, Decimal(100_000)), (AccountType.MARGIN, None)])
def test_settled_cash_binds_a_cash_account_only(kind: AccountType, settled_usd: Decimal | None) -> None:
    terms = AccountTerms(account_type=kind)
    with running_gateway(memory_feed([]), NOW, terms=terms) as gateway, gate_to(gateway).connect() as broker:
        seen = broker.snapshot(BOOK)
    assert (seen.cash_usd, seen.settled_cash_usd, seen.account_type) == (Decimal(100_000), settled_usd, "INDIVIDUAL")


def test_every_role_sees_the_orders_and_executions_of_all_clients(gateway: RunningGateway) -> None:
    gateway.tell("foreign_order", symbol="NVDA", side="BUY", quantity=5)
    gateway.tell("foreign_order", symbol="NVDA", side="BUY", quantity=1, order_type="LMT", limit_price=95)
    for role in BrokerRole:
        with gate_to(gateway).connect(role) as broker:
            seen = broker.snapshot(BOOK)
        assert {(o.order_ref, o.api_order_id, o.client_id) for o in seen.orders} <= {
            (None, None, 0),
            (None, None, None),
        }
        assert [(f.order_id, f.quantity) for f in seen.fills] == [(None, Decimal(5))]
        assert dict(seen.positions) == {"NVDA": Decimal(5)}


def test_a_commission_that_does_not_come_stays_unknown(gateway: RunningGateway) -> None:
    gateway.tell("behave", commission="missing")
    with gate_to(gateway).connect() as broker:
        broker.submit([ReservedLeg(leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET), 1)])
        (fill,) = broker.snapshot(BOOK).fills
    assert fill.commission_usd is None


def test_the_adapter_works_in_a_thread_without_an_event_loop(gateway: RunningGateway) -> None:
    seen: list[object] = []

    def work() -> None:
        with gate_to(gateway).connect() as broker:
            seen.append(broker.snapshot(BOOK).account)

    worker = threading.Thread(target=work)
    worker.start()
    worker.join(10)
    assert seen == [ACCOUNT]


def test_control_answers_say_simulated_and_refuse_nonsense(gateway: RunningGateway) -> None:
    assert gateway.tell("state")["label"] == "SIMULATED"
    with pytest.raises(BrokerRefused, match="offset"):
        gateway.tell("advance", to="2019-06-03T12:00:00")
    with pytest.raises(BrokerRefused, match="never moves back"):
        gateway.tell("advance", to=ny("2019-06-03 09:30").isoformat())


def buying_by_hand_first(handler: Handler, gateway: RunningGateway, *, times: int) -> Handler:
    """Return `handler`, preceded by a purchase of 5 shares for the first `times` requests."""
    left = [times]

    def answer(session, request) -> None:
        if left[0]:
            left[0] -= 1
            COMMANDS["foreign_order"](gateway.gateway, {"symbol": "NVDA", "side": "BUY", "quantity": 5})
        handler(session, request)

    return answer


QUESTIONS = {"completed orders": 99, "executions": 7, "positions": 61, "account": 62, "ids": 8}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("times", [1, 2])
def test_an_execution_between_two_questions_is_in_the_whole_snapshot_or_in_none_of_it(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch, question: str, times: int
) -> None:
    message_id = QUESTIONS[question]
    with gate_to(gateway).connect() as broker:
        handler = buying_by_hand_first(HANDLERS[message_id], gateway, times=times)
        monkeypatch.setitem(HANDLERS, message_id, handler)
        seen = broker.snapshot(BOOK)
    bought = sum((fill.quantity for fill in seen.fills), Decimal(0))
    spent = sum((fill.quantity * fill.price + (fill.commission_usd or 0) for fill in seen.fills), Decimal(0))
    assert seen.positions.get("NVDA", Decimal(0)) == bought
    assert abs(seen.cash_usd - (100_000 - spent)) <= Decimal("0.01")
    assert sum((o.filled_quantity for o in seen.orders), Decimal(0)) == bought


def test_a_broker_whose_answers_never_agree_is_unknown(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with gate_to(gateway).connect() as broker:
        monkeypatch.setitem(HANDLERS, 61, buying_by_hand_first(HANDLERS[61], gateway, times=10_000))
        with pytest.raises(TransientError, match="kept changing"):
            broker.snapshot(BOOK)


def test_b12_a_real_gateway_is_left_alone_around_the_restart_that_was_named(
    gateway: RunningGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trading.adapters.ibkr.broker.MARKER", ("AirdeskSimulated", "not said"))
    order = ReservedLeg(leg(OrderPurpose.ENTRY, order_type=OrderType.MARKET), 1)
    gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, None, patience=HASTY, restart_at=time(10, 33))
    with gate.connect() as broker, pytest.raises(TransientError, match="restarts at 10:33; wait until 10:38"):
        broker.submit([order])
    assert gateway.orders() == []
