"""The three tasks of `history_load`: plan what is lacking, load it piece by piece, say what is there now."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.exceptions import AirflowFailException

from trading.domain.instruments import Symbol, Universe
from trading.entrypoints.airflow.context import facts_of, settings_here
from trading.entrypoints.airflow.retry_policy import Patient
from trading.entrypoints.airflow.steps import LIVE_DEFAULTS
from trading.errors import DataRejected, PermanentError, TransientError
from trading.ports import Services
from trading.settings import Settings, SourceKind
from trading.tasks.report import StepReport

log = logging.getLogger(__name__)

VENDORS_POOL = "vendors"
"""One slot: pieces wait for one another, and leave the executor to the hourly run."""
KINDS = ("bars", "actions", "news", "filings", "earnings", "macro")
SYMBOL_PATTERN = "^[A-Za-z][A-Za-z0-9.^-]{0,9}$"
UNSERVED = "unserved"
"""Under this key the plan tells the summary what no source serves."""
MOST_BATCHES = 1_000
"""Airflow maps a task over 1024 at most; more pieces come several to a batch."""
MOST_PIECES = 25_000
"""So that a batch takes minutes even on the slowest plan."""

HISTORY_DEFAULTS: dict[str, Any] = {
    **LIVE_DEFAULTS,
    # A try that finds no quota costs no call, and a load may well last for days.
    "retries": 30,
    "retry_delay": timedelta(minutes=2),
    "retry_policy": Patient(),
    "priority_weight": 1,
}


@dataclass(frozen=True, slots=True)
class Request:
    """Checked parameters of a run; `last_on` None is today, `source` None is whoever serves."""

    symbols: tuple[Symbol, ...]
    first_on: date
    last_on: date | None
    kinds: tuple[str, ...]
    source: str | None = None


def history_steps() -> None:
    """Add the tasks to the DAG of the `with` block."""
    plan = PythonOperator(
        task_id="plan",
        python_callable=run_plan,
        doc_md="List the pieces that are neither stored nor known to be absent at the vendor. Asks nobody.",
    )
    load = PythonOperator.partial(
        task_id="load",
        python_callable=run_load,
        pool=VENDORS_POOL,
        execution_timeout=timedelta(hours=1),
        map_index_template="{{ task.op_kwargs['label'] }}",
        doc_md="Ask for one batch and store it piece by piece; what is stored meanwhile is left out.",
    ).expand(op_kwargs=plan.output)
    summary = PythonOperator(
        task_id="summary",
        python_callable=run_summary,
        trigger_rule="all_done",
        doc_md="Add up what was loaded; red while a piece is missing.",
    )
    load >> summary


def run_plan(**context: Any) -> list[dict[str, Any]]:
    """Return the batches of a run, each with its label."""
    from trading.strategy.catalogue import spec_named
    from trading.tasks.pull_plan import Planner, What, costs_of, window_of

    services, settings = _services()
    universe = spec_named(settings.strategy).universe
    today = services.clock.now().date()
    asked = request_of(context["params"], facts_of(context).conf, universe, today)
    window = window_of(services, asked.first_on, asked.last_on or today)
    if window is None:
        raise DataRejected("no session lies between from and to; correct the dates and trigger it again")
    planner = Planner(services, window, universe, source=asked.source)
    units = list(planner.units(asked.symbols, [What(kind) for kind in asked.kinds]))
    if len(units) > MOST_PIECES:
        raise DataRejected(f"{len(units)} pieces at once; load at most {MOST_PIECES}: fewer symbols or years")
    for note in planner.notes:
        log.warning("%s", note)
    if planner.notes and not units and not planner.stored_count:
        raise DataRejected(f"{'; '.join(planner.notes)}; see ./airdesk data status, then trigger it again")
    context["ti"].xcom_push(key=UNSERVED, value=planner.notes)
    for cost in costs_of(units, services.sources.quotas):
        log.info("%s: about %d calls, %s minutes, %d days", cost.vendor, cost.call_count, cost.minutes, cost.days)
    log.info("%d pieces to load, %d need no asking", len(units), planner.stored_count)
    return batches_of([(unit.label, unit.as_xcom()) for unit in units])


def batches_of(pieces: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the pieces, each with its label, in at most `MOST_BATCHES` batches of neighbours."""
    size = max(1, -(-len(pieces) // MOST_BATCHES))
    groups = [pieces[i : i + size] for i in range(0, len(pieces), size)]
    return [
        {
            "label": group[0][0] if len(group) == 1 else f"{group[0][0]} and {len(group) - 1} more",
            "units": [told for _, told in group],
        }
        for group in groups
    ]


def run_load(label: str, units: Sequence[Mapping[str, Any]], **context: Any) -> dict[str, object]:
    """Load the pieces of one batch that are still lacking, and return the report for XCom.

    Raises:
        TransientError, QuotaExhausted: the vendor wants a pause, after which the rest of the batch is loaded.
        AirflowFailException: a piece was refused for good.
    """
    from trading.tasks.pull import Pull
    from trading.tasks.pull_plan import Unit, is_served, left_of

    services, _ = _services()
    pull = Pull(services, told=lambda unit: log.info("%s from %s", unit.label, unit.source))
    stored_count = unserved_count = 0
    for unit in map(Unit.from_xcom, units):
        left = left_of(services, unit)
        if left is None:
            stored_count += 1
        elif is_served(services, left):
            pull.load(left)
        else:
            unserved_count += 1
            pull.leave(left)
    rows = {f"{what}_stored": counts.stored for what, counts in pull.counts.items()}
    counts = {**rows, "loaded": pull.loaded_count, "already_there": stored_count, "waiting": pull.waiting_count}
    counts["refused"] = pull.refused_count
    is_whole = not pull.waiting_count and not pull.refused_count
    report = StepReport(f"load {label}", counts, tuple(pull.gathering.notes), degraded=not is_whole)
    log.info("%s %s", report.step, dict(counts))
    context["ti"].xcom_push(key="return_value", value=report.as_xcom())
    if pull.gathering.exhausted is not None:
        raise pull.gathering.exhausted
    pull.gathering.conclude()
    if unserved_count:
        # A circuit closes again and a permission comes back: a try that asks nobody costs nothing.
        raise TransientError("; ".join(report.notes))
    if pull.waiting_count:
        raise AirflowFailException("; ".join(report.notes))
    return report.as_xcom()


def run_summary(**context: Any) -> dict[str, object]:
    """Return the sums of all batches; fail while a piece is missing."""
    instance = context["ti"]
    planned = instance.xcom_pull(task_ids="plan")
    if planned is None:
        raise AirflowFailException("plan failed, so nothing was loaded; read its log")
    told = instance.xcom_pull(task_ids="load") or []
    reports: list[Mapping[str, Any]] = [told] if isinstance(told, Mapping) else [each for each in told if each]
    sums: dict[str, int] = {"batches": len(planned)}
    for report in reports:
        for name, count in report["counts"].items():
            sums[name] = sums.get(name, 0) + count
    whole = sum(not report["degraded"] for report in reports)
    notes = list(dict.fromkeys(note for report in reports for note in report["notes"]))
    notes += instance.xcom_pull(task_ids="plan", key=UNSERVED) or []
    log.info("history_load %s", sums)
    if whole < len(planned):
        raise AirflowFailException(
            f"{len(planned) - whole} of {len(planned)} batches are not whole; clear their tasks or trigger the same "
            f"load again, what is stored is left out: {'; '.join(notes[:5]) or 'see their logs'}"
        )
    return StepReport("history_load", sums, tuple(notes)).as_xcom()


def request_of(params: Mapping[str, Any], conf: Mapping[str, Any], universe: Universe, today: date) -> Request:
    """Return the checked parameters of a run.

    Raises:
        PermanentError: one of them is not understood; the sentence names it.
    """
    if unknown := sorted(set(conf) - {"symbols", "from", "to", "what", "source"}):
        raise PermanentError(
            f"conf has unknown keys {', '.join(unknown)}; this DAG knows symbols, from, to, what, source"
        )
    named = params.get("symbols") or []
    if not isinstance(named, list) or not all(isinstance(s, str) and re.match(SYMBOL_PATTERN, s) for s in named):
        raise PermanentError(f"symbols={named!r}: write a list of tickers such as NVDA, or leave it empty for all")
    symbols = tuple(dict.fromkeys(symbol.upper() for symbol in named))
    if strange := [symbol for symbol in symbols if symbol not in universe.data]:
        raise PermanentError(
            f"{', '.join(strange)}: not in the universe of the strategy; add it there, or use ./airdesk data pull"
        )
    first_on, last_on = _day("from", params.get("from")), params.get("to")
    until = _day("to", last_on) if last_on else None
    if first_on > (until or today):
        raise PermanentError(f"from={first_on} lies after to={until or today}; exchange or correct them")
    if until is not None and until > today:
        raise PermanentError(f"to={until} lies in the future; write {today} or leave it empty")
    kinds = params.get("what") or []
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= set(KINDS):
        raise PermanentError(f"what={kinds!r}: write a list of {', '.join(KINDS)}")
    source = params.get("source") or None
    if source is not None and not isinstance(source, str):
        raise PermanentError(f"source={source!r}: write the name of a source such as polygon, or leave it empty")
    return Request(symbols or universe.data, first_on, until, tuple(dict.fromkeys(kinds)), source)


def _day(name: str, value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise PermanentError(f"{name}={value!r} is not a date such as 2024-01-02; correct it") from None


def _services() -> tuple[Services, Settings]:
    """Return what a load of history may use: vendors at leisure, and no broker."""
    from trading.bootstrap import services_for
    from trading.entrypoints.schema import require_current_schema

    settings = settings_here()
    if settings.sources is not SourceKind.VENDORS:
        raise PermanentError("vendors are not switched on; set AIRDESK_SOURCES=vendors and a key, see .env.example")
    require_current_schema(settings.database_url)
    return replace(services_for(settings, is_history=True), broker=None), settings
