"""What `doctor` says about messages, with the next action."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from trading.entrypoints.doctor_messages import messages_line
from trading.entrypoints.findings import Level
from trading.ports.messages import SenderState
from trading.settings import load_settings


def line(url: str, **env: str):
    return messages_line(load_settings({"AIRDESK_DATABASE_URL": url, **env}))


TELEGRAM = {"AIRDESK_TELEGRAM_TOKEN": "7:a", "AIRDESK_TELEGRAM_CHATS": "42", "AIRDESK_TELEGRAM_KINDS": "lock:off"}


def test_without_a_token_it_says_where_to_look(store, database_url):
    assert "./airdesk messages" in line(database_url).text


@pytest.mark.parametrize(
    ("ago", "problem", "level", "text"),
    [
        (None, None, Level.OK, "to chat 42; no quiet hours; lock off; none went yet"),
        (timedelta(), None, Level.OK, "go to chat 42; no quiet hours; lock off"),
        (
            timedelta(),
            "Telegram does not know the bot; fix it",
            Level.WARN,
            "out: Telegram does not",
        ),
        (timedelta(hours=1), None, Level.WARN, "./airdesk up starts one"),
    ],
)
def test_it_says_whether_messages_go_out(store, database_url, ago, problem, level, text):
    if ago is not None:
        with store.transaction() as tx:
            tx.outbox.set_sender(SenderState("x", datetime.now(UTC) - ago, problem))
    found = line(database_url, **TELEGRAM)
    assert (found.level, text in found.text) == (level, True), found.text
