"""Messages as rows for people: what was said, whether it went out, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.table import Table
from rich.text import Text

from trading.domain.messages import KINDS, MessageKind
from trading.ports.messages import StoredMessage
from trading.reporting.tables import table_of

NEW_YORK = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One message.

    Attributes:
        title: the kind in words.
        state: sent, waiting, failed or dropped.
        why: why it is not simply sent; "" if it is.
        reference: the number in the message as it arrived; messages that went together share it.
    """

    message_id: int
    created_at: datetime
    badge: str
    book: str | None
    kind: str
    title: str
    severity: str
    text: str
    state: str
    why: str
    sent_at: datetime | None
    reference: str | None
    is_silent: bool


def row_of(stored: StoredMessage) -> MessageRow:
    """Return a stored message as people see it."""
    state, why = stored.state, stored.detail or ""
    if state in {"pending", "sending", "uncertain"}:
        state = "waiting"
        if stored.state == "uncertain":
            why = f"{why}; it goes once more, as {stored.reference}"
        elif stored.detail and stored.next_try_at > stored.created_at:
            why = f"{why}, until {stored.next_try_at.astimezone(NEW_YORK):%a %H:%M} New York"
    title = KINDS[MessageKind(stored.kind)].title if stored.kind in set(MessageKind) else stored.kind
    head = f"{stored.badge} "
    text = stored.body.removeprefix(head).removeprefix(f"{stored.book}: ")
    return MessageRow(
        stored.message_id, stored.created_at, stored.badge, stored.book, stored.kind, title, stored.severity, text,
        state, why if state != "sent" else "", stored.sent_at, stored.reference, stored.is_silent,
    )  # fmt: skip


def messages_table(title: str, rows: Iterable[MessageRow]) -> Table:
    """Return the table; what a message says is shown as it is, never as markup."""
    table = table_of(title, "New York", "number", "state", "badge", "what")
    for row in rows:
        at = f"{row.created_at.astimezone(NEW_YORK):%m-%d %H:%M}"
        why = f" ({row.why})" if row.why else ""
        cells = (at, row.reference or "-", row.state, row.badge, f"{row.title}: {row.text}{why}")
        table.add_row(*map(Text, cells))
    return table
