"""The bot in its own process, with the real client, against Telegram on loopback: who gets in, what comes back."""

from __future__ import annotations

import json
import re

import pytest
from trading.domain.people import Role
from trading.entrypoints import cli
from trading.entrypoints.bot.registry import all_commands
from trading.entrypoints.bot.reply import WIDTH
from trading.entrypoints.exits import Exit

from tests.integration.bot_desk import (
    ADMIN,
    GROUP,
    OPERATOR,
    STRANGER,
    VIEWER,
    outcomes,
    rows,
    running_bot,
)
from tests.telegram_stub import (
    BAD_GATEWAY,
    BLOCKED,
    CONFLICT,
    CUT_OFF,
    NOT_FOUND,
    STALLED_BUT_DELIVERED,
    UNAUTHORIZED,
    UNPARSEABLE,
    flood,
    refusal,
)

COMMANDS = all_commands()
WORDS = {
    "why": "NVDA", "close": "NVDA", "buy": "MSFT", "cancel": "NVDA", "ban": "AAPL", "unban": "AAPL",
    "backtest": "2019-06-03 2019-06-02",
}  # fmt: skip
ACTS = {"halt", "pause"}
"""They act at once; test_bot_acts.py is about them."""
RANK = {Role.VIEW: VIEWER, Role.OPERATE: OPERATOR}


@pytest.fixture(scope="module")
def url(bot_world):
    return bot_world.url


@pytest.fixture(scope="module")
def telegram(bot_world):
    return bot_world.telegram


@pytest.fixture(scope="module")
def environment(bot_world):
    return bot_world.environment


@pytest.fixture(scope="module")
def bot(environment, telegram):
    telegram.types("/halt before anybody listened")
    with running_bot(environment, telegram) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(telegram):
    """Each test reads the log of its own messages."""
    yield
    telegram.faults.clear()


def log_of(bot) -> str:
    return bot.log.read_text()


# --- commands -----------------------------------------------------------------------------------


def test_what_was_typed_while_nobody_listened_is_never_carried_out(bot, telegram, url):
    (dropped,) = telegram.called("deleteWebhook")
    assert dropped.parameters["drop_pending_updates"] is True
    bot.settle()
    assert rows(url, "SELECT count(*) FROM ops.controls WHERE state = 'HALTED'") == [(0,)]


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.name not in ACTS], ids=lambda c: c.name)
def test_every_command_answers_on_a_phone(bot, command):
    shown = bot.ask(f"/{command.name} {WORDS.get(command.name, '')}")
    assert shown.plain.startswith("PAPER paper:DU0000001")
    assert len(shown.plain) > 40
    assert "Traceback" not in shown.plain
    assert "read the bot's log" not in shown.plain
    wide = [line for block in re.findall("<pre>(.*?)</pre>", shown.text, re.S) for line in block.split("\n")]
    assert [line for line in wide if len(line.replace("&lt;", "<").replace("&gt;", ">")) > WIDTH] == []


@pytest.mark.parametrize(
    "alias", ["profit", "trades", "balance", "fx NVDA", "show_config", "vix", "coo NVDA", "whitelist"]
)
def test_freqtrades_words_are_understood(bot, alias):
    assert "There is no /" not in bot.ask(f"/{alias}").plain


def test_telegram_knows_every_command(bot, telegram):
    told = next(iter(telegram.commands.values()))
    assert [c["command"] for c in told] == [c.name for c in COMMANDS]
    assert all(c["description"] for c in told)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/why", "a symbol is missing; write /why SYMBOL"),
        ("/why <b>NVDA", "does not trade <B>NVDA; it trades"),
        ("/orders many", "'many' is no number from 1 to 50; write /orders [COUNT]"),
        ("/explain nothing.here", "there is no such decision"),
        ("/positons", "There is no /positons; did you mean /positions?"),
        ("hello", "I answer commands; /help lists them."),
    ],
)
def test_a_command_that_is_not_understood_says_how_it_is_written(bot, text, said):
    assert said in bot.ask(text).plain


def test_why_shows_the_rows_of_the_command_line(bot, environment, monkeypatch, capsys):
    for name, value in environment.items():
        if name.startswith("AIRDESK"):
            monkeypatch.setenv(name, value)
    cli.main(["why", "NVDA", "--json"])
    reasons = json.loads(capsys.readouterr().out)["reasons"]
    shown = bot.ask("/why NVDA").plain
    assert len(reasons) > 5
    for reason in reasons:
        assert reason["rule"] in shown
        if reason["turns"]:
            assert f"{reason['rule']}: " in shown
            assert reason["turns"] in shown


