"""Rows of replays: the states of replay books, named runs, and every trial."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Protocol

from trading.domain.instruments import BookId
from trading.domain.replays import ReplayBook, ReplayRun, Trial


class ReplayRows(Protocol):
    """desk.replay_states, replay_runs, replay_trades and replay_trials, and the life of replay books."""

    def first_on(self, book: BookId) -> date | None:
        """Return the first session of a book; None while it has none."""
        ...

    def load(self, book: BookId, session_on: date) -> Mapping[str, Any] | None:
        """Return the state after that session, or None."""
        ...

    def save(self, book: BookId, session_on: date, state: Mapping[str, Any]) -> None:
        """Store the state after that session."""
        ...

    def delete(self, book: BookId) -> None:
        """Delete a replay book with all its rows; refuses every other kind."""
        ...

    def books(self) -> tuple[ReplayBook, ...]:
        """Return the replay books of the ledger that hold a decision, by name."""
        ...

    def save_run(self, run: ReplayRun, *, replace: bool = False) -> None:
        """Store a run with its curves and trades, and log its trial.

        Args:
            replace: delete the run of that name first; a book that `hourly_replay` made is never replaced by a run.

        Raises:
            PermanentError: the name is taken, or is none.
        """
        ...

    def runs(self, *, search: str | None = None) -> tuple[ReplayRun, ...]:
        """Return the runs of one search, or all, oldest first, without curves and trades."""
        ...

    def run_names(self, limit: int) -> tuple[str, ...]:
        """Return the names of the youngest runs that no search made, youngest first."""
        ...

    def run(self, name: str) -> ReplayRun | None:
        """Return a run with its curves and trades, or None."""
        ...

    def is_taken(self, name: str) -> bool:
        """Return whether a run or a replay book has this name."""
        ...

    def delete_run(self, name: str) -> bool:
        """Delete a run; its trial stays. False if there is none."""
        ...

    def log_trial(self, trial: Trial) -> None:
        """Remember an outcome that was looked at; the same one again changes nothing."""
        ...

    def trials(self) -> tuple[Trial, ...]:
        """Return every outcome that was looked at."""
        ...
