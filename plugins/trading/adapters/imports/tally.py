"""What became of every row of a file: none disappears without being counted."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

from trading.errors import DataRejected, InvariantBroken
from trading.ports import IngestCounts

SHOWN_ERRORS = 20


@dataclass
class Tally:
    """Rows of a file by what became of them.

    Attributes:
        read: every row below the header.
        left_out: by the person's own --filter, --symbols, --since, --series or --without.
        repeated: identical to another row of the file.
        outside: wholly before the open or after the close of a session (late prints of half days, holidays of an
            index).
        without_symbol, without_headline: stories that no rule could use.
        missing: bars that the calendar expects between first and last and the file lacks; no rows of the file.
    """

    read: int = 0
    left_out: int = 0
    repeated: int = 0
    outside: int = 0
    without_symbol: int = 0
    without_headline: int = 0
    missing: int = 0

    def settled(self, counts: IngestCounts) -> str:
        """Return one line that names every row of the file once.

        Raises:
            InvariantBroken: the parts do not add up to the rows of the file.
        """
        parts = {
            "stored": counts.stored,
            "already there": counts.unchanged,
            "revised": counts.revised,
            "repeated": self.repeated,
            "outside the sessions": self.outside,
            "without a symbol": self.without_symbol,
            "without a headline": self.without_headline,
            "left out as you asked": self.left_out,
        }
        if sum(parts.values()) != self.read:
            raise InvariantBroken(
                f"{self.read} rows were read, but these were counted: {parts}; report this, it is a bug"
            )
        always = ("stored", "already there", "revised")
        named = [f"{count} {name}" for name, count in parts.items() if count or name in always]
        return f"{self.read} rows = {' + '.join(named)}"


def keep_first[Key, Kept](found: dict[Key, Kept], key: Key, row: Kept, tally: Tally) -> Kept | None:
    """Keep the first row of a key, count an equal one as repeated, and return the kept one that says otherwise."""
    first = found.setdefault(key, row)
    if first is row:
        return None
    if first == row:
        tally.repeated += 1
        return None
    return first


class RowErrors:
    """Collects what is wrong with rows and refuses the file at the end; holds no more than it will show."""

    def __init__(self, path: Path, tally: Tally) -> None:
        self._name, self._tally = path.name, tally
        self._unit = "row" if path.suffix == ".parquet" else "line"
        self._refused = 0
        self._shown: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return self._refused > 0

    def add(self, number: int, reason: str) -> None:
        """Note that the row with this number is not usable."""
        self._refused += 1
        # A heap of negative numbers lets the highest row go first, so that the first rows of the file stay.
        heapq.heappush(self._shown, (-number, reason))
        if len(self._shown) > SHOWN_ERRORS:
            heapq.heappop(self._shown)

    def refuse_if_any(self) -> None:
        """Raise `DataRejected` with the first 20 rows and their reasons, if any row was noted."""
        if not self:
            return
        shown = "\n".join(f"  {self._unit} {-number}: {reason}" for number, reason in sorted(self._shown, reverse=True))
        seen = sorted(-number for number, _ in self._shown)
        named = ",".join(map(str, seen if self._refused <= SHOWN_ERRORS else seen[:1]))
        raise DataRejected(
            f"{self._name}: {self._refused} of {self._tally.read} rows are not usable, nothing was stored:\n{shown}\n"
            "correct the file, narrow it with --filter, --symbols or --since, or leave out what you have looked at, "
            f"e.g. --without {named}"
        )
