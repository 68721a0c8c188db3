"""What several commands read and word alike."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from trading.accounting.equity import PeriodGain
from trading.entrypoints.bot.command import Ask
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.wording import UNKNOWN, gain, points, whole
from trading.tasks.standing import BookHistory, Exposure, Period, exposure_of, gains_of, read_history

NEW_YORK = ZoneInfo("America/New_York")


def book_read(ask: Ask) -> tuple[BookHistory, Exposure]:
    """Return the history of the desk's book and what it holds.

    Raises:
        PermanentError: the book is not opened yet.
    """
    with ask.services.store.snapshot() as tx:
        history = read_history(tx, ask.services.calendar, ask.book)
        exposure = exposure_of(tx, ask.desk.spec, history)
    assert exposure is not None, f"{ask.book} is a book with a ledger"
    return history, exposure


def gains_reply(ask: Ask, period: Period, default: int, most: int) -> Reply:
    """Return what the newest days, weeks or months brought."""
    count = ask.count(default, most)
    history, _ = book_read(ask)
    found = gains_of(history, period, count)
    if not found:
        return Reply.of(f"No {period} is complete yet; the first hour marks one.")
    rows = [_gain_row(p) for p in reversed(found)]
    notes = [] if all(p.is_complete for p in found) else [say("* its close is not in yet")]
    return Reply((table(rows, (period.value, "USD", "%", "NAV")), *notes), more="./airdesk report")


def _gain_row(period: PeriodGain) -> tuple[str, ...]:
    mark = "" if period.is_complete else "*"
    return f"{period.first_on:%y-%m-%d}{mark}", gain(period.gain_usd), points(period.gain_frac), whole(period.nav_usd)


def usd(value: Decimal | float | None) -> str:
    """Return an amount with cents, or a dash."""
    return UNKNOWN if value is None else f"{value:,.2f}"


def shares(quantity: Decimal) -> str:
    """Return shares without trailing zeros."""
    return f"{quantity.normalize():f}"


def at(instant: datetime) -> str:
    """Return an instant in UTC, e.g. "11-27 15:30"."""
    return f"{instant:%m-%d %H:%M}"
