"""Which code trades: one hash over the sources that decide and send, so that two versions are told apart."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from trading.adapters.sql_files import SQL_DIR

PACKAGE = Path(__file__).parents[1]
ROOMS = ("domain", "analysis", "strategy", "execution", "accounting", "engine", "ports", "tasks", "adapters")
"""From domain to adapters; entry points, reports, gateway and documents change no order."""


@cache
def code_hash() -> str:
    """Return the SHA-256 of those sources, computed once in a process."""
    return hash_of(PACKAGE, SQL_DIR / "queries")


def hash_of(package: Path, statements: Path) -> str:
    """Return the SHA-256 over names and contents of the package's rooms and of the SQL that its adapters run."""
    files = [package / "errors.py", *(path for room in ROOMS for path in (package / room).rglob("*.py"))]
    digest = hashlib.sha256()
    for base, path in sorted([*((package, f) for f in files), *((statements, f) for f in statements.glob("*.sql"))]):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(base).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
