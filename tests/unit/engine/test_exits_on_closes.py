"""The oracle of exits that are decided on closes and filled at the next open, through the step and the tape."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from trading.analysis.facts import Facts
from trading.domain.fills import Lot
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Bar, Resolution
from trading.domain.portfolio import Portfolio, Position
from trading.engine.arrival import Market
from trading.engine.drivers import Stepping
from trading.engine.hours import Hours, Terms, history_panel
from trading.engine.market import Traffic, accept
from trading.engine.state import BookState
from trading.engine.step import gate_of, step
from trading.execution.costs import CostModel
from trading.strategy.judging import judge
from trading.strategy.three_sector import technical_core

from tests.builders import series_of
from tests.oracles import oracle
from tests.unit.analysis.worlds import timeline_between

ON = date(2024, 6, 12)
BOOK = BookId(BookKind.REPLAY, "exits")
HOUR = timedelta(hours=1)
NEVER = 1_000.0
"""A target that no case reaches."""


@pytest.mark.parametrize("case_id", ["TS1", "TS2", "TS3", "TS4", "TS5", "TS6"])
def test_a_position_is_left_at_the_open_after_the_close_that_decides(case_id):
    case = next(c for c in oracle("exit_cases.json")["cases"] if c["id"] == case_id)
    wanted = case["expected"]["close_decision_next_open"]
    decided, sold = played(case)
    assert decided == ([wanted["decided_bar"]] if wanted.get("decided_bar") is not None else [])
    assert sold == ([(wanted["bar"], wanted["price"])] if wanted["bar"] is not None else [])


def played(case: dict[str, Any]) -> tuple[list[int], list[tuple[int, float]]]:
    """Return the bars at whose close a sale was decided, and (bar, price) of the sales."""
    timeline, usual = timeline_between(ON, ON), technical_core()
    opens_at = timeline.sessions[0].opens_at
    guard = replace(
        usual.protection, rests="on_closes", breaker_frac=0.9, lifetime_halt_frac=0.9,
        trail_frac=case["trail"], take_profit_frac=case["take_profit"] or NEVER,
    )  # fmt: skip
    spec = replace(usual, protection=guard, sizing=replace(usual.sizing, trim_above_frac=NEVER))
    bars = [a_bar(row, opens_at + row * HOUR, prices) for row, prices in enumerate(case["bars_ohlc"])]
    facts = Facts({("GLD", Resolution.HOUR): series_of("GLD", Resolution.HOUR, bars)})
    panel = history_panel(spec, facts, timeline, Terms())
    hours = Hours(judge(spec, panel), panel, timeline, Terms())
    market = Market.of(spec, facts, timeline, Terms(), CostModel().scaled(0))
    driver, state = Stepping(spec, hours, market, gate_of(spec)), a_book(case["entry_price"], opens_at)
    decided, sold = list[int](), list[tuple[int, float]]()
    for row in range(len(bars)):
        hour, traffic = hours.hour(row), Traffic()
        state, _ = driver.arrive(state, hour, traffic)
        sold += [(row, float(b.fill.price)) for b in traffic.bookings]
        taken = step(spec, state, hour, f"d{row}")
        decided += [row for _ in taken.orders]
        state = accept(driver.decided(taken, row), taken.orders, hour.cutoff_at, traffic)
    return decided, sold


def a_bar(row: int, starts_at, prices: list[float]) -> Bar:
    ends_at = starts_at + HOUR
    return Bar("GLD", Resolution.HOUR, starts_at, ends_at, *map(float, prices), 1e6, "test", ends_at)


def a_book(entry_price: float, at) -> BookState:
    lot = Lot("l", BOOK, "GLD", Decimal(10), Decimal(str(entry_price)), Decimal(0), ON, ON, "f")
    return BookState(Portfolio(BOOK, at, Decimal(1_000), {"GLD": Position("GLD", (lot,), float(entry_price))}))
