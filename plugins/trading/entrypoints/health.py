"""How the desk stands now, in one model: `./airdesk health`, its HTTP page and the bot show the same lines.

`doctor` looks at an installation; this looks at a desk that runs, cheaply enough to be asked every half minute.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.adapters.database_facts import database_facts
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.leases import lease_holder
from trading.entrypoints.airflow_watch import watch_airflow
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import NO_DATABASE
from trading.entrypoints.doctor_machine import clock_line, disk_line
from trading.entrypoints.findings import Finding, Level, guarded
from trading.errors import AirdeskError
from trading.ports import Transaction
from trading.settings import Settings
from trading.tasks.watching import Pulse, is_watched, pulse

CONNECT_SECONDS = 3.0
LATE_MESSAGE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Health:
    """All findings of one instant."""

    at: datetime
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """Return the worst of them."""
        return max((finding.level for finding in self.findings), key=tuple(Level).index)

    def values(self) -> dict[str, object]:
        """Return them for a program, by the names that the command's lesson promises."""
        return {"status": self.level, "at": self.at, "findings": self.findings}


def lag_of(settings: Settings) -> timedelta:
    """Return how long after an hour its decision may take."""
    return timedelta(minutes=settings.source_delay_minutes + settings.watchdog_minutes)


def health_of(checkout: Checkout, settings: Settings, now: datetime) -> Health:
    """Look at everything."""
    return Health(now, tuple(_looked_at(checkout, settings, now)))


def _looked_at(checkout: Checkout, settings: Settings, now: datetime) -> Iterator[Finding]:
    yield from _database(settings, now)
    yield _airflow(checkout, settings, now)
    yield _gateway(settings)


def _database(settings: Settings, now: datetime) -> Iterator[Finding]:
    if settings.database_url == NO_DATABASE:
        yield Finding(Level.FAIL, "database", "the desk's Postgres does not run; start it with ./airdesk up")
        yield guarded("disk", lambda: disk_line(settings.state_dir, None, now))
        return
    try:
        facts = database_facts(settings.database_url)
        with PostgresStore(settings.database_url).transaction() as tx:
            beat = pulse(tx, NyseCalendar(), settings.book, now, lag=lag_of(settings))
            waiting = _messages(tx, settings, now)
        yield Finding(Level.OK, "database", f"PostgreSQL {facts.version} answers")
        yield clock_line(facts.clock_drift, "the database's")
    except AirdeskError as error:
        yield Finding(Level.FAIL, "database", str(error))
        yield guarded("disk", lambda: disk_line(settings.state_dir, None, now))
        return
    yield guarded("disk", lambda: disk_line(settings.state_dir, facts, now))
    yield decision_line(beat, now, is_session=is_watched(NyseCalendar(), now, lag=lag_of(settings)))
    yield waiting
    for name in ("sender", "bot") if settings.telegram.token else ():
        yield guarded(name, lambda name=name: _lease(settings, name))  # type: ignore[misc]


def decision_line(beat: Pulse, now: datetime, *, is_session: bool) -> Finding:
    """Return the line of the newest decision against the session's hours."""
    if beat.newest_at is None:
        newest = "none yet"
    else:
        newest = f"the newest is of {beat.newest_at:%Y-%m-%d %H:%M} UTC, {_age(now - beat.newest_at)} old"
    text = f"{newest}; the book is {beat.state}"
    if not beat.is_late:
        return Finding(Level.OK, "decision", text)
    due = f"{text}; the hour until {beat.due.as_of:%Y-%m-%d %H:%M} UTC has none"
    if is_session:
        return Finding(Level.FAIL, "decision", f"{due}, look at hourly_trading in the UI, or ./airdesk halt")
    return Finding(Level.WARN, "decision", f"{due}; no session is on")


def _age(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours} h {minutes:02d} min" if hours < 72 else f"{hours // 24} days"


def _messages(tx: Transaction, settings: Settings, now: datetime) -> Finding:
    count, oldest = tx.outbox.backlog(now)
    if not count:
        return Finding(Level.OK, "messages", "none waits")
    assert oldest is not None
    text = f"{count} wait, the oldest since {_age(now - oldest)}"
    if not settings.telegram.token:
        return Finding(Level.OK, "messages", f"{text}; nobody is told without AIRDESK_TELEGRAM_TOKEN")
    level = Level.WARN if now - oldest > LATE_MESSAGE else Level.OK
    return Finding(level, "messages", f"{text}; ./airdesk messages says why")


def _lease(settings: Settings, name: str) -> Finding:
    holder = lease_holder(settings.database_url, name)
    if holder is None:
        return Finding(Level.WARN, name, "does not run; ./airdesk up starts it, its log says why it ended")
    return Finding(Level.OK, name, holder)


def _airflow(checkout: Checkout, settings: Settings, now: datetime) -> Finding:
    seen = watch_airflow(checkout)
    if seen.problem is not None:
        return Finding(Level.FAIL, "airflow", seen.problem)
    if seen.is_paused and is_watched(NyseCalendar(), now, lag=lag_of(settings)):
        return Finding(Level.WARN, "airflow", "healthy, but hourly_trading is paused; unpause it in the UI")
    return Finding(Level.OK, "airflow", "every part reports in" + ("; hourly_trading is paused" * bool(seen.is_paused)))


def _gateway(settings: Settings) -> Finding:
    """Return whether anything listens there; a session of its own every half minute would disturb the writer."""
    if not settings.broker_port:
        return Finding(Level.OK, "gateway", "none is configured")
    place = f"{settings.broker_host}:{settings.broker_port}"
    try:
        socket.create_connection((settings.broker_host, settings.broker_port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return Finding(Level.FAIL, "gateway", f"{place} does not answer; log in again at the gateway, or start it")
    return Finding(Level.OK, "gateway", f"{place} answers")
