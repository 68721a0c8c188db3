"""The sender of messages: the real Telegram client against a Telegram that floods, refuses, dies and lies."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from trading.adapters.postgres_store.leases import lease
from trading.domain.message_policy import MessagePolicy
from trading.domain.message_words import policy_of
from trading.domain.messages import Delivery, MessageKind, Severity
from trading.entrypoints.cli import main
from trading.errors import TransientError
from trading.tasks.messages import messages_told

from tests import telegram_stub
from tests.architecture.sources import ROOT
from tests.fakes import ny
from tests.integration.sending_desk import BOOK, CHAT, sending_desk
from tests.oracles import oracle
from tests.telegram_stub import flood


@pytest.fixture
def desk(store, database_url):
    with sending_desk(store, database_url) as ready:
        yield ready


# --- the good day -------------------------------------------------------------------------------


def test_messages_arrive_in_order_once_with_badge_book_time_and_number(desk):
    desk.tell("NVDA: not enough margin")
    desk.tell("bought 12 NVDA", MessageKind.ORDER_FILLED)
    desk.tell("sent: BUY 12 NVDA", MessageKind.ORDER_SENT)
    assert desk.rounds(5) == [
        "PAPER ⚠️ Order rejected\nNVDA: not enough margin\npaper:DU1 · 12:00 New York · #1",
        "PAPER Filled\nbought 12 NVDA\npaper:DU1 · 12:00 New York · #2",
        "PAPER Order sent\nsent: BUY 12 NVDA\npaper:DU1 · 12:00 New York · #3",
    ]
    assert [message.is_silent for message in desk.telegram.messages] == [False, False, True]
    assert {message.chat for message in desk.telegram.messages} == {CHAT}
    assert desk.states() == ["sent"] * 3


def test_a_picture_has_the_text_as_its_caption_and_a_long_text_below_it(desk):
    desk.tell("up 0.4 %", MessageKind.DAILY_REPORT, picture=b"\x89PNG1")
    desk.tell("x" * 3000, MessageKind.WEEKLY_REPORT, picture=b"\x89PNG2")
    desk.rounds()
    day, week, text = desk.telegram.messages
    assert (day.picture, week.picture, text.picture) == (b"\x89PNG1", b"\x89PNG2", None)
    assert "up 0.4 %" in day.plain
    assert "x" * 3000 in text.plain


def test_buttons_arrive_with_what_they_say(desk):
    desk.tell(
        "BUY 10 GLD?", MessageKind.APPROVAL, buttons=((("approve", "ok:7:aaaaaaaa"), ("reject", "no:7:aaaaaaaa")),)
    )
    desk.rounds()
    assert desk.telegram.messages[0].data_of("reject") == "no:7:aaaaaaaa"


def test_hostile_headlines_are_words_and_nothing_else(desk):
    cases = [case for case in oracle("hostile_headlines.json")["cases"] if case.get("text") or "make" in case]
    texts = [case.get("text") or case["make"]["repeat"] * case["make"]["times"] for case in cases]
    for text in texts:
        desk.tell(text, MessageKind.STATE_CHANGE)
    desk.rounds()
    read = "\n".join(desk.read())
    for text in texts:
        assert text[:300].strip() in read.replace("\n", " ")
    assert desk.states() == ["sent"] * len(texts)
    assert all(call.parameters.get("parse_mode") == "HTML" for call in desk.telegram.called("sendMessage"))


def test_a_text_of_wide_characters_is_split_and_loses_none(desk):
    desk.tell("📈 " * 1990, MessageKind.STATE_CHANGE)
    desk.rounds()
    assert len(desk.telegram.messages) == 2
    assert sum(message.plain.count("📈") for message in desk.telegram.messages) == 1990


# --- what people set ----------------------------------------------------------------------------


def test_a_storm_becomes_one_message_and_nothing_is_lost(desk):
    for number in range(40):
        desk.tell(f"bought {number} NVDA", MessageKind.ORDER_FILLED)
    desk.tell("HALTED", MessageKind.STATE_CHANGE)
    filled, halted = desk.rounds(3)
    assert filled.startswith("PAPER Filled × 40\nbought 0 NVDA\nbought 1 NVDA")
    assert "… and 35 more; ./airdesk messages lists all" in filled
    assert "HALTED" in halted
    with desk.services.store.transaction() as tx:
        told = messages_told(tx, BOOK, 100)
    assert {row.text for row in told.rows} == {*(f"bought {number} NVDA" for number in range(40)), "HALTED"}
    assert {row.state for row in told.rows} == {"sent"}


def test_a_storm_that_trickles_in_is_calmed_after_the_first_few(desk):
    for number in range(14):
        desk.tell(f"bought {number} NVDA", MessageKind.ORDER_FILLED)
        desk.rounds(every=timedelta(seconds=3))
    assert len(desk.read()) == 5
    *_, rest = desk.rounds(8, every=timedelta(seconds=10))
    assert rest.startswith("PAPER Filled × 9\nbought 5 NVDA")
    assert desk.states() == ["sent"] * 14


def test_what_comes_while_its_kind_is_held_does_not_overtake_it(desk):
    def fill(number: int, after: int = 0) -> list[str]:
        desk.clock.at += timedelta(seconds=after)
        desk.tell(f"bought {number} NVDA", MessageKind.ORDER_FILLED)
        return [text.split("bought ")[1][0] for text in desk.rounds()]

    for number in range(4):
        fill(number)
    assert fill(4, after=50) == ["0", "1", "2", "3", "4"]
    assert fill(5, after=1) == ["0", "1", "2", "3", "4"], "the sixth within a minute is held"
    assert fill(6, after=20) == ["0", "1", "2", "3", "4"], "and what comes after it waits behind it"
    assert fill(7, after=60)[5:] == ["5", "6", "7"]


def test_an_error_does_not_wait_behind_news_of_its_kind(desk):
    desk.start(policy_of(quiet="11:00-13:00", zone="America/New_York", kinds=""))
    desk.tell("NVDA is parked", MessageKind.DATA_PARKED, severity=Severity.WARNING)
    assert desk.rounds() == []
    desk.tell("every name is parked", MessageKind.DATA_PARKED, severity=Severity.ERROR)
    (read,) = desk.rounds()
    assert "every name is parked" in read


def test_what_waits_behind_a_held_message_is_not_late(desk):
    desk.start(policy_of(quiet="11:00-13:00", zone="America/New_York", kinds=""))
    for name in ("NVDA", "AMD"):
        desk.tell(f"{name} is parked", MessageKind.DATA_PARKED, severity=Severity.WARNING)
        assert desk.rounds() == []
    with desk.services.store.transaction() as tx:
        assert tx.outbox.backlog(desk.clock.at) == (0, None)


def test_what_needs_a_person_is_never_put_together(desk):
    for number in range(8):
        desk.tell(f"order {number} is unknown", MessageKind.ORDER_UNKNOWN)
    assert len(desk.rounds(2)) == 8


def test_a_digest_waits_for_the_end_of_the_session(desk):
    for hour in (11, 12, 13):
        desk.clock.at = ny(f"2019-06-03 {hour}:31")
        desk.tell("nothing to do", MessageKind.QUIET_HOUR)
        assert desk.rounds() == []
    desk.clock.at = ny("2019-06-03 16:10")
    assert desk.rounds() == []
    desk.clock.at = ny("2019-06-03 16:16")
    (read,) = desk.rounds()
    assert read.startswith("PAPER Digest of 3 messages\n11:31 Nothing to do: nothing to do\n12:31")
    assert desk.telegram.messages[0].is_silent


def test_quiet_hours_hold_news_until_the_morning_and_say_why(desk):
    desk.start(policy_of(quiet="11:00-13:00", zone="America/New_York", kinds=""))
    desk.tell("bought", MessageKind.ORDER_FILLED)
    desk.tell("the run failed", MessageKind.DAG_FAILURE)
    (read,) = desk.rounds(3)
    assert "the run failed" in read
    with desk.services.store.transaction() as tx:
        _, held = messages_told(tx, BOOK, 10).rows
    assert (held.state, held.why) == ("waiting", "quiet hours, until Mon 13:00 New York")
    desk.clock.at = ny("2019-06-03 13:00")
    assert "bought" in desk.rounds()[-1]


def test_a_kind_that_is_off_is_dropped_with_the_reason_but_nobody_switches_a_halt_off(desk):
    off = {MessageKind.ORDER_FILLED: Delivery.OFF, MessageKind.STATE_CHANGE: Delivery.OFF}
    desk.start(MessagePolicy(None, off))
    desk.tell("bought", MessageKind.ORDER_FILLED)
    desk.tell("HALTED", MessageKind.STATE_CHANGE)
    (read,) = desk.rounds()
    assert "HALTED" in read
    assert desk.rows()[0] == ("dropped", "order_filled is switched off (AIRDESK_TELEGRAM_KINDS)")


def test_after_a_long_outage_good_news_is_dropped_and_bad_news_is_not(desk):
    desk.tell("bought", MessageKind.ORDER_FILLED)
    desk.tell("the run failed", MessageKind.DAG_FAILURE)
    desk.tell("rejected", MessageKind.ORDER_REJECTED)
    desk.clock.at += timedelta(hours=30)
    assert [text.split("\n")[1] for text in desk.rounds()] == ["the run failed", "rejected"]
    assert "Mon 3 Jun 12:00 New York" in desk.read()[0]
    assert desk.rows()[0][0] == "dropped"


# --- one sender, and what a crash leaves --------------------------------------------------------


def test_a_sender_that_died_between_sending_and_noting_it_leaves_a_doubt_that_is_cleared_once(desk):
    desk.tell("bought")
    with desk.services.store.transaction() as tx:
        tx.outbox.begin([1], "#1", is_repeat=False)
    assert desk.rounds(3) == [], "what is under way is nobody else's"
    desk.start()
    (read,) = desk.rounds(3)
    assert "Sent again: Telegram did not confirm #1" in read
    with desk.services.store.transaction() as tx:
        tx.outbox.begin([1], "#1", is_repeat=True)
    desk.start()
    assert len(desk.rounds(3)) == 1, "the second doubt is the last"


def test_a_second_copy_says_who_holds_the_lease_and_ends(database_url, monkeypatch, capsys):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_TELEGRAM_TOKEN", telegram_stub.TOKEN)
    monkeypatch.setenv("AIRDESK_TELEGRAM_CHATS", str(CHAT))
    with lease(database_url, "sender") as held:
        with pytest.raises(TransientError, match=f"process {os.getpid()}"), lease(database_url, "sender"):
            pass
        assert main(["sender"]) == 3
        held.check()
    assert f"{held.holder}, since" in capsys.readouterr().err
    with lease(database_url, "sender"):
        pass


def test_the_process_sends_ends_in_order_and_its_output_holds_no_token(desk, database_url, capsys, monkeypatch):
    desk.telegram.fail("sendMessage", telegram_stub.STALLED)
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "plugins"),
        "AIRDESK_TELEGRAM_TOKEN": telegram_stub.TOKEN,
        "AIRDESK_TELEGRAM_CHATS": str(CHAT),
        "AIRDESK_TELEGRAM_BASE_URL": desk.telegram.base_url,
    }
    command = [sys.executable, "-m", "trading.entrypoints.cli", "sender"]
    with desk.services.store.transaction() as tx:
        for number in range(2):
            tx.controls.notify(dedupe_key=f"p{number}", book=BOOK, kind=MessageKind.PROTECTION, body=f"bare {number}")

    def started() -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def killed() -> str:
        process = started()
        desk.telegram.wait_for(lambda: desk.telegram.called("sendMessage"), seconds=30)
        process.kill()
        return process.communicate()[0]

    said = killed()
    process = started()
    desk.telegram.wait_for(lambda: len(desk.telegram.messages) == 2, seconds=30)
    process.send_signal(signal.SIGTERM)
    said += process.communicate(timeout=30)[0]
    assert process.returncode == 0
    first, second = desk.read()
    assert "bare 0" in first
    assert "Sent again: Telegram did not confirm #1" in first
    assert "bare 1" in second
    assert "1 messages were under way when the last sender ended" in said
    assert telegram_stub.TOKEN not in said
    assert main(["messages", "--json"]) == 0
    assert '"state": "sent"' in capsys.readouterr().out


def test_the_token_is_in_no_log_no_error_and_no_row_whatever_happens(desk, caplog):
    caplog.set_level(logging.DEBUG)
    faults = (
        telegram_stub.UNAUTHORIZED,
        telegram_stub.CUT_OFF,
        telegram_stub.BAD_GATEWAY,
        telegram_stub.STALLED,
        flood(1),
    )
    for fault in faults:
        desk.telegram.fail("sendMessage", fault)
        desk.tell("x", severity=Severity.ERROR)
        desk.rounds(2)
        desk.clock.at += timedelta(minutes=6)
    everything = (
        caplog.text + "".join(desk.said) + repr(desk.rows()) + repr(desk.run("SELECT * FROM ops.message_sender"))
    )
    assert telegram_stub.TOKEN not in everything
    assert telegram_stub.TOKEN.split(":")[1] not in everything


def test_twenty_two_messages_to_a_group_keep_its_limit_and_their_order(store, database_url):
    with sending_desk(store, database_url, chat=-100500) as desk:
        for number in range(22):
            desk.tell(f"state {number}", MessageKind.STATE_CHANGE)
        assert [text.split("\n")[1] for text in desk.rounds()] == [f"state {number}" for number in range(22)]
    sent = [call.at for call in desk.telegram.called("sendMessage")]
    assert sent[21] - sent[0] > 3, "a group takes 20 a minute; the limiter slows down"
