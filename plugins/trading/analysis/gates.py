"""Which gates the bars of one symbol and resolution close. `domain.gates` says how each opens again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from trading.domain.gates import Gate
from trading.domain.market import Bar, BarFault, Resolution, TimeWindow

REVISED_FRAC = 0.01
"""A stored price that a later delivery changes by more than this is no correction of a late print."""

FRESH = timedelta(minutes=60)
"""A price of half hours may be this old before its symbol is parked; at this age already nothing is bought on it."""

_OF_FAULT = {
    BarFault.NOT_A_NUMBER: Gate.NOT_A_NUMBER,
    BarFault.NOT_POSITIVE: Gate.NOT_A_NUMBER,
    BarFault.NEGATIVE_VOLUME: Gate.NOT_A_NUMBER,
    BarFault.CROSSED: Gate.CROSSED,
    BarFault.CONFLICTING: Gate.CONFLICTING,
    BarFault.BAD_PRINT: Gate.BAD_PRINT,
    # The price came back behind it: `jump_gate` names one that did not.
    BarFault.JUMP: Gate.BAD_PRINT,
}


def refusal_gates(
    rejected: Sequence[tuple[Bar, BarFault]], holes: Collection[datetime], due: Sequence[TimeWindow]
) -> dict[Gate, str]:
    """Return the gates of refused bars in the newest session that is due, where no sound bar took their place."""
    if not due:
        return {}
    newest_on = due[-1].starts_at.date()
    found: dict[Gate, str] = {}
    for bar, fault in rejected:
        if bar.starts_at in holes and bar.starts_at.date() == newest_on and fault in _OF_FAULT:
            found.setdefault(_OF_FAULT[fault], f"{_at(bar.starts_at)}: {fault}")
    return found


def jump_gate(accepted: Sequence[Bar], jumped: Sequence[Bar]) -> dict[Gate, str]:
    """Return the gate of a price that jumped and has not come back."""
    if not jumped or (accepted and accepted[-1].starts_at > jumped[-1].starts_at):
        return {}
    return {Gate.JUMP_WITHOUT_SPLIT: f"price jump at {_at(jumped[0].starts_at)} to {jumped[0].close:g}"}


def absence_gates(
    accepted: Sequence[Bar],
    holes: Collection[datetime],
    due: Sequence[TimeWindow],
    *,
    explained: Collection[datetime],
    is_empty: bool,
    trades_shares: bool,
) -> dict[Gate, str]:
    """Return the gate of a newest bar that is missing, or that shows no trade.

    Args:
        explained: starts of refused bars, which another gate names.
        is_empty: whether the source delivered nothing at all.
        trades_shares: whether no volume means a halt; an index trades none.
    """
    if not due:
        return {}
    newest_at = due[-1].starts_at
    if newest_at in holes and newest_at not in explained:
        if is_empty:
            return {Gate.EMPTY_SESSION: f"nothing from {_at(due[0].starts_at)} to {_at(due[-1].ends_at)}"}
        count = f"{len(due) - len(holes)} of {len(due)} bars"
        return {Gate.BARS_MISSING: f"{count}, none for the newest span from {_at(newest_at)}"}
    if accepted and accepted[-1].starts_at >= newest_at and accepted[-1].volume == 0 and trades_shares:
        return {Gate.HALTED: f"no volume in the newest bar from {_at(accepted[-1].starts_at)}"}
    return {}


def revision_gate(accepted: Sequence[Bar], stored: Mapping[datetime, tuple[float, ...]]) -> dict[Gate, str]:
    """Return the gate of a stored bar whose open, high, low or close a delivery changes by more than `REVISED_FRAC`.

    Args:
        stored: open, high, low and close of stored bars by their start.
    """
    for bar in accepted:
        before = stored.get(bar.starts_at)
        if before is None:
            continue
        now = (bar.open, bar.high, bar.low, bar.close)
        name, old, new = max(
            zip(("open", "high", "low", "close"), before, now, strict=True), key=lambda p: abs(p[2] / p[1] - 1)
        )
        if abs(new / old - 1) > REVISED_FRAC:
            return {Gate.REVISED: f"{name} of {_at(bar.starts_at)} from {old:g} to {new:g}"}
    return {}


def stale_gate(resolution: Resolution, newest_ends_at: datetime | None, due: Sequence[TimeWindow]) -> dict[Gate, str]:
    """Return the gate of a symbol whose newest known bar is older than it may be; a name without any is no news.

    Args:
        due: spans that the source should have delivered by now, its delay allowed for.
    """
    if newest_ends_at is None or not due:
        return {}
    allowed = FRESH if resolution is not Resolution.DAY else timedelta(0)
    if newest_ends_at >= due[-1].ends_at - allowed:
        return {}
    return {Gate.STALE: f"newest {resolution} bar ended {_at(newest_ends_at)}, due is {_at(due[-1].ends_at)}"}


def is_fresh(newest: Mapping[Resolution, datetime], *, as_of: datetime, day_due_at: datetime) -> bool:
    """Return whether stored bars alone are as new as prices have to be.

    Args:
        newest: end of the newest stored bar by resolution, without those that have none.
        day_due_at: close of the newest day that is due; it counts where days are the only bars.
    """
    intraday = [ends_at for resolution, ends_at in newest.items() if resolution is not Resolution.DAY]
    if intraday:
        return max(intraday) >= as_of - FRESH
    return Resolution.DAY in newest and newest[Resolution.DAY] >= day_due_at


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M}Z"
