"""Is the desk silent? What must have happened by now, what did not, and which of it people were told.

A watchdog outside Airflow asks this; health pages show the same. A halted desk is quiet on purpose, not silent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.portfolio import TradingState
from trading.ports import MarketCalendar, Transaction

GRACE = timedelta(minutes=2)
"""A restart of Airflow or of the database is no incident."""
STOPPED = frozenset({TradingState.HALTED, TradingState.LOCKED})


class Trouble(StrEnum):
    """Why a desk is silent, the roots first: a dead database explains everything below it."""

    DATABASE = "database"
    SCHEDULER = "scheduler"
    PAUSED = "paused"
    NO_DECISION = "no_decision"


BACK = {
    Trouble.DATABASE: "the database answers again",
    Trouble.SCHEDULER: "Airflow is healthy again",
    Trouble.PAUSED: "hourly_trading runs again, or the book is halted",
    Trouble.NO_DECISION: "the decision is there, or the book is halted",
}


@dataclass(frozen=True, slots=True)
class Pulse:
    """When the book decided last, and when it should have.

    Attributes:
        due: the youngest hour whose decision must be there by now.
        newest_at: the hour of its newest decision; None before its first.
        state: trading state.
    """

    due: Slot
    newest_at: datetime | None
    state: TradingState

    @property
    def is_stopped(self) -> bool:
        """Return whether somebody, or a rule, stopped the book: then nobody waits for a decision."""
        return self.state in STOPPED

    @property
    def is_late(self) -> bool:
        """Return whether the decision that is due is missing."""
        return not self.is_stopped and (self.newest_at is None or self.newest_at < self.due.as_of)


def pulse(tx: Transaction, calendar: MarketCalendar, book: BookId, now: datetime, *, lag: timedelta) -> Pulse:
    """Return the pulse of a book.

    Args:
        tx: the store.
        calendar: sessions, half days and holidays.
        book: whose decisions.
        now: this instant.
        lag: what an hour's decision may take: the sources' delay and the allowance.
    """
    newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    due = calendar.latest_slot(now - lag)
    return Pulse(due, newest.as_of if newest is not None else None, tx.controls.trading_state(book))


def is_watched(calendar: MarketCalendar, now: datetime, *, lag: timedelta) -> bool:
    """Return whether a silence of now is one: from the open until the decision of the close is due, on session days."""
    session = calendar.session(calendar.latest_slot(now + timedelta(hours=1)).session_on)
    return session is not None and session.opens_at <= now <= session.closes_at + lag + GRACE


@dataclass(frozen=True, slots=True)
class Incident:
    """A trouble that lasts.

    Attributes:
        since: when it was seen first. is_told: whether people know.
        words: what was found, with the next action.
    """

    since: datetime
    words: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A sentence to be told. `is_over` when the trouble went away."""

    trouble: Trouble
    since: datetime
    words: str
    is_over: bool = False


type Found = dict[Trouble, str | None]
"""For each trouble that could be judged: its words, or None where there is none. What is missing was not judged."""


def followed(open_: Mapping[Trouble, Incident], found: Found, now: datetime) -> dict[Trouble, Incident]:
    """Return the incidents that are open after what was found; what nobody was told of goes without a word."""
    kept = dict(open_)
    for trouble, words in found.items():
        if words is not None:
            kept.setdefault(trouble, Incident(now, words))
        elif trouble in kept and not kept[trouble].is_told:
            del kept[trouble]
    return kept


def alerts(incidents: Mapping[Trouble, Incident], found: Found, now: datetime) -> Iterator[Alert]:
    """Yield what is to be told of the incidents: each once when it lasted, and once when it is over."""
    for trouble, incident in incidents.items():
        if incident.is_told and found.get(trouble, "") is None:
            yield Alert(trouble, incident.since, f"{BACK[trouble]} (since {incident.since:%H:%M} UTC)", is_over=True)
        elif not incident.is_told and (trouble is Trouble.NO_DECISION or now - incident.since >= GRACE):
            yield Alert(trouble, incident.since, incident.words)


def told(incidents: Mapping[Trouble, Incident], alert: Alert) -> dict[Trouble, Incident]:
    """Return the incidents once people know of an alert."""
    others = {trouble: incident for trouble, incident in incidents.items() if trouble is not alert.trouble}
    if alert.is_over:
        return others
    return others | {alert.trouble: replace(incidents[alert.trouble], is_told=True)}
