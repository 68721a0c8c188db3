"""What the bot says of a book of three days, against numbers worked out by hand in test_standing; nothing is sent."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trading.adapters.halt_flag import HaltFlag
from trading.adapters.postgres_store import PostgresStore
from trading.domain.orders import OrderPurpose, OrderStatus, Side
from trading.domain.people import Role
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.entrypoints.bot.command import Ask, Desk, Person
from trading.entrypoints.bot.conversation import Conversation
from trading.entrypoints.bot.gate import Heard
from trading.entrypoints.bot.registry import all_commands, by_name
from trading.entrypoints.checkout import Checkout
from trading.errors import PermanentError
from trading.ports import Services, Sources
from trading.settings import Mode, Settings, TelegramSettings
from trading.tasks.exposure import working_now

from tests.builders import AS_OF, BOOK, a_decision, an_event, an_order
from tests.fakes import FixedClock
from tests.integration.standing_desk import CALENDAR, DAY, NOW, THREE_SECTOR, three_days
from tests.telegram_wire import Words

COMMANDS = all_commands()
SHOWS = ("status", "positions", "balance", "daily", "pnl", "performance", "orders", "fills", "breaks", "locks", "stats")
PEOPLE = TelegramSettings(chats=(42,), people={42: Role.ADMIN, 7: Role.VIEW})


def desk_on(store: PostgresStore, folder: Path) -> Desk:
    def nowhere():
        raise PermanentError("no desk runs here")

    settings = Settings("postgresql://", book=BOOK, halt_file=folder / "HALT", telegram=PEOPLE)
    services = Services(store, CALENDAR, FixedClock(NOW), Sources(), broker=None)
    checkout = Checkout(folder, folder, Mode.PAPER)
    return Desk(settings, services, THREE_SECTOR, BOOK, checkout, nowhere, COMMANDS)


@pytest.fixture
def say(store, tmp_path):
    three_days(store)
    desk = desk_on(store, tmp_path)

    def asked(name: str, *words: str):
        command = by_name(COMMANDS)[name]
        return command.run(Ask(command, desk, Person(42, 42, Role.ADMIN), words))

    return asked


def text(reply) -> str:
    return Words.of("\n".join(reply.blocks))


def test_gains_of_days_weeks_and_the_whole_are_those_of_the_reports(say):
    daily = text(say("daily"))
    assert [line.split()[1] for line in daily.split("\n")[1:4]] == ["−502", "+216", "+99"]
    assert "−187" in text(say("weekly"))
    assert "since begin" in text(say("pnl"))
    assert text(say("performance")).split("\n")[1].startswith("NVDA")
    assert "stop" in text(say("stats"))


def test_orders_of_another_day_than_the_newest_show_their_day_and_waits_of_days_are_days(say, store):
    newer = an_order(planned_at=AS_OF + DAY, symbol="AMD", decision_id="hourly.newer")
    with store.transaction() as tx:
        tx.decisions.add(
            a_decision(decision_id="hourly.newer", as_of=AS_OF + DAY), [], Targets(AS_OF + DAY, 100_000.0, {}), [newer]
        )
    head, _, *rows = text(say("orders")).split("\n")
    assert head == f"newest of {AS_OF + DAY:%m-%d}"
    assert rows[0].endswith(f"{AS_OF + DAY:%H:%M}")
    assert {row.split()[-1] for row in rows[1:]} == {f"{AS_OF:%m-%d}"}
    assert re.search(r"in +\d+ (d|h) \d+ (h|min)", text(say("next")))


def test_a_sale_counts_only_while_the_book_may_sell(store):
    three_days(store)
    sale = an_order(side=Side.SELL, purpose=OrderPurpose.EXIT, symbol="AMD", decision_id="hourly.sale")
    with store.transaction() as tx:
        targets = Targets(AS_OF + DAY, 100_000.0, {})
        tx.decisions.add(a_decision(decision_id="hourly.sale", as_of=AS_OF + DAY), [], targets, [sale])
        tx.orders.record(sale, an_event(sale, OrderStatus.RESERVED))
        assert [o.order_id for o in working_now(tx, BOOK)] == [sale.order_id]
        tx.controls.set_state(BOOK, TradingState.HALTED, reason="it takes sales back at the broker", actor="me")
        assert working_now(tx, BOOK) == ()


def test_a_chart_is_a_picture_with_its_words(say):
    reply = say("chart")
    assert reply.picture is not None
    assert reply.picture.startswith(b"\x89PNG")
    assert "2019-06-03 to 2019-06-05" in text(reply)
    assert "SPY, held +3.0" in text(reply)


def test_what_anybody_may_ask_is_answered_by_the_login_that_only_reads(store, desk_url, read_url, pg_server, tmp_path):
    three_days(store)
    # The desk's own login is refused: what is answered was read by the other one.
    shut_out = PostgresStore(desk_url.replace(pg_server.desk_password, "wrong"), read_url=read_url)
    ask = Ask(COMMANDS[0], desk_on(shut_out, tmp_path), Person(7, 42, Role.VIEW), ())
    answers = {name: text(by_name(COMMANDS)[name].run(ask)) for name in SHOWS}
    own = Ask(COMMANDS[0], desk_on(store, tmp_path), Person(7, 42, Role.VIEW), ())
    assert answers == {name: text(by_name(COMMANDS)[name].run(own)) for name in SHOWS}


def test_a_mute_is_kept_and_taken_back(say, store):
    assert "without a sound" in text(say("mute", "30"))
    with store.transaction() as tx:
        assert (tx.bot.muted_until() - NOW).total_seconds() == 1800
    assert text(say("mute", "off")) == "Messages are heard again."
    with store.transaction() as tx:
        assert tx.bot.muted_until() == NOW


@pytest.mark.parametrize(
    ("line", "user", "is_raised"),
    [("/halt now", 42, True), ("/stop", 42, True), ("/halt", 7, False), ("/halt", 999, False), ("/flatten", 42, False)],
)
def test_a_halt_works_without_the_database_by_the_file_flag_and_nothing_else_does(tmp_path, line, user, is_raised):
    away = PostgresStore("postgresql://nobody@127.0.0.1:9/nothing")
    desk = desk_on(away, tmp_path)
    heard = Heard(1, user, 42, datetime.now(UTC), line, is_private=True)
    said = Conversation(desk, bot_id=1).halt_without_database(heard)
    assert HaltFlag(desk.settings.halt_file).is_raised() is is_raised
    assert (said is not None) is is_raised
