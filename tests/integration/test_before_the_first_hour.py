"""What a newcomer is told by a desk that has not decided yet: that nothing is there, and what to do."""

from __future__ import annotations

import json

import pytest
from trading.domain.people import Role
from trading.domain.portfolio import TradingState
from trading.entrypoints import cli
from trading.entrypoints.bot.command import Ask, Person
from trading.entrypoints.bot.registry import all_commands, by_name
from trading.errors import PermanentError
from trading.reporting.wording import first_hour

from tests.builders import BOOK
from tests.integration.test_bot_reads import desk_on
from tests.integration.test_desk_page import client_of, page_of
from tests.telegram_wire import Words


@pytest.fixture
def airdesk(store, database_url, monkeypatch, tmp_path, capsys):
    """Return what runs a command on a database without any book, and returns its code and all that it printed."""
    for name, value in {
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "demo",
        "AIRDESK_BOOK": str(BOOK),
        "AIRDESK_STATE_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("positions",), "no position\ncash 0.00 USD"),
        (("orders",), "no order yet"),
        (("fills",), "no fill yet"),
        (("state",), "not opened yet; its first hour opens it"),
    ],
)
def test_a_read_that_finds_nothing_says_so(airdesk, words, says):
    code, told = airdesk(*words)
    assert (code, f"SYNTHETIC {BOOK}: {says}" in told) == (0, True)


@pytest.mark.parametrize("command", ["why NVDA", "near-misses", "risk", "report daily", "tax lots 2026"])
def test_what_needs_an_hour_says_how_the_first_one_comes(airdesk, command):
    code, told = airdesk(*command.split())
    assert (code, f"; {first_hour(BOOK)}\n" in told) == (1, True)


def test_a_book_that_was_halted_before_its_first_hour_is_shown_halted(airdesk, store, database_url, tmp_path):
    code, told = airdesk("halt", "--reason", "not today")
    assert (code, f"SYNTHETIC {BOOK}: HALTED\n" in told) == (1, True), "no broker is there to verify with"
    code, told = airdesk("state")
    assert (code, f"SYNTHETIC {BOOK}: HALTED; not opened yet" in told, ": not today" in told) == (0, True, True)
    answer = json.loads(airdesk("state", "--json")[1])
    assert answer["state"] == TradingState.HALTED
    assert answer["reason"].endswith(": not today")
    assert "Trading state: HALTED by" in " ".join(airdesk("messages")[1].split())
    assert "It is HALTED by" in asked(store, tmp_path, "status")
    assert "<b>HALTED</b>" in page_of(client_of(database_url, tmp_path, AIRDESK_BOOK=str(BOOK)))


def test_a_halt_of_a_book_that_is_not_there_stops_everything_and_says_why(airdesk, tmp_path):
    code, told = airdesk("halt", "--book", "demo:typo")
    assert code == 1
    assert "there is no book demo:typo" in told
    assert list(tmp_path.rglob("HALT")), "the flag is raised: whoever wants to halt something halts all of it"


def test_a_halt_needs_no_words(airdesk):
    airdesk("halt", "--reason", "")
    assert "halt by operator" in airdesk("state")[1]


def test_the_page_of_a_book_before_its_first_hour_blames_nothing(store, database_url, tmp_path):
    html = " ".join(page_of(client_of(database_url, tmp_path)).split())
    assert "This book has not decided yet: unpause <code>hourly_trading</code>" in html
    assert "Nothing is held: this book has not decided yet." in html
    assert "STATE: not opened yet; its first hour opens it" in html
    assert "LATE" not in html


@pytest.mark.parametrize("name", ["nearmiss", "explain", "regime", "positions"])
def test_the_bot_says_how_the_first_hour_comes(store, tmp_path, name):
    with pytest.raises(PermanentError) as refused:
        asked(store, tmp_path, name)
    assert first_hour(BOOK) in str(refused.value)


def asked(store, tmp_path, name: str) -> str:
    command = by_name(all_commands())[name]
    reply = command.run(Ask(command, desk_on(store, tmp_path), Person(42, 42, Role.ADMIN), ()))
    return Words.of("\n".join(reply.blocks))
