"""What the night holds against each other: calendars, two sources' closes, and days against corporate actions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from math import prod

from trading.analysis.jumps import SPLIT_GAP_DAYS, SplitSeen, shows_split
from trading.domain.market import CorporateAction, Session, SessionNotice
from trading.domain.series import BarSeries

NIGHT_JUMP_FRAC = 0.35
"""A first price this far from the last close is looked at by a person, though it may well be true."""

NIGHT_SESSIONS = 5
"""How many sessions back the night looks for jumps and splits."""

MAX_DISAGREEMENT_BPS = 50.0
"""Two sources' last closes of one bar differ by a tick or two, not by half a percent."""

FEWEST_FRAC = 0.8
"""A session with fewer of its expected bars than this is not complete; single spans without a trade are."""

_FULL_DAY = timedelta(hours=6, minutes=30)


def calendar_differences(
    sessions: Mapping[date, Session], notices: Mapping[date, SessionNotice], first_on: date, last_on: date
) -> dict[date, str]:
    """Return a sentence for each weekday of [first_on, last_on] on which calendar and notices differ."""
    days = (first_on + timedelta(days=n) for n in range((last_on - first_on).days + 1))
    found = ((on, _difference(sessions.get(on), notices.get(on), on)) for on in days if on.weekday() < 5)
    return {on: text for on, text in found if text is not None}


def _difference(session: Session | None, notice: SessionNotice | None, on: date) -> str | None:
    if session is None:
        if notice is None:
            return f"{on} is a holiday in the calendar and not announced; find out which is right"
        return None if notice.closes_at is None else f"{on} is a holiday in the calendar, announced is an early close"
    if notice is None:
        is_half = session.closes_at - session.opens_at < _FULL_DAY
        return f"{on} is a half day in the calendar and not announced; find out which is right" if is_half else None
    if notice.closes_at is None:
        return f"{on} is announced as a holiday and a session in the calendar; it counts as closed to entries"
    if notice.closes_at == session.closes_at:
        return None
    return (
        f"{on} closes at {notice.closes_at:%H:%M}Z as announced and at {session.closes_at:%H:%M}Z in the calendar; "
        "entries end with the earlier"
    )


def disagreement_bps(ours: float, theirs: float) -> float | None:
    """Return how far two closes lie apart [basis points of ours]; None where theirs is no price."""
    return abs(theirs / ours - 1) * 10_000 if 0 < theirs < float("inf") else None


@dataclass(frozen=True, slots=True)
class _Jump:
    """A first price far from the close before it. `before` is that close, on the basis of the jump's day."""

    on: date
    starts_at: datetime
    before: float
    opened: float


@dataclass(frozen=True, slots=True)
class SessionMoves:
    """What a symbol's stored days say.

    Attributes:
        splits: whether each split between two days shows in the prices.
        jumps: moves from one close to the next open that no split explains.
        last_on, last_close: the newest day.
    """

    splits: tuple[SplitSeen, ...]
    jumps: tuple[_Jump, ...]
    last_on: date | None
    last_close: float

    def unexplained(self, *, believed_until: datetime | None) -> str | None:
        """Return the first jump from which the price has not come back, and that no person believes; None without."""
        for jump in self.jumps:
            is_believed = believed_until is not None and jump.starts_at < believed_until
            if not is_believed and not _is_near(self.last_close, jump.before):
                return f"from {jump.before:g} to {jump.opened:g} at the open of {jump.on}"
        return None

    def doubted(self) -> SplitSeen | None:
        """Return the newest split that prices do not show and that no later day has settled yet; None without."""
        unseen = [s for s in self.splits if not s.is_seen]
        is_open = unseen and (self.last_on is None or self.last_on <= unseen[-1].known_at.date())
        return unseen[-1] if is_open else None


def session_moves(
    days: BarSeries, splits: Mapping[date, CorporateAction], *, first_on: date, settled: Collection[date] = ()
) -> SessionMoves:
    """Return what the days from `first_on` on say; the day before it is the first reference.

    Args:
        settled: ex-dates of splits that took place, as a person said; prices do not judge those.
    """
    on: Sequence[date] = days.starts_at.astype("datetime64[D]").tolist()
    opened, closed = days.open.tolist(), days.close.tolist()
    seen: list[SplitSeen] = []
    jumps: list[_Jump] = []
    for n in range(1, len(on)):
        if on[n] < first_on:
            continue
        between = [a for ex_on, a in sorted(splits.items()) if on[n - 1] < ex_on <= on[n]]
        ratio = prod(action.value for action in between)
        before = closed[n - 1]
        judged = [action for action in between if action.ex_on not in settled]
        is_shown = shows_split(before, opened[n], ratio) if judged else True
        if judged and (on[n] - on[n - 1]).days <= SPLIT_GAP_DAYS:
            known_at = days.known_at[n].item().replace(tzinfo=UTC)
            detail = f"close {before:g} before {on[n]}, open {opened[n]:g}, ratio {ratio:g}"
            seen += [SplitSeen(action, is_shown, known_at, detail) for action in judged]
        if between and is_shown:
            before /= ratio
            jumps = [replace(jump, before=jump.before / ratio) for jump in jumps]
        # A person who settled the split has seen the move of its day.
        if _is_near(opened[n], before) or (between and not judged):
            continue
        if jumps and _is_near(opened[n], jumps[-1].before):
            jumps.pop()  # It came back.
        else:
            jumps.append(_Jump(on[n], days.starts_at[n].item().replace(tzinfo=UTC), before, opened[n]))
    return SessionMoves(tuple(seen), tuple(jumps), on[-1] if on else None, closed[-1] if closed else 0.0)


def _is_near(price: float, before: float) -> bool:
    return abs(price / before - 1) <= NIGHT_JUMP_FRAC
