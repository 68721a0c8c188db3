"""What `doctor` tells of the database."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.statements import Statements


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """One database.

    Attributes:
        version: of the server. encoding: of the database. time_zone: of our sessions.
        size_bytes: on disk.
        since: when its first migration was applied.
        clock_drift: how far its clock is ahead of this process's; half the round trip is not known.
    """

    version: str
    encoding: str
    time_zone: str
    size_bytes: int
    since: datetime
    clock_drift: timedelta

    def growth_bytes_a_day(self, now: datetime) -> float | None:
        """Return how much it grew a day so far; None in its first two days, which hold the first load of history."""
        age = now - self.since
        return None if age < timedelta(days=2) else self.size_bytes / (age / timedelta(days=1))


def database_facts(url: str) -> DatabaseFacts:
    """Return the facts of a migrated database.

    Raises:
        TransientError, PermanentError: it cannot be asked.
    """
    with translated_errors(), closing(connect(url)) as connection, connection:
        statements = Statements(connection, "migrations")
        before = datetime.now(UTC)
        row = statements.row("database_facts")
        after = datetime.now(UTC)
    assert row is not None
    drift = row.pop("now") - (before + (after - before) / 2)
    return DatabaseFacts(**row, clock_drift=drift)
