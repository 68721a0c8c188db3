"""Walls between what a source said and what may be stored as a bar.

Pure: bars of one symbol and resolution in, a verdict for each of them out. A refused bar is filed with its
fault and reaches no indicator; a suspicious symbol is parked, the run goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from trading.analysis.gates import absence_gates, jump_gate, refusal_gates, revision_gate
from trading.analysis.jumps import SplitSeen, Walk, splits_by_day
from trading.domain.gates import Gate
from trading.domain.market import (
    Bar,
    BarFault,
    CorporateAction,
    Resolution,
    Session,
    TimeWindow,
    bar_fault,
    session_slots,
)
from trading.errors import InvariantBroken

JUMP_FACTOR = 1.8
"""A close this many times above or below the previous one, splits allowed for, is not believed from a live source:
a 2:1 split that nobody told us about is caught; a true collapse (AAPL, −52 % on 2000-09-29) waits for a person.
The same factor bounds an open, high or low against the prices around it: a print of −90 % moves no stop."""

CONFLICT_FRAC = 0.005
"""Two bars of one start, known at one instant, may differ by this much: the later one counts. Beyond, neither does."""

INDEX_JUMP_FACTOR = 5.0
"""A volatility index may double in a session (VIX, 2018-02-05: 17.3 to 37.3)."""

IMPORT_JUMP_FACTOR = 2.9
"""For a file that a person chose and whose splits that person named: true collapses pass, a forgotten 3:1 does not."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the bars of one symbol.

    Attributes:
        accepted: usable bars, ascending, one per start.
        rejected: refused bars with the reason; a superseded revision counts as DUPLICATE.
        missing: starts of bars that the calendar expects and nobody delivered in usable form.
        repeated_count: identical copies that were dropped.
        gates: why the symbol must get no entry, each with what was seen; empty when all is well.
        splits: what the bars say about splits between them, where splits are doubted.
    """

    accepted: tuple[Bar, ...]
    rejected: tuple[tuple[Bar, BarFault], ...]
    missing: tuple[datetime, ...]
    repeated_count: int
    gates: Mapping[Gate, str] = field(default_factory=dict)
    splits: tuple[SplitSeen, ...] = ()


def expected_windows(sessions: Sequence[Session], resolution: Resolution, *, through: datetime) -> list[TimeWindow]:
    """Return the spans of the bars that `sessions` should have produced by `through`, ascending."""
    spans: list[TimeWindow] = []
    for session in sessions:
        if resolution is Resolution.DAY:
            spans.append(TimeWindow(session.opens_at, session.closes_at))
        elif resolution is Resolution.HOUR:
            spans.extend(TimeWindow(slot.starts_at, slot.as_of) for slot in session_slots(session))
        else:
            count = (session.closes_at - session.opens_at) // _HALF_HOUR
            starts = (session.opens_at + _HALF_HOUR * i for i in range(count))
            spans.extend(TimeWindow(start, start + _HALF_HOUR) for start in starts)
    return [span for span in spans if span.ends_at <= through]


def check_bars(
    bars: Sequence[Bar],
    *,
    previous: tuple[date, float] | None,
    actions: Sequence[CorporateAction],
    cutoff_at: datetime,
    expected: Sequence[TimeWindow] | None,
    due: Sequence[TimeWindow] | None = None,
    stored: Mapping[datetime, tuple[float, ...]] | None = None,
    jump_factor: float = JUMP_FACTOR,
    trades_shares: bool = True,
    doubts_splits: bool = False,
    believed_until: datetime | None = None,
    settled: Collection[date] = (),
) -> Checked:
    """Return which of `bars` may be stored; the order in which they came does not matter.

    Args:
        bars: of one symbol and resolution. Of two bars with one start, the one known later wins; of two known at
            once the later in the sequence, or neither where they contradict each other.
        previous: session day and raw close of the last stored bar before these; None when there is none.
        actions: of the symbol; a split between two bars explains its jump.
        cutoff_at: nothing that ended or became known later is believed.
        expected: spans that the calendar expects; a bar elsewhere is OFF_THE_GRID. None: no grid is known.
        due: those of them that the source must have delivered by now; None for all.
        stored: open, high, low and close of bars that are stored already, by their start.
        jump_factor: how many times the previous close is too much.
        trades_shares: whether no volume means a halt; an index trades none.
        doubts_splits: whether a split that the prices do not show is suspect. Where a person named the splits it is
            not: then the bars are refused.
        believed_until: jumps of bars that start before it are true, as a person said.
        settled: ex-dates of splits that took place, as a person said.
    """
    if len({(bar.symbol, bar.resolution) for bar in bars}) > 1:
        raise InvariantBroken("check_bars got bars of several symbols or resolutions; split them in the caller")
    sound, rejected = _sound(bars, cutoff_at, expected)
    newest, superseded, conflicting, repeated_count = _one_per_start(sound)
    walk = Walk(previous, splits_by_day(actions), jump_factor, doubts_splits, believed_until, settled)
    walk.run(newest)
    rejected += [(bar, BarFault.DUPLICATE) for bar in superseded]
    rejected += [(bar, BarFault.CONFLICTING) for bar in conflicting]
    rejected += [(bar, BarFault.BAD_PRINT) for bar in walk.misprinted]
    rejected += [(bar, BarFault.JUMP) for bar in walk.jumped]
    rejected.sort(key=lambda pair: (pair[0].starts_at, pair[1]))
    present = {bar.starts_at for bar in walk.accepted}
    missing = tuple(span.starts_at for span in expected or () if span.starts_at not in present)
    due = due if due is not None else expected or ()
    gates = _gates(walk, rejected, due, stored or {}, is_empty=not bars, trades_shares=trades_shares)
    return Checked(tuple(walk.accepted), tuple(rejected), missing, repeated_count, gates, tuple(walk.seen))


_HALF_HOUR = timedelta(minutes=30)


def _gates(
    walk: Walk,
    rejected: Sequence[tuple[Bar, BarFault]],
    due: Sequence[TimeWindow],
    stored: Mapping[datetime, tuple[float, ...]],
    *,
    is_empty: bool,
    trades_shares: bool,
) -> dict[Gate, str]:
    present = {bar.starts_at for bar in walk.accepted}
    holes = {span.starts_at for span in due} - present
    jumped = jump_gate(walk.accepted, walk.jumped)
    refused = refusal_gates([pair for pair in rejected if not (jumped and pair[1] is BarFault.JUMP)], holes, due)
    unseen = [split for split in walk.seen if not split.is_seen]
    explained = {bar.starts_at for bar in walk.jumped} if jumped else set()
    if refused:
        explained |= {bar.starts_at for bar, _ in rejected}
    return {
        **absence_gates(walk.accepted, holes, due, explained=explained, is_empty=is_empty, trades_shares=trades_shares),
        **refused,
        **jumped,
        **({Gate.SPLIT_WITHOUT_JUMP: unseen[0].detail} if unseen else {}),
        **revision_gate(walk.accepted, stored),
    }


def _sound(
    bars: Sequence[Bar], cutoff_at: datetime, expected: Sequence[TimeWindow] | None
) -> tuple[list[Bar], list[tuple[Bar, BarFault]]]:
    grid = None if expected is None else {(span.starts_at, span.ends_at) for span in expected}
    sound: list[Bar] = []
    rejected: list[tuple[Bar, BarFault]] = []
    for bar in bars:
        fault = bar_fault(bar, cutoff_at=cutoff_at)
        if fault is None and grid is not None and (bar.starts_at, bar.ends_at) not in grid:
            fault = BarFault.OFF_THE_GRID
        if fault is None:
            sound.append(bar)
        else:
            rejected.append((bar, fault))
    return sound, rejected


def _one_per_start(bars: Sequence[Bar]) -> tuple[list[Bar], list[Bar], list[Bar], int]:
    """Return the newest bar of each start, those that it replaces, those that contradict each other, and the copies."""
    newest: dict[datetime, Bar] = {}
    superseded: list[Bar] = []
    conflicts: dict[datetime, list[Bar]] = {}
    repeated_count = 0
    for bar in sorted(bars, key=lambda b: (b.starts_at, b.known_at)):
        older = newest.get(bar.starts_at)
        if older is None:
            newest[bar.starts_at] = bar
        elif replace(older, known_at=bar.known_at) == bar:
            repeated_count += 1
        else:
            if older.known_at == bar.known_at and _contradict(older, bar):
                conflicts.setdefault(bar.starts_at, []).append(older)
            else:
                # What became known later settles what contradicted itself before.
                superseded += [older, *conflicts.pop(bar.starts_at, ())]
            newest[bar.starts_at] = bar
    conflicting = [bar for start, others in conflicts.items() for bar in (*others, newest.pop(start))]
    return list(newest.values()), superseded, conflicting, repeated_count


def _contradict(one: Bar, other: Bar) -> bool:
    pairs = ((one.open, other.open), (one.high, other.high), (one.low, other.low), (one.close, other.close))
    return any(abs(a / b - 1) > CONFLICT_FRAC for a, b in pairs)
