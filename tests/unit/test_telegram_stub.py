"""The stub of Telegram is as strict as Telegram; a test that it passes means something."""

import asyncio

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TimedOut,
)
from telegram.ext import ExtBot

from tests.telegram_stub import (
    BAD_GATEWAY,
    BLOCKED,
    CONFLICT,
    CUT_OFF_BUT_DELIVERED,
    NOT_FOUND,
    STALLED,
    STALLED_BUT_DELIVERED,
    UNAUTHORIZED,
    UNPARSEABLE,
    flood,
    migrated,
    telegram_stub,
)


@pytest.fixture(scope="module")
def server():
    with telegram_stub() as stub:
        yield stub


@pytest.fixture
def telegram(server):
    server.messages.clear()
    server.pending.clear()
    return server


def ask(telegram, talk, *, token=None):
    """Run one talk of the real client with the stub."""

    async def whole():
        async with ExtBot(token or telegram.token, base_url=telegram.base_url) as bot:
            return await talk(bot)

    return asyncio.run(whole())


def say(text, **more):
    return lambda bot: bot.send_message(42, text, **{"parse_mode": "HTML", "read_timeout": 0.3} | more)


@pytest.mark.parametrize(
    ("fault", "error", "is_delivered"),
    [
        (UNPARSEABLE, BadRequest, False),
        (migrated(-100123), ChatMigrated, False),
        (UNAUTHORIZED, InvalidToken, False),
        (BLOCKED, Forbidden, False),
        (NOT_FOUND, InvalidToken, False),
        (CONFLICT, Conflict, False),
        (flood(2), RetryAfter, False),
        (BAD_GATEWAY, NetworkError, False),
        (STALLED, TimedOut, False),
        (STALLED_BUT_DELIVERED, TimedOut, True),
        (CUT_OFF_BUT_DELIVERED, NetworkError, True),
    ],
)
def test_a_scripted_fault_is_the_error_that_the_client_knows(telegram, fault, error, is_delivered):
    telegram.fail("sendMessage", fault)
    with pytest.raises(error):
        ask(telegram, say("hello"))
    assert [m.text for m in telegram.messages] == ["hello"] * is_delivered
    assert ask(telegram, say("again")).text == "again"


def test_a_wrong_token_is_refused(telegram):
    with pytest.raises(InvalidToken):
        ask(telegram, say("hello"), token="1:other")


def buttons(data):
    return InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data=data)]])


@pytest.mark.parametrize(
    ("text", "more", "complaint"),
    [
        ("<b>open", {}, "Can't parse entities"),
        ("1 < 2", {}, "Can't parse entities"),
        ("<table>x</table>", {}, "Can't parse entities"),
        ("a & b", {}, "Can't parse entities"),
        ("x" * 4097, {}, "too long"),
        ("", {}, "empty"),
        ("x", {"reply_markup": buttons("x" * 65)}, "Button_data_invalid"),
    ],
)
def test_what_telegram_refuses_the_stub_refuses(telegram, text, more, complaint):
    with pytest.raises(BadRequest, match=complaint):
        ask(telegram, say(text, **more))
    assert telegram.messages == []


def test_a_message_is_kept_as_a_person_sees_it(telegram):
    sent = ask(telegram, say("<b>NAV</b> 1 &lt; 2", reply_markup=buttons("ok:1:n"), disable_notification=True))
    (shown,) = telegram.messages
    assert (shown.plain, shown.chat, shown.is_silent) == ("NAV 1 < 2", 42, True)
    assert shown.data_of("Yes") == "ok:1:n"
    ask(telegram, lambda bot: bot.edit_message_text("done", 42, sent.message_id))
    assert (shown.text, shown.buttons, shown.edits) == ("done", [], ["<b>NAV</b> 1 &lt; 2"])
    with pytest.raises(BadRequest, match="not modified"):
        ask(telegram, lambda bot: bot.edit_message_text("done", 42, sent.message_id))


def test_a_picture_and_a_file_arrive_as_bytes(telegram):
    ask(telegram, lambda bot: bot.send_photo(42, b"\x89PNG\r\n\r\n--x", caption="a\nb"))
    ask(telegram, lambda bot: bot.send_document(42, b"report", filename="r.html"))
    assert [(m.picture, m.document, m.text) for m in telegram.messages] == [
        (b"\x89PNG\r\n\r\n--x", None, "a\nb"), (None, b"report", ""),
    ]  # fmt: skip


def test_updates_come_once_they_are_typed_and_go_once_they_are_confirmed(telegram):
    first = telegram.types("/status")
    second = telegram.taps("ok:1:n", user=7, chat=-5)
    updates = ask(telegram, lambda bot: bot.get_updates())
    assert [u.update_id for u in updates] == [first, second]
    assert (updates[1].effective_user.id, updates[1].effective_chat.id) == (7, -5)
    assert [u.update_id for u in ask(telegram, lambda bot: bot.get_updates(offset=second))] == [second]
    ask(telegram, lambda bot: bot.delete_webhook(drop_pending_updates=True))
    assert ask(telegram, lambda bot: bot.get_updates()) == ()


def test_the_second_of_two_pollers_ends_the_first(telegram):
    async def two(bot):
        first = asyncio.create_task(bot.get_updates(timeout=5))
        await asyncio.sleep(0.2)
        async with ExtBot(telegram.token, base_url=telegram.base_url) as other:
            await other.get_updates(timeout=0)
        return await first

    with pytest.raises(Conflict):
        ask(telegram, two)
