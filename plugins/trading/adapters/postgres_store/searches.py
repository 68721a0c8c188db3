"""desk.searches, desk.search_trials and desk.search_outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812
from psycopg2.extras import Json

from trading.adapters.postgres_store.statements import Statements
from trading.domain.searches import Outcome, Plan, Search, SearchTrial, Window


class PostgresSearchRows:
    """`SearchRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "searches")

    def add(self, search: Search) -> bool:
        """Store a search that has no trials yet; whether the name was free."""
        changed = self._sql.run(
            "add_search",
            name=search.name,
            plan=Json(search.plan.as_json()),
            spec_hash=search.spec_hash,
            cutoff_at=search.cutoff_at,
            code_version=search.code_version,
            is_synthetic=search.is_synthetic,
            windows=Json([_row_of(window) for window in search.windows]),
        )
        return changed == 1

    def load(self, name: str) -> Search | None:
        """Return the search of that name, or None."""
        row = self._sql.row("load_search", name=name)
        if row is None:
            return None
        read = {"plan": Plan.from_json(row["plan"]), "windows": tuple(map(_window, row["windows"]))}
        return Search(**row | read)

    def names(self) -> tuple[str, ...]:
        """Return the names of all searches, the newest first."""
        return tuple(row["name"] for row in self._sql.rows("search_names"))

    def add_trial(self, name: str, trial: SearchTrial) -> bool:
        """Store a trial; whether it was new."""
        changed = self._sql.run(
            "add_trial",
            search=name,
            window=trial.window,
            key=trial.key,
            number=trial.number,
            parameters=_json(trial.parameters),
            spec_hash=trial.spec_hash,
            score=trial.score,
            why=trial.why,
            figures=_json(trial.figures),
        )
        return changed == 1

    def trials(self, name: str, window: int | None = None) -> tuple[SearchTrial, ...]:
        """Return the trials of a search, or of one of its windows, in the order in which they were asked for."""
        rows = self._sql.rows("trials", search=name, window=window)
        return tuple(SearchTrial(**row) for row in rows)

    def save_outcome(self, name: str, outcome: Outcome) -> None:
        """Store what became of a window, replacing what an earlier try stored."""
        self._sql.run(
            "save_outcome",
            search=name,
            window=outcome.window,
            winner=_json(outcome.winner),
            train=_json(outcome.train),
            test=_json(outcome.test),
            own_test=_json(outcome.own_test),
            test_equity=list(outcome.test_equity),
            own_equity=list(outcome.own_equity),
        )

    def outcomes(self, name: str) -> tuple[Outcome, ...]:
        """Return what became of each window that is done, in order."""
        rows = self._sql.rows("outcomes", search=name)
        return tuple(
            Outcome(**row | {name: tuple(row[name]) for name in ("test_equity", "own_equity")}) for row in rows
        )

    def finish(self, name: str, summary: Mapping[str, Any]) -> None:
        """Store what the search says in the end."""
        self._sql.run("finish_search", name=name, summary=_json(summary))


def _json(values: Mapping[str, Any] | None) -> Json | None:
    return None if values is None else Json(dict(values))


def _row_of(window: Window) -> list[int | str | None]:
    days = (window.train_first_on, window.train_last_on, window.test_first_on, window.test_last_on)
    return [window.number, *(None if day is None else day.isoformat() for day in days)]


def _window(row: list[Any]) -> Window:
    number, train_first_on, *rest = row
    days = (None if day is None else date.fromisoformat(day) for day in rest)
    return Window(number, date.fromisoformat(train_first_on), *days)  # type: ignore[arg-type]
