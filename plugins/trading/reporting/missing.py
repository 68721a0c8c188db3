"""Missing hours and days in words."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from trading.engine.missing import Gap
from trading.reporting.wording import counted

NEW_YORK = ZoneInfo("America/New_York")
FEW = 3


def gap_line(gap: Gap) -> str:
    """Return e.g. "AMD: 2019-06-03 11:30–13:30 (2 hours)", in New York time."""
    starts_at, ends_at = gap.starts_at.astimezone(NEW_YORK), gap.ends_at.astimezone(NEW_YORK)
    count = counted(gap.count, "session" if gap.is_daily else "hour")
    same_day = starts_at.date() == ends_at.date()
    if gap.is_daily:
        stretch = f"{starts_at:%Y-%m-%d}" if same_day else f"{starts_at:%Y-%m-%d} to {ends_at:%Y-%m-%d}"
        return f"{gap.symbol}: no daily bar {stretch} ({count})"
    until = f"–{ends_at:%H:%M}" if same_day else f" to {ends_at:%Y-%m-%d %H:%M}"
    return f"{gap.symbol}: {starts_at:%Y-%m-%d %H:%M}{until} ({count})"


def short_sentence(session_count: int) -> str:
    """Return what a range of less than a year means for the figures."""
    return f"Only {counted(session_count, 'session')}: less than a year, so figures a year are extrapolated."


def idle_sentence(idle_count: int, session_count: int) -> str:
    """Return what sessions without any price mean for the figures."""
    return (
        f"In {counted(idle_count, 'session')} of {session_count:,} no name of the list had a usable price: figures a "
        "year are watered down by them, so begin and end where prices do."
    )


def missing_lines(gaps: Sequence[Gap]) -> list[str]:
    """Return what was missing, in a few lines; nothing where nothing was."""
    if not gaps:
        return []
    hours = sum(gap.count for gap in gaps if not gap.is_daily)
    days = sum(gap.count for gap in gaps if gap.is_daily)
    symbols = len({gap.symbol for gap in gaps})
    lines = [
        f"missing: {counted(hours, 'hour')} and {counted(days, 'daily bar')} of {counted(symbols, 'symbol')}; "
        "nothing is bought on them (New York time)"
    ]
    lines += [f"  {gap_line(gap)}" for gap in gaps[:FEW]]
    if len(gaps) > FEW:
        lines.append(f"  … and {len(gaps) - FEW:,} more; --report lists them all")
    return lines
