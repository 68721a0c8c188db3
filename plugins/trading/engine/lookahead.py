"""Does anything decided by t change when everything known later than t is cut off, or made absurd? Pure.

Every rule is judged for every symbol in every hour, whether or not anything was traded, and every column of facts is
compared: a leak shows before it ever costs a trade. The book shows what the path adds: an order that changes, a fill
that only the future explains, or one that needs no future at all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trading.analysis.facts import Facts, utc64
from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel, columns, instant
from trading.domain.signals import RuleRole, codes_of
from trading.engine.futures import EVERY_KIND, cut, kinds_in, poison
from trading.engine.hours import Timeline
from trading.engine.result import EquityCurve, ReplayResult
from trading.strategy.judging import Judgement, Said

POISONED_SESSIONS = 5
"""Sessions after t that are played on poison: what is absurd shows at once."""
EXPLAINED = 4
"""Instants whose leaks are traced to kinds of facts; each costs a play for every kind."""
ALL = "all"
"""Stands for the symbol of what belongs to the market or the book as a whole."""

type Tell = Callable[[int, int], None]
"""Hears how many plays of how many are done."""


@dataclass(frozen=True)
class Played:
    """What a driver made of facts.

    Attributes:
        panel, judgement: facts and verdicts of every hour.
        curve, orders, fills: the book; None and empty where only rules were judged.
    """

    panel: FeaturePanel
    judgement: Judgement
    curve: EquityCurve | None = None
    orders: Sequence[Order] = ()
    fills: Sequence[Fill] = ()

    @classmethod
    def of(cls, result: ReplayResult) -> Played:
        """Return what a replay did."""
        return cls(result.panel, result.judgement, result.curve, result.orders, result.fills)


type Player = Callable[[Facts, Timeline], Played]
type Future = Callable[[Facts, datetime, frozenset[str]], Facts]
FUTURES: dict[str, Future] = {"cut off": cut, "poisoned": poison}


class Part(StrEnum):
    """Where a leak shows."""

    COLUMN = "column"
    RULE = "rule"
    BOOK = "book"
    ORDER = "order"
    FILL = "fill"


@dataclass(frozen=True)
class Leak:
    """Something decided by `at` that a change of what was known later has reached.

    Attributes:
        name: the column, the rule, or what of the book.
        as_of: the first instant that changed.
        before, after: what stood there with the true future, and with the other one.
        future: what was done to the future, "cut off" or "poisoned", `at` which instant.
        through: the kinds of facts that reach it alone; empty where none does, or where it was not asked.
    """

    part: Part
    name: str
    symbol: Symbol
    as_of: datetime
    before: str
    after: str
    future: str
    at: datetime
    through: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[Part, str, Symbol]:
        """What leaks, whenever it shows."""
        return self.part, self.name, self.symbol


@dataclass(frozen=True)
class RuleSeen:
    """How a rule was judged, in hours × symbols.

    Attributes:
        reached: verdicts after an instant that poison changed; with 0 the rule was never put to the test.
    """

    rule: str
    role: RuleRole
    passes: int
    fails: int
    abstains: int
    reached: int


@dataclass(frozen=True)
class Lookahead:
    """What the search found.

    Attributes:
        leaks: the first instant of each, ascending.
        orders, fills: of the whole stretch, once.
    """

    leaks: tuple[Leak, ...]
    rules: tuple[RuleSeen, ...]
    instants: tuple[datetime, ...]
    decisions: int
    columns: int
    orders: int
    fills: int

    @property
    def untested(self) -> tuple[str, ...]:
        """Rules that no poison ever reached."""
        return tuple(seen.rule for seen in self.rules if not seen.reached)


def look_ahead(
    play: Player,
    facts: Facts,
    timeline: Timeline,
    choose: Callable[[Played], Sequence[datetime]],
    *,
    delay_minutes: int = 0,
    kinds: frozenset[str] = EVERY_KIND,
    tell: Tell = lambda done, count: None,
) -> Lookahead:
    """Play the true future and others, and compare what was decided before they part.

    Args:
        choose: names the instants to part at, once it is known what the true future brought.
        kinds: of facts to change; what the others say of the future stays true.
    """
    whole, delay = play(facts, timeline), timedelta(minutes=delay_minutes)
    instants, reached = tuple(choose(whole)), Counter[str]()
    first: dict[tuple[Part, str, Symbol], Leak] = {}
    for number, at in enumerate(instants):
        for position, (future, change) in enumerate(FUTURES.items()):
            tell(len(FUTURES) * number + position, len(FUTURES) * len(instants))
            later = 0 if change is cut else POISONED_SESSIONS
            after = play(change(facts, at, kinds), _until(timeline, at, later))
            for leak in _compared(whole, after, at, delay, future):
                if leak.key not in first or leak.as_of < first[leak.key].as_of:
                    first[leak.key] = leak
            if change is poison:
                reached.update(_reached(whole, after, at - delay))
    found = sorted(first.values(), key=lambda leak: (leak.as_of, list(Part).index(leak.part), leak.name, leak.symbol))
    return Lookahead(
        leaks=tuple(_explained(found, play, facts, timeline, whole, delay)),
        rules=tuple(_seen(whole.judgement, reached)),
        instants=instants,
        decisions=len(whole.panel),
        columns=len(columns()),
        orders=len(whole.orders),
        fills=len(whole.fills),
    )


def _until(timeline: Timeline, at: datetime, later: int) -> Timeline:
    """Return the sessions until that of `at`, and `later` more."""
    count = max(1, sum(session.opens_at <= at for session in timeline.sessions)) + later
    if count >= len(timeline.sessions):
        return timeline
    return replace(timeline, sessions=timeline.sessions[:count], after=timeline.sessions[count])


def _compared(before: Played, after: Played, at: datetime, delay: timedelta, future: str) -> Iterator[Leak]:
    """Yield what differs in hours whose cutoff is at or before `at`."""
    rows = int(np.searchsorted(after.panel.times, utc64(at - delay), side="right"))
    found: list[tuple[Part, str, Symbol, datetime, object, object]] = []
    for name in columns():
        pair = getattr(before.panel, name), getattr(after.panel, name)
        found += ((Part.COLUMN, name, *rest) for rest in _first_changes(*pair, rows, before.panel))
    for (role, name, verdicts), (_, _, again) in zip(before.judgement.verdicts, after.judgement.verdicts, strict=True):
        for seen in (outcomes, _observed):
            changes = _first_changes(seen(verdicts), seen(again), rows, before.panel)
            found += ((Part.RULE, f"{role}.{name}", *rest) for rest in changes)
    if before.curve is not None and after.curve is not None:
        for name in ("nav_usd", "cash_usd", "quantity"):
            pair = getattr(before.curve, name), getattr(after.curve, name)
            found += ((Part.BOOK, name, *rest) for rest in _first_changes(*pair, rows, before.panel))
    found += _orders_changed(before.orders, after.orders, at)
    if future == "cut off":
        found += _fills_changed(before.fills, after, at)
    for part, name, symbol, as_of, left, right in found:
        yield Leak(part, name, symbol, as_of, _said(left), _said(right), future, at)


def _first_changes(
    before: NDArray[Any], after: NDArray[Any], rows: int, panel: FeaturePanel
) -> Iterator[tuple[Symbol, datetime, object, object]]:
    """Yield for each column of two arrays the first row, of the first `rows`, in which they differ."""
    if not rows:
        return
    left, right = before[:rows].reshape(rows, -1), after[:rows].reshape(rows, -1)
    changed = differs(left, right)
    for column in np.flatnonzero(changed.any(axis=0)).tolist():
        row = int(np.argmax(changed[:, column]))
        symbol = panel.symbols[column] if left.shape[1] == len(panel.symbols) else ALL
        as_of = instant(panel.times[row])
        assert as_of is not None, "decisions have instants"
        yield symbol, as_of, left[row, column], right[row, column]


def differs(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where two arrays of one shape differ; what is unknown in both (NaN, NaT) does not."""
    return np.asarray((left != right) & ~((left != left) & (right != right)))


