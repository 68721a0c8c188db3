"""What happens is told where it happens: once, in the transaction that makes it true."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from trading.adapters.postgres_store.connection import connect
from trading.domain.instruments import BookId
from trading.domain.messages import MessageKind
from trading.domain.orders import OrderEvent, OrderStatus
from trading.domain.portfolio import TradingState
from trading.errors import TransientError
from trading.settings import load_settings
from trading.tasks.adopt import adopt, settle
from trading.tasks.configuration import tell_start
from trading.tasks.desk import report
from trading.tasks.gateway_watch import WatchedGate
from trading.tasks.kill_switch import change_state
from trading.tasks.sync import sync_broker
from trading.tasks.telling import tell

from tests import telegram_stub
from tests.fakes import FixedClock
from tests.integration.order_desk import BOOK, SPEC, slot
from tests.integration.reconcile_desk import BOOK as HELD
from tests.integration.reconcile_desk import HOUR, NIGHT, answers, open_desk, sound_broker
from tests.integration.reconcile_desk import SPEC as HELD_SPEC
from tests.integration.sending_desk import sending_desk

SECRET = "canary" + "-polygon-8c1d"


@pytest.fixture
def ask(database_url):
    return answers(database_url)


def told(ask) -> list[tuple[str, str]]:
    """Kind and text of every message, oldest first."""
    rows = ask("SELECT kind, badge || ' ' || book, body FROM ops.outbox ORDER BY message_id")
    return [(kind, body.removeprefix(f"{head}: ")) for kind, head, body in rows]


def kinds(ask) -> list[str]:
    return [kind for kind, _ in told(ask)]


# --- orders -------------------------------------------------------------------------------------


def test_an_order_is_told_when_it_is_sent_and_when_it_is_filled_and_never_twice(desk, ask):
    desk.sync("2019-06-03 10:30")
    desk.enter("2019-06-03 10:30")
    for _ in range(2):
        desk.execute("2019-06-03 10:30")
    desk.sync("2019-06-03 11:30")
    desk.sync("2019-06-03 11:30")
    found = told(ask)
    assert [kind for kind, _ in found] == ["order_sent", "order_filled"]
    assert found[0][1].startswith("BUY 99 NVDA, limit ")
    assert found[1][1].startswith("bought 99 NVDA at ")


def test_a_stop_that_moves_and_one_that_is_hit_are_told(store, ask):
    broker = sound_broker()
    open_desk(store, broker)
    theirs = broker.orders["stop"]
    for price in ("105.6", "107", "107"):
        broker.orders["stop"] = replace(theirs, stop_price=Decimal(price))
        with store.order_writer(HELD) as epoch, store.transaction() as tx:
            adopt(tx, HELD, broker.snapshot(HELD), epoch=epoch)
    assert told(ask) == [("stop_moved", "GLD: 105.60 to 107.00 USD, 10 shares")]


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (OrderStatus.REJECTED, "order_rejected", "BUY 10 GLD, at the market (entry): 201: no margin"),
        (OrderStatus.EXPIRED, "order_cancelled", "BUY 10 GLD, at the market (entry): expired (201: no margin)"),
    ],
)
def test_an_entry_that_comes_to_nothing_says_why(store, database_url, ask, status, kind, text):
    open_desk(store, sound_broker())
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE desk.orders SET status = 'submitted', filled_quantity = 0 WHERE order_id = 'entry'")
    with store.order_writer(HELD) as epoch, store.transaction() as tx:
        order = tx.orders.get("entry")
        settle(tx, order, OrderEvent("entry", status, NIGHT, detail="201: no margin"), epoch)
    assert told(ask) == [(kind, text)]


def test_a_position_filled_in_parts_says_how_far_it_is(store, ask):
    broker = sound_broker()
    open_desk(store, broker)
    broker.sent["stop"] = _order(store, "stop")
    broker.fill("stop", Decimal(4), Decimal(110))
    with store.order_writer(HELD) as epoch, store.transaction() as tx:
        adopt(tx, HELD, broker.snapshot(HELD), epoch=epoch)
    assert ("stop_hit", "4 of 10 so far") in [(kind, text[text.find("4 of") :][:14]) for kind, text in told(ask)]


def _order(store, ref):
    with store.transaction() as tx:
        return tx.orders.get(ref)


# --- the desk -----------------------------------------------------------------------------------


def test_a_lock_is_told_once_and_a_state_by_whom_and_why(store, ask):
    services = open_desk(store, sound_broker())
    with store.transaction() as tx:
        tx.controls.restrict(HELD, "NVDA", until=None, reason="too hot", actor="cli:a")
    for _ in range(2):
        report(services, HELD_SPEC, HELD, HOUR)
    change_state(store, HELD, TradingState.HALTED, reason="fire <drill>", actor="cli:a")
    found = told(ask)
    assert [text for kind, text in found if kind == "lock"] == [
        "NVDA: RESTRICTED: cli:a: too hot",
    ]
    assert found[-1] == ("state_change", "ACTIVE → HALTED by cli:a: fire <drill>")
    assert ask("SELECT severity FROM ops.outbox WHERE kind = 'state_change'") == [("error",)]


def test_an_outage_of_the_gateway_is_told_once_then_its_login_then_its_return(store, ask):
    broker, clock = sound_broker(), FixedClock(datetime.now(UTC))
    open_desk(store, broker)

    class Gate:
        is_away = True

        @contextmanager
        def connect(self, role=None):
            if self.is_away:
                raise TransientError("the gateway does not answer; it is retried")
            yield broker

    gate = Gate()
    watched = WatchedGate(gate, store, clock, HELD)

    def knock():
        with watched.connect():
            pass

    def away(times):
        for _ in range(times):
            with pytest.raises(TransientError):
                knock()

    away(3)
    assert kinds(ask) == ["gateway_down"]
    clock.at += timedelta(minutes=11)
    away(2)
    assert kinds(ask) == ["gateway_down", "gateway_2fa"]
    gate.is_away = False
    knock()
    knock()
    assert kinds(ask) == ["gateway_down", "gateway_2fa", "gateway_back"]
    gate.is_away = True
    away(1)
    assert kinds(ask)[-1] == "gateway_down", "the next outage is news again"


def test_a_failure_after_the_connection_is_no_outage(store, ask):
    broker = sound_broker()
    open_desk(store, broker)
    watched = WatchedGate(broker, store, FixedClock(NIGHT), HELD)
    with pytest.raises(TransientError), watched.connect():
        raise TransientError("another writer works")
    assert kinds(ask) == []


def test_a_start_is_told_with_what_changed_by_name_and_without_any_secret(store, database_url, ask):
    services = open_desk(store, sound_broker())
    env = {"AIRDESK_DATABASE_URL": database_url, "AIRDESK_MODE": "paper", "AIRDESK_BOOK": str(HELD)}
    tell_start(services, load_settings(env))
    assert kinds(ask) == ["start_up"]
    quiet = {"AIRDESK_TELEGRAM_QUIET": "22:00-07:00", "AIRDESK_TELEGRAM_ZONE": "Europe/Berlin"}
    changed = env | {"AIRDESK_APPROVAL_ABOVE_USD": "5000", "POLYGON_API_KEY": SECRET} | quiet
    services = replace(services, clock=FixedClock(NIGHT + timedelta(hours=1)))
    tell_start(services, load_settings(changed))
    text = told(ask)[-1][1]
    assert text.split("\n")[:2] == ["3 differ from the last start", "approval_above_usd: (not set) → 5000"]
    assert "vendors.polygon_key: (not set) → (set)" in text
    services = replace(services, clock=FixedClock(NIGHT + timedelta(hours=2)))
    tell_start(services, load_settings(changed))
    assert kinds(ask) == ["start_up", "start_up", "configuration", "start_up"]
    everything = repr(ask("SELECT * FROM ops.outbox")) + repr(ask("SELECT detail FROM ops.audit"))
    assert SECRET not in everything
    assert database_url not in everything


def test_a_replay_tells_nobody(store, ask):
    with store.transaction() as tx:
        assert not tell(tx, BookId.parse("replay:june"), MessageKind.ORDER_FILLED, "k", "bought")
    assert kinds(ask) == []


# --- and Telegram -------------------------------------------------------------------------------


def test_telegram_down_changes_nothing_of_an_hour_and_everything_arrives_afterwards_once_in_order(
    desk, store, database_url
):
    with sending_desk(store, database_url, at=datetime.now(UTC) + timedelta(minutes=1)) as people:
        people.telegram.fail("sendMessage", *[telegram_stub.BAD_GATEWAY] * 8)

        def step(work):
            work()
            people.rounds()

        step(lambda: desk.sync("2019-06-03 10:30"))
        legs = desk.enter("2019-06-03 10:30")
        step(lambda: desk.execute("2019-06-03 10:30"))
        step(lambda: report(desk.services, SPEC, BOOK, slot("2019-06-03 10:30")))
        step(lambda: sync_broker(desk.services, SPEC, BOOK, slot("2019-06-03 11:30")))
        assert people.read() == [], "nothing got through"
        assert desk.status(legs[0]) == [OrderStatus.FILLED]
        assert len(desk.refs_at_broker()) == 3
        people.telegram.faults.clear()
        people.clock.at += timedelta(minutes=10)
        titles = [text.split("\n")[0] for text in people.rounds(3)]
    assert titles == ["PAPER Order sent", "PAPER Filled", "PAPER Decision"]
