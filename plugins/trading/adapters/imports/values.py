"""One cell of a file, as text (CSV) or as a typed value (Parquet), turned into what it stands for or refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal

from trading.domain.instruments import Symbol

type Cell = str | float | int | Decimal | date | datetime | Sequence[str] | None

LONGEST_DAY = len("YYYY-MM-DD")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SYMBOL = re.compile(r"[A-Z0-9^][A-Z0-9.^/-]{0,14}")


def number(cell: Cell, *, positive: bool = False) -> float:
    """Return a finite number, greater than 0 if `positive`.

    Raises:
        ValueError: it is none; the text says what stood there.
    """
    # Python reads 1_000 as a number; no file means that.
    if isinstance(cell, bool) or (isinstance(cell, str) and "_" in cell):
        raise ValueError(f"{cell!r} is not a number")
    try:
        value = float(cell)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{cell!r} is not a number") from None
    if not math.isfinite(value):
        raise ValueError(f"{cell!r} is not a finite number")
    if positive and value <= 0:
        raise ValueError(f"{cell!r} is not positive")
    return value


def number_in(row: Mapping[str, Cell], column: str, *, positive: bool = False) -> float:
    """Return the number in a column of a row.

    Raises:
        ValueError: it is none; the text names the column.
    """
    try:
        return number(row[column], positive=positive)
    except ValueError as error:
        raise ValueError(f"{column} {error}") from None


def number_or_none_in(row: Mapping[str, Cell], column: str) -> float | None:
    """Return the number in a column of a row; None where the cell is empty."""
    return None if row[column] is None or row[column] == "" else number_in(row, column)


def whole(cell: Cell, *, least: int, most: int) -> int:
    """Return a whole number in [least, most].

    Raises:
        ValueError: it is none of them.
    """
    value = number(cell)
    if value != int(value) or not least <= value <= most:
        raise ValueError(f"{cell!r} is not one of {least} to {most}")
    return int(value)


def day(cell: Cell) -> date:
    """Return a date written YYYY-MM-DD, or stored as a date or as midnight without a zone.

    Raises:
        ValueError: it is written otherwise.
    """
    if isinstance(cell, datetime):
        if cell.tzinfo is not None or cell.time() != time(0):
            raise ValueError(f"{cell.isoformat()} is an instant, not a date")
        return cell.date()
    if isinstance(cell, date):
        return cell
    if not isinstance(cell, str) or not _DAY.fullmatch(cell):
        raise ValueError(f"{cell!r} is not a date YYYY-MM-DD")
    try:
        return date.fromisoformat(cell)
    except ValueError:
        raise ValueError(f"{cell!r} is not a date YYYY-MM-DD") from None


def instant(cell: Cell) -> datetime:
    """Return an instant in UTC from ISO 8601 with an offset or Z, or from a stored instant with a zone.

    Raises:
        ValueError: it is written otherwise, or names no offset.
    """
    if isinstance(cell, datetime):
        at = cell
    else:
        try:
            at = datetime.fromisoformat(cell)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise ValueError(f"{cell!r} is not an ISO 8601 instant") from None
    if at.tzinfo is None:
        raise ValueError(f"{str(cell)!r} names no offset; write e.g. 2023-06-01T13:30:00Z")
    return at.astimezone(UTC)


def is_day(cell: Cell) -> bool:
    """Whether the cell is a date alone, without a time."""
    if isinstance(cell, str):
        return len(cell) <= LONGEST_DAY
    return isinstance(cell, date) and not isinstance(cell, datetime)


def text(cell: Cell) -> str:
    """Return text without the blanks around it; empty for none. NUL goes, Postgres cannot hold it."""
    return "" if cell is None else str(cell).replace("\x00", "").strip()


def named(cell: Cell, what: str) -> str:
    """Return text that may not be empty.

    Raises:
        ValueError: it is, and so the row names no `what`.
    """
    found = text(cell)
    if not found:
        raise ValueError(f"names no {what}")
    return found


def symbol(cell: Cell) -> Symbol:
    """Return a ticker in capitals.

    Raises:
        ValueError: it is empty, or no ticker.
    """
    name = named(cell, "symbol").upper()
    if not _SYMBOL.fullmatch(name):
        raise ValueError(f"{cell!r} is no ticker")
    return name


def symbols(cell: Cell) -> tuple[Symbol, ...]:
    """Return tickers from "A|B" or from a stored list; none where the cell is empty.

    Raises:
        ValueError: one of them is no ticker.
    """
    names = (text(cell).split("|") if isinstance(cell, str) else list(cell or ())) if cell is not None else []  # type: ignore[arg-type]
    return tuple(dict.fromkeys(symbol(name) for name in names if text(name)))


def written_day(cell: Cell) -> str:
    """Return the first ten characters of a date or instant as written, in UTC where it is stored with a zone."""
    if isinstance(cell, datetime) and cell.tzinfo is not None:
        cell = cell.astimezone(UTC)
    return cell.isoformat()[:LONGEST_DAY] if isinstance(cell, date) else text(cell)[:LONGEST_DAY]
