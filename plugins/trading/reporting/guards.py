"""What protects each position, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from trading.domain.guards import Guard
from trading.reporting.tables import shares, table_of


def guards_table(title: str, guards: Sequence[Guard]) -> Table:
    """Return one line per symbol that is held or guarded, in shares."""
    table = table_of(title, "symbol", "shares", "stop", "target", "protection")
    for guard in guards:
        word = f"{shares(guard.leaving)} being sold" if guard.is_leaving else "ok"
        verdict = Text(word, style="green") if guard.is_ok else Text(_fault(guard), style="red")
        table.add_row(guard.symbol, shares(guard.held), shares(guard.stop), shares(guard.target), verdict)
    return table


def _fault(guard: Guard) -> str:
    if not guard.held:
        return "ORPHAN: it would sell short"
    return "MISSING" if not guard.stop or not guard.target else "WRONG SIZE"
