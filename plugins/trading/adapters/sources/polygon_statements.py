"""Polygon's income statements: the second choice for filings, where the SEC has none."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from trading.adapters.sources.polygon_client import PolygonClient
from trading.adapters.sources.polygon_plan import NAME
from trading.adapters.sources.vendor_values import day_of
from trading.domain.instruments import Symbol
from trading.domain.market import Filing, TimeWindow
from trading.ports import MarketCalendar

LONGEST_BREAK = timedelta(days=7)
"""What is filed before a long weekend is known after it."""

log = logging.getLogger(__name__)


class PolygonFilings:
    """`FilingSource` on Polygon's quarterly income statements, which need a paid plan.

    Earnings per share stand as filed. The vendor makes the fourth quarter itself; nobody files it.
    """

    name = NAME

    def __init__(self, client: PolygonClient, calendar: MarketCalendar) -> None:
        self._client, self._calendar = client, calendar

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return the quarters that became known in `window`; one without a filing day was never known and is none."""
        for symbol in symbols:
            undated = 0
            for row in self._client.statements(symbol, window.starts_at.date() - LONGEST_BREAK):
                if row.timeframe != "quarterly" or symbol not in (row.tickers or ()):
                    continue
                if not row.filing_date or not row.period_end:
                    undated += 1
                    continue
                filing = self._filing(symbol, row)
                if window.starts_at <= filing.known_at < window.ends_at:
                    yield filing
            if undated:
                log.info("%s: %d statements of %s without a filing day were left out", NAME, undated, symbol)

    def _filing(self, symbol: Symbol, row: Any) -> Filing:
        filed_on = day_of(NAME, row.filing_date)
        return Filing(
            symbol,
            period_ends_on=day_of(NAME, row.period_end),
            quarters=1,
            eps_diluted=_figure(row.diluted_earnings_per_share),
            revenue_usd=_figure(row.revenue),
            source=NAME,
            known_at=self._calendar.next_session(filed_on).opens_at,
            filed_on=filed_on,
        )


def _figure(value: object) -> float | None:
    """Return a figure, or None where it is absent or no number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None  # type: ignore[arg-type]
