"""From an Airflow run to (services, spec, book, slot): the one place that reads run type, interval and conf.

Airflow alone decides when a run exists; this module decides what it stands for and what it may touch.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from trading.domain.instruments import BookId, BookKind
from trading.domain.interlock import RunOrigin
from trading.domain.market import Slot
from trading.domain.replays import checked_name
from trading.errors import PermanentError, TransientError
from trading.ports import MarketCalendar, Services
from trading.settings import Settings, load_settings
from trading.strategy.spec import StrategySpec

CONNECTION_ID = "airdesk_db"
BACKFILL = "backfill"
REBALANCE_DAG = "quarterly_rebalance"
MOST_REASON = 200
"""Characters of why a rebalance is triggered; the decision stores its own words for it."""
DEFAULT_REPLAY = "backfill"


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What Airflow says about a run.

    Attributes:
        run_type: scheduled, manual or backfill. Never read it off the run_id: a reprocessed run keeps its old one.
        run_after: when the run was due; for a manual run, when it was asked for.
        interval_ends_at: end of the data interval; None for a manual run without a date.
    """

    dag_id: str
    run_id: str
    run_type: str
    run_after: datetime
    interval_ends_at: datetime | None
    conf: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a step of a live DAG gets."""

    services: Services
    spec: StrategySpec
    book: BookId
    slot: Slot


@dataclass(frozen=True, slots=True)
class ReplayContext:
    """What a replayed session gets: no broker, a replay book."""

    services: Services
    spec: StrategySpec
    book: BookId
    session_on: date
    run_id: str
    replace: bool


@dataclass(frozen=True, slots=True)
class ReplayConf:
    """Checked conf of a replay run.

    Attributes:
        strategy: None for the configured one.
        replace: whether an existing book of that name may be overwritten.
    """

    book: BookId
    strategy: str | None
    replace: bool


def facts_of(context: Mapping[str, Any]) -> RunFacts:
    """Return what Airflow's task or callback context says about its run."""
    run = context["dag_run"]
    return RunFacts(
        dag_id=run.dag_id,
        run_id=run.run_id,
        run_type=str(getattr(run.run_type, "value", run.run_type)),
        run_after=run.run_after,
        interval_ends_at=run.data_interval_end,
        conf=run.conf or {},
    )


def slot_of(run: RunFacts, calendar: MarketCalendar, *, delay: timedelta) -> Slot:
    """Return the session hour that a live run stands for.

    In this order: `{"as_of": …}` in the conf, which must be a slot's end exactly; the end of the data interval, or
    the youngest slot before it; without an interval, the youngest slot whose cutoff has passed.

    Raises:
        PermanentError: the conf is not understood, or `as_of` is not the end of a session hour.
        TransientError: the slot's cutoff has not come yet, so its facts are not complete.
    """
    _refuse_unknown_keys(run.conf, {"as_of", "reason"} if run.dag_id == REBALANCE_DAG else {"as_of"})
    reason = run.conf.get("reason", "")
    if not isinstance(reason, str) or len(reason) > MOST_REASON:
        raise PermanentError(f"conf reason: write a sentence of at most {MOST_REASON} characters")
    if "as_of" in run.conf:
        slot = _named_slot(run.conf["as_of"], calendar)
    elif run.interval_ends_at is not None:
        slot = calendar.latest_slot(run.interval_ends_at)
    else:
        slot = calendar.latest_slot(run.run_after - delay)
    if slot.as_of + delay > run.run_after:
        raise TransientError(
            f"{slot.as_of:%Y-%m-%d %H:%M} UTC is complete at {slot.as_of + delay:%H:%M} only; trigger it again then"
        )
    return slot


def replay_conf(conf: Mapping[str, Any]) -> ReplayConf:
    """Return the checked conf of a replay run; the default book is `replay:backfill`."""
    _refuse_unknown_keys(conf, {"book", "strategy", "replace"})
    name, strategy, replaces = conf.get("book", DEFAULT_REPLAY), conf.get("strategy"), conf.get("replace", False)
    if not isinstance(name, str):
        raise PermanentError(f"conf book={name!r} is not a name; write one such as june")
    checked_name(name)
    if strategy is not None and not isinstance(strategy, str):
        raise PermanentError(f"conf strategy={strategy!r} is not a name; leave it out for the configured strategy")
    if not isinstance(replaces, bool):
        raise PermanentError(f"conf replace={replaces!r}: write true or false")
    return ReplayConf(BookId(BookKind.REPLAY, name), strategy, replaces)


