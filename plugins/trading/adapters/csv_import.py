"""CSV files of a person: strict headers, every bad row named, and a file is taken whole or not at all."""

from __future__ import annotations

import csv
import gzip
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from trading.errors import DataRejected

_SHOWN_ERRORS = 20
_LONGEST_FIELD = 1 << 24


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file and the part of it that is wanted.

    Attributes:
        path: `.csv` or `.csv.gz`, with a header line.
        filters: column → the only value taken.
        since: rows dated earlier are left out; None takes all.
    """

    path: Path
    filters: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None


class RowErrors:
    """Collects what is wrong with rows and refuses the file at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, reason: str) -> None:
        """Note that the row on `line` is not usable."""
        self._found.append((line, reason))

    def refuse_if_any(self) -> None:
        """Raise `DataRejected` with the first 20 rows and their reasons, if any row was noted."""
        if not self._found:
            return
        shown = "\n".join(f"  line {line}: {reason}" for line, reason in sorted(self._found)[:_SHOWN_ERRORS])
        raise DataRejected(
            f"{self._path.name}: {len(self._found)} rows are not usable, nothing was stored:\n{shown}\n"
            "correct the file, or narrow it with --filter, --symbols or --since"
        )


def rows(file: CsvFile, required: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line number, row) of the wanted rows; columns beyond `required` are allowed.

    Raises:
        DataRejected: the file cannot be read, or a column is missing.
    """
    with _opened(file.path) as text:
        reader = csv.DictReader(text)
        header = reader.fieldnames or ()
        missing = [name for name in (*required, *file.filters) if name not in header]
        if missing:
            raise DataRejected(
                f"{file.path.name} lacks the column {', '.join(missing)} (it has {', '.join(header)}); rename it"
            )
        since = file.since.isoformat() if file.since else ""
        for row in reader:
            if all(row[name] == value for name, value in file.filters.items()) and row.get("ts", since)[:10] >= since:
                yield reader.line_num, row


def number(text: str | None, *, positive: bool = False) -> float:
    """Return a finite number, greater than 0 if `positive`.

    Raises:
        ValueError: it is none; the text says what stood there.
    """
    try:
        value = float(text or "")
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    if positive and value <= 0:
        raise ValueError(f"{text!r} is not positive")
    return value


def day(text: str) -> date:
    """Return a date written YYYY-MM-DD.

    Raises:
        ValueError: it is written otherwise.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date YYYY-MM-DD") from None


def instant(text: str) -> datetime:
    """Return an instant in UTC from ISO 8601 with an offset or Z.

    Raises:
        ValueError: it is written otherwise, or names no offset.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO 8601 instant") from None
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no offset; write e.g. 2023-06-01T13:30:00Z")
    return at.astimezone(UTC)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        csv.field_size_limit(_LONGEST_FIELD)
        with path.open("rb") as raw:
            plain = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            yield TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataRejected(f"{path.name} cannot be read ({error}); check the path and that it is UTF-8 CSV") from error
