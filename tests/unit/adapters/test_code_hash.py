"""The hash that tells two versions of the trading code apart."""

from __future__ import annotations

import pytest
from trading.adapters.code_hash import ROOMS, code_hash, hash_of


@pytest.fixture
def sources(tmp_path):
    package, statements = tmp_path / "trading", tmp_path / "queries"
    for folder in (*(package / room for room in ROOMS), package / "entrypoints", statements):
        folder.mkdir(parents=True)
    (package / "errors.py").write_text("errors")
    (package / "domain" / "orders.py").write_text("orders")
    (package / "entrypoints" / "cli.py").write_text("cli")
    (statements / "orders.sql").write_text("SELECT 1;")
    return package, statements


@pytest.mark.parametrize("changed", ["trading/domain/orders.py", "trading/tasks/new.py", "queries/orders.sql"])
def test_a_change_to_what_trades_changes_the_hash(sources, tmp_path, changed):
    before = hash_of(*sources)
    (tmp_path / changed).write_text("something else")
    assert hash_of(*sources) != before


@pytest.mark.parametrize("changed", ["trading/entrypoints/cli.py", "trading/domain/README.md"])
def test_a_change_to_anything_else_does_not(sources, tmp_path, changed):
    before = hash_of(*sources)
    (tmp_path / changed).write_text("something else")
    assert hash_of(*sources) == before


def test_the_hash_of_this_checkout_is_sixty_four_digits():
    assert len(code_hash()) == 64
