"""Returns of months, years and named stretches of a session-close curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from trading.accounting.performance import Floats, drawdowns

type Days = NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A named stretch of the calendar, both ends in it."""

    name: str
    first_on: date
    last_on: date


CRISES = (
    Stretch("2018 Q4, fear of rates", date(2018, 10, 1), date(2018, 12, 31)),
    Stretch("2020 Feb\u2013Apr, pandemic", date(2020, 2, 1), date(2020, 4, 30)),
    Stretch("2022, inflation", date(2022, 1, 1), date(2022, 12, 31)),
    Stretch("2024 Aug, yen carry", date(2024, 8, 1), date(2024, 8, 31)),
)
"""When diversification failed and every long book fell."""
_DAYS_WITHOUT_SESSION = np.timedelta64(4, "D")


def stretch_returns(days: Days, equity: Floats, stretch: Stretch) -> tuple[float, float] | None:
    """Return (return, deepest drawdown as a positive fraction) of a stretch; None unless all of it is in the curve.

    Args:
        days: sessions, ascending, shape (n,). equity: the starting value first, shape (n + 1,).
    """
    first, last = np.datetime64(stretch.first_on), np.datetime64(stretch.last_on)
    if days.size == 0 or days[0] > first + _DAYS_WITHOUT_SESSION or days[-1] < last - _DAYS_WITHOUT_SESSION:
        return None
    # Index i of the equity is the close before session i, so a stretch begins at the close before its first session.
    inside = equity[np.searchsorted(days, first) : np.searchsorted(days, last, side="right") + 1]
    return float(inside[-1] / inside[0] - 1.0), float(drawdowns(inside).max())


def monthly_returns(days: Days, equity: Floats) -> dict[tuple[int, int], float]:
    """Return the return of each (year, month) of the curve, the first and last as far as they go."""
    months = days.astype("datetime64[M]").astype(int)
    return {(1970 + int(m) // 12, int(m) % 12 + 1): frac for m, frac in _returns_by(months, equity)}


def yearly_returns(days: Days, equity: Floats) -> dict[int, float]:
    """Return the return of each year of the curve, the first and last as far as they go."""
    years = days.astype("datetime64[Y]").astype(int) + 1970
    return {int(year): frac for year, frac in _returns_by(years, equity)}


def _returns_by(period: NDArray[np.int_], equity: Floats) -> Sequence[tuple[int, float]]:
    ends = np.flatnonzero(np.append(period[1:] != period[:-1], True)) + 1 if period.size else np.array([], int)
    levels = equity[np.concatenate([[0], ends])]
    return list(zip(period[ends - 1].tolist(), (levels[1:] / levels[:-1] - 1.0).tolist(), strict=True))
