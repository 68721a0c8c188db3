"""The desk stops a book once, and never softens a stricter stop."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.tasks.halting import halt

BOOK = BookId.parse("paper:DU1")


class Controls:
    """The switch of one book, in memory."""

    def __init__(self, state: TradingState, *, flag_is_raised: bool = False) -> None:
        self.state, self.flag_is_raised = state, flag_is_raised
        self.events: list[tuple[str, str]] = []

    def trading_state(self, book: BookId, *, for_change: bool = False) -> TradingState:
        return TradingState.HALTED if self.flag_is_raised else self.state

    def state_event(self, book: BookId):
        return SimpleNamespace(state=self.state)

    def set_state(self, book: BookId, state: TradingState, *, reason: str, actor: str) -> None:
        self.state = state
        self.events.append((actor, reason))


@pytest.mark.parametrize("state", [TradingState.ACTIVE, TradingState.REDUCE_ONLY])
def test_a_trading_book_is_halted_with_who_and_why(state):
    controls = Controls(state)
    assert halt(SimpleNamespace(controls=controls), BOOK, reason="cash differs", actor="reconcile")
    assert (controls.state, controls.events) == (TradingState.HALTED, [("reconcile", "cash differs")])


@pytest.mark.parametrize("state", [TradingState.HALTED, TradingState.LOCKED])
def test_a_stopped_book_stays_as_it_is(state):
    controls = Controls(state)
    assert not halt(SimpleNamespace(controls=controls), BOOK, reason="cash differs", actor="reconcile")
    assert (controls.state, controls.events) == (state, [])


def test_a_book_that_only_the_file_flag_stops_is_halted_for_good():
    controls = Controls(TradingState.ACTIVE, flag_is_raised=True)
    assert halt(SimpleNamespace(controls=controls), BOOK, reason="cash differs", actor="reconcile")
    assert controls.events == [("reconcile", "cash differs")]
