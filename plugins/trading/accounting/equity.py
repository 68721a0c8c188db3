"""The equity of a book mark by mark: growth without deposits, the fall from the peak, and gains by period.

Growth is time-weighted: what a person pays in or takes out is no gain. A deposit counts at the mark whose cash first
shows it, because a statement may book it days after it happened.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from itertools import groupby, pairwise

_SAME_USD, _SAME_FRAC = 1.0, 0.005
"""How near a jump of cash comes to a deposit that it is."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A book at the end of an hour.

    Attributes:
        session_on: New York date. is_closing: whether the hour ends its session.
        cash_usd: None where it was not stored.
    """

    as_of: datetime
    session_on: date
    is_closing: bool
    nav_usd: float
    cash_usd: float | None


@dataclass(frozen=True, slots=True)
class CashMove:
    """Cash that moved.

    Attributes:
        kind: deposit, fill, commission, dividend, cash_in_lieu, fee or interest.
        amount_usd: negative for what left. reference: its symbol, or other words; None without.
    """

    kind: str
    amount_usd: Decimal
    happened_at: datetime
    reference: str | None


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """A mark in the history of a book.

    Attributes:
        growth: of 1 USD since the base, deposits taken out.
        drawdown_frac: fall of `growth` from its peak since the base [0–1].
        deposit_usd: paid in since the point before, negative for what was taken out.
    """

    mark: Mark
    growth: float
    drawdown_frac: float
    deposit_usd: float


@dataclass(frozen=True, slots=True)
class Equity:
    """A stretch of a book's history.

    Attributes:
        starting_usd: NAV before the first point: that of the mark before it, or what was paid in by then.
    """

    starting_usd: float
    points: tuple[EquityPoint, ...]


def equity_of(marks: Sequence[Mark], moves: Sequence[CashMove], *, base: Mark | None) -> Equity:
    """Return one point per mark.

    Args:
        marks: ascending. moves: every one of the book, ascending.
        base: the mark before the first one; None where the book begins, which is measured from its deposits until then.
    """
    if not marks:
        return Equity(0.0 if base is None else base.nav_usd, ())
    paid_in = _deposits_at(marks, moves, base)
    starting = before = base.nav_usd if base is not None else _opening_usd(marks[0], moves)
    growth = peak = 1.0
    points = []
    for place, mark in enumerate(marks):
        # The opening deposit is what the first mark is measured against.
        paid = 0.0 if base is None and place == 0 else paid_in.get(place, 0.0)
        growth *= (mark.nav_usd - paid) / before if before > 0 else 1.0
        peak = max(peak, growth)
        points.append(EquityPoint(mark, growth, 1.0 - growth / peak, paid))
        before = mark.nav_usd
    return Equity(starting, tuple(points))


def _opening_usd(first: Mark, moves: Sequence[CashMove]) -> float:
    """Return what was paid in by the first mark; its own NAV where nothing was."""
    paid = sum((m.amount_usd for m in moves if m.kind == "deposit" and m.happened_at <= first.as_of), Decimal(0))
    return float(paid) if paid > 0 else first.nav_usd


def _deposits_at(marks: Sequence[Mark], moves: Sequence[CashMove], base: Mark | None) -> dict[int, float]:
    """Return what was paid in by place of the mark that first holds it."""
    since = base.as_of if base is not None else None
    instants = [mark.as_of for mark in marks]
    jumps = _unexplained(marks, moves, base)
    found: dict[int, float] = {}
    for move in moves:
        if move.kind != "deposit":
            continue
        first, amount = bisect_left(instants, move.happened_at), float(move.amount_usd)
        near = max(_SAME_USD, abs(amount) * _SAME_FRAC)
        shown = next((i for i in range(first, len(marks)) if i in jumps and abs(jumps[i] - amount) <= near), None)
        if since is not None and move.happened_at <= since and shown != 0:
            continue
        place = first if shown is None else shown
        if place < len(marks):
            found[place] = found.get(place, 0.0) + amount
    return found


def _unexplained(marks: Sequence[Mark], moves: Sequence[CashMove], base: Mark | None) -> dict[int, float]:
    """Return by place how much cash changed beyond everything that moved it but deposits; places that do not say lack.

    A move that is booked late is missing in one difference and too much in a later one; neither looks like a deposit
    unless it is of the same size.
    """
    others = [move for move in moves if move.kind != "deposit"]
    found: dict[int, float] = {}
    at = 0
    for place, (before, mark) in enumerate(pairwise((base, *marks))):
        moved = 0.0
        while at < len(others) and others[at].happened_at <= mark.as_of:  # type: ignore[union-attr]
            moved += float(others[at].amount_usd)
            at += 1
        if before is not None and before.cash_usd is not None and mark is not None and mark.cash_usd is not None:
            found[place] = mark.cash_usd - before.cash_usd - moved
    return found


def thinned(points: Sequence[EquityPoint], most: int) -> tuple[EquityPoint, ...]:
    """Return at most about `most` points: first and last, and the lowest and the highest of each stretch."""
    if len(points) <= most:
        return tuple(points)
    stretches = max(most // 2 - 1, 1)
    size = -(-len(points) // stretches)
    keep = {0, len(points) - 1}
    for start in range(0, len(points), size):
        places = range(start, min(start + size, len(points)))
        keep |= {min(places, key=lambda i: points[i].growth), max(places, key=lambda i: points[i].growth)}
    return tuple(points[i] for i in sorted(keep))


class Period(StrEnum):
    """Over what gains are added up; a week begins on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    def starts_on(self, session_on: date) -> date:
        """Return the first day of the period that a session is in."""
        match self:
            case Period.DAY:
                return session_on
            case Period.WEEK:
                return session_on - timedelta(days=session_on.weekday())
            case Period.MONTH:
                return session_on.replace(day=1)


