"""From facts and session hours to `Hour`s: the one way in which every driver builds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from trading.analysis.facts import Facts, decision_times
from trading.analysis.panel_building import build_panel
from trading.domain.market import Session, Slot, session_slots
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import AccountType
from trading.engine.state import Hour
from trading.strategy.judging import Judgement
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True, slots=True)
class Terms:
    """How a book reads its sources, and what its account allows.

    Attributes:
        delay_minutes: declared source delay; `cutoff_at` = `as_of` + this.
        daily_pricing: whether a symbol without intraday bars is priced, and traded, by its daily bars.
        account_type: whether a sale's proceeds wait for their settlement.
    """

    delay_minutes: int = 0
    daily_pricing: bool = False
    account_type: AccountType = AccountType.MARGIN


@dataclass(frozen=True)
class Timeline:
    """Consecutive sessions with what surrounds them.

    Attributes:
        sessions: ascending, without holes.
        before: the session before the first one. after: the one behind the last.
    """

    sessions: tuple[Session, ...]
    before: Session
    after: Session

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every session hour, ascending."""
        return tuple(slot for session in self.sessions for slot in session_slots(session))

    @property
    def previous_on(self) -> Mapping[date, date]:
        """The session before each one."""
        days = [self.before, *self.sessions]
        return {later.session_on: earlier.session_on for earlier, later in pairwise(days)}

    def next_opens(self) -> Mapping[date, datetime]:
        """The open that follows each session."""
        days = [*self.sessions, self.after]
        return {earlier.session_on: later.opens_at for earlier, later in pairwise(days)}


def history_panel(spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms) -> FeaturePanel:
    """Return the panel of every session hour of `timeline`."""
    times = decision_times(timeline.slots, timeline.previous_on, terms.delay_minutes)
    return build_panel(facts, spec.universe, spec.peers, times, daily_pricing=terms.daily_pricing)


def hours(judgement: Judgement, panel: FeaturePanel, timeline: Timeline, terms: Terms) -> Iterator[Hour]:
    """Yield the hours of `timeline`, whose slots are the rows of `panel` and `judgement`, in order."""
    next_opens = timeline.next_opens()
    row = 0
    for session in timeline.sessions:
        for number, slot in enumerate(session_slots(session)):
            yield Hour(
                slot=slot,
                cutoff_at=slot.as_of + timedelta(minutes=terms.delay_minutes),
                closes_at=session.closes_at,
                next_open_at=next_opens[session.session_on],
                panel=panel,
                judgement=judgement,
                row=row,
                is_first_of_session=number == 0,
            )
            row += 1
