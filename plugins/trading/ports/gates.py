"""Rows that hold symbols, actions and days back: market.parked, market.action_states, market.session_notices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Protocol

from trading.domain.gates import ActionState, Gate, ParkEvent, Parking, SplitJudgement
from trading.domain.instruments import Symbol
from trading.domain.market import CorporateAction, SessionNotice

PRICES = "prices"
"""The rule that judges corporate actions by bars."""


class GateRows(Protocol):
    """The part of `MarketRows` that the quality gates write and everybody reads."""

    def park(self, events: Sequence[ParkEvent]) -> tuple[tuple[int, ParkEvent], ...]:
        """Close and open gates; return the events that changed something, each with its id. What is so stays so."""
        ...

    def parked(self) -> dict[Symbol, tuple[Parking, ...]]:
        """Return the symbols that are parked now, each with every gate that holds it, the oldest first."""
        ...

    def released_by_person(self, gate: Gate) -> dict[Symbol, datetime]:
        """Return when a person opened `gate` before a symbol, where nothing closed it since."""
        ...

    def suspect_actions(self, *, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return splits and dividends known at the cutoff that `actions` leaves out because they are suspect."""
        ...

    def judge_action(
        self, action: CorporateAction, state: ActionState, *, known_at: datetime, detail: str, actor: str = PRICES
    ) -> bool:
        """Store what prices or a person say about an action.

        False (and nothing written) when it already is judged so, or when a person's word stands against a rule.

        Args:
            known_at: from which cutoff on readers follow it.
        """
        ...

    def split_judgements(self) -> tuple[SplitJudgement, ...]:
        """Return the newest judgement of each split that has one, by symbol and ex-date."""
        ...

    def add_session_notice(
        self, source: str, notice: SessionNotice, *, known_at: datetime, is_in_force: bool = True
    ) -> bool:
        """Store that a source contradicts the calendar, or no longer does; False when it already stands so."""
        ...

    def session_notices(self, *, first_on: date, cutoff_at: datetime) -> tuple[tuple[str, SessionNotice], ...]:
        """Return the notices in force at the cutoff, with their sources, for days from `first_on` on, ascending."""
        ...
