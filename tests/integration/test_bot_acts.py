"""What the bot does: stop, start, sell, buy, take back; each shown first, tapped once, and still so after a restart."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.domain.portfolio import TradingState

from tests.integration.bot_desk import (
    ADMIN,
    GROUP,
    OPERATOR,
    outcomes,
    rows,
    running_bot,
)

LATER = (
    "UPDATE ops.bot_intents SET created_at = created_at - interval '1 hour', expires_at = now() - interval '1 second'"
)


@pytest.fixture(scope="module")
def url(bot_world):
    return bot_world.url


@pytest.fixture(scope="module")
def desk(bot_world):
    return bot_world.desk


@pytest.fixture(scope="module")
def bot(bot_world):
    with running_bot(bot_world.environment, bot_world.telegram) as running:
        yield running


def carried_out(bot, message, label="Do it", **who):
    """Tap and return what was said about it."""
    before = len(bot.telegram.messages)
    word = bot.tap(message, label, **who)
    bot.telegram.wait_for(lambda: bot.telegram.messages[before:])
    return word, bot.telegram.messages[before].plain


# --- taps ---------------------------------------------------------------------------------------


def test_a_sale_is_shown_in_shares_and_dollars_and_does_nothing_yet(bot, desk):
    shown = bot.ask("/close NVDA").plain
    assert "sells NVDA: 99 shares, 9,900.00 USD now, bought for 9,905.95 USD" in shown
    assert "Nothing was done yet. The buttons work for 60 s, once, and for you only." in shown
    assert desk.held() == {"NVDA": 99}


@pytest.mark.parametrize(
    ("who", "word"),
    [
        ({"user": OPERATOR, "chat": ADMIN}, "Only who asked may tap, and in the same chat."),
        ({"user": ADMIN, "chat": GROUP}, "Only who asked may tap, and in the same chat."),
    ],
    ids=["another person", "another chat"],
)
def test_the_button_of_another_one_does_nothing(bot, desk, url, who, word):
    message = bot.ask("/close NVDA")
    assert bot.tap(message, "Do it", **who) == word
    assert outcomes(url, who["user"])[-1] == ("bot:close", "not_yours")
    assert desk.held() == {"NVDA": 99}


def test_no_is_an_answer_and_then_yes_comes_too_late(bot, desk):
    message = bot.ask("/close NVDA")
    assert bot.tap(message, "Leave it") == "Nothing was done."
    bot.telegram.wait_for(lambda: "Refused by telegram:42; nothing was done." in message.plain)
    assert message.buttons == []
    word = bot.tap_data(
        bot.telegram.called("sendMessage")[-1].parameters["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    )
    assert re.fullmatch(r"Already refused by telegram:42 at \d\d:\d\d UTC\.", word)
    assert desk.held() == {"NVDA": 99}


def test_a_tap_after_the_time_does_nothing(bot, desk, url):
    message = bot.ask("/close NVDA")
    assert rows(url, LATER + " WHERE state = 'pending' RETURNING 1")
    assert bot.tap(message, "Do it") == "Its time is over; nothing was done."
    bot.telegram.wait_for(lambda: "Its time is over" in message.plain)
    assert desk.held() == {"NVDA": 99}


# --- the desk -----------------------------------------------------------------------------------


def test_a_name_is_bought_if_every_rule_lets_it_and_as_the_strategy_says(bot, desk, url):
    against = bot.ask("/buy MSFT").plain
    assert "MSFT is not bought, because:" in against
    assert "golden_cross: FAIL, 80 against 90" in against
    assert "is held already" in bot.ask("/buy NVDA").plain
    bot.ask("/ban AAPL too dear")
    assert "RESTRICTED: on the restricted list" in bot.ask("/buy AAPL").plain
    lift = bot.ask("/unban AAPL")
    assert "AAPL is banned until further notice, telegram:42: too dear" in lift.plain
    assert carried_out(bot, lift)[1].endswith("AAPL may be bought again.")

    message = bot.ask("/buy AAPL on the news")
    assert re.search(r"buys 99 AAPL at up to 100\.50 USD, 9,949\.50 USD, with stop and target", message.plain)
    word, said = carried_out(bot, message)
    assert (word, "entry 99 AAPL: filled" in said) == ("Done.", True)
    assert desk.held() == {"NVDA": 99, "AAPL": 99}
    guards = {
        o["ticket"]["order_ref"].split(".")[1] for o in desk.gateway.orders() if "AAPL" in o["ticket"]["order_ref"]
    }
    assert {OrderPurpose.STOP.value, OrderPurpose.TARGET.value} <= guards
    note = rows(url, "SELECT note FROM desk.decisions WHERE kind = 'operator'")
    assert note == [("buy AAPL: on the news (telegram:42)",)]


def test_two_taps_sell_once_and_only_that_name(bot, desk):
    message = bot.ask("/forceexit AAPL")
    data = message.data_of("Do it")
    before = len(bot.telegram.answers)
    bot.telegram.taps(data, user=ADMIN, message_id=message.message_id)
    bot.telegram.taps(data, user=ADMIN, message_id=message.message_id)
    bot.telegram.wait_for(lambda: len(bot.telegram.answers) == before + 2)
    words = sorted(str(a.parameters["text"]) for a in bot.telegram.answers[before:])
    assert words[1] == "Done."
    assert re.fullmatch(r"Already confirmed by telegram:42 at \d\d:\d\d UTC\.", words[0])
    desk.sync("2019-06-03 12:30")
    assert desk.held() == {"NVDA": 99}


def test_an_order_that_rests_is_taken_back_and_protection_stays(bot, desk, url):
    entry, *guards = desk.enter("2019-06-03 12:30", "MSFT", last_price=97.0)
    desk.execute("2019-06-03 12:30")
    assert desk.status(entry, *guards) == [OrderStatus.SUBMITTED] * 3

    shown = bot.ask("/cancel MSFT", user=OPERATOR)
    worth = entry.quantity * entry.limit_price
    told = f"cancels BUY {entry.quantity} MSFT at {entry.limit_price:,.2f} USD, {worth:,.2f} USD"
    assert told in shown.plain
    assert "Nothing was done yet." in shown.plain
    assert works(desk, entry)

    word, said = carried_out(bot, shown, user=OPERATOR)
    assert (word, "1 order cancelled, 0 still work." in said) == ("Done.", True)
    assert re.search(r"NVDA +99 +99 +99 ok", said)
    assert not works(desk, entry)
    desk.sync("2019-06-03 13:30")
    assert set(desk.status(entry, *guards)) == {OrderStatus.CANCELLED}
    assert outcomes(url, OPERATOR)[-1] == ("bot:cancel", "confirmed")
    for symbol in ("MSFT", "NVDA"):
        assert f"no entry and no exit of {symbol} works at the broker" in bot.ask(f"/cancel {symbol}").plain


def works(desk, order):
    """Whether the gateway still works an order."""
    return order.order_id in {
        o["ticket"]["order_ref"] for o in desk.gateway.orders() if o["status"] in ("Submitted", "PreSubmitted")
    }


def test_a_halt_is_at_once_and_outlives_the_bot_and_only_a_tap_leads_out(bot, bot_world, desk, url):
    said = bot.ask("/halt the market smells", user=OPERATOR).plain
    assert "ACTIVE → HALTED" in said
    assert re.search(r"NVDA +99 +99 +99 ok", said)
    bot.end()
    assert desk.state() is TradingState.HALTED
    with running_bot(bot_world.environment, bot_world.telegram) as again:
        assert "HALTED" in again.ask("/status").plain
        assert "set by telegram:43: the market smells" in again.ask("/status").plain
        assert "HALTED, so nothing is sent" in carried_out(again, again.ask("/close NVDA"))[1]
        assert "is not decided yet" in again.ask("/buy AAPL").plain
        resumes_locks_and_unlocks(again, bot_world.environment, desk, url)
        sells_everything(again, desk)


def resumes_locks_and_unlocks(bot, environment, desk, url):
    shown = bot.ask("/resume calm again", user=OPERATOR)
    assert "HALTED → ACTIVE: entries are sent again" in shown.plain
    assert desk.state() is TradingState.HALTED
    assert "HALTED → ACTIVE" in carried_out(bot, shown, user=OPERATOR)[1]
    assert desk.state() is TradingState.ACTIVE

    assert "ACTIVE → REDUCE_ONLY" in bot.ask("/stopentry", user=OPERATOR).plain
    locked = bot.ask("/lock")
    assert "loses its protection: NVDA: 99 shares" in locked.plain
    assert "→ LOCKED" in carried_out(bot, locked)[1]
    assert desk.state() is TradingState.LOCKED
    assert "/unlock comes first" in bot.ask("/resume").plain
    assert "unlock.code" in bot.ask("/unlock").plain
    assert "does not fit unlock" in bot.ask("/unlock 000000").plain
    code = Path(environment["AIRDESK_STATE_DIR"], "unlock.code").read_text(encoding="utf-8").strip()
    assert "LOCKED → HALTED" in bot.ask(f"/unlock {code}").plain
    assert desk.state() is TradingState.HALTED


def sells_everything(bot, desk):
    shown = bot.ask("/close all")
    assert "sells NVDA: 99 shares" in shown.plain
    word, said = carried_out(bot, shown)
    assert "1 exit sent" in said
    assert word == "Done."
    desk.sync("2019-06-03 13:30")
    assert desk.held() == {}
    assert desk.state() is TradingState.REDUCE_ONLY
    assert "Nothing is held" in bot.ask("/flatten").plain
