"""analysis.*: a panel of one time, a row per symbol; NaN and NaT become NULL and come back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements, columns_of
from trading.domain.instruments import Symbol
from trading.domain.panel import FeaturePanel, Why, panel_of
from trading.domain.sentiment import StoryScore
from trading.errors import InvariantBroken

MARKET = "*"
"""The `symbol` of market-wide rows."""

GROUPS = {
    "technicals": (
        "price", "daily_priced", "price_at", "why_price", "sma_50", "sma_200", "ema_12", "ema_26", "macd",
        "macd_signal", "rsi_14", "atr_14", "volatility_frac", "daily_bar_count", "daily_through", "why_technicals",
    ),
    "sentiment": ("sentiment", "evidence", "story_count", "negative_source_count", "news_through", "why_sentiment"),
    "valuation": (
        "pe_ratio", "pe_sector_median", "eps_ttm", "revenue_growth_frac", "filing_at", "why_valuation",
        "earnings_surprise_frac", "earnings_reported_at", "why_earnings",
    ),
    "risk": (
        "vix", "vix_change_frac", "vix_at", "why_vix", "cpi_yoy_frac", "cpi_yoy_3m_ago_frac", "gpr", "gpr_mean_12m",
        "macro_at", "why_macro",
    ),
}  # fmt: skip

OF_MODEL = ("model_probability", "model_at", "why_model")


class PostgresAnalysisRows:
    """`AnalysisRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "features")

    def write(self, group: str, panel: FeaturePanel, cutoff_at: datetime) -> int:
        """Store the columns of `group` (technicals, sentiment, valuation, risk) of a one-time panel; rows written."""
        if len(panel) != 1:
            raise InvariantBroken(f"a panel of {len(panel)} times was given to store; give one hour at a time")
        columns = {name: [_plain(value) for value in getattr(panel, name)[0]] for name in GROUPS[group]}
        return self._sql.run(
            f"write_{group}",
            symbol=[MARKET] if group == "risk" else list(panel.symbols),
            as_of=panel.times[0].item().replace(tzinfo=UTC),
            cutoff_at=cutoff_at,
            **columns,
        )

    def write_stories(self, scores: Sequence[StoryScore], as_of: datetime, cutoff_at: datetime) -> int:
        """Store what each story gave at an instant, in place of what was stored for it; rows written."""
        self._sql.run("forget_story_scores", as_of=as_of, cutoff_at=cutoff_at)
        columns = columns_of(scores, "symbol", "item_id", "source", "known_at", "compound", "weight", "scored_by")
        return self._sql.run("write_story_scores", as_of=as_of, cutoff_at=cutoff_at, **columns)

    def stories(self, symbol: Symbol, as_of: datetime, cutoff_at: datetime) -> tuple[StoryScore, ...]:
        """Return what each story gave to the score of `symbol` at an instant, the newest first."""
        rows = self._sql.rows("read_story_scores", symbol=symbol, as_of=as_of, cutoff_at=cutoff_at)
        return tuple(StoryScore(**row) for row in rows)

    def write_chances(self, panel: FeaturePanel, cutoff_at: datetime, model_id: str | None) -> int:
        """Store what the model said of a one-time panel, and which one it was; None if none was heard."""
        if len(panel) != 1:
            raise InvariantBroken(f"a panel of {len(panel)} times was given to store; give one hour at a time")
        return self._sql.run(
            "write_chances",
            symbol=list(panel.symbols),
            as_of=panel.times[0].item().replace(tzinfo=UTC),
            cutoff_at=cutoff_at,
            model_id=model_id,
            **{name: [_plain(value) for value in getattr(panel, name)[0]] for name in OF_MODEL},
        )

    def read(self, symbols: tuple[Symbol, ...], as_of: datetime, cutoff_at: datetime) -> FeaturePanel:
        """Return the one-time panel of all groups; what no task wrote is unknown (NO_DATA)."""
        known: dict[str, NDArray[Any]] = {}
        for group, names in GROUPS.items():
            stored = {row["symbol"]: row for row in self._sql.rows(f"read_{group}", as_of=as_of, cutoff_at=cutoff_at)}
            rows = [stored.get(symbol, {}) for symbol in ((MARKET,) if group == "risk" else symbols)]
            known |= {name: _column(name, [row.get(name) for row in rows]) for name in names}
        if said := {row["symbol"]: row for row in self._sql.rows("read_chances", as_of=as_of, cutoff_at=cutoff_at)}:
            rows = [said.get(symbol, {"why_model": Why.NO_MODEL}) for symbol in symbols]
            known |= {name: _column(name, [row.get(name) for row in rows]) for name in OF_MODEL}
        times = np.array([as_of.astimezone(UTC).replace(tzinfo=None)], dtype="datetime64[us]")
        return panel_of(times, symbols, **known)


def _plain(value: Any) -> float | int | datetime | None:
    """Return one panel value for Postgres; unknown is None."""
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else value.astype("datetime64[us]").item().replace(tzinfo=UTC)
    if isinstance(value, np.floating):
        return None if np.isnan(value) else float(value)
    return int(value)


def _column(name: str, values: list[Any]) -> NDArray[Any]:
    """Return one panel row of shape (1, symbols) from stored values."""
    if name.startswith("why_"):
        return np.array([[Why.NO_DATA if value is None else value for value in values]], dtype=np.int8)
    if name.endswith(("_at", "_through")):
        naive = [value and value.astimezone(UTC).replace(tzinfo=None) for value in values]
        return np.array([naive], dtype="datetime64[us]")
    return np.array([values], dtype=np.float64)
