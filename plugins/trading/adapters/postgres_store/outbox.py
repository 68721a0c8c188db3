"""ops.outbox and ops.message_sender, as the sender of messages uses them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId
from trading.domain.message_policy import Message, Topic
from trading.domain.messages import MessageKind, Severity
from trading.ports.messages import Fate, Outcome, SenderState, StoredMessage


class PostgresOutboxRows:
    """`OutboxRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "outbox")

    def waiting(self, at: datetime, limit: int) -> tuple[Message, ...]:
        """Return what is to be sent and whose time has come, ascending by id; kinds that are unknown are skipped."""
        rows = self._sql.rows("waiting_messages", at=at, limit=limit)
        return tuple(_message(row) for row in rows if row["kind"] in set(MessageKind))

    def backlog(self, at: datetime) -> tuple[int, datetime | None]:
        """Return how many messages should have gone by now, and since when the oldest of them waits."""
        row = self._sql.row("message_backlog", at=at)
        assert row is not None
        return row["count"], row["oldest_at"]

    def picture(self, message_id: int) -> bytes | None:
        """Return the picture of a message."""
        held = self._sql.value("message_picture", message_id=message_id)
        return None if held is None else bytes(held)

    def sent_since(self, at: datetime) -> tuple[Mapping[Topic, datetime], Counter[Topic]]:
        """Return for each topic when the newest letter went after `at`, and how many messages went since."""
        newest: dict[Topic, datetime] = {}
        counts: Counter[Topic] = Counter()
        for row in self._sql.rows("topics_sent", at=at):
            if row["kind"] in set(MessageKind):
                topic = (_book(row["book"]), MessageKind(row["kind"]))
                newest[topic], counts[topic] = row["newest_at"], row["count"]
        return newest, counts

    def begin(self, message_ids: Sequence[int], reference: str, *, is_repeat: bool) -> None:
        """Note that messages are about to be handed over as one letter; committed before they are."""
        self._sql.run("begin_letter", message_ids=list(message_ids), reference=reference, repeats=int(is_repeat))

    def end(self, message_ids: Sequence[int], outcome: Outcome, *, at: datetime, is_silent: bool) -> None:
        """Note that a letter arrived, or never will."""
        is_sent = outcome.fate is Fate.SENT
        self._sql.run(
            "end_letter",
            message_ids=list(message_ids),
            state="sent" if is_sent else "failed",
            sent_at=at if is_sent else None,
            detail=outcome.detail or None,
            is_silent=is_silent,
            chat_id=outcome.chat_id,
            telegram_id=outcome.telegram_id,
        )

    def hold(self, message_ids: Sequence[int], until: datetime, why: str) -> None:
        """Leave messages until an instant."""
        self._sql.run("hold_messages", message_ids=list(message_ids), until=until, why=why)

    def doubt(self, message_ids: Sequence[int], until: datetime, why: str) -> None:
        """Note that messages may have arrived; they go once more, after `until`."""
        self._sql.run("doubt_messages", message_ids=list(message_ids), until=until, why=why)

    def drop(self, message_id: int, why: str) -> None:
        """Never send a message."""
        self._sql.run("drop_message", message_id=message_id, why=why)

    def recover(self) -> int:
        """Turn what a dead sender was handing over into doubts; returns how many."""
        return self._sql.run("recover_messages")

    def listed(self, book: BookId | None, limit: int) -> tuple[StoredMessage, ...]:
        """Return the newest messages, youngest first, of one book or of all."""
        rows = self._sql.rows("list_messages", book=str(book) if book else None, limit=limit)
        return tuple(StoredMessage(**row) for row in rows)

    def newest_of(self, book: BookId, kinds: Sequence[MessageKind]) -> StoredMessage | None:
        """Return the newest message about a book among these kinds, or None."""
        row = self._sql.row("newest_message", book=str(book), kinds=[kind.value for kind in kinds])
        return None if row is None else StoredMessage(**row)

    def sender(self) -> SenderState | None:
        """Return how the sender stands; None where there never was one."""
        row = self._sql.row("sender_state")
        return None if row is None else SenderState(**row)

    def set_sender(self, state: SenderState) -> None:
        """Note how the sender stands."""
        self._sql.run("set_sender_state", **asdict(state))


def _message(row: dict[str, Any]) -> Message:
    return Message(
        **(
            row
            | {
                "book": _book(row["book"]),
                "kind": MessageKind(row["kind"]),
                "severity": Severity(row["severity"]),
                "buttons": tuple(tuple((text, data) for text, data in line) for line in row["buttons"]),
            }
        )
    )


def _book(text: str | None) -> BookId | None:
    return BookId.parse(text) if text else None
