"""What `doctor` says of the youngest day that a night compared with its replay."""

from __future__ import annotations

from collections.abc import Iterator

from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import BookKind
from trading.domain.parity import Parity, ParityOutcome
from trading.entrypoints.findings import Finding, Level
from trading.errors import AirdeskError
from trading.settings import Settings


def examine_parity(settings: Settings) -> Iterator[Finding]:
    """Yield a line about the youngest comparison; none without a database, a book at a broker or a comparison."""
    if settings.database_url == "postgresql://" or settings.book.kind is BookKind.REPLAY:
        return
    try:
        with PostgresStore(settings.database_url).transaction() as tx:
            days = tx.parity.days(settings.book, 1)
    except AirdeskError:
        # The line of the database says what is wrong with it.
        return
    yield from map(parity_line, days)


def parity_line(day: Parity) -> Finding:
    """Return the line of a compared day."""
    text = f"{day.session_on} is {day.outcome}: {day.summary}"
    if day.outcome is ParityOutcome.DIFFERENT:
        return Finding(Level.WARN, "parity", f"{text}; look at ./airdesk replay parity {day.session_on}")
    return Finding(Level.OK, "parity", text)
