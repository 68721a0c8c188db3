"""Pieces of a self-contained HTML page: everything that comes from outside is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path

CHARTS = Path(__file__).with_name("charts.css")
"""Colours and rules of charts, which come before the style of a page: of a report, and of the Desk page."""
SHEETS = (CHARTS, Path(__file__).with_name("report.css"))
"""The style of a report."""


@dataclass(frozen=True, slots=True)
class Markup:
    """Text that is HTML already and is not escaped again."""

    html: str


type Cell = str | Markup
"""Plain text, or markup."""


def html_of(cell: Cell) -> str:
    """Return a cell as HTML."""
    return cell.html if isinstance(cell, Markup) else escape(cell)


def table(
    head: Sequence[Cell], rows: Iterable[Sequence[Cell]], *, kind: str = "figures", empty: str = "none"
) -> Markup:
    """Return a table that scrolls sideways where the page is narrow; the first column names the line.

    Args:
        kind: its CSS class; cells of "words" carry the name of their column, which a narrow page shows beside them.
        empty: said instead of a table without lines.
    """
    tags = ['th scope="row"', *(_tag(c, is_named=kind == "words") for c in head[1:])]
    lines = ["<tr>" + "".join(_cell(c, t) for c, t in zip(row, tags, strict=True)) for row in rows]
    if not lines:
        return paragraph(empty)
    heads = "".join(_cell(c, 'th scope="col"') for c in head)
    body = "".join(f"{line}</tr>" for line in lines)
    return Markup(
        f'<div class="scroll"><table class="{kind}"><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _tag(head: Cell, *, is_named: bool) -> str:
    return f'td data-of="{escape(head)}"' if is_named and isinstance(head, str) else "td"


def _cell(cell: Cell, tag: str) -> str:
    return f"<{tag}>{html_of(cell)}</{tag.split()[0]}>"


def paragraph(text: Cell, *, kind: str = "") -> Markup:
    """Return a paragraph."""
    return Markup(f'<p class="{kind}">{html_of(text)}</p>' if kind else f"<p>{html_of(text)}</p>")


def section(title: str, *parts: Markup, note: str = "") -> Markup:
    """Return a section with its heading and a line that says how to read it."""
    said = f'<p class="note">{escape(note)}</p>' if note else ""
    return Markup(f"<section><h2>{escape(title)}</h2>{said}{''.join(p.html for p in parts)}</section>")


def side_by_side(*parts: Markup) -> Markup:
    """Return parts beside one another where the page is wide enough."""
    return Markup(f'<div class="pair">{"".join(p.html for p in parts)}</div>')


def captioned(part: Markup, words: str) -> Markup:
    """Return a part under its name."""
    return Markup(f"<div><h3>{escape(words)}</h3>{part.html}</div>")


def heat(text: str, frac: float) -> Markup:
    """Return text on a background that is bluer the more, or more orange the less, `frac` [−1–1] is."""
    tone = "up" if frac >= 0 else "down"
    return Markup(f'<span class="heat {tone}" style="--a:{min(abs(frac), 1.0):.0%}">{escape(text)}</span>')


def bar(shares: Sequence[tuple[str, float]]) -> Markup:
    """Return a bar of parts [0–1], each with the CSS class that colours it."""
    parts = "".join(f'<i class="{kind}" style="width:{share:.1%}"></i>' for kind, share in shares if share > 0)
    return Markup(f'<span class="bar">{parts}</span>')


def page(title: str, body: Iterable[Markup]) -> str:
    """Return the whole document; it loads nothing."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_style()}</style></head>\n<body><main>"
        + "\n".join(part.html for part in body)
        + "</main></body></html>\n"
    )


@cache
def _style() -> str:
    return "".join(sheet.read_text(encoding="utf-8") for sheet in SHEETS)
