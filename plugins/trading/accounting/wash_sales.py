"""When buying back would turn a realised loss into a wash sale (26 U.S.C. § 1091)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from trading.domain.fills import Disposal
from trading.domain.instruments import Symbol
from trading.domain.money import ZERO

WINDOW_DAYS = 30
WASH_MEMORY = timedelta(days=WINDOW_DAYS + 1)
"""How long a disposal can still matter."""


def blocked_until(symbol: Symbol, disposals: Iterable[Disposal], *, window_days: int = WINDOW_DAYS) -> date | None:
    """Return the last day on which a purchase of `symbol` would wash an earlier loss, or None.

    The window is the trade date plus 30 calendar days, inclusive (IRS Publication 550, wash sales).
    """
    losses = [d.disposed_on for d in disposals if d.symbol == symbol and d.gain_usd < ZERO]
    return max(losses) + timedelta(days=window_days) if losses else None
