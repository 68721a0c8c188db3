"""Rows of the bot: updates that it saw, what waits for a tap, and replays that people asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from trading.domain.instruments import BookId
from trading.domain.people import Role

APPROVAL = "approve"
"""The command of an intent that answers the question of a waiting order."""


class IntentState(StrEnum):
    """What became of something that waited for a tap."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to wait for a tap.

    Attributes:
        command, arguments: what a yes carries out.
        subject: what it is about, where more than one message may ask about it; for approvals the decision.
        role: that a tap needs.
        user_id, chat_id: whose tap counts, and where; None for any person of that role.
        valid_seconds: how long.
    """

    book: BookId
    command: str
    arguments: tuple[str, ...]
    role: Role
    valid_seconds: float
    subject: str | None = None
    user_id: int | None = None
    chat_id: int | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What waits, or waited, for a tap.

    Attributes:
        answered_by, answered_at: None while it is pending.
        is_over: whether its time is over.
    """

    intent_id: int
    book: BookId
    command: str
    arguments: tuple[str, ...]
    role: Role
    user_id: int | None
    chat_id: int | None
    state: IntentState
    answered_by: str | None
    answered_at: datetime | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class Backtest:
    """A replay that a person asked for. `chat_id`: where its report goes."""

    backtest_id: int
    first_on: date
    last_on: date
    chat_id: int
    asked_by: str


class BotRows(Protocol):
    """ops.bot_updates, bot_intents, bot_backtests."""

    def is_new(self, bot_id: int, update_id: int) -> bool:
        """Remember an update; False if it was seen before."""
        ...

    def forget_updates(self, *, days: int) -> int:
        """Forget the updates that are older; how many."""
        ...

    def propose(self, proposal: Proposal) -> tuple[str, str]:
        """Store what waits for a tap; returns the data of the buttons for yes and for no, at most 64 bytes each."""
        ...

    def intent(self, intent_id: int, nonce: str) -> Intent | None:
        """Return what a button is about; None if there is no such intent with this nonce."""
        ...

    def answer(self, intent_id: int, state: IntentState, *, by: str) -> bool:
        """Let this tap decide; False if another one did, or if the time is over."""
        ...

    def reopen(self, intent_id: int) -> None:
        """Let an intent wait again, whose answer could not be carried out."""
        ...

    def is_waiting(self, book: BookId, command: str, subject: str) -> bool:
        """Return whether something of this kind waits about a subject."""
        ...

    def answerer(self, book: BookId, command: str, subject: str) -> str | None:
        """Return who answered about a subject last, or None."""
        ...

    def was_warned_of(self, who: int) -> bool:
        """Return whether people were warned of this stranger within the last hour."""
        ...

    def mute(self, until: datetime, *, by: str) -> None:
        """Let what is not grave arrive without a sound until an instant."""
        ...

    def muted_until(self) -> datetime | None:
        """Return until when messages make no sound, past or not; None if nobody ever asked for it."""
        ...

    def queue_backtest(self, first_on: date, last_on: date, *, chat_id: int, asked_by: str, most: int) -> int | None:
        """Queue a replay; returns how many wait or run, this one included; None (and nothing done) over `most`."""
        ...

    def next_backtest(self) -> Backtest | None:
        """Start the oldest replay that is not done; one that a stop cut off begins again."""
        ...

    def end_backtest(self, backtest_id: int, *, is_done: bool, detail: str) -> None:
        """Note how a replay ended."""
        ...


def tap_data(yes: bool, intent_id: int, nonce: str) -> str:
    """Return what a button says, e.g. "ok:17:x8Kd_2aQ"."""
    return f"{'ok' if yes else 'no'}:{intent_id}:{nonce}"


def read_tap(data: str) -> tuple[bool, int, str] | None:
    """Return (is yes, intent, nonce) of what a button says; None for anything else."""
    words: Sequence[str] = data.split(":")
    if len(words) != 3 or words[0] not in ("ok", "no") or not words[1].isascii() or not words[1].isdecimal():
        return None
    return words[0] == "ok", int(words[1]), words[2]