def fenced(run: RunFacts, services: Services, book: BookId) -> Services:
    """Return the services that a run may use: a replay book never comes with a broker.

    Raises:
        PermanentError: a backfill was pointed at a book that is not a replay.
    """
    refuse_backfill(run, book)
    return replace(services, broker=None) if book.kind is BookKind.REPLAY else services


def refuse_backfill(run: RunFacts, book: BookId) -> None:
    """Refuse a backfill of any book that is not a replay, before there is anything that could reach a broker."""
    if run.run_type == BACKFILL and book.kind is not BookKind.REPLAY:
        raise PermanentError(f"a backfill may not touch {book}; backfill the DAG hourly_replay instead")


def database_url(connection: Any) -> str:
    """Return the Postgres URL of an Airflow Connection; its extras become URL parameters."""
    login, password = quote(connection.login or "", safe=""), quote(connection.password or "", safe="")
    extras = urlencode(connection.extra_dejson)
    place = f"{connection.host or '127.0.0.1'}:{connection.port or 5432}/{quote(connection.schema or '', safe='')}"
    return f"postgresql://{login}:{password}@{place}" + (f"?{extras}" if extras else "")


def settings_here() -> Settings:
    """Return the settings of this task; the Connection `airdesk_db`, if there is one, names the database.

    A task reads and writes with one login: the limits of the reader are for people's questions.
    """
    return _settings({**os.environ, "AIRDESK_READ_DATABASE_URL": ""})


def page_settings() -> Settings:
    """Return the settings of the Desk page, which reads with a login of its own where there is one."""
    return _settings(os.environ)


def _settings(environment: Mapping[str, str]) -> Settings:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        connection = Connection.get(CONNECTION_ID)
    except AirflowNotFoundException:
        return load_settings(environment)
    return load_settings(environment, database_url=database_url(connection))


def run_context(context: Mapping[str, Any]) -> RunContext:
    """Return what the current task of a live DAG works with."""
    from trading.bootstrap import services_for, strategy_of
    from trading.entrypoints.schema import require_current_schema
    from trading.tasks.interlock import during

    run, settings = facts_of(context), settings_here()
    refuse_backfill(run, settings.book)
    require_current_schema(settings.database_url)
    services = fenced(run, services_for(settings), settings.book)
    delay = timedelta(minutes=services.source_delay_minutes)
    slot = slot_of(run, services.calendar, delay=delay)
    newest = services.calendar.latest_slot(services.clock.now() - delay)
    services = during(services, RunOrigin(run.run_type, is_fresh=slot == newest))
    return RunContext(services, strategy_of(settings), settings.book, slot)


def replay_context(context: Mapping[str, Any]) -> ReplayContext:
    """Return what the current task of `hourly_replay` works with: one session and no broker, whatever is configured."""
    from trading.bootstrap import services_for, strategy_of

    run, settings = facts_of(context), settings_here()
    conf = replay_conf(run.conf)
    services = fenced(run, services_for(replace(settings, book=conf.book)), conf.book)
    slot = services.calendar.latest_slot(run.interval_ends_at or run.run_after)
    return ReplayContext(
        services=services,
        spec=strategy_of(settings, conf.strategy or ""),
        book=conf.book,
        session_on=slot.session_on,
        run_id=run.run_id,
        replace=conf.replace,
    )


def _named_slot(text: object, calendar: MarketCalendar) -> Slot:
    try:
        as_of = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise PermanentError(f"conf as_of={text!r} is not an ISO instant such as 2026-11-23T15:30:00Z") from error
    if as_of.tzinfo is None:
        raise PermanentError(f"conf as_of={text!r} has no time zone; end it with Z for UTC")
    if (slot := calendar.slot_at(as_of.astimezone(UTC))) is None:
        raise PermanentError(f"conf as_of={text!r} is not the end of a New York session hour; use e.g. 10:30 there")
    return slot


def _refuse_unknown_keys(conf: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(conf) - known):
        raise PermanentError(f"conf has unknown keys {', '.join(unknown)}; this DAG knows {', '.join(sorted(known))}")