# --- who may what -------------------------------------------------------------------------------


@pytest.mark.parametrize("role", RANK, ids=str)
def test_nobody_may_what_the_role_does_not_say(bot, url, role):
    beyond = [c for c in COMMANDS if not role.may(c.role)]
    assert beyond
    for command in beyond:
        said = bot.ask(f"/{command.name} {WORDS.get(command.name, 'x')}", user=RANK[role]).plain
        assert f"This needs the role {command.role}; you have {role}" in said
        assert outcomes(url, RANK[role])[-1] == (f"bot:{command.name}", "role")


def test_help_lists_what_the_person_may(bot):
    listed = bot.ask("/help", user=VIEWER).plain
    assert "/status" in listed
    assert "/halt" not in listed
    assert "/halt" in bot.ask("/help", user=OPERATOR).plain


def test_every_accepted_command_has_its_row(bot, url):
    bot.ask("/status", user=VIEWER)
    assert outcomes(url, VIEWER)[-1] == ("bot:status", "accepted")


# --- strangers ----------------------------------------------------------------------------------

FORWARDED = {"forward_origin": {"type": "hidden_user", "sender_user_name": "x", "date": 1}}
STRANGE = {
    "a message": (lambda t: t.types("/status", user=STRANGER), "stranger"),
    "an edited message": (lambda t: t.edits("/status", user=STRANGER), "stranger"),
    "a forwarded message": (lambda t: t.types("/status", user=STRANGER, **FORWARDED), "stranger"),
    "a member of an allowed group": (lambda t: t.types("/status", user=STRANGER, chat=GROUP), "stranger"),
    "a tap": (lambda t: t.taps("ok:1:abcdefgh", user=STRANGER), "stranger"),
    "a listed person elsewhere": (lambda t: t.types("/status", user=ADMIN, chat=-77), "chat_not_listed"),
    "a channel": (lambda t: t.posts("/status", channel=-88), "channel"),
}


@pytest.mark.parametrize("what", STRANGE)
def test_strangers_get_no_answer_and_a_row(bot, telegram, url, what):
    act, outcome = STRANGE[what]
    bot.settle()
    before, answers = len(telegram.messages), len(telegram.answers)
    actor = {"a listed person elsewhere": ADMIN, "a channel": -88}.get(what, STRANGER)
    known = len([o for o in outcomes(url, actor) if o[1] == outcome])
    act(telegram)
    telegram.wait_for(lambda: len([o for o in outcomes(url, actor) if o[1] == outcome]) > known)
    bot.settle()
    assert len(telegram.messages) == before + 1, "only /whoami of the admin was answered"
    assert len(telegram.answers) <= answers + 1
    assert [c for c in telegram.called("sendMessage") if c.parameters["chat_id"] in (str(STRANGER), "-77", "-88")] == []


def test_people_are_warned_of_a_stranger_once_in_an_hour(bot, telegram, url):
    for _ in range(3):
        telegram.types("/positions", user=1001)
    telegram.wait_for(lambda: len(outcomes(url, 1001)) >= 3)
    bot.settle()
    warned = "SELECT count(*) FROM ops.outbox WHERE kind = 'stranger' AND body LIKE '%1001%'"
    assert rows(url, warned) == [(1,)]


def test_the_flood_of_a_stranger_fills_no_table(bot, telegram, url):
    for _ in range(40):
        telegram.types("/positions", user=1002)
    bot.settle()
    telegram.wait_for(lambda: len(outcomes(url, 1002)) >= 20)
    bot.settle()
    assert len(outcomes(url, 1002)) == 20


def test_the_chatter_of_a_group_is_not_for_the_bot(bot, telegram, url):
    bot.settle()
    before = len(telegram.messages)
    telegram.types("good morning", user=STRANGER, chat=GROUP)
    telegram.types("/status@other_bot", user=ADMIN, chat=GROUP)
    bot.settle()
    assert len(telegram.messages) == before + 1
    assert "NAV" in bot.ask("/status@b_bot", chat=GROUP).plain


@pytest.mark.parametrize(
    ("act", "said", "outcome"),
    [
        (lambda t: t.edits("/status", user=ADMIN), "An edited message is not carried out", "edited"),
        (lambda t: t.types("/status", user=ADMIN, **FORWARDED), "A forwarded message is not carried out", "forwarded"),
        (lambda t: t.types("/halt", user=ADMIN, ago_seconds=90), "Too old", "too_old"),
    ],
)
def test_a_listed_person_is_told_why_nothing_was_done(bot, telegram, url, act, said, outcome):
    before = len(telegram.messages)
    act(telegram)
    telegram.wait_for(lambda: telegram.messages[before:])
    assert said in telegram.messages[before].plain
    assert outcomes(url, ADMIN)[-1][1] == outcome
    assert rows(url, "SELECT count(*) FROM ops.controls WHERE state = 'HALTED'") == [(0,)]


