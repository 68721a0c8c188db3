"""What a person reads: a title, the lines, and the line with book, time and number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from trading.domain.message_policy import Message, Send
from trading.domain.messages import KINDS, Buttons, Severity

NEW_YORK = ZoneInfo("America/New_York")
SHOWN = 5
"""Messages of a storm that are shown; the others are counted."""
DIGEST_CHARACTERS = 3000
LINE_CHARACTERS = 300
MARKS = {Severity.INFO: "", Severity.WARNING: "⚠️ ", Severity.ERROR: "🛑 "}
LISTED = "./airdesk messages lists all"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it is sent; all of it plain text.

    Attributes:
        title: badge and what it is about.
        footer: book, New York time, and the number by which a person knows it again.
        picture: PNG bytes.
    """

    reference: str
    title: str
    lines: tuple[str, ...]
    footer: str
    is_silent: bool = False
    buttons: Buttons = ()
    picture: bytes | None = None


def letter_of(send: Send, at: datetime, picture: bytes | None = None) -> Letter:
    """Return what is read of messages that go together at `at`."""
    first = send.messages[0]
    reference = first.reference or f"#{first.message_id}"
    worst = max((m.severity for m in send.messages), key=tuple(MARKS).index)
    lines = tuple(_lines(send))
    if send.is_repeat:
        lines = (*lines, f"Sent again: Telegram did not confirm {reference}. You may have it already.")
    return Letter(
        reference=reference,
        title=f"{first.badge} {MARKS[worst]}{_subject(send)}",
        lines=lines,
        footer=" · ".join(part for part in (str(first.book or ""), _time(first.created_at, at), reference) if part),
        is_silent=send.is_silent,
        buttons=first.buttons,
        picture=picture,
    )


def _subject(send: Send) -> str:
    if send.is_digest:
        return f"Digest of {len(send.messages)} messages"
    title = KINDS[send.messages[0].kind].title
    return title if len(send.messages) == 1 else f"{title} × {len(send.messages)}"


def _lines(send: Send) -> Iterator[str]:
    if len(send.messages) == 1:
        yield words_of(send.messages[0])
    elif send.is_digest:
        yield from _digest(send.messages)
    else:
        yield from (_short(words_of(message)) for message in send.messages[:SHOWN])
        if len(send.messages) > SHOWN:
            yield f"… and {len(send.messages) - SHOWN} more; {LISTED}"


def _digest(messages: Sequence[Message]) -> Iterator[str]:
    room = DIGEST_CHARACTERS
    for number, message in enumerate(messages):
        line = f"{message.created_at.astimezone(NEW_YORK):%H:%M} {KINDS[message.kind].title}: "
        line += _short(words_of(message))
        room -= len(line)
        if room < 0:
            yield f"… and {len(messages) - number} more; {LISTED}"
            return
        yield line


def words_of(message: Message) -> str:
    """Return the text without the badge and the book at its beginning, which every letter shows anyhow."""
    return message.body.removeprefix(f"{message.badge} ").removeprefix(f"{message.book}: ")


def _short(text: str) -> str:
    first = text.split("\n", 1)[0]
    return first if len(first) <= LINE_CHARACTERS else first[: LINE_CHARACTERS - 1] + "…"


def _time(created_at: datetime, at: datetime) -> str:
    here, now = created_at.astimezone(NEW_YORK), at.astimezone(NEW_YORK)
    day = "" if here.date() == now.date() else f"{here:%a %-d %b} "
    return f"{day}{here:%H:%M} New York"
