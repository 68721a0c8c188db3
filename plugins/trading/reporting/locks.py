"""What is locked, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.table import Table

from trading.domain.locks import Lock
from trading.reporting.tables import table_of


def locks_table(title: str, locks: Sequence[Lock]) -> Table:
    """Return one line per lock, the whole book's first."""
    table = table_of(title, "what", "since", "until", "denied as", "why")
    for lock in locks:
        table.add_row(lock.symbol or "the book", _day(lock.since), _day(lock.until), lock.code, lock.reason)
    return table


def _day(on: date | None) -> str:
    return "–" if on is None else on.isoformat()
