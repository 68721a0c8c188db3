"""Style and script, served from memory under names that change with their content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

from trading.entrypoints.desk_page.words import STATIC
from trading.reporting.page import CHARTS

_TYPES = {".css": "text/css", ".js": "text/javascript"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    body: bytes
    media_type: str


@cache
def _all() -> dict[str, Asset]:
    """Return every file by its name with the beginning of its hash in it."""
    found = {}
    for path in sorted(STATIC.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            if path.suffix == ".css":
                body = CHARTS.read_bytes() + body
            digest = hashlib.sha256(body).hexdigest()[:10]
            found[f"{path.stem}.{digest}{path.suffix}"] = Asset(body, _TYPES[path.suffix])
    return found


def asset(name: str) -> Asset | None:
    """Return a file by the name under which pages load it, or None."""
    return _all().get(name)


def address(name: str) -> str:
    """Return the name under which a page loads the file `name`, e.g. "static/desk.1f2e3d4c5b.css"."""
    stem, _, suffix = name.rpartition(".")
    return "static/" + next(n for n in _all() if n.startswith(f"{stem}.") and n.endswith(f".{suffix}"))
