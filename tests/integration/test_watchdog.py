"""The watchdog over a real database and a stub of Telegram, and the health that it serves."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from trading.adapters.loopback import free_port
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.leases import lease
from trading.adapters.telegram import TelegramMessenger
from trading.domain.instruments import BookId
from trading.domain.messages import MessageKind
from trading.domain.portfolio import TradingState
from trading.entrypoints.airflow_watch import AirflowWatch
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.cli_health import health_server
from trading.entrypoints.databases import NO_DATABASE
from trading.entrypoints.findings import Level
from trading.entrypoints.health import health_of
from trading.entrypoints.watchdog import Watchdog, direct
from trading.ports import Services, Sources
from trading.settings import Mode, Settings, TelegramSettings
from trading.tasks.watching import Trouble

from tests.fakes import FixedClock, WeekdayCalendar, ny
from tests.integration.order_desk import BOOK, Desk
from tests.telegram_stub import BAD_GATEWAY, telegram_stub

HEALTHY = AirflowWatch(None, is_paused=False)
NOON = ny("2019-06-03 11:41")


@pytest.fixture(scope="module")
def telegram():
    with telegram_stub() as stub:
        yield stub


class Kennel:
    """A watchdog whose surroundings a test sets."""

    def __init__(self, url: str, state: Path, telegram=None) -> None:
        self.settings = Settings(database_url=url, mode=Mode.PAPER, book=BOOK, sources="stored", state_dir=state)
        self.airflow, self.said = HEALTHY, []
        send = None
        if telegram is not None:
            send = direct(lambda: TelegramMessenger(telegram.token, base_url=telegram.base_url), 42)
        self.dog = Watchdog(
            lambda: self.settings, lambda: self.airflow, send, self.said.append, calendar=WeekdayCalendar()
        )

    def round(self, at: datetime) -> list[tuple[Trouble, bool]]:
        return [(alert.trouble, alert.is_over) for alert in self.dog.round(at)]


def silences(store: PostgresStore) -> list[str]:
    with store.transaction() as tx:
        return [m.body for m in tx.outbox.listed(None, 50) if m.kind == MessageKind.SILENCE][::-1]


@pytest.fixture
def book(store):
    with store.transaction() as tx:
        terms = {"strategy": "technical_core", "spec_hash": "x", "opened_at": ny("2019-06-03 09:30")}
        tx.ledger.open_book(BOOK, **terms, cash_usd=Decimal(100_000))
    return store


def decided(store, at: str) -> None:
    Desk(Services(store, WeekdayCalendar(), FixedClock(NOON), Sources(), None), None).decide(at)  # type: ignore[arg-type]


def test_a_missing_decision_goes_through_the_outbox_once_and_is_taken_back(book, database_url, tmp_path) -> None:
    kennel = Kennel(database_url, tmp_path)
    decided(book, "2019-06-03 10:30")
    assert kennel.round(ny("2019-06-03 11:39")) == [], "the hour until 11:30 has ten minutes"
    assert kennel.round(NOON) == [(Trouble.NO_DECISION, False)]
    assert kennel.round(NOON + timedelta(minutes=1)) == []
    # Another process, e.g. by cron: it knows what was told.
    assert Kennel(database_url, tmp_path).round(NOON + timedelta(minutes=2)) == []
    decided(book, "2019-06-03 11:30")
    assert kennel.round(NOON + timedelta(minutes=3)) == [(Trouble.NO_DECISION, True)]
    first, second = silences(book)
    assert "no decision for the hour until 2019-06-03 15:30 UTC" in first
    assert "the decision is there" in second


def test_a_halted_desk_a_weekend_and_an_hour_before_its_start_are_not_silent(book, database_url, tmp_path) -> None:
    kennel = Kennel(database_url, tmp_path)
    assert kennel.round(ny("2019-06-08 12:00")) == []
    kennel.dog.started_at = NOON - timedelta(minutes=1)
    assert kennel.round(NOON) == []
    kennel.dog.started_at = None
    with book.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.HALTED, reason="by hand", actor="cli:a")
    kennel.airflow = AirflowWatch(None, is_paused=True)
    assert kennel.round(NOON) == []
    assert silences(book) == []


def test_a_paused_dag_is_named_and_nothing_else_of_it(book, database_url, tmp_path) -> None:
    kennel = Kennel(database_url, tmp_path)
    kennel.airflow = AirflowWatch(None, is_paused=True)
    assert [kennel.round(NOON + timedelta(minutes=m)) for m in range(3)] == [[], [], [(Trouble.PAUSED, False)]]
    (body,) = silences(book)
    assert "hourly_trading is paused in session" in body


def test_a_dead_scheduler_goes_through_a_sender_that_lives_and_straight_where_none_does(
    book, database_url, tmp_path, telegram
) -> None:
    kennel = Kennel(database_url, tmp_path, telegram)
    kennel.airflow = AirflowWatch("scheduler of Airflow do not report in; read scheduler.log")
    with lease(database_url, "sender"):
        assert [kennel.round(NOON + timedelta(minutes=m)) for m in (0, 3)] == [[], [(Trouble.SCHEDULER, False)]]
    assert len(silences(book)) == 1
    kennel.airflow = HEALTHY
    before = len(telegram.messages)
    assert (Trouble.SCHEDULER, True) in kennel.round(NOON + timedelta(minutes=4))
    assert "Airflow is healthy again" in telegram.messages[before].text


def test_a_dead_database_goes_straight_to_telegram_and_again_until_it_arrived(tmp_path, telegram) -> None:
    kennel = Kennel(f"postgresql://a:b@127.0.0.1:{free_port()}/none", tmp_path, telegram)
    kennel.round(NOON)
    telegram.fail("getMe", BAD_GATEWAY)
    before = len(telegram.messages)
    assert kennel.round(NOON + timedelta(minutes=3)) == [], "Telegram did not take it"
    assert kennel.round(NOON + timedelta(minutes=4)) == [(Trouble.DATABASE, False)]
    assert kennel.round(NOON + timedelta(minutes=5)) == []
    (message,) = telegram.messages[before:]
    assert "Desk is silent" in message.text
    assert "does not answer" in message.text
    assert "PAPER" in message.text


def test_a_desk_that_does_not_run_is_told_by_cron(tmp_path, telegram) -> None:
    kennel = Kennel(NO_DATABASE, tmp_path, telegram)
    assert [kennel.round(NOON + timedelta(minutes=m)) for m in (0, 5)] == [[], [(Trouble.DATABASE, False)]]
    assert "./airdesk up" in telegram.messages[-1].text


def test_health_is_served_and_turns_red(book, database_url, tmp_path) -> None:
    checkout = Checkout(tmp_path, tmp_path, Mode.PAPER)
    settings = Kennel(database_url, tmp_path).settings
    good = health_of(checkout, settings, datetime.now(UTC))
    levels = {finding.subject: finding.level for finding in good.findings}
    assert set(levels) == {"database", "clock", "disk", "decision", "messages", "airflow", "gateway"}
    assert levels["database"] is levels["clock"] is levels["messages"] is levels["gateway"] is Level.OK
    with book.transaction() as tx:
        tx.controls.notify(dedupe_key="x", book=BookId.parse(str(BOOK)), kind=MessageKind.DECISION, body="hello")
    told = replace(settings, telegram=TelegramSettings(token="1:canary-a", chats=(42,)))
    late = {f.subject: f for f in health_of(checkout, told, datetime.now(UTC) + timedelta(hours=1)).findings}
    assert late["messages"].level is Level.WARN
    assert "1 wait" in late["messages"].text
    assert late["sender"].level is late["bot"].level is Level.WARN
    dead = replace(settings, broker_port=free_port())
    port = free_port()
    with health_server(port, lambda: health_of(checkout, dead, datetime.now(UTC))):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10)
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
    assert refused.value.code == 503
    body = json.loads(refused.value.read())
    assert body["status"] == "fail"
    gateway = next(row for row in body["findings"] if row["subject"] == "gateway")
    assert "does not answer" in gateway["text"]
