"""Rows of a CSV or Parquet file under our own names: strict headers and types, one pass, a bounded memory."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from trading.adapters.imports.tally import RowErrors, Tally
from trading.adapters.imports.values import Cell, text, written_day
from trading.errors import DataRejected

_LONGEST_FIELD = 1 << 24
_ROWS_AT_ONCE = 32_768

type Row = dict[str, Cell]


class Kind(StrEnum):
    """What a column holds, and so which Parquet types may stand for it."""

    TEXT = "text"
    NUMBER = "a number"
    DAY = "a date"
    INSTANT = "an instant with a zone"
    MOMENT = "a date or an instant with a zone"
    SYMBOLS = "text or a list of text"


@dataclass(frozen=True, slots=True)
class Column:
    """A column under our name; an optional one that is absent reads as None."""

    name: str
    kind: Kind
    is_required: bool = True


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file, the part of it that is wanted, and where our columns stand in it.

    Attributes:
        path: `.csv`, `.csv.gz` or `.parquet`; CSV with a header line.
        filters: their column → the only value taken.
        since: rows dated earlier are left out; None takes all.
        columns: our column → theirs, where the names differ.
        constants: our column → the value that every row has.
        without: line or row numbers that the person has seen and leaves out.
    """

    path: Path
    filters: Mapping[str, str] = field(default_factory=dict)
    since: date | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    without: frozenset[int] = frozenset()


