"""The tasks of `research_replay`: plan a search, run its batches or windows anywhere, sum it up.

Workers share Postgres and nothing else; XCom carries names, numbers and counts. Every task may be run again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator

from trading.domain.instruments import BookId, BookKind
from trading.domain.messages import MessageKind
from trading.domain.searches import Conditions, Objective, Outcome, Plan, Search, SearcherName, SearchKind, SearchTrial
from trading.entrypoints.airflow.context import facts_of, settings_here
from trading.entrypoints.airflow.steps import LIVE_DEFAULTS
from trading.errors import PermanentError
from trading.ports import Services
from trading.settings import Settings
from trading.tasks.report import StepReport
from trading.tasks.telling import tell

log = logging.getLogger(__name__)

RESEARCH_POOL = "research"
"""One slot: a search leaves the executor to live runs."""
MOST_UNITS = 1_000
"""Airflow maps a task over 1024 at most."""
_KEYS = {
    "name", "kind", "strategy", "from", "to", "sets", "searcher", "objective", "trials", "seed", "min_trades", "train",
    "test", "embargo", "anchored", "batch",
}  # fmt: skip

RESEARCH_DEFAULTS: dict[str, Any] = {**LIVE_DEFAULTS, "priority_weight": 1, "pool": RESEARCH_POOL}


def research_steps() -> None:
    """Add the tasks to the DAG of the `with` block."""
    plan = PythonOperator(
        task_id="plan",
        python_callable=run_plan,
        doc_md="Check the parameters, store the search and cut it into batches of trials, or into windows.",
    )
    trials = PythonOperator.partial(
        task_id="trials",
        python_callable=run_unit,
        execution_timeout=timedelta(hours=12),
        map_index_template="{{ task.op_kwargs['label'] }}",
        doc_md="Replay one batch, or search and test one window; what is stored already is left out.",
    ).expand(op_kwargs=plan.output)
    summarise = PythonOperator(
        task_id="summarise",
        python_callable=run_summarise,
        doc_md="Say which trial is best and how much to believe it; store that, and write a report where this runs.",
    )
    trials >> summarise


def run_plan(**context: Any) -> list[dict[str, Any]]:
    """Return the units of a run: batches of grid points, or windows."""
    from trading.tasks.research import conditions_of, open_search

    params, conf = context["params"], facts_of(context).conf
    services, settings = _services()
    plan, batch = plan_of(params, conf, settings.strategy, conditions_of(services, cash_usd=settings.starting_cash_usd))
    search = open_search(services, str(params.get("name") or ""), plan)
    units = units_of(search, batch)
    log.info("%s: %d trials in %d units", search.name, plan.trials_per_window * len(search.windows), len(units))
    return units


def units_of(search: Search, batch: int) -> list[dict[str, Any]]:
    """Return what each mapped task does: `count` points from `first` on, or all of a window (`count` None)."""
    if search.plan.kind is SearchKind.WALK_FORWARD:
        return [
            {
                "label": f"{window.number + 1}: tests {window.test_first_on:%Y-%m} to {window.test_last_on:%Y-%m}",
                "search": search.name, "window": window.number, "first": 0, "count": None,
            }
            for window in search.windows
        ]  # fmt: skip
    total = search.plan.trials_per_window
    size = max(batch, -(-total // MOST_UNITS))
    return [
        {
            "label": f"trials {first + 1} to {min(first + size, total)}",
            "search": search.name, "window": 0, "first": first, "count": min(size, total - first),
        }
        for first in range(0, total, size)
    ]  # fmt: skip


def run_unit(label: str, search: str, window: int, first: int, count: int | None, **context: Any) -> dict[str, object]:
    """Run one unit and return its report for XCom."""
    from trading.bootstrap import searcher_for
    from trading.research.searchers import GivenSearcher, chosen_points
    from trading.tasks.research import current, run_trials, run_window, stored_search

    services, _ = _services()
    found = current(services, stored_search(services, search))
    place = found.windows[window]
    if count is None:
        ran = run_window(services, found, place, searcher_for(found.plan), told=_say)
    else:
        searcher = GivenSearcher(chosen_points(found.plan)[first : first + count])
        ran = run_trials(services, found, place, searcher, told=_say, first_number=first)
    log.info("%s of %s: %d trials run", label, search, ran)
    return StepReport("trials", {"run": ran}, (f"{search}, {label}",)).as_xcom()


def run_summarise(**context: Any) -> dict[str, object]:
    """Sum up the search, write its report on this machine, and return counts and the way to the result."""
    from trading.reporting.search_tables import sentences_of
    from trading.tasks.research import finish_search, read_search, stored_search, tested_sessions

    services, settings = _services()
    search = finish_search(services, stored_search(services, str(context["params"]["name"])))
    trials, outcomes = read_search(services, search)
    for sentence in sentences_of(search, trials):
        log.info("%s", sentence)
    command = "walk-forward" if search.plan.kind is SearchKind.WALK_FORWARD else "search"
    notes = [f"./airdesk replay {command} {search.name} --report DIR shows it anywhere"]
    tested_on = tested_sessions(services, search, outcomes)
    notes.append(_written(settings.state_dir.resolve() / "reports", search, trials, outcomes, tested_on))
    counts = {"trials": len(trials), "counting": search.summary["counting"] if search.summary else 0}
    with services.store.transaction() as tx:
        lines = (f"{command} {search.name}", *sentences_of(search, trials), notes[0])
        tell(tx, settings.book, MessageKind.BACKTEST, f"backtest:{search.name}", "\n".join(lines))
    report = StepReport("research_replay", counts | {"windows": len(outcomes)}, tuple(notes))
    log.info("%s %s", dict(report.counts), "; ".join(notes))
    return report.as_xcom()


def plan_of(
    params: Mapping[str, Any], conf: Mapping[str, Any], strategy: str, conditions: Conditions
) -> tuple[Plan, int]:
    """Return the checked plan of a run and how many trials a batch holds.

    Raises:
        PermanentError: a parameter is not understood; the sentence names it.
    """
    from trading.strategy.space import axes_of

    if unknown := sorted(set(conf) - _KEYS):
        raise PermanentError(f"conf has unknown keys {', '.join(unknown)}; this DAG knows {', '.join(sorted(_KEYS))}")
    kind = _one_of(SearchKind, "kind", params.get("kind"))
    searcher = _one_of(SearcherName, "searcher", params.get("searcher"))
    is_forward = kind is SearchKind.WALK_FORWARD
    if searcher is SearcherName.OPTUNA and not is_forward:
        raise PermanentError(
            "searcher=optuna learns from one trial after the other, so it cannot be cut into tasks; choose grid, "
            "kind=walk-forward, or ./airdesk replay search --searcher optuna"
        )
    sets = params.get("sets")
    if not isinstance(sets, list) or not all(isinstance(each, str) for each in sets):
        raise PermanentError(f"sets={sets!r}: write a list such as trail=0.10..0.15:0.01")
    plan = Plan(
        kind=kind,
        strategy=str(params.get("strategy") or strategy),
        first_on=_day("from", params.get("from")),
        last_on=_day("to", params.get("to")),
        axes=axes_of(sets),
        searcher=searcher,
        objective=_one_of(Objective, "objective", params.get("objective")),
        trial_count=_whole("trials", params["trials"]) if params.get("trials") is not None else None,
        seed=_whole("seed", params.get("seed"), least=0),
        min_entry_count=_whole("min_trades", params.get("min_trades"), least=0),
        train_months=_whole("train", params.get("train")) if is_forward else None,
        test_months=_whole("test", params.get("test")) if is_forward else None,
        embargo_sessions=_whole("embargo", params.get("embargo"), least=0) if is_forward else 0,
        is_anchored=is_forward and bool(params.get("anchored")),
        conditions=conditions,
    )
    return plan, _whole("batch", params.get("batch"))


def _one_of[T: (SearchKind, SearcherName, Objective)](words: type[T], name: str, value: object) -> T:
    if value not in list(words):
        raise PermanentError(f"{name}={value!r}: choose one of {', '.join(words)}")
    return words(str(value))


def _day(name: str, value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PermanentError(f"{name}={value!r} is not a date such as 2024-01-02; correct it") from None


def _whole(name: str, value: object, *, least: int = 1) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise PermanentError(f"{name}={value!r}: write a whole number from {least} on")
    return value


def _say(trial: SearchTrial) -> None:
    log.info("%s: %s", trial.key, trial.why if trial.score is None else f"{trial.score:.4f}")


def _written(
    folder: Path,
    search: Search,
    trials: Sequence[SearchTrial],
    outcomes: Sequence[Outcome],
    tested_on: Sequence[date],
) -> str:
    """Write the report where this task runs; a worker without a disk of its own is no failure."""
    from trading.reporting.search_report import write_search_report

    try:
        (path,) = write_search_report(folder, search, trials, outcomes, tested_on=tested_on)
    except OSError as error:
        return f"no report was written here ({error.strerror})"
    return f"report on this machine: {path}"


def _services() -> tuple[Services, Settings]:
    """Return what research may use: the store, and neither a source nor a broker."""
    from dataclasses import replace

    from trading.bootstrap import services_for
    from trading.entrypoints.schema import require_current_schema

    settings = settings_here()
    require_current_schema(settings.database_url)
    return services_for(replace(settings, book=BookId(BookKind.REPLAY, "research"))), settings
