"""The outbox as its sender sees it, and whatever carries a letter to a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from trading.domain.instruments import BookId
from trading.domain.letters import Letter
from trading.domain.message_policy import Message, Topic
from trading.domain.messages import MessageKind


class Fate(StrEnum):
    """What became of a letter that was handed over."""

    SENT = "sent"
    LATER = "later"
    """It surely did not arrive; waiting helps."""
    UNCERTAIN = "uncertain"
    """It may have arrived: no answer came."""
    REFUSED = "refused"
    """This letter cannot be sent, others can."""
    STOPPED = "stopped"
    """Nothing can be sent until a person acts."""
    MOVED = "moved"
    """It did not arrive: the chat has another id now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter.

    Attributes:
        detail: a sentence for people, without any secret; with the next action where one is needed.
        wait_seconds: how long Telegram asks to be left alone.
        chat_id: where it is, or where the chat moved to.
        telegram_id: the message's number in its chat.
    """

    fate: Fate
    detail: str = ""
    wait_seconds: float | None = None
    chat_id: int | None = None
    telegram_id: int | None = None


class Messenger(Protocol):
    """Carries letters to one chat."""

    def probe(self) -> Outcome:
        """Ask whether anybody answers, without sending anything."""
        ...

    def send(self, letter: Letter, chat_id: int) -> Outcome:
        """Hand a letter over; never raises for what the other side does."""
        ...


@dataclass(frozen=True, slots=True)
class SenderState:
    """How the one sender stands.

    Attributes:
        holder: the process that sent last. seen_at: its last sign of life.
        problem: why nothing goes out; None while it does.
        chat_id: where the chat `moved_from` went to; None while it is where the settings say.
    """

    holder: str
    seen_at: datetime
    problem: str | None = None
    chat_id: int | None = None
    moved_from: int | None = None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A row of the outbox for people to look at.

    Attributes:
        kind: a text, because old rows may name kinds that are no more.
        state: pending, sending, sent, uncertain, failed or dropped.
        detail: why it waits, was dropped, or failed.
    """

    message_id: int
    book: str | None
    badge: str
    kind: str
    severity: str
    body: str
    state: str
    created_at: datetime
    next_try_at: datetime
    sent_at: datetime | None
    reference: str | None
    detail: str | None
    is_silent: bool
    attempts: int


class OutboxRows(Protocol):
    """ops.outbox and ops.message_sender."""

    def waiting(self, at: datetime, limit: int) -> tuple[Message, ...]:
        """Return what is to be sent and whose time has come, ascending by id; kinds that are unknown are skipped."""
        ...

    def backlog(self, at: datetime) -> tuple[int, datetime | None]:
        """Return how many messages should have gone by now, and since when the oldest of them waits."""
        ...

    def picture(self, message_id: int) -> bytes | None:
        """Return the picture of a message."""
        ...

    def sent_since(self, at: datetime) -> tuple[Mapping[Topic, datetime], Counter[Topic]]:
        """Return for each topic when the newest letter went after `at`, and how many messages went since."""
        ...

    def begin(self, message_ids: Sequence[int], reference: str, *, is_repeat: bool) -> None:
        """Note that messages are about to be handed over as one letter; committed before they are."""
        ...

    def end(self, message_ids: Sequence[int], outcome: Outcome, *, at: datetime, is_silent: bool) -> None:
        """Note that a letter arrived, or never will."""
        ...

    def hold(self, message_ids: Sequence[int], until: datetime, why: str) -> None:
        """Leave messages until an instant."""
        ...

    def doubt(self, message_ids: Sequence[int], until: datetime, why: str) -> None:
        """Note that messages may have arrived; they go once more, after `until`."""
        ...

    def drop(self, message_id: int, why: str) -> None:
        """Never send a message."""
        ...

    def recover(self) -> int:
        """Turn what a dead sender was handing over into doubts; returns how many."""
        ...

    def listed(self, book: BookId | None, limit: int) -> tuple[StoredMessage, ...]:
        """Return the newest messages, youngest first, of one book or of all."""
        ...

    def newest_of(self, book: BookId, kinds: Sequence[MessageKind]) -> StoredMessage | None:
        """Return the newest message about a book among these kinds, or None."""
        ...

    def sender(self) -> SenderState | None:
        """Return how the sender stands; None where there never was one."""
        ...

    def set_sender(self, state: SenderState) -> None:
        """Note how the sender stands."""
        ...
