"""A letter as Telegram takes it: HTML with every value escaped, and the same as plain text, cut to what fits.

HTML and not Markdown: it has three characters to escape, and prices are full of what Markdown wants escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from trading.domain.letters import Letter

TEXT_UNITS, CAPTION_UNITS = 4096, 1024
"""What Telegram takes, in UTF-16 units after the tags are gone."""
FURNITURE_UNITS = 300
"""Room for title and footer."""


@dataclass(frozen=True, slots=True)
class Part:
    """One message of Telegram's."""

    html: str
    plain: str


def parts_of(letter: Letter) -> tuple[Part, ...]:
    """Return the letter in as many parts as it needs, the title on the first and the footer on the last."""
    pieces = list(_pieces("\n".join(letter.lines), TEXT_UNITS - FURNITURE_UNITS))
    return tuple(
        _part(letter.title if number == 0 else "", piece, letter.footer if number == len(pieces) - 1 else "")
        for number, piece in enumerate(pieces)
    )


def caption_of(letter: Letter) -> Part | None:
    """Return the whole letter as the caption of its picture, or None if it is too long for one."""
    text = "\n".join(letter.lines)
    whole = _part(letter.title, text, letter.footer)
    return whole if units(whole.plain) <= CAPTION_UNITS else None


def title_only(letter: Letter) -> Part:
    """Return what stands below a picture whose text follows as a message of its own."""
    return _part(letter.title, "", letter.footer)


def units(text: str) -> int:
    """Return the length as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _part(title: str, text: str, footer: str) -> Part:
    rich = (f"<b>{escape(title, quote=False)}</b>", escape(text, quote=False), f"<i>{escape(footer, quote=False)}</i>")
    bare = (title, text, footer)
    return Part(
        html="\n".join(r for r, b in zip(rich, bare, strict=True) if b),
        plain="\n".join(b for b in bare if b),
    )


def _pieces(text: str, most: int) -> Iterator[str]:
    """Yield the text in pieces that fit, cut at the end of a line or a word where there is one."""
    text = _sayable(text)
    while units(text) > most:
        fits = _longest_prefix(text, most)
        cut = max(fits.rfind("\n"), fits.rfind(" "))
        cut = cut if cut > most // 2 else len(fits)
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    yield text


def _longest_prefix(text: str, most: int) -> str:
    prefix = text[:most]
    while units(prefix) > most:
        prefix = prefix[: len(prefix) - max(1, (units(prefix) - most) // 2)]
    return prefix


def _sayable(text: str) -> str:
    """Return the text without what cannot be sent: halves of characters, and control characters."""
    whole = text.encode("utf-8", "replace").decode()
    return "".join(character for character in whole if character in "\n\t" or character.isprintable())
