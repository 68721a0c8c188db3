"""desk.replay_states, replay_runs, replay_trades and replay_trials, and the end of a replay book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import date
from typing import Any, cast

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.copying import copy_in
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import OrderPurpose
from trading.domain.replays import Driver, ReplayBook, ReplayRun, RunEquity, RunTrade, Trial, checked_name
from trading.errors import PermanentError

_TRIAL = tuple(f.name for f in fields(Trial))
_TRADE = tuple(f.name for f in fields(RunTrade))
_CURVES = ("session_on", "nav_usd", "cash_usd")
_PLAIN = (
    "name", "made_at", "strategy", "spec_hash", "configuration", "data_cutoff_at", "code_version", "first_on",
    "last_on", "starting_usd", "is_synthetic", "figures", "search", "parameters",
)  # fmt: skip
"""What a row and a run call the same and hold the same."""


class PostgresReplayRows:
    """`ReplayRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "replays")

    def first_on(self, book: BookId) -> date | None:
        """Return the first session of a book; None while it has none."""
        return cast("date | None", self._sql.value("first_session", book=str(book)))

    def load(self, book: BookId, session_on: date) -> Mapping[str, Any] | None:
        """Return the state after that session, or None."""
        return cast("Mapping[str, Any] | None", self._sql.value("load_state", book=str(book), session_on=session_on))

    def save(self, book: BookId, session_on: date, state: Mapping[str, Any]) -> None:
        """Store the state after that session."""
        self._sql.run("save_state", book=str(book), session_on=session_on, state=Json(dict(state)))

    def delete(self, book: BookId) -> None:
        """Delete a replay book with all its rows; refuses every other kind."""
        if book.kind is not BookKind.REPLAY:
            raise PermanentError(f"{book} is not a replay book and is never deleted; name a replay: book")
        self._sql.run("delete_book", book=str(book))

    def books(self) -> tuple[ReplayBook, ...]:
        """Return the replay books of the ledger that hold a decision, by name."""
        rows = self._sql.rows("read_replay_books")
        return tuple(ReplayBook(**(row | {"book": BookId.parse(row["book"])})) for row in rows)

    def save_run(self, run: ReplayRun, *, replace: bool = False) -> None:
        """Store a run with its curves and trades, and log its trial.

        Raises:
            PermanentError: the name is taken, or is none.
        """
        self._sql.rows("lock_run_name", name=checked_name(run.name))
        if replace:
            self.delete_run(run.name)
        if self.is_taken(run.name):
            raise PermanentError(f"{run.name} exists; choose another --name, or --replace a run that was stored before")
        self._sql.run("add_run", **_row_of(run))
        trades = [(run.name, n, *(getattr(t, c) for c in _TRADE)) for n, t in enumerate(run.trades or ())]
        if trades:
            copy_in(self._sql.connection, "desk.replay_trades", ("name", "number", *_TRADE), trades)
        self.log_trial(run.trial)

    def runs(self, *, search: str | None = None) -> tuple[ReplayRun, ...]:
        """Return the runs of one search, or all, oldest first, without curves and trades."""
        return tuple(map(_run_of, self._sql.rows("read_runs", search=search)))

    def run_names(self, limit: int) -> tuple[str, ...]:
        """Return the names of the youngest runs that no search made, youngest first."""
        return tuple(row["name"] for row in self._sql.rows("run_names", limit=limit))

    def run(self, name: str) -> ReplayRun | None:
        """Return a run with its curves and trades, or None."""
        row = self._sql.row("read_run", name=name)
        if row is None:
            return None
        session_on, nav_usd, cash_usd = (tuple(row[name]) for name in _CURVES)
        benchmarks = {name: tuple(growth) for name, growth in row["benchmarks"].items()}
        equity = RunEquity(session_on, nav_usd, cash_usd, benchmarks)
        trades = (t | {"closed_by": OrderPurpose(t["closed_by"])} for t in self._sql.rows("read_run_trades", name=name))
        return replace(_run_of(row), equity=equity, trades=tuple(RunTrade(**t) for t in trades))

    def is_taken(self, name: str) -> bool:
        """Return whether a run or a replay book has this name."""
        return bool(self._sql.value("name_taken", name=name))

    def delete_run(self, name: str) -> bool:
        """Delete a run; its trial stays. False if there is none."""
        return self._sql.run("delete_run", name=name) > 0

    def log_trial(self, trial: Trial) -> None:
        """Remember an outcome that was looked at; the same one again changes nothing."""
        self._sql.run("log_trial", **asdict(trial))

    def trials(self) -> tuple[Trial, ...]:
        """Return every outcome that was looked at."""
        return tuple(Trial(**row) for row in self._sql.rows("read_trials"))


def _row_of(run: ReplayRun) -> dict[str, object]:
    equity = run.equity or RunEquity((), (), ())
    row = {name: getattr(run, name) for name in _PLAIN}
    for name in ("configuration", "figures", "parameters"):
        row[name] = None if row[name] is None else Json(dict(row[name]))
    return {
        **row,
        **asdict(run.trial),
        **{name: list(getattr(equity, name)) for name in _CURVES},
        "benchmarks": Json({name: list(values) for name, values in equity.benchmarks.items()}),
    }


def _run_of(row: Mapping[str, Any]) -> ReplayRun:
    trial = Trial(**{name: row[name] for name in _TRIAL})
    return ReplayRun(driver=Driver.IN_PROCESS, trial=trial, **{name: row[name] for name in _PLAIN})
