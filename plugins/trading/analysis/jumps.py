"""Is a bar's price believable beside the ones around it, and does a split that is announced show in it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import zip_longest
from math import log, prod

from trading.domain.market import ActionKind, Bar, CorporateAction

SPLIT_TOLERANCE_FRAC = 0.2
"""How far the move from the last close to the first open may be from a split's ratio and still show it."""

NEARER_FRAC = 0.5
"""Beyond that, the basis that is at most this much as far away (in log terms) as the other one is the true one."""

SPLIT_GAP_DAYS = 7
"""A split is judged by prices this close around it; over a longer gap a market moves by itself."""


@dataclass(frozen=True, slots=True)
class SplitSeen:
    """What prices say about one split.

    Attributes:
        is_seen: whether the first price on the new basis shows it; None where it may be either.
        known_at: when the bar that says so could first be read.
        detail: the two numbers, for people.
    """

    action: CorporateAction
    is_seen: bool | None
    known_at: datetime
    detail: str


@dataclass
class Walk:
    """Bars of one symbol in order of their start, each held against what was believed before it.

    Attributes:
        previous: session day and close of the last believed bar; None before the first.
        splits: by ex-date; a repeated row counts once.
        factor: how many times more or less than the reference is too much.
        doubts_splits: whether a split that prices do not show is held back instead of the bars.
        settled: ex-dates of the splits of which a person says that they took place; prices do not judge those.
        believed_until: jumps of bars that start before it are true, a person says; None for none.
    """

    previous: tuple[date, float] | None
    splits: dict[date, CorporateAction]
    factor: float
    doubts_splits: bool = False
    believed_until: datetime | None = None
    settled: Collection[date] = ()
    accepted: list[Bar] = field(default_factory=list)
    jumped: list[Bar] = field(default_factory=list)
    misprinted: list[Bar] = field(default_factory=list)
    seen: list[SplitSeen] = field(default_factory=list)

    def run(self, bars: Sequence[Bar]) -> None:
        """Judge every bar; each comes once, ascending."""
        for bar, following in zip_longest(bars, bars[1:]):
            verdict = self._basis(bar)
            if verdict is None:
                self.jumped.append(bar)
            elif has_bad_print(bar, [*verdict, *_next_open(bar, following)], self.factor):
                self.misprinted.append(bar)
            else:
                self.accepted.append(bar)
                self.previous = (bar.starts_at.date(), bar.close)

    def _basis(self, bar: Bar) -> list[float] | None:
        """Return what `bar` is compared with: the close before it on its share basis. None if it jumped from there."""
        if self.previous is None:
            return []
        before_on, before = self.previous
        between = [a for ex_on, a in sorted(self.splits.items()) if before_on < ex_on <= bar.starts_at.date()]
        ratio = prod(action.value for action in between)
        is_open = any(action.ex_on not in self.settled for action in between)
        is_judged = self.doubts_splits and is_open and (bar.starts_at.date() - before_on).days <= SPLIT_GAP_DAYS
        is_shown = shows_split(before, bar.open, ratio) if is_judged else True
        bases = [before / ratio] if is_shown else [before, before / ratio]
        if not any(self._is_near(bar.close, basis) for basis in bases):
            if self.believed_until is None or bar.starts_at >= self.believed_until:
                return None
            bases = []
        if is_judged:
            detail = f"close {before:g} before {bar.starts_at:%Y-%m-%d}, open {bar.open:g}, ratio {ratio:g}"
            judged = (action for action in between if action.ex_on not in self.settled)
            self.seen += [SplitSeen(action, is_shown, bar.known_at, detail) for action in judged]
        return bases

    def _is_near(self, close: float, basis: float) -> bool:
        return 1 / self.factor < close / basis < self.factor


def shows_split(close: float, opened: float, ratio: float) -> bool | None:
    """Return whether the move from the last close to the first open is that of a split of `ratio` new per old share.

    Beyond the tolerance the open is held against both bases in log terms, because a split may come with a move of the
    market: it shows (or does not) where one of them is twice as near as the other. None where neither is.
    """
    if abs(close / opened / ratio - 1) <= SPLIT_TOLERANCE_FRAC:
        return True
    from_split, from_close = abs(log(opened * ratio / close)), abs(log(opened / close))
    if from_split <= from_close * NEARER_FRAC:
        return True
    return False if from_close <= from_split * NEARER_FRAC else None


def has_bad_print(bar: Bar, around: Sequence[float], factor: float) -> bool:
    """Return whether an open, high or low lies `factor` times beyond the bar's close and every price around it."""
    lowest, highest = min((bar.close, *around)), max((bar.close, *around))
    return any(price * factor <= lowest or price >= highest * factor for price in (bar.open, bar.high, bar.low))


def splits_by_day(actions: Sequence[CorporateAction]) -> dict[date, CorporateAction]:
    """Return the splits among `actions` by ex-date; of two for one day the first stands, as in the store."""
    found: dict[date, CorporateAction] = {}
    for action in actions:
        if action.kind is ActionKind.SPLIT:
            found.setdefault(action.ex_on, action)
    return found


def _next_open(bar: Bar, following: Bar | None) -> Iterator[float]:
    if following is not None and following.starts_at.date() == bar.starts_at.date():
        yield following.open
