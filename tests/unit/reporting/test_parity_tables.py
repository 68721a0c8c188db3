"""A day beside its replay, as a table: every kind of difference is counted in one of its lines."""

from __future__ import annotations

from datetime import date

import pytest
from trading.domain.parity import DifferenceKind, Parity, ParityDifference, ParityOutcome
from trading.reporting.parity_tables import parity_table

from tests.builders import AS_OF, BOOK


@pytest.mark.parametrize("kind", list(DifferenceKind))
def test_every_kind_of_difference_is_counted_in_a_line(kind):
    difference = ParityDifference(kind, AS_OF, "NVDA", "what", "a", "b")
    day = Parity(BOOK, date(2019, 6, 3), ParityOutcome.DIFFERENT, "", differences=(difference,) * 2)
    cells = [str(cell) for column in parity_table(day).columns for cell in column.cells]
    assert f"2 × {kind.value}" in cells
