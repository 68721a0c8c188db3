"""Nouns of a parameter search: axes, trials, windows and the search itself, as they are stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

type Value = float | int | str
"""A number that varies, or the name of a choice."""
type Parameters = Mapping[str, Value]
"""Values by the name that a person types."""
type Figures = Mapping[str, float | None]
"""A replay in numbers by name (see `figures_of_result`); None where it is too short to say."""


OPTUNA_TRIALS = 60
"""Trials of a window where nobody says how many."""


class Objective(StrEnum):
    """The figure that a search makes as large as it can; of session-close returns."""

    SHARPE = "sharpe"
    SORTINO = "sortino"
    CALMAR = "calmar"
    CAGR = "cagr"
    TOTAL = "total"


class SearcherName(StrEnum):
    """How the next trial is chosen: every one in turn, or by Optuna's TPE."""

    GRID = "grid"
    OPTUNA = "optuna"


class SearchKind(StrEnum):
    """One stretch of history, or windows that train and test in turn."""

    SEARCH = "search"
    WALK_FORWARD = "walk-forward"


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter and the values that it is tried at, in the order in which they are neighbours."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class SearchTrial:
    """One set of parameters, replayed.

    Attributes:
        window: number of the window; 0 for a search over one stretch.
        number: order in which it was asked for, from 0.
        score: None if the trial does not count; `why` then says why.
        figures: None where the parameters contradict one another and nothing was replayed.
    """

    window: int
    number: int
    parameters: Parameters
    spec_hash: str
    score: float | None
    why: str | None
    figures: Figures | None

    @property
    def key(self) -> str:
        """The parameters as text; two trials of one window never share it."""
        return key_of(self.parameters)


@dataclass(frozen=True, slots=True)
class Window:
    """Sessions to search on, and later ones to test the winner on; both dates of a pair are included.

    Attributes:
        test_first_on, test_last_on: None for a plain search, which tests nothing.
    """

    number: int
    train_first_on: date
    train_last_on: date
    test_first_on: date | None = None
    test_last_on: date | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a window.

    Attributes:
        winner: parameters of the best trial; None if no trial counted, and the strategy's own numbers were tested.
        train, test: figures of the winner. own_test: those of the strategy's own numbers on the test sessions.
        test_equity, own_equity: starting equity and the NAV of each test close, USD, of either.
    """

    window: int
    winner: Parameters | None
    train: Figures | None
    test: Figures
    own_test: Figures
    test_equity: tuple[float, ...]
    own_equity: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What every replay of a search starts with: money, costs and terms, in words and numbers.

    Attributes:
        commission: name of the schedule. slippage_volatility: slippage as a multiple of daily volatility.
        costs_times: every cost times this. delay_minutes, daily_pricing, account_type, client_category: see
            `engine.hours.Terms`.
    """

    cash_usd: int = 100_000
    commission: str = "fixed"
    half_spread_bps: float = 5.0
    slippage_volatility: float = 0.0
    costs_times: int = 1
    delay_minutes: int = 0
    daily_pricing: bool = False
    account_type: str = "margin"
    client_category: str = "US"


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a search's result depends on besides code and data.

    Attributes:
        trial_count: most trials of a window; None for every point of the grid, or the usual number with Optuna.
        min_entry_count: filled entries under which a trial does not count.
        train_months, test_months, embargo_sessions, is_anchored: of a walk-forward; None and 0 for a plain search.
    """

    kind: SearchKind
    strategy: str
    first_on: date
    last_on: date
    axes: tuple[Axis, ...]
    searcher: SearcherName = SearcherName.GRID
    objective: Objective = Objective.SHARPE
    trial_count: int | None = None
    seed: int = 1
    min_entry_count: int = 20
    train_months: int | None = None
    test_months: int | None = None
    embargo_sessions: int = 0
    is_anchored: bool = False
    conditions: Conditions = field(default_factory=Conditions)

    @property
    def point_count(self) -> int:
        """Points of the grid."""
        count = 1
        for axis in self.axes:
            count *= len(axis.values)
        return count

    @property
    def trials_per_window(self) -> int:
        """Most trials of one window."""
        usual = self.point_count if self.searcher is SearcherName.GRID else OPTUNA_TRIALS
        return min(usual if self.trial_count is None else self.trial_count, self.point_count)

    def as_json(self) -> dict[str, Any]:
        """Return the form that is stored."""
        return asdict(self) | {
            "first_on": self.first_on.isoformat(),
            "last_on": self.last_on.isoformat(),
            "axes": [[axis.name, list(axis.values)] for axis in self.axes],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Plan:
        """Return the plan of its stored form."""
        return cls(
            **dict(stored)
            | {
                "kind": SearchKind(stored["kind"]),
                "searcher": SearcherName(stored["searcher"]),
                "objective": Objective(stored["objective"]),
                "first_on": date.fromisoformat(stored["first_on"]),
                "last_on": date.fromisoformat(stored["last_on"]),
                "conditions": Conditions(**stored["conditions"]),
                "axes": tuple(Axis(name, tuple(values)) for name, values in stored["axes"]),
            }
        )


@dataclass(frozen=True, slots=True)
class Search:
    """A stored search.

    Attributes:
        spec_hash: of the strategy with its own numbers.
        cutoff_at: facts known later are not read, also by a process that resumes the search.
        code_version: of the code that ran the trials; another one does not add to them.
        is_synthetic: whether the store held invented facts.
        summary: what the finished search says; None until then.
    """

    name: str
    plan: Plan
    spec_hash: str
    cutoff_at: datetime
    code_version: str
    is_synthetic: bool
    windows: tuple[Window, ...]
    summary: Mapping[str, Any] | None = None


def key_of(parameters: Parameters) -> str:
    """Return parameters as a person would type them, sorted by name, e.g. "rsi_exit=70 trail=0.12"."""
    return " ".join(f"{name}={text_of(value)}" for name, value in sorted(parameters.items()))


def text_of(value: Value) -> str:
    """Return a value as a person types it."""
    return value if isinstance(value, str) else f"{value:.9g}"


def best_of(trials: Sequence[SearchTrial]) -> SearchTrial | None:
    """Return the trial with the highest score, the earlier one of equals; None if none counts."""
    counting = [trial for trial in trials if trial.score is not None]
    return max(counting, key=lambda t: (t.score or 0.0, -t.number), default=None)
