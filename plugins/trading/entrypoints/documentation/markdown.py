"""Markdown, as far as the generated pages need it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from trading.errors import PermanentError

NOTE = "<!-- Made by `make docs` from {source}. Do not edit: change the source and make it again. -->"


def page(title: str, source: str, parts: Iterable[str]) -> str:
    """Return a whole page; each part is a block of its own."""
    return "\n\n".join([f"# {title}", NOTE.format(source=source), *(p.strip("\n") for p in parts)]) + "\n"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what would end a cell is escaped."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def code(text: str) -> str:
    """Return text as code within a line."""
    return f"`{text}`" if text else ""


def sentence(text: str) -> str:
    """Return text that begins with a capital and ends with a full stop."""
    text = text.strip()
    return text if not text else text[0].upper() + text[1:] + ("" if text.endswith((".", "?", "!")) else ".")


def between_marks(text: str, name: str, inner: str) -> str:
    """Return `text` with what stands between the marks of `name` replaced.

    Raises:
        PermanentError: the marks are not there.
    """
    start, end = f"<!-- {name}: made by `make docs` -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise PermanentError(f"the page has no marks {start} … {end}; put them where the table belongs")
    return f"{before}{start}\n\n{inner}\n\n{end}{after}"


def written(root: Path, pages: Iterable[tuple[str, str]]) -> list[str]:
    """Write the pages that changed and return their names."""
    changed = []
    for name, text in pages:
        path = root / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
