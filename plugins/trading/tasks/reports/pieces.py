"""Pieces that several reports share: charts of a book, its positions, its breaks, and how numbers are said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

import numpy as np

from trading.domain.instruments import BookId
from trading.domain.orders import OrderPurpose
from trading.reporting.charts import Bar as ChartBar
from trading.reporting.charts import BarChart, TimeChart
from trading.reporting.curve_charts import BOOK as OWN
from trading.reporting.curve_charts import SECTOR_NAMES, fall_chart, growth_chart
from trading.reporting.document import Rows
from trading.reporting.tables import shares
from trading.reporting.wording import UNKNOWN, change, gain, percent, tick, tick_percent, whole
from trading.tasks.book_history import NEW_YORK
from trading.tasks.standing import BOOK, Contribution, Curve, Exposure, Holding, PeriodGain, SectorWeight

FEW_SESSIONS = 2
"""Marks from which on a curve is drawn."""
_CAUSES = {
    OrderPurpose.STOP.value: "trailing stop",
    OrderPurpose.TARGET.value: "take profit",
    "software_stop": "stop on a close",
    "take_profit": "take profit on a close",
    "drawdown_breaker": "drawdown breaker",
    "by_hand": "by hand",
}


def name_of(kind: str, what: date | int | str, book: BookId) -> str:
    """Return the name of a report's files, e.g. "daily-2026-11-25-paper-DU1"; it is never a path."""
    return re.sub(r"[^\w.-]", "_", f"{kind}-{what}-{book.kind}-{book.name}")


def cause_words(cause: str) -> str:
    """Return what people call the reason of a sale."""
    return _CAUSES.get(cause, cause.replace("_", " "))


def day_words(on: date) -> str:
    """Return a day as people say it, e.g. "Wed 5 Jun 2019"."""
    return f"{on:%a} {on.day} {on:%b %Y}"


def clock_words(at: datetime) -> str:
    """Return the time of day in New York, e.g. "10:30"."""
    return f"{at.astimezone(NEW_YORK):%H:%M}"


def usd(value: float | Decimal | None) -> str:
    """Return an amount with cents and its unit, e.g. "1,234.50 USD"."""
    return UNKNOWN if value is None else f"{value:,.2f} USD".replace("-", "\u2212")


def cents(value: float | Decimal | None) -> str:
    """Return an amount with cents and without its unit, for a column that names it."""
    return UNKNOWN if value is None else f"{value:,.2f}".replace("-", "\u2212")


def gained(value: float | None, of: float | None = None) -> str:
    """Return a gain with its sign and unit, and what part of an amount it is, e.g. "+120 USD (+0.1 %)"."""
    if value is None:
        return UNKNOWN
    part = f" ({change(value / of)})" if of else ""
    return f"{gain(value)} USD{part}"


def age_words(age: timedelta) -> str:
    """Return a length of time in two units, e.g. "2 d 3 h"."""
    hours = int(age.total_seconds() // 3600)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {int(age.total_seconds() // 60) % 60} min"


# --- curves -------------------------------------------------------------------------------------


def curve_charts(curve: Curve, breaker_frac: float | None = None) -> tuple[TimeChart, ...]:
    """Return growth of the book beside what simply held, and the fall of each; nothing for under two closes.

    Args:
        breaker_frac: fall at which the breaker of the book trips.
    """
    if len(curve.points) < FEW_SESSIONS:
        return ()
    days = np.array([p.mark.session_on for p in curve.points], dtype="datetime64[D]")
    grown = {OWN: np.array([p.growth for p in curve.points])}
    for name, values in curve.benchmarks.items():
        growth = np.array([np.nan if v is None else v for v in values], dtype=np.float64)
        if np.isfinite(growth).any():
            grown[name] = growth
    return growth_chart(days, grown), fall_chart(days, grown, breaker_frac=breaker_frac)


def beside(curve: Curve) -> str:
    """Return what the book and each benchmark gained over the curve, in one line."""
    names = {BOOK: OWN, "list": "the list, held"}
    said = (f"{names.get(name, f'{name}, held')} {change(f.total_frac)}" for name, f in curve.figures.items())
    return ", ".join(said)


# --- bars ---------------------------------------------------------------------------------------


def gain_bars(found: Sequence[Contribution], rest_usd: float, of_usd: float | None) -> BarChart:
    """Return what each position brought; what came without a symbol is a bar of its own."""
    bars = [ChartBar(c.symbol, c.gain_usd, gained(c.gain_usd, of_usd)) for c in found]
    if abs(rest_usd) >= 0.005:
        bars.append(ChartBar("cash, fees", rest_usd, gained(rest_usd, of_usd)))
    return BarChart("gain by position, and part of NAV before", bars)


def sector_bars(sectors: Sequence[SectorWeight]) -> BarChart:
    """Return each sector's part of NAV beside its band."""
    bars = [
        ChartBar(
            SECTOR_NAMES.get(s.sector, str(s.sector)),
            s.weight_frac,
            f"{percent(s.weight_frac)}{' OVER' if s.is_over else ''}, band {tick(s.low_frac * 100)}–"
            f"{tick_percent(s.cap_frac)}",
            (s.low_frac, s.cap_frac),
        )
        for s in sectors
    ]
    return BarChart("part of NAV by sector beside its band", bars)


# --- tables -------------------------------------------------------------------------------------


def holding_rows(exposure: Exposure | None, today: date) -> Rows:
    """Return what is held: worth, gain, protection, age, and from when on a sale is long-term."""
    head = (
        "symbol", "shares", "price, USD", "part of NAV", "over cost, USD", "stop, USD", "target, USD", "days held",
        "long-term on",
    )  # fmt: skip
    held = () if exposure is None else exposure.holdings
    empty = "Nothing is held." if exposure is not None else "A stored replay keeps no positions."
    return Rows(head, [_holding(h, today) for h in held], empty)


def _holding(h: Holding, today: date) -> tuple[str, ...]:
    return (
        h.symbol,
        shares(h.quantity),
        _price(h.price),
        percent(h.weight_frac),
        gain(h.unrealised_usd),
        _price(h.stop_price, missing=h.unguarded_text),
        _price(h.target_price, missing=h.unguarded_text),
        whole((today - h.held_since).days),
        f"{h.long_on}",
    )


def _price(value: float | Decimal | None, missing: str = UNKNOWN) -> str:
    return missing if value is None else f"{value:,.2f}"


def parts_of(found: PeriodGain) -> str:
    """Return what a gain was made of, in one sentence."""
    if found.realised_usd is None:
        return "A stored replay does not say what of it was realised."
    parts = (
        ("realised", found.realised_usd),
        ("unrealised", found.unrealised_usd),
        ("dividends", found.dividends_usd),
        ("interest, fees and cash in lieu", found.other_usd),
    )
    said = ", ".join(f"{name} {gained(value)}" for name, value in parts)
    paid = f" Paid in: {usd(found.deposits_usd)}, which is no gain." if found.deposits_usd else ""
    return f"{said[:1].upper()}{said[1:]}. Commissions of {usd(found.commissions_usd)} are taken off.{paid}"
