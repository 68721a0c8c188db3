"""Taxes of a year for people and programs: notes, tables for the terminal, CSV files and JSON."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from trading.accounting.tax.forms import COLLECTIBLES, FormRow
from trading.domain.instruments import BookId, BookKind
from trading.reporting.tables import table_of

RULES = "US rules, not advice"
"""On top of everything that this module makes."""


def header(books: Sequence[BookId], year: int, what: str) -> str:
    """Return the first line of a report."""
    return f"{RULES}: {what} of {year}, {', '.join(f'{b.badge} {b}' for b in books)}"


def notes_of(
    books: Sequence[BookId], iras: frozenset[BookId], year: int, rows: Sequence[FormRow], today: date
) -> tuple[str, ...]:
    """Return what a reader of the year's rows has to know, a sentence each."""
    return tuple(_notes(books, iras, year, rows, today))


def _notes(
    books: Sequence[BookId], iras: frozenset[BookId], year: int, rows: Sequence[FormRow], today: date
) -> Iterable[str]:
    if simulated := [b for b in books if b.kind is not BookKind.LIVE]:
        yield f"SIMULATED trades of {', '.join(map(str, simulated))}: nothing of them is to be filed."
    yield "The broker's Form 1099-B is what is filed; where it differs from these rows, find out why first."
    if waiting := [r for r in rows if r.provisional_until]:
        until = max(r.provisional_until for r in waiting if r.provisional_until)
        yield f"{len(waiting)} rows are provisional until {until}: a purchase by then would wash their losses."
    if today <= date(year + 1, 1, 30):
        yield f"{year} is provisional until {year + 1}-01-30: a purchase in January washes a loss of December."
    yield "Purchases in accounts that this desk does not know, a spouse's and IRAs too, count and are not here."
    if here := sorted(str(b) for b in iras & {*books}):
        yield f"Sales in {', '.join(here)} are in a retirement account and have no row."
    if metals := sorted({r.a_description.split()[-1] for r in rows} & COLLECTIBLES):
        yield (
            f"{', '.join(metals)}: a long-term gain is a collectibles gain, taxed at 28 % at most. The trust also "
            "sells metal for its expenses; those sales are on the trust's tax statement, not here."
        )


def plain(record: object) -> dict[str, Any]:
    """Return a record as JSON values: amounts and dates as text, unknown as null."""
    return {f.name: _plain(getattr(record, f.name)) for f in fields(record)}  # type: ignore[arg-type]


def _plain(value: object) -> Any:
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | int) or value is None:
        return value
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Write rows under a line of column names; what is unknown is empty, lists have spaces between."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(row[column]) for column in columns] for row in rows)


def _cell(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def table(title: str, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> Table:
    """Return a table of some columns, each under the name that people read."""
    made = table_of(title, *columns.values())
    for column in made.columns:
        # Forms have more columns than 80 characters hold; a figure is broken and never cut.
        column.no_wrap = False
    for row in rows:
        made.add_row(*(_cell(row[name]) for name in columns))
    return made