def rows(
    file: ImportFile, columns: Sequence[Column], *, dated_by: str, tally: Tally, errors: RowErrors
) -> Iterator[tuple[int, Row]]:
    """Yield (line or row number, row under our names) of the wanted rows; further columns of the file are ignored.

    Args:
        dated_by: our column that `since` is compared with.
        tally: every row is counted as read, and as left out where it is not wanted.
        errors: takes rows of another width than the header.

    Raises:
        DataRejected: the file cannot be read, a column is missing, stands twice or has another type.
    """
    plan = _Plan.of(file, columns)
    since = file.since.isoformat() if file.since else ""
    all_of = _parquet_rows if file.path.suffix == ".parquet" else _csv_rows
    for number, cells in all_of(file, plan, tally, errors):
        unwanted = number in file.without
        if unwanted or any(text(cells[theirs]) != value for theirs, value in file.filters.items()):
            tally.left_out += 1
            continue
        row: Row = {ours: cells[theirs] for ours, theirs in plan.taken.items()} | plan.fixed
        if since and written_day(row[dated_by]) < since:
            tally.left_out += 1
            continue
        yield number, row


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which of their columns stand for ours.

    Attributes:
        taken: our column → theirs, to be found in the file. fixed: our column → the value of every row.
        optional: of ours, those that may be absent.
    """

    taken: dict[str, str]
    fixed: Row
    kinds: dict[str, Kind]
    optional: frozenset[str]

    @classmethod
    def of(cls, file: ImportFile, columns: Sequence[Column]) -> _Plan:
        kinds = {column.name: column.kind for column in columns}
        unknown = sorted({*file.columns, *file.constants} - set(kinds))
        if unknown:
            raise DataRejected(
                f"{file.path.name}: this kind of file has no column {', '.join(unknown)} (it has {', '.join(kinds)}); "
                "correct the mapping"
            )
        twice = sorted({*file.columns} & {*file.constants})
        if twice:
            raise DataRejected(f"{file.path.name}: {', '.join(twice)} is mapped and constant; choose one of the two")
        taken = {name: file.columns.get(name, name) for name in kinds if name not in file.constants}
        # A column that the person maps by name is meant to be there.
        optional = frozenset(c.name for c in columns if not c.is_required and c.name not in file.columns)
        return cls(taken, dict(file.constants), kinds, optional)

    def fitted(self, file: ImportFile, present: Sequence[str]) -> None:
        """Drop optional columns that are absent; refuse what is missing or ambiguous."""
        for name in self.optional:
            if name in self.taken and self.taken[name] not in present:
                del self.taken[name]
                self.fixed[name] = None
        needed = [*self.taken.values(), *file.filters]
        missing = [theirs for theirs in needed if theirs not in present]
        if missing:
            raise DataRejected(
                f"{file.path.name} lacks the column {', '.join(missing)} (it has {', '.join(present)}); "
                "rename it, or name it with --map OURS=THEIRS"
            )
        twice = sorted({theirs for theirs in needed if list(present).count(theirs) > 1})
        if twice:
            raise DataRejected(f"{file.path.name} has two columns {', '.join(twice)}; rename one of them")


def _csv_rows(
    file: ImportFile, plan: _Plan, tally: Tally, errors: RowErrors
) -> Iterator[tuple[int, Mapping[str, Cell]]]:
    with _opened(file.path) as stream:
        reader = csv.reader(stream, strict=True)
        header = next(reader, [])
        plan.fitted(file, header)
        place = {theirs: header.index(theirs) for theirs in (*plan.taken.values(), *file.filters)}
        for fields in reader:
            if not fields:
                continue
            tally.read += 1
            if len(fields) != len(header):
                errors.add(reader.line_num, f"has {len(fields)} fields, the header {len(header)}")
                continue
            yield reader.line_num, {theirs: fields[at] for theirs, at in place.items()}


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        csv.field_size_limit(_LONGEST_FIELD)
        with path.open("rb") as raw:
            plain = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            yield TextIOWrapper(plain, encoding="utf-8-sig", newline="")
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataRejected(f"{path.name} cannot be read ({error}); check the path and that it is UTF-8 CSV") from error


def _parquet_rows(
    file: ImportFile, plan: _Plan, tally: Tally, errors: RowErrors
) -> Iterator[tuple[int, Mapping[str, Cell]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file.path) as parquet:
            schema = parquet.schema_arrow
            plan.fitted(file, schema.names)
            for ours, theirs in plan.taken.items():
                _check_type(file, pa, schema.field(theirs).type, theirs, plan.kinds[ours])
            wanted = list(dict.fromkeys((*plan.taken.values(), *file.filters)))
            for batch in parquet.iter_batches(batch_size=_ROWS_AT_ONCE, columns=wanted):
                cells = [_plain(pa, batch.column(name)).to_pylist() for name in wanted]
                for values in zip(*cells, strict=True):
                    tally.read += 1
                    yield tally.read, dict(zip(wanted, values, strict=True))
            if tally.read != parquet.metadata.num_rows:
                raise DataRejected(
                    f"{file.path.name} says that it holds {parquet.metadata.num_rows} rows, {tally.read} came; "
                    "write the file again"
                )
    except (OSError, pa.ArrowException) as error:
        raise DataRejected(
            f"{file.path.name} cannot be read ({error}); check the path and that it is Parquet"
        ) from error


def _plain(pa: Any, column: Any) -> Any:
    """Return instants in microseconds: finer ones would become another type, and a loss raises."""
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz))
    return column


def _check_type(file: ImportFile, pa: Any, kind: Any, theirs: str, wanted: Kind) -> None:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) and kind.tz is None and wanted in (Kind.INSTANT, Kind.MOMENT):
        raise DataRejected(f"{file.path.name}: the instants of {theirs} name no zone; store them with one, e.g. UTC")
    # A column without any value has no type of its own; its rows say what they lack.
    if not pa.types.is_null(kind) and not any(fits(kind) for fits in _fitting(pa, wanted)):
        raise DataRejected(f"{file.path.name}: {theirs} is {kind}, expected {wanted}; convert the column")


def _fitting(pa: Any, wanted: Kind) -> tuple[Callable[[Any], bool], ...]:
    types = pa.types
    words = (types.is_string, types.is_large_string)
    return {
        Kind.TEXT: words,
        Kind.NUMBER: (types.is_integer, types.is_floating, types.is_decimal),
        Kind.DAY: (*words, types.is_date, types.is_timestamp),
        Kind.INSTANT: (*words, types.is_timestamp),
        Kind.MOMENT: (*words, types.is_timestamp, types.is_date),
        Kind.SYMBOLS: (*words, lambda kind: types.is_list(kind) and types.is_string(kind.value_type)),
    }[wanted]