@dataclass(frozen=True, slots=True)
class Earned:
    """What the ledger booked in a session; see `PeriodGain`."""

    session_on: date
    realised_usd: float = 0.0
    dividends_usd: float = 0.0
    other_usd: float = 0.0
    commissions_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class PeriodGain:
    """What a book gained over the sessions of a period [USD]; gain = realised + unrealised + dividends + other.

    Attributes:
        first_on, last_on: sessions. is_complete: whether the last one has closed.
        nav_usd: at the end. deposits_usd: paid in, no gain.
        gain_usd: change of NAV without deposits. gain_frac: time-weighted, of NAV before.
        realised_usd: of sales, after commissions of both ways. unrealised_usd: change of what open shares are worth
            over their cost. other_usd: interest, fees, cash in lieu.
        commissions_usd: contained in realised and unrealised gains.
        None where the book keeps no such entries (a stored replay).
    """

    first_on: date
    last_on: date
    is_complete: bool
    nav_usd: float
    deposits_usd: float
    gain_usd: float
    gain_frac: float
    realised_usd: float | None
    unrealised_usd: float | None
    dividends_usd: float | None
    other_usd: float | None
    commissions_usd: float | None


def gains_by_period(equity: Equity, earned: Iterable[Earned] | None, period: Period) -> tuple[PeriodGain, ...]:
    """Return what each period brought, oldest first.

    Args:
        equity: the last mark of each session. earned: by session; None where the book does not say.
    """
    by_session = None if earned is None else {e.session_on: e for e in earned}
    before_usd, before_growth, found = equity.starting_usd, 1.0, []
    for _, group in groupby(equity.points, key=lambda p: period.starts_on(p.mark.session_on)):
        inside = list(group)
        last = inside[-1]
        paid = sum(p.deposit_usd for p in inside)
        gain = last.mark.nav_usd - before_usd - paid
        parts = None if by_session is None else [by_session.get(p.mark.session_on) for p in inside]
        realised, dividends, other = (_total(parts, n) for n in ("realised_usd", "dividends_usd", "other_usd"))
        found.append(
            PeriodGain(
                first_on=inside[0].mark.session_on,
                last_on=last.mark.session_on,
                is_complete=last.mark.is_closing,
                nav_usd=last.mark.nav_usd,
                deposits_usd=paid,
                gain_usd=gain,
                gain_frac=last.growth / before_growth - 1.0,
                realised_usd=realised,
                unrealised_usd=None if parts is None else gain - (realised or 0) - (dividends or 0) - (other or 0),
                dividends_usd=dividends,
                other_usd=other,
                commissions_usd=_total(parts, "commissions_usd"),
            )
        )
        before_usd, before_growth = last.mark.nav_usd, last.growth
    return tuple(found)


def _total(parts: Sequence[Earned | None] | None, name: str) -> float | None:
    return None if parts is None else float(sum(getattr(e, name) for e in parts if e is not None))
