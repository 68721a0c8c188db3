"""Names in .env that nothing reads: a letter too few there changes nothing, and nobody would say so."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from trading.entrypoints.findings import Finding, Level

_LINE = re.compile(r"^\s*(#?)([A-Z][A-Z0-9_]*)\s*=", re.MULTILINE)
_OF_AIRFLOW = "AIRFLOW"
"""Whatever Airflow takes may stand in .env too."""


def unread_names(root: Path) -> Iterator[Finding]:
    """Yield a warning for each name in .env that looks like one of ours and is none of .env.example."""
    file, example = root / ".env", root / ".env.example"
    if not file.is_file() or not example.is_file():
        return
    known = {name for _, name in _LINE.findall(example.read_text(encoding="utf-8"))}
    families = {_family(name) for name in known} - {_OF_AIRFLOW}
    given = (name for mark, name in _LINE.findall(file.read_text(encoding="utf-8")) if not mark)
    for name in dict.fromkeys(given):
        if name not in known and _family(name) in families:
            near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.75)
            meant = f"write {near[0]}, if that is meant" if near else "look for its name in .env.example"
            yield Finding(Level.WARN, "settings", f"nothing reads {name} of .env; {meant}")


def _family(name: str) -> str:
    return name.partition("_")[0]
