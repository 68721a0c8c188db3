"""What a person asks first: may the book trade, what is it worth, did the last hour run, and when is the next one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Slot, session_slots
from trading.domain.portfolio import TradingState
from trading.ports import MarketCalendar, Services, Transaction

UNOPENED = "not opened yet; its first hour opens it"
"""Said of a book that never decided."""
PATIENCE = timedelta(minutes=12)
"""After the end of an hour and the delay of the sources: how long its decision may take before it counts as late."""


@dataclass(frozen=True, slots=True)
class Glance:
    """How a book stands this minute.

    Attributes:
        is_open: whether the book exists yet. why: who brought it into its state and why; None for nobody.
        nav_usd, nav_at: of the newest hour; None before the first. before_usd: at the close of the session before it.
        newest: the newest hourly decision. late: the hour that should have decided by now and has not; None for none.
        next_at: end of the next session hour; None for a replay.
    """

    book: BookId
    is_open: bool
    state: TradingState
    why: str | None
    nav_usd: float | None
    nav_at: datetime | None
    before_usd: float | None
    newest: Decision | None
    late: Slot | None
    next_at: datetime | None

    @property
    def change_usd(self) -> float | None:
        """Change of NAV since the close of the session before."""
        return None if self.nav_usd is None or self.before_usd is None else self.nav_usd - self.before_usd

    @property
    def change_frac(self) -> float | None:
        """The same as a part of that close."""
        return None if self.change_usd is None or not self.before_usd else self.change_usd / self.before_usd


def glance_of(services: Services, tx: Transaction, book: BookId) -> Glance:
    """Return how a book of the ledger stands now."""
    now = services.clock.now()
    nav = tx.ledger.last_nav(book)
    newest = tx.decisions.newest(book, DecisionKind.HOURLY)
    is_replay = book.kind is BookKind.REPLAY
    return Glance(
        book=book,
        is_open=newest is not None or book in tx.ledger.books(),
        state=tx.controls.trading_state(book),
        why=tx.controls.state_reason(book),
        nav_usd=None if nav is None else nav.nav_usd,
        nav_at=None if nav is None else nav.as_of,
        before_usd=None if nav is None else tx.checks.closing_nav(book, nav.session_on),
        newest=newest,
        late=None if is_replay else late_slot(services, newest, now),
        next_at=None if is_replay else next_end(services.calendar, now),
    )


def late_slot(services: Services, newest: Decision | None, now: datetime) -> Slot | None:
    """Return the newest hour that should have decided by now, if the newest decision is of an earlier one."""
    due = services.calendar.latest_slot(now - timedelta(minutes=services.source_delay_minutes) - PATIENCE)
    return due if newest is None or newest.as_of < due.as_of else None


def next_end(calendar: MarketCalendar, now: datetime) -> datetime:
    """Return when the next session hour ends."""
    today = calendar.session(now.date())
    rest = [slot.as_of for slot in session_slots(today) if slot.as_of > now] if today is not None else []
    return rest[0] if rest else session_slots(calendar.next_session(now.date()))[0].as_of
