"""Who gets in, by every combination of person, place and kind of message."""

from datetime import UTC, datetime, timedelta

import pytest
from trading.domain.people import Role
from trading.entrypoints.bot.gate import STRANGE, Heard, Refusal, judge
from trading.ports.bot import read_tap, tap_data
from trading.settings import TelegramSettings

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
PEOPLE = TelegramSettings(chats=(42, -100), people={42: Role.ADMIN, 7: Role.VIEW})


def heard(**other):
    usual = {"update_id": 1, "user_id": 42, "chat_id": 42, "text": "/status", "sent_at": NOW, "is_private": True}
    return Heard(**usual | other)


@pytest.mark.parametrize(
    ("other", "refusal"),
    [
        ({}, None),
        ({"chat_id": -100, "is_private": False}, None),
        ({"user_id": 7, "chat_id": -100, "is_private": False}, None),
        ({"user_id": 999}, Refusal.STRANGER),
        ({"user_id": 999, "chat_id": -100, "is_private": False}, Refusal.STRANGER),
        ({"user_id": 7, "chat_id": 7}, Refusal.CHAT),
        ({"user_id": None, "chat_id": -100, "is_channel": True}, Refusal.CHANNEL),
        ({"user_id": None}, Refusal.CHANNEL),
        ({"is_edited": True}, Refusal.EDITED),
        ({"is_forwarded": True}, Refusal.FORWARDED),
        ({"sent_at": NOW - timedelta(seconds=60)}, None),
        ({"sent_at": NOW - timedelta(seconds=61)}, Refusal.OLD),
        ({"text": "hello", "is_private": False, "chat_id": -100, "user_id": 999}, Refusal.CHATTER),
        ({"text": "", "data": "ok:1:x", "sent_at": None, "is_private": False, "user_id": 999}, Refusal.STRANGER),
        ({"text": "", "data": "ok:1:x", "sent_at": None, "is_private": False}, None),
    ],
)
def test_the_gate_lets_in_a_listed_person_in_a_listed_chat_with_a_fresh_message(other, refusal):
    assert judge(heard(**other), PEOPLE, NOW) is refusal


def test_a_stranger_learns_nothing_from_an_edit_or_an_old_message():
    for other in ({"is_edited": True}, {"is_forwarded": True}, {"sent_at": NOW - timedelta(hours=1)}):
        assert judge(heard(user_id=999, **other), PEOPLE, NOW) in STRANGE


def test_roles_include_the_ones_before():
    assert [[mine.may(needed) for needed in Role] for mine in Role] == [
        [True, False, False], [True, True, False], [True, True, True],
    ]  # fmt: skip


def test_what_a_button_says_is_read_back_and_fits_in_64_bytes():
    said = tap_data(True, 2**63 - 1, "x" * 12)
    assert read_tap(said) == (True, 2**63 - 1, "x" * 12)
    assert len(said) <= 64
    assert read_tap(tap_data(False, 7, "n")) == (False, 7, "n")
    assert [read_tap(text) for text in ("", "ok", "ok:1", "yes:1:n", "ok:-1:n", "ok:１:n", "ok:1:n:m")] == [None] * 7