@pytest.mark.parametrize("data", ["ok:1:wrong-nonce", "ok:99999999999999999999:x", "nonsense", "ok:x:y", "no:1"])
def test_a_button_that_nobody_made_does_nothing(bot, url, data):
    assert bot.tap_data(data) == "This button is not from this desk."
    assert outcomes(url, ADMIN)[-1] == ("bot:tap", "unknown_button")


def test_an_update_that_comes_again_does_nothing_also_after_a_restart(environment, telegram, bot, url):
    telegram.wait_for(lambda: not telegram.pending)
    seen = telegram.types("/ban TSLA once", user=ADMIN)
    count = "SELECT count(*) FROM ops.restrictions WHERE symbol = 'TSLA'"
    telegram.wait_for(lambda: rows(url, count) == [(1,)])
    bot.settle()
    again = telegram._message("/ban TSLA once", ADMIN, ADMIN, 0)
    telegram.push({"update_id": seen, "message": again, "is_replayed": True})
    telegram.wait_for(lambda: outcomes(url, ADMIN)[-1] == ("bot:ban", "replayed"))
    bot.end()
    with running_bot(environment, telegram) as restarted:
        telegram.push({"update_id": seen, "message": again, "is_replayed": True})
        telegram.wait_for(lambda: outcomes(url, ADMIN).count(("bot:ban", "replayed")) == 2)
        assert rows(url, count) == [(1,)]
        survives_every_fault(restarted, telegram, environment)


# --- faults -------------------------------------------------------------------------------------


def survives_every_fault(bot, telegram, environment):
    """The reader waits for Telegram whatever it says; answers arrive; no log holds the token."""
    faults = (refusal(400, "Bad Request: odd"), BLOCKED, flood(1), BAD_GATEWAY, CUT_OFF, refusal(500, "Internal"))
    for fault in faults:
        telegram.fail("getUpdates", fault)
        telegram.types("/whoami")
        before = len(telegram.messages)
        telegram.wait_for(lambda before=before: telegram.messages[before:], seconds=25)
    for fault in (UNPARSEABLE, flood(1), BAD_GATEWAY, STALLED_BUT_DELIVERED):
        telegram.fail("sendMessage", fault)
        assert "role admin" in bot.ask("/whoami", seconds=25).plain
    telegram.fail("sendMessage", BLOCKED)
    telegram.types("/whoami")
    telegram.wait_for(lambda: "an answer was refused" in log_of(bot))
    bot.settle()
    second_copy_says_who_works(environment, telegram)
    another_reader_ends_it(bot, telegram)


def second_copy_says_who_works(environment, telegram):
    with running_bot(environment, telegram, listens=False) as second:
        assert second.process.wait(20) == Exit.WAIT
        assert re.search(r"airdesk bot on \S+, process \d+, since .* is the one bot already", log_of(second))


def another_reader_ends_it(bot, telegram):
    telegram.fail("getUpdates", CONFLICT)
    telegram.types("/whoami")
    assert bot.process.wait(30) == Exit.WAIT
    said = log_of(bot)
    assert "another process reads the updates of this bot (409)" in said
    assert "Traceback" not in said
    for part in (telegram.token, telegram.token.split(":")[1]):
        assert part not in said


@pytest.mark.parametrize("fault", [UNAUTHORIZED, NOT_FOUND], ids=["401", "404"])
def test_a_token_that_telegram_does_not_know_ends_it_and_is_in_no_log(environment, telegram, fault):
    telegram.fail("getMe", fault)
    with running_bot(environment, telegram, listens=False) as refused:
        assert refused.process.wait(20) == Exit.ACT
        said = log_of(refused)
    assert "Telegram does not know AIRDESK_TELEGRAM_TOKEN" in said
    assert telegram.token.split(":")[1] not in said


def test_without_a_token_there_is_no_bot_and_it_says_so(environment, telegram):
    with running_bot({**environment, "AIRDESK_TELEGRAM_TOKEN": ""}, telegram, listens=False) as without:
        assert without.process.wait(20) == Exit.ACT
        assert "docs/telegram.md says how" in log_of(without)
