"""Rows of parameter searches: the search, its trials and what became of each window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from trading.domain.searches import Outcome, Search, SearchTrial


class SearchRows(Protocol):
    """desk.searches, desk.search_trials and desk.search_outcomes."""

    def add(self, search: Search) -> bool:
        """Store a search that has no trials yet; whether the name was free."""
        ...

    def load(self, name: str) -> Search | None:
        """Return the search of that name, or None."""
        ...

    def names(self) -> tuple[str, ...]:
        """Return the names of all searches, the newest first."""
        ...

    def add_trial(self, name: str, trial: SearchTrial) -> bool:
        """Store a trial; whether it was new. One that is stored stays as it is."""
        ...

    def trials(self, name: str, window: int | None = None) -> tuple[SearchTrial, ...]:
        """Return the trials of a search, or of one of its windows, in the order in which they were asked for."""
        ...

    def save_outcome(self, name: str, outcome: Outcome) -> None:
        """Store what became of a window, replacing what an earlier try stored."""
        ...

    def outcomes(self, name: str) -> Sequence[Outcome]:
        """Return what became of each window that is done, in order."""
        ...

    def finish(self, name: str, summary: Mapping[str, Any]) -> None:
        """Store what the search says in the end."""
        ...
