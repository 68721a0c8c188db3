"""A replay that is asked for on Telegram runs beside the bot, and its report arrives as a file. All is SYNTHETIC."""

from __future__ import annotations

import os
import re

import pytest
from trading.adapters.market_calendar import NyseCalendar

from tests.fakes import ny
from tests.integration.bot_desk import ROOT, running_bot
from tests.integration.worlds import fill_with_synthetic_market
from tests.telegram_stub import telegram_stub


@pytest.fixture
def environment(store, database_url, tmp_path):
    fill_with_synthetic_market(store, NyseCalendar(), until=ny("2024-07-31 16:01"), days=30)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRDESK", "AIRFLOW"))}
    return kept | {
        "PYTHONPATH": str(ROOT / "plugins"), "AIRDESK_DATABASE_URL": database_url, "AIRDESK_STATE_DIR": str(tmp_path),
        "AIRDESK_MODE": "demo", "AIRDESK_SOURCES": "stored", "AIRDESK_STRATEGY": "technical_core",
        "AIRDESK_TELEGRAM_CHATS": "42", "AIRDESK_TELEGRAM_PEOPLE": "42:operate",
    }  # fmt: skip


def test_the_report_of_a_replay_comes_when_it_is_done_and_the_bot_answers_meanwhile(environment):
    with telegram_stub() as telegram:
        address = {"AIRDESK_TELEGRAM_TOKEN": telegram.token, "AIRDESK_TELEGRAM_BASE_URL": telegram.base_url}
        with running_bot(environment | address, telegram) as bot:
            assert "2024-07-29 to 2024-07-31. It begins now." in bot.ask("/backtest 2024-07-29 2024-07-31").plain
            assert "role operate" in bot.ask("/whoami").plain
            telegram.wait_for(lambda: [m for m in telegram.messages if m.document], seconds=120)
    told, report = telegram.messages[-2:]
    assert told.plain.startswith("REPLAY SYNTHETIC asked by telegram:42")
    assert "replay 2024-07-29 to 2024-07-31 is done" in told.plain
    assert re.search(r"^sessions +3$", told.plain, re.M)
    assert report.document.startswith(b"<!doctype html>")
    assert b"SYNTHETIC" in report.document
