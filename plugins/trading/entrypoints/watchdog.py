"""Watches a desk from outside Airflow and tells people when it is silent: through the outbox, or past it.

What it told is in a file, so that a restart or the next call by cron tells nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.leases import lease_holder
from trading.domain.codec import decode, encode
from trading.domain.letters import MARKS, Letter
from trading.domain.messages import MessageKind, Severity
from trading.entrypoints.airflow_watch import TRADING_DAG, AirflowWatch
from trading.entrypoints.checkout import write_private
from trading.entrypoints.databases import NO_DATABASE
from trading.entrypoints.health import lag_of
from trading.errors import AirdeskError
from trading.ports import MarketCalendar
from trading.ports.messages import Fate, Messenger, Outcome
from trading.settings import Settings
from trading.tasks.watching import Alert, Found, Incident, Trouble, alerts, followed, is_watched, pulse, told

FILE = "watchdog.json"


@dataclass(slots=True)
class Watchdog:
    """One desk under watch.

    Attributes:
        settings: read anew each round, because the database's port may change.
        airflow: looks at Airflow.
        messenger: opens the direct way to Telegram; None where no token is set.
        started_at: an hour that was over before that is not waited for; None for a call by cron.
    """

    settings: Callable[[], Settings]
    airflow: Callable[[], AirflowWatch]
    messenger: Callable[[Letter], Outcome] | None
    say: Callable[[str], None]
    started_at: datetime | None = None
    calendar: MarketCalendar = field(default_factory=NyseCalendar)

    def round(self, now: datetime) -> tuple[Alert, ...]:
        """Look once and tell what is to be told; returns it."""
        settings = self.settings()
        file = settings.state_dir / FILE
        found = self._found(settings, now)
        incidents = followed(_read(file), found, now)
        done = []
        for alert in tuple(alerts(incidents, found, now)):
            self.say(alert.words)
            if self._tell(settings, alert, now):
                incidents = told(incidents, alert)
                done.append(alert)
        write_private(file, json.dumps(encode(incidents)))
        return tuple(done)

    def _found(self, settings: Settings, now: datetime) -> Found:
        """Return what is wrong; a root that is found leaves unjudged what follows from it."""
        lag = lag_of(settings)
        is_on = is_watched(self.calendar, now, lag=lag)
        seen = self.airflow()
        found: Found = {}
        try:
            if settings.database_url == NO_DATABASE:
                return _only(Trouble.DATABASE, "the desk's Postgres does not run; ./airdesk up", is_on=is_on)
            with PostgresStore(settings.database_url).transaction() as tx:
                beat = pulse(tx, self.calendar, settings.book, now, lag=lag)
        except AirdeskError as error:
            return _only(Trouble.DATABASE, str(error), is_on=is_on)
        found[Trouble.DATABASE] = None
        if seen.problem is not None:
            return found | _only(Trouble.SCHEDULER, seen.problem, is_on=is_on)
        found[Trouble.SCHEDULER] = None
        if seen.is_paused and not beat.is_stopped:
            words = f"{TRADING_DAG} is paused in session; unpause it in the UI, or ./airdesk halt"
            return found | _only(Trouble.PAUSED, words, is_on=is_on)
        found[Trouble.PAUSED] = None
        is_new = self.started_at is None or beat.due.as_of + lag > self.started_at
        if beat.is_late and is_on and is_new:
            due = f"{beat.due.as_of:%Y-%m-%d %H:%M} UTC"
            found[Trouble.NO_DECISION] = (
                f"no decision for the hour until {due}; look at {TRADING_DAG} in the UI, then at ./airdesk health"
            )
        elif not beat.is_late:
            found[Trouble.NO_DECISION] = None
        return found

    def _tell(self, settings: Settings, alert: Alert, now: datetime) -> bool:
        """Tell people; False when it surely did not arrive, so that the next round tells it again."""
        try:
            if alert.trouble is not Trouble.DATABASE or alert.is_over:
                return self._by_outbox(settings, alert) or self._directly(settings, alert, now)
        except AirdeskError:
            pass
        return self._directly(settings, alert, now)

    def _by_outbox(self, settings: Settings, alert: Alert) -> bool:
        if self.messenger is not None and lease_holder(settings.database_url, "sender") is None:
            return False
        with PostgresStore(settings.database_url).transaction() as tx:
            tx.controls.notify(
                dedupe_key=f"watchdog:{alert.trouble}:{alert.since.isoformat()}:{'over' if alert.is_over else 'open'}",
                book=settings.book,
                kind=MessageKind.SILENCE,
                severity=Severity.INFO if alert.is_over else Severity.ERROR,
                body=f"{settings.book.badge} {settings.book}: {alert.words}",
            )
        return True

    def _directly(self, settings: Settings, alert: Alert, now: datetime) -> bool:
        if self.messenger is None:
            return True
        mark = MARKS[Severity.INFO if alert.is_over else Severity.ERROR]
        title = f"{settings.book.badge} {mark}{'Desk is back' if alert.is_over else 'Desk is silent'}"
        letter = Letter(
            "watchdog", title, (alert.words,), f"{settings.book} · {now:%H:%M} UTC · watchdog, past the desk"
        )
        return self.messenger(letter).fate in (Fate.SENT, Fate.UNCERTAIN, Fate.REFUSED)


def direct(opened: Callable[[], AbstractContextManager[Messenger]], chat_id: int) -> Callable[[Letter], Outcome]:
    """Return what sends one letter to a chat, by a client that lives no longer than that."""

    def send(letter: Letter) -> Outcome:
        with opened() as messenger:
            return messenger.send(letter, chat_id)

    return send


def _only(trouble: Trouble, words: str, *, is_on: bool) -> Found:
    """Return a trouble where a session makes it one; outside it nothing is judged."""
    return {trouble: words} if is_on else {}


def _read(file: Path) -> dict[Trouble, Incident]:
    try:
        return {Trouble(name): decode(Incident, row) for name, row in json.loads(file.read_text("utf-8")).items()}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
