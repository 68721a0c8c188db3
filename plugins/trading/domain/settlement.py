"""When the cash of a trade in US stocks and funds changes hands: a dated number of sessions after the trade.

A session stands for a business day. The two bank holidays on which the exchange trades (Columbus Day, Veterans Day) are
not told apart, so that proceeds may count as settled one day early around them.
"""

from __future__ import annotations

from datetime import date

CYCLES: tuple[tuple[date, int], ...] = (
    (date(1995, 6, 7), 3),
    (date(2017, 9, 5), 2),
    (date(2024, 5, 28), 1),
)
"""(first trade date, sessions): 17 CFR 240.15c6-1 as amended; SEC Releases 34-33023, 34-80295 and 34-96930."""


def sessions_to_settle(traded_on: date) -> int:
    """Return how many sessions after a trade its cash arrives: 3, 2 or 1."""
    return next((count for starts_on, count in reversed(CYCLES) if starts_on <= traded_on), CYCLES[0][1])
