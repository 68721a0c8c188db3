"""Labelled headlines from a CSV file: what a scorer of text is trained on and measured by."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from trading.analysis.scoring import LABELS
from trading.errors import PermanentError


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text and what people said of it.

    Attributes:
        label: positive, negative or neutral. dataset: where it comes from; the file's name where no column says it.
    """

    text: str
    label: str
    dataset: str


def read_labelled(path: Path) -> list[LabelledText]:
    """Return the rows of a CSV file with the columns `text` and `label`, and perhaps `dataset`.

    Raises:
        PermanentError: the file cannot be read, lacks a column, has an unknown label, or no row.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise PermanentError(f"{path} cannot be read as CSV in UTF-8 ({error}); name another file") from error
    if not rows or not {"text", "label"} <= set(rows[0]):
        raise PermanentError(f"{path} has no rows with the columns text and label; write that header line")
    found = []
    for number, row in enumerate(rows, start=2):
        if row["label"] not in LABELS:
            raise PermanentError(f"{path}, row {number}: {row['label']!r} is none of {', '.join(LABELS)}; mend it")
        found.append(LabelledText(row["text"] or "", row["label"], row.get("dataset") or path.stem))
    return found
