"""What the bot says: blocks of the little HTML that Telegram takes, narrow enough for a phone, cut with a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 38
"""Characters of a table's line that a phone shows without breaking it."""
TEXT_LIMIT = 4000
"""Characters of a message, tags included; Telegram takes 4096 without them."""
MOST_MESSAGES = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer.

    Attributes:
        blocks: HTML, a paragraph or a table each.
        asks: whether it shows an effect that waits for a tap.
        taps: buttons of its own, rows of (text, data).
        picture: PNG bytes, sent after the text. document: a file's name and bytes.
        is_failure: whether the command did not do what it was asked.
        more: where all of it can be seen if it is too long, e.g. "./airdesk orders".
    """

    blocks: tuple[str, ...]
    asks: bool = False
    taps: tuple[tuple[tuple[str, str], ...], ...] = ()
    picture: bytes | None = None
    document: tuple[str, bytes] | None = None
    is_failure: bool = False
    more: str = ""

    @classmethod
    def of(cls, *texts: str, more: str = "") -> Reply:
        """Return an answer in plain sentences."""
        return cls(tuple(map(say, texts)), more=more)


def say(text: str) -> str:
    """Return a plain text as HTML."""
    return escape(text, quote=False)


def lines(texts: Iterable[str]) -> str:
    """Return sentences as one block, a line each."""
    return "\n".join(map(say, texts))


def table(rows: Sequence[Sequence[str]], head: Sequence[str] = (), *, left: int = 1) -> str:
    """Return rows as one block in columns, at most 38 characters wide.

    Args:
        left: how many columns stand on the left of their place, as words do; the others are numbers. The widest of
            the left ones is shortened where the line is too long.
    """
    every = [list(map(str, row)) for row in ([head, *rows] if head else rows)]
    if not every:
        return ""
    widths = [max(len(cell) for cell in column) for column in zip(*every, strict=True)]
    if (over := sum(widths) + len(widths) - 1 - WIDTH) > 0:
        widest = max(range(max(left, 1)), key=lambda place: widths[place])
        widths[widest] = max(4, widths[widest] - over)
    return f"<pre>{say(chr(10).join(_line(row, widths, left) for row in every))}</pre>"


def _line(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    cells = (
        short(cell, width).ljust(width) if place < left else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return " ".join(cells).rstrip()


def pairs(rows: Sequence[tuple[str, str]]) -> str:
    """Return names with their values, the values on the right."""
    return table(rows)


def short(text: str, width: int) -> str:
    """Return a text cut to a width, with a sign that it is."""
    return text if len(text) <= width else f"{text[: max(0, width - 1)]}…"


def messages(title: str, reply: Reply) -> tuple[str, ...]:
    """Return the texts of the messages that an answer becomes; the last one says what was left out.

    Args:
        title: HTML on top of the first one.
    """
    pages: list[str] = [title]
    pieces = list(_pieces(reply.blocks))
    for place, piece in enumerate(pieces):
        if len(pages[-1]) + len(piece) + 1 <= TEXT_LIMIT:
            pages[-1] = f"{pages[-1]}\n{piece}"
        elif len(pages) < MOST_MESSAGES:
            pages.append(piece)
        else:
            left = sum(part.count("\n") + 1 for part in pieces[place:])
            where = f", {say(reply.more)} shows all" if reply.more else ""
            pages[-1] = f"{pages[-1]}\n… {left} more lines{where}"
            break
    return tuple(pages)


def _pieces(blocks: Iterable[str]) -> Iterator[str]:
    """Yield blocks; one that no message holds comes in parts that end with a line."""
    room = TEXT_LIMIT - 400
    for block in blocks:
        if len(block) <= room:
            yield block
            continue
        is_table = block.startswith("<pre>")
        inner = block.removeprefix("<pre>").removesuffix("</pre>") if is_table else block
        for part in _parts(inner.split("\n"), room):
            yield f"<pre>{part}</pre>" if is_table else part


def _parts(texts: Sequence[str], room: int) -> Iterator[str]:
    part = ""
    for text in texts:
        for start in range(0, max(len(text), 1), room):
            piece = text[start : start + room]
            if part and len(part) + len(piece) + 1 > room:
                yield part
                part = piece
            else:
                part = f"{part}\n{piece}" if part else piece
    if part:
        yield part
