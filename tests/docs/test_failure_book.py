"""The failure book has a line for everything that a person can meet by name."""

import inspect
import re

import pytest
from trading import errors
from trading.accounting.reconciliation_kinds import DifferenceKind
from trading.domain.gates import GATES
from trading.domain.portfolio import TradingState
from trading.execution.checks import CHECKS

from tests.architecture.sources import ROOT

KINDS = {name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.AirdeskError)}


@pytest.fixture(scope="module")
def first_cells():
    """Every name in code that stands in the first cell of a row."""
    text = (ROOT / "docs" / "failure-book.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \|", text, re.M)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize(
    "names",
    [KINDS, set(map(str, GATES)), set(DifferenceKind), set(TradingState), {check.code for check in CHECKS} | {"MODEL"}],
    ids=["errors", "gates", "breaks", "states", "checks"],
)
def test_everything_with_a_name_has_its_line(first_cells, names):
    assert {str(name) for name in names} - first_cells == set()
