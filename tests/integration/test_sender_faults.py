"""What the sender makes of each way in which Telegram fails: the real client against a scripted Telegram."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trading.domain.messages import MessageKind
from trading.tasks.messages import messages_told

from tests import telegram_stub
from tests.integration.sending_desk import sending_desk
from tests.telegram_stub import flood, migrated


@pytest.fixture
def desk(store, database_url):
    with sending_desk(store, database_url) as ready:
        yield ready


def test_html_that_telegram_does_not_read_goes_once_as_plain_text(desk):
    desk.telegram.fail("sendMessage", telegram_stub.UNPARSEABLE)
    desk.tell("a < b")
    (read,) = desk.rounds(3)
    assert "a < b" in read
    assert "parse_mode" not in desk.telegram.called("sendMessage")[-1].parameters


def test_what_is_refused_twice_fails_with_its_reason_and_the_next_one_goes(desk):
    desk.telegram.fail("sendMessage", telegram_stub.UNPARSEABLE, telegram_stub.UNPARSEABLE)
    desk.tell("first")
    desk.tell("second")
    (read,) = desk.rounds(3)
    assert "second" in read
    (first, why), _ = desk.rows()
    assert first == "failed"
    assert "parse entities" in why


def test_what_telegram_calls_too_long_goes_in_halves(desk):
    desk.telegram.fail("sendMessage", telegram_stub.refusal(400, "Bad Request: message is too long"))
    desk.tell("one two")
    assert "one two" in "".join(desk.rounds(3))
    assert len(desk.telegram.messages) == 2


def test_a_flood_wait_is_kept_to_and_nothing_overtakes(desk):
    desk.telegram.fail("sendMessage", flood(20))
    desk.tell("first")
    desk.tell("second")
    desk.rounds(15)
    assert len(desk.telegram.called("sendMessage")) == 1, "nobody asks again before the pause is over"
    assert desk.rows()[0] == ("pending", "Telegram asks for a pause of 20 s")
    assert [text.split("\n")[1] for text in desk.rounds(10)] == ["first", "second"]


@pytest.mark.parametrize(
    ("fault", "action"),
    [
        (telegram_stub.BLOCKED, "let the bot into the chat again"),
        (telegram_stub.UNAUTHORIZED, "give AIRDESK_TELEGRAM_TOKEN the token"),
        (telegram_stub.NOT_FOUND, "give AIRDESK_TELEGRAM_TOKEN the token"),
        (telegram_stub.refusal(400, "Bad Request: chat not found"), "correct AIRDESK_TELEGRAM_CHATS"),
    ],
)
def test_a_bot_that_is_locked_out_stops_says_what_to_do_and_goes_on_once_let_in(desk, fault, action):
    desk.telegram.fail("sendMessage", *[fault] * (2 if fault.status == 400 else 1))
    desk.tell("first", MessageKind.STATE_CHANGE)
    desk.tell("second")
    asked = len(desk.telegram.called("sendMessage"))
    desk.rounds(60)
    assert len(desk.telegram.called("sendMessage")) - asked <= 2, "it does not knock again and again"
    assert any(action in line for line in desk.said)
    with desk.services.store.transaction() as tx:
        assert action in messages_told(tx, None, 10).problem
    desk.clock.at += timedelta(minutes=5)
    assert [text.split("\n")[1] for text in desk.rounds(3)] == ["first", "second"]
    assert desk.said[-1] == "messages go out again"


@pytest.mark.parametrize("fault", [telegram_stub.BAD_GATEWAY, telegram_stub.CONFLICT])
def test_an_outage_is_waited_for_longer_each_time_and_nothing_is_lost_or_doubled(desk, fault):
    desk.telegram.fail("sendMessage", *[fault] * 6)
    desk.tell("first")
    desk.tell("second")
    desk.rounds(60)
    assert len(desk.telegram.called("sendMessage")) <= 6
    assert [text.split("\n")[1] for text in desk.rounds(120)] == ["first", "second"]


@pytest.mark.parametrize("fault", [telegram_stub.STALLED, telegram_stub.CUT_OFF])
def test_what_was_not_confirmed_goes_once_more_under_its_number(desk, fault):
    desk.telegram.fail("sendMessage", fault)
    desk.tell("first")
    desk.tell("second")
    desk.rounds()
    assert desk.rows()[0] == ("uncertain", "Telegram did not answer, so it may have arrived or not")
    first, second = desk.rounds(10)
    assert "#1" in first
    assert "Sent again: Telegram did not confirm #1" in first
    assert "Sent again" not in second
    assert desk.states() == ["sent", "sent"]


@pytest.mark.parametrize("fault", [telegram_stub.STALLED_BUT_DELIVERED, telegram_stub.CUT_OFF_BUT_DELIVERED])
def test_one_that_had_arrived_is_known_again_by_its_number(desk, fault):
    desk.telegram.fail("sendMessage", fault)
    desk.tell("bought")
    once, again = desk.rounds(10)
    assert once.split("\n")[-1] == again.split("\n")[-1]
    assert "Sent again: Telegram did not confirm #1. You may have it already." in again


def test_without_any_answer_twice_it_is_given_up_with_its_reason_and_the_next_one_goes(desk):
    desk.telegram.fail("sendMessage", telegram_stub.CUT_OFF, telegram_stub.CUT_OFF)
    desk.tell("first")
    desk.tell("second")
    (read,) = desk.rounds(20)
    assert "second" in read
    assert desk.rows()[0] == ("failed", "Telegram did not answer, so it may have arrived or not")


def test_a_doubt_waits_until_telegram_answers_at_all(desk):
    desk.tell("first")
    desk.rounds()
    desk.telegram.fail("sendMessage", telegram_stub.CUT_OFF)
    desk.telegram.fail("getMe", telegram_stub.BAD_GATEWAY, telegram_stub.CUT_OFF, telegram_stub.BAD_GATEWAY)
    desk.tell("second")
    desk.rounds(12)
    assert len(desk.telegram.called("sendMessage")) == 2, "it goes once more, so not into the void"
    assert "second" in desk.rounds(40)[-1]


def test_nothing_is_doubted_that_never_left(desk):
    desk.telegram.fail("getMe", telegram_stub.CUT_OFF, telegram_stub.STALLED)
    desk.tell("first")
    desk.rounds()
    assert desk.rows() == [("pending", "Telegram cannot be reached")]
    (read,) = desk.rounds(20)
    assert "Sent again" not in read


def test_a_group_with_a_new_id_is_followed_and_remembered(desk):
    desk.telegram.fail("sendMessage", migrated(-100777))
    desk.tell("first")
    desk.rounds()
    desk.start()
    desk.tell("second")
    desk.rounds()
    assert {message.chat for message in desk.telegram.messages} == {-100777}
    assert any("put that into AIRDESK_TELEGRAM_CHATS" in line for line in desk.said)


def test_a_picture_that_telegram_does_not_take_leaves_its_text(desk):
    desk.telegram.fail("sendPhoto", telegram_stub.refusal(400, "Bad Request: IMAGE_PROCESS_FAILED"))
    desk.tell("up 0.4 %", MessageKind.DAILY_REPORT, picture=b"no picture")
    (read,) = desk.rounds()
    assert "up 0.4 %" in read