def outcomes(verdicts: Said) -> NDArray[Any]:
    """Return the FAIL, PASS and ABSTAIN codes of a rule, shape (times, symbols)."""
    return codes_of(verdicts.passes, verdicts.abstains)


def _observed(verdicts: Said) -> NDArray[Any]:
    return verdicts.whole().observed


def _orders_changed(
    before: Sequence[Order], after: Sequence[Order], at: datetime
) -> Iterator[tuple[Part, str, Symbol, datetime, object, object]]:
    """Yield the first order planned by `at` that is another one."""
    mine, other = ([o for o in orders if o.planned_at <= at] for orders in (before, after))
    for left, right in zip_longest(mine, other):
        if left != right:
            order = left or right
            assert order is not None, "one of the two is longer"
            yield Part.ORDER, order.purpose.value, order.symbol, order.planned_at, left, right
            return


def _fills_changed(
    before: Sequence[Fill], after: Played, at: datetime
) -> Iterator[tuple[Part, str, Symbol, datetime, object, object]]:
    """Yield fills of a future that was cut off which cannot be.

    Whatever the facts until `at` fill, the whole facts fill too (the day of `at` is left out: its bars are open). And
    an order planned at `at` or later waits for a bar that nobody knows yet: what is filled without one was filled at a
    price that the decision had seen.
    """
    planned = {order.order_id: order.planned_at for order in after.orders}
    known = set(before)
    for fill in after.fills:
        if fill.order_id is not None and planned.get(fill.order_id, fill.executed_at) >= at:
            yield Part.FILL, "filled by a bar that the decision had seen", fill.symbol, fill.executed_at, fill, None
        elif fill.executed_at.date() < at.date() and fill not in known:
            yield Part.FILL, "another fill", fill.symbol, fill.executed_at, None, fill


