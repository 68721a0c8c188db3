"""Walls between what a source said and what may be stored as a bar.

Pure: bars of one symbol and resolution in, a verdict for each of them out. A refused bar is filed with its
fault and reaches no indicator; a suspicious symbol is parked, the run goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from math import prod

from trading.domain.market import (
    ActionKind,
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
a 2:1 split that nobody told us about is caught; a true collapse (AAPL, −52 % on 2000-09-29) waits for a person."""

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
        parked_reason: why the symbol must get no entry, or None.
    """

    accepted: tuple[Bar, ...]
    rejected: tuple[tuple[Bar, BarFault], ...]
    missing: tuple[datetime, ...]
    repeated_count: int
    parked_reason: str | None


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
    jump_factor: float = JUMP_FACTOR,
    trades_shares: bool = True,
) -> Checked:
    """Return which of `bars` may be stored; the order in which they came does not matter.

    Args:
        bars: of one symbol and resolution. Of two bars with one start, the one known later wins (the later in
            the sequence when both are known at once).
        previous: session day and raw close of the last stored bar before these; None when there is none.
        actions: of the symbol; a split between two bars explains its jump.
        cutoff_at: nothing that ended or became known later is believed.
        expected: spans that the calendar expects; a bar elsewhere is OFF_THE_GRID. None: no grid is known.
        jump_factor: how many times the previous close is too much.
        trades_shares: whether no volume means a halt; an index trades none.
    """
    if len({(bar.symbol, bar.resolution) for bar in bars}) > 1:
        raise InvariantBroken("check_bars got bars of several symbols or resolutions; split them in the caller")
    sound, rejected = _sound(bars, cutoff_at, expected)
    newest, superseded, repeated_count = _one_per_start(sound)
    accepted, jumped = _without_jumps(newest, previous, actions, jump_factor)
    rejected += [(bar, BarFault.DUPLICATE) for bar in superseded] + [(bar, BarFault.JUMP) for bar in jumped]
    present = {bar.starts_at for bar in accepted}
    missing = tuple(span.starts_at for span in expected or () if span.starts_at not in present)
    return Checked(
        accepted=tuple(accepted),
        rejected=tuple(sorted(rejected, key=lambda pair: (pair[0].starts_at, pair[1]))),
        missing=missing,
        repeated_count=repeated_count,
        parked_reason=_parked_reason(accepted, jumped, missing, expected, trades_shares=trades_shares),
    )


_HALF_HOUR = timedelta(minutes=30)


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


def _one_per_start(bars: Sequence[Bar]) -> tuple[list[Bar], list[Bar], int]:
    newest: dict[datetime, Bar] = {}
    superseded: list[Bar] = []
    repeated_count = 0
    for bar in sorted(bars, key=lambda b: (b.starts_at, b.known_at)):
        older = newest.get(bar.starts_at)
        if older is None:
            newest[bar.starts_at] = bar
        elif replace(older, known_at=bar.known_at) == bar:
            repeated_count += 1
        else:
            superseded.append(older)
            newest[bar.starts_at] = bar
    return list(newest.values()), superseded, repeated_count


def _without_jumps(
    bars: Sequence[Bar], previous: tuple[date, float] | None, actions: Sequence[CorporateAction], factor: float
) -> tuple[list[Bar], list[Bar]]:
    accepted: list[Bar] = []
    jumped: list[Bar] = []
    splits = [(a.ex_on, a.value) for a in actions if a.kind is ActionKind.SPLIT]
    for bar in bars:
        day = bar.starts_at.date()
        if previous is not None:
            before_on, before_close = previous
            ratio = prod(value for ex_on, value in splits if before_on < ex_on <= day)
            if not 1 / factor < bar.close * ratio / before_close < factor:
                jumped.append(bar)
                continue
        accepted.append(bar)
        previous = (day, bar.close)
    return accepted, jumped


def _parked_reason(
    accepted: Sequence[Bar],
    jumped: Sequence[Bar],
    missing: Sequence[datetime],
    expected: Sequence[TimeWindow] | None,
    *,
    trades_shares: bool,
) -> str | None:
    if jumped:
        at = f"{jumped[0].starts_at:%Y-%m-%d %H:%M}Z"
        return f"price jump at {at} without a split; import the split or wait for the source to correct the bar"
    if expected and missing and missing[-1] == expected[-1].starts_at:
        return f"no bar for the newest span from {missing[-1]:%Y-%m-%d %H:%M}Z: halted or a late feed"
    if accepted and accepted[-1].volume == 0 and trades_shares:
        return f"no volume in the newest bar from {accepted[-1].starts_at:%Y-%m-%d %H:%M}Z: halted"
    return None
