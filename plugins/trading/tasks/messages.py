"""What was told, what waits and why: read once for the command, the bot and pages."""

from __future__ import annotations

from dataclasses import dataclass

from trading.domain.instruments import BookId
from trading.ports import Transaction
from trading.reporting.message_tables import MessageRow, row_of

NOBODY_SENDS = "no sender runs: ./airdesk up starts one where AIRDESK_TELEGRAM_TOKEN is set"


@dataclass(frozen=True, slots=True)
class Told:
    """The newest messages, youngest first, and what keeps those that wait.

    Attributes:
        problem: why nothing goes out at all; None while it does, or nothing waits.
    """

    rows: tuple[MessageRow, ...]
    problem: str | None


def messages_told(tx: Transaction, book: BookId | None, limit: int) -> Told:
    """Return the newest messages of a book, or of all."""
    stored, sender = tx.outbox.listed(book, limit), tx.outbox.sender()
    rows = tuple(map(row_of, stored))
    waits = any(row.state == "waiting" for row in rows)
    if sender is None:
        return Told(rows, NOBODY_SENDS if waits else None)
    return Told(rows, sender.problem if waits else None)
