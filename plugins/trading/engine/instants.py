"""Instants at which a look ahead would show: where much is decided, where facts become known, and anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain, zip_longest

import numpy as np

from trading.analysis.facts import Facts
from trading.engine.hours import Timeline

_MOMENT = timedelta(microseconds=1)
_HALF_DAY = timedelta(hours=6)


def telling_instants(
    timeline: Timeline, facts: Facts, *, decided_at: Iterable[datetime] = (), seed: int, count: int
) -> list[datetime]:
    """Return at most `count` instants of `timeline`, ascending, the same for the same seed.

    Taken in turn from: the instants of `decided_at`, the most frequent first; decisions; the arrival of facts and the
    moment before it; ends of half days, closes and opens; any second.

    Args:
        decided_at: when orders were planned, an instant for each order.
    """
    sessions = timeline.sessions
    first, last = sessions[0].opens_at, sessions[-1].closes_at
    draw = np.random.default_rng(seed)
    halves = [s for s in sessions if s.closes_at - s.opens_at < _HALF_DAY]
    edges = [
        *chain.from_iterable((s.closes_at, s.closes_at - timedelta(minutes=30)) for s in halves),
        *_shuffled([s.opens_at for s in sessions[1:]] + [s.closes_at for s in sessions], draw),
    ]
    arrivals = _shuffled([at for at in _arrivals(facts) if first <= at <= last], draw)
    seconds = draw.integers(0, int((last - first).total_seconds()), count)
    groups = (
        [at for at, _ in Counter(decided_at).most_common()],
        _shuffled([s.as_of for s in timeline.slots], draw),
        list(chain.from_iterable((at, at - _MOMENT) for at in arrivals)),
        edges,
        [first + timedelta(seconds=int(n)) for n in seconds],
    )
    in_turn = (at for turn in zip_longest(*groups) for at in turn if at is not None)
    chosen = dict.fromkeys(at for at in in_turn if first <= at <= last)
    return sorted(list(chosen)[:count])


def _arrivals(facts: Facts) -> list[datetime]:
    """Return when facts became known, and the mornings on which actions took effect."""
    known = {row.known_at for rows in (facts.filings, facts.earnings, facts.macro, facts.actions) for row in rows}
    return sorted(known | {_morning(action.ex_on) for action in facts.actions})


def _morning(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 8, tzinfo=UTC)


def _shuffled(instants: Sequence[datetime], draw: np.random.Generator) -> list[datetime]:
    return [instants[n] for n in draw.permutation(len(instants))]