def _reached(before: Played, after: Played, parted_at: datetime) -> Iterator[str]:
    """Yield the rule for each verdict after the futures parted that poison changed."""
    rows = int(np.searchsorted(after.panel.times, utc64(parted_at), side="right"))
    until = len(after.panel)
    for (role, name, verdicts), (_, _, again) in zip(before.judgement.verdicts, after.judgement.verdicts, strict=True):
        changed = differs(_observed(verdicts)[rows:until], _observed(again)[rows:until])
        changed |= differs(outcomes(verdicts)[rows:until], outcomes(again)[rows:until])
        yield from [f"{role}.{name}"] * int(changed.sum())


def _seen(judgement: Judgement, reached: Counter[str]) -> Iterator[RuleSeen]:
    for role, name, verdicts in judgement.verdicts:
        fails, passes, abstains = np.bincount(outcomes(verdicts).ravel(), minlength=3).tolist()
        yield RuleSeen(name, role, passes, fails, abstains, reached[f"{role}.{name}"])


def _explained(
    leaks: Sequence[Leak], play: Player, facts: Facts, timeline: Timeline, whole: Played, delay: timedelta
) -> Iterator[Leak]:
    """Yield the leaks with the kinds of facts that reach each of them alone."""
    reaching: dict[tuple[str, datetime], dict[str, set[tuple[Part, str, Symbol]]]] = {}
    for leak in leaks:
        if (place := (leak.future, leak.at)) not in reaching and len(reaching) < EXPLAINED:
            change = FUTURES[leak.future]
            reaching[place] = {
                kind: {
                    other.key
                    for other in _compared(
                        whole, play(change(facts, leak.at, frozenset({kind})), timeline), leak.at, delay, leak.future
                    )
                }
                for kind in kinds_in(facts)
            }
        through = (kind for kind, keys in reaching.get(place, {}).items() if leak.key in keys)
        yield replace(leak, through=tuple(through))


def _said(value: object) -> str:
    """Return a value as a person reads it."""
    match value:
        case None:
            return "nothing"
        case np.datetime64():
            return "unknown" if np.isnat(value) else str(value.astype("datetime64[s]")).replace("T", " ")
        case np.floating() | float():
            return "unknown" if np.isnan(value) else f"{value:.9g}"
        case Fill():
            return f"{value.side} {value.quantity.normalize():f} at {value.price}, {value.executed_at:%m-%d %H:%M}"
        case Order():
            return f"{value.side} {value.quantity.normalize():f} {value.order_type}"
    return str(value)
