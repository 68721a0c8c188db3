"""Fixtures of the order tests."""

from __future__ import annotations

import pytest

from tests.fakes import flat_bars
from tests.integration.order_desk import MONDAY, desk_on


@pytest.fixture
def bars():
    return flat_bars("NVDA", MONDAY, 5) + flat_bars("AAPL", MONDAY, 5)


@pytest.fixture
def desk(store, bars):
    with desk_on(store, bars) as ready:
        yield ready
