"""From facts and session hours to `Hour`s: the one way in which every driver builds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from trading.analysis.chances import scored
from trading.analysis.facts import DecisionTimes, Facts, dates64, utc64_all
from trading.analysis.panel_building import build_panel
from trading.domain.instruments import ClientCategory
from trading.domain.market import HOUR, Session, Slot, session_slots
from trading.domain.models import ModelEra
from trading.domain.panel import FeaturePanel, TimeArray
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
        client_category: decides what of the universe may not be bought.
    """

    delay_minutes: int = 0
    daily_pricing: bool = False
    account_type: AccountType = AccountType.MARGIN
    client_category: ClientCategory = ClientCategory.US


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
    def previous_on(self) -> Mapping[date, date]:
        """The session before each one."""
        days = [self.before, *self.sessions]
        return {later.session_on: earlier.session_on for earlier, later in pairwise(days)}

    @cached_property
    def slots(self) -> tuple[Slot, ...]:
        """Every session hour, ascending."""
        return tuple(slot for session in self.sessions for slot in session_slots(session))

    @cached_property
    def grid(self) -> Grid:
        """Every session hour as arrays."""
        opens, closes = (utc64_all(getattr(s, name) for s in self.sessions) for name in ("opens_at", "closes_at"))
        count = -((opens - closes) // _HOUR)
        session = np.repeat(np.arange(len(count)), count)
        number = np.arange(len(session)) - np.repeat(np.cumsum(count) - count, count)
        starts_at = opens[session] + number * _HOUR
        as_of = np.minimum(starts_at + _HOUR, closes[session])
        return Grid(session, number, starts_at, as_of, number + 1 == count[session])

    def times(self, terms: Terms) -> DecisionTimes:
        """Return when the decisions of every hour stand."""
        grid = self.grid
        days = dates64(s.session_on for s in (self.before, *self.sessions))
        cutoff_at = grid.as_of + np.timedelta64(terms.delay_minutes, "m")
        return DecisionTimes(grid.as_of, cutoff_at, days[1:][grid.session], days[:-1][grid.session])

    def slot(self, row: int) -> Slot:
        """Return the session hour of one row of the grid."""
        session, number = self.sessions[self._places[0][row]], self._places[1][row]
        starts_at = session.opens_at + HOUR * number
        ends_at = starts_at + HOUR
        is_closing = ends_at >= session.closes_at
        return Slot(session.session_on, starts_at, session.closes_at if is_closing else ends_at, is_closing)

    @cached_property
    def _places(self) -> tuple[list[int], list[int]]:
        return self.grid.session.tolist(), self.grid.number.tolist()

    def hour(self, row: int, panel: FeaturePanel, judgement: Judgement, terms: Terms) -> Hour:
        """Return one hour, whose slot is the row of `panel` and `judgement`."""
        place, slot = self._places[0][row], self.slot(row)
        session = self.sessions[place]
        later = self.sessions[place + 1] if place + 1 < len(self.sessions) else self.after
        return Hour(
            slot=slot,
            cutoff_at=slot.as_of + timedelta(minutes=terms.delay_minutes) if terms.delay_minutes else slot.as_of,
            closes_at=session.closes_at,
            next_open_at=later.opens_at,
            panel=panel,
            judgement=judgement,
            row=row,
            is_first_of_session=self._places[1][row] == 0,
            starts_quarter=self._places[1][row] == 0 and place in self.quarter_places,
        )

    @cached_property
    def quarter_places(self) -> frozenset[int]:
        """Places of the sessions that are the first of their quarter."""
        days = [session.session_on for session in (self.before, *self.sessions)]
        return frozenset(n for n, (day, later) in enumerate(pairwise(days)) if quarter_of(day) != quarter_of(later))


def quarter_of(on: date) -> tuple[int, int]:
    """Return year and quarter [0–3] of a day."""
    return on.year, (on.month - 1) // 3


@dataclass(frozen=True, slots=True)
class Grid:
    """Session hours as arrays of one length.

    Attributes:
        session: place of the hour's session in the timeline. number: place of the hour in its session.
        starts_at, as_of: begin and end of the hour, UTC. is_closing: whether it is the session's last.
    """

    session: NDArray[np.intp]
    number: NDArray[np.intp]
    starts_at: TimeArray
    as_of: TimeArray
    is_closing: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.as_of)


_HOUR = np.timedelta64(HOUR)


def history_panel(
    spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms, eras: Sequence[ModelEra] = ()
) -> FeaturePanel:
    """Return the panel of every session hour of `timeline`, with what the model of each era says."""
    times, daily_pricing = timeline.times(terms), terms.daily_pricing
    panel = build_panel(facts, spec.universe, spec.peers, times, daily_pricing=daily_pricing, sentiment=spec.sentiment)
    return scored(panel, eras)


@dataclass(frozen=True)
class Hours:
    """The hours of a timeline, whose slots are the rows of `panel` and `judgement`."""

    judgement: Judgement
    panel: FeaturePanel
    timeline: Timeline
    terms: Terms

    @cached_property
    def times(self) -> DecisionTimes:
        """When the decisions stand."""
        return self.timeline.times(self.terms)

    def __len__(self) -> int:
        return len(self.timeline.grid)

    def __iter__(self) -> Iterator[Hour]:
        return map(self.hour, range(len(self)))

    def hour(self, row: int) -> Hour:
        """Return the hour of one row."""
        return self.timeline.hour(row, self.panel, self.judgement, self.terms)
