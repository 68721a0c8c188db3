"""What `doctor` says of this machine: database, disk, clock and calendar."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trading.adapters.database_facts import DatabaseFacts, database_facts
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import pending
from trading.adapters.xnys import LAST_ON
from trading.entrypoints.findings import Finding, Level, guarded
from trading.errors import AirdeskError
from trading.settings import Settings

GIGABYTE = 1e9
LOW_BYTES, FULL_BYTES = 5 * GIGABYTE, 1 * GIGABYTE
LOW_DAYS = 60
"""Fewer days of growth than this are too few."""
DRIFT_SEEN, DRIFT_REFUSED = timedelta(seconds=0.5), timedelta(seconds=2)
"""From here on a drift is worth a word, and from here on no real order is sent (ADR 0017)."""
COVERED = timedelta(days=365)


def examine_machine(settings: Settings, now: datetime | None = None) -> Iterator[Finding]:
    """Yield the lines of database, clock, disk and calendar."""
    now = now or datetime.now(UTC)
    facts = None
    if settings.database_url == "postgresql://":
        yield Finding(Level.OK, "postgres", "embedded, not running; every command starts it")
    else:
        try:
            names = pending(settings.database_url)
            facts = database_facts(settings.database_url)
        except AirdeskError as error:
            yield Finding(Level.FAIL, "postgres", str(error))
        else:
            yield postgres_line(facts, names)
            yield clock_line(facts.clock_drift, "the database's")
    yield guarded("disk", lambda: disk_line(settings.state_dir, facts, now))
    yield guarded("calendar", lambda: calendar_line(now))


def postgres_line(facts: DatabaseFacts, pending_names: tuple[str, ...]) -> Finding:
    """Return the line of the database."""
    text = (
        f"PostgreSQL {facts.version}, {facts.size_bytes / 1e6:.0f} MB, encoding {facts.encoding}, "
        f"sessions in {facts.time_zone}"
    )
    if facts.encoding != "UTF8":
        return Finding(Level.FAIL, "postgres", f"{text}; headlines need UTF8, make the database anew with it")
    if pending_names:
        return Finding(
            Level.WARN, "postgres", f"{text}; {len(pending_names)} migrations pending, run ./airdesk migrate"
        )
    return Finding(Level.OK, "postgres", f"{text}, no migration pending")


def clock_line(drift: timedelta, whose: str) -> Finding:
    """Return the line of this machine's clock against another one; a shared clock agrees and proves nothing."""
    seconds = drift.total_seconds()
    if abs(drift) < DRIFT_SEEN:
        return Finding(Level.OK, "clock", f"within half a second of {whose}")
    level = Level.FAIL if abs(drift) >= DRIFT_REFUSED else Level.WARN
    behind = "behind" if seconds > 0 else "ahead of"
    return Finding(
        level, "clock", f"{abs(seconds):.1f} s {behind} {whose}; switch on the time synchronisation of this machine"
    )


def disk_line(folder: Path, facts: DatabaseFacts | None, now: datetime) -> Finding:
    """Return the line of the disk that holds the state folder, and for how long it lasts at the pace so far."""
    existing = next(place for place in (folder.resolve(), *folder.resolve().parents) if place.exists())
    free = shutil.disk_usage(existing).free
    growth = facts.growth_bytes_a_day(now) if facts is not None else None
    text = f"{free / GIGABYTE:.1f} GB free"
    if growth is not None:
        text += f"; the database grew {growth / 1e6:.1f} MB a day"
    if free < FULL_BYTES:
        return Finding(Level.FAIL, "disk", f"{text}; make room now, Postgres stops when it is full")
    if free < LOW_BYTES or (growth and free / growth < LOW_DAYS):
        return Finding(Level.WARN, "disk", f"{text}; make room, or lower AIRDESK_KEEP_REPLIES_DAYS")
    return Finding(Level.OK, "disk", text)


def calendar_line(now: datetime) -> Finding:
    """Return the line of the exchange's calendar: how far it reaches, and the session that runs or comes next."""
    today, calendar = now.date(), NyseCalendar()
    coming = calendar.next_session(today - timedelta(days=1))
    if coming.closes_at <= now:
        coming = calendar.next_session(coming.session_on)
    which = "this" if coming.opens_at <= now else "next"
    hours = f"{coming.session_on}, {coming.opens_at:%H:%M} to {coming.closes_at:%H:%M} UTC"
    text = f"{which} session {hours}; known to {LAST_ON}"
    if LAST_ON - today < COVERED:
        return Finding(Level.FAIL, "calendar", f"{text}; update the desk, no session is known a year ahead")
    return Finding(Level.OK, "calendar", text)
