"""FeaturePanel: what was known about each symbol at each decision, as read-only arrays.

A live decision is a panel with one time, a replay is a panel with ten years; a rule cannot tell.
Inside the panel an unknown number is NaN and an unknown instant is NaT; the matching `why_*` code says why.
At the edges (rows, messages) unknown becomes None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.runs import NARROW_CELLS, Runs, whole
from trading.errors import InvariantBroken

type FloatArray = NDArray[np.float64]
type CodeArray = NDArray[np.int8]
type TimeArray = NDArray[np.datetime64]


class Why(IntEnum):
    """Why a value is unknown, as stored in the `why_*` arrays. KNOWN means that it is not."""

    KNOWN = 0
    NO_DATA = 1
    TOO_FEW_BARS = 2
    TOO_FEW_STORIES = 3
    NOT_APPLICABLE = 4
    NO_FILING = 5
    NO_PEERS = 6
    STALE = 7
    PARKED = 8
    NO_MODEL = 9
    NO_HOURLY_BARS = 10
    NO_REVENUE = 11
    TOO_FEW_SCORES = 12
    MODEL_BENCHED = 20
    MODEL_CHANGED = 21
    MODEL_UNREADABLE = 22
    MODEL_OTHER_INPUTS = 23
    MODEL_OTHER_STOPS = 24
    MODEL_FAILS = 25
    MODEL_TOO_NEW = 26

    @property
    def sentence(self) -> str:
        """The reason for people."""
        return _SENTENCES[self]


_SENTENCES = {
    Why.KNOWN: "known",
    Why.NO_DATA: "no data known at the decision",
    Why.TOO_FEW_BARS: "fewer than 250 daily bars",
    Why.TOO_FEW_STORIES: "fewer than 3 stories in 72 hours",
    Why.NOT_APPLICABLE: "does not apply to this instrument",
    Why.NO_FILING: "no four quarters of earnings on file",
    Why.NO_PEERS: "no peer of the sector has a P/E",
    Why.STALE: "last value is too old",
    Why.PARKED: "symbol is parked by a quality gate",
    Why.NO_MODEL: "no promoted model",
    Why.NO_HOURLY_BARS: "no intraday bars; daily pricing is off",
    Why.NO_REVENUE: "no two fresh years of revenue on file",
    Why.TOO_FEW_SCORES: "fewer than 20 scores in the 180 days before to rank among",
    Why.MODEL_BENCHED: "the model is benched: it drifted",
    Why.MODEL_CHANGED: "the model's file is not the one that was registered",
    Why.MODEL_UNREADABLE: "the model's file is missing or cannot be read",
    Why.MODEL_OTHER_INPUTS: "the model was trained on other features than this code has",
    Why.MODEL_OTHER_STOPS: "the model was trained for another stop or target",
    Why.MODEL_FAILS: "the model gave no number from 0 to 1, or not the one of its training",
    Why.MODEL_TOO_NEW: "the model was trained on later sessions",
}


@dataclass(frozen=True)
class FeaturePanel:
    """Facts of shape (times, symbols); market-wide facts have shape (times, 1).

    Attributes:
        times: `as_of` of each row, UTC, ascending.
        symbols: column names.
        price: last completed hour's close [USD/share, raw].
        daily_priced: 1 where the price is a daily close, so that the symbol trades on daily bars, else 0.
        sma_50, sma_200, ema_12, ema_26, macd, macd_signal, atr_14: from completed daily bars, rescaled to the
            share basis of `as_of` [USD/share].
        rsi_14: Wilder's RSI of daily closes [0–100].
        volatility_frac: annualised deviation of 63 daily log returns [1/√year].
        daily_bar_count: completed daily bars that the technicals rest on.
        sentiment: score of the stories in the strategy's mode: evidence or mean [−1–1], or percentile [0–1].
        evidence: what the stories add up to, whatever the mode [−1–1].
        story_count: deduplicated stories in the 72-hour window.
        negative_source_count: sources with a story at or under −0.5 in the last 24 hours.
        pe_ratio, pe_sector_median: price ÷ trailing diluted EPS; the median excludes the symbol itself.
        eps_ttm: trailing diluted earnings [USD/share]; known and ≤ 0 while `pe_ratio` is NaN for a loss maker.
        revenue_growth_frac: trailing four quarters, while they are fresh, against the four before.
        earnings_surprise_frac: last reported EPS against what was expected of it, (reported − expected) ÷ |expected|.
        model_probability: calibrated chance that an entry gains under the strategy's own stop and target [0–1].
        model_at: end of the last session that the training of that model saw.
        vix: last known index level [points]; vix_change_frac: against the close of the session before its own.
        cpi_yoy_frac, cpi_yoy_3m_ago_frac: inflation now and three months earlier.
        gpr, gpr_mean_12m: geopolitical-risk index and its trailing mean.
        price_at, daily_through, news_through, filing_at, vix_at, macro_at, earnings_reported_at: instants of inputs.
        why_*: a `Why` code for each group of facts.
    """

    times: TimeArray
    symbols: tuple[Symbol, ...]
    price: FloatArray
    daily_priced: FloatArray
    sma_50: FloatArray
    sma_200: FloatArray
    ema_12: FloatArray
    ema_26: FloatArray
    macd: FloatArray
    macd_signal: FloatArray
    rsi_14: FloatArray
    atr_14: FloatArray
    volatility_frac: FloatArray
    daily_bar_count: FloatArray
    sentiment: FloatArray
    evidence: FloatArray
    story_count: FloatArray
    negative_source_count: FloatArray
    pe_ratio: FloatArray
    pe_sector_median: FloatArray
    eps_ttm: FloatArray
    revenue_growth_frac: FloatArray
    model_probability: FloatArray
    vix: FloatArray
    vix_change_frac: FloatArray
    cpi_yoy_frac: FloatArray
    cpi_yoy_3m_ago_frac: FloatArray
    gpr: FloatArray
    gpr_mean_12m: FloatArray
    price_at: TimeArray
    daily_through: TimeArray
    news_through: TimeArray
    filing_at: TimeArray
    vix_at: TimeArray
    macro_at: TimeArray
    why_price: CodeArray
    why_technicals: CodeArray
    why_sentiment: CodeArray
    why_valuation: CodeArray
    why_model: CodeArray
    why_vix: CodeArray
    why_macro: CodeArray
    earnings_surprise_frac: FloatArray
    earnings_reported_at: TimeArray
    why_earnings: CodeArray
    model_at: TimeArray

    def __post_init__(self) -> None:
        rows, runs = len(self.times), {}
        for name in columns():
            array = getattr(self, name)
            width = 1 if name in MARKET_WIDE else len(self.symbols)
            if array.shape != (rows, width):
                raise InvariantBroken(
                    f"panel column {name} has shape {array.shape}, expected {(rows, width)}; fix its builder"
                )
            if isinstance(array, Runs):
                runs[name] = self.__dict__.pop(name)
            else:
                array.flags.writeable = False
        self.__dict__["runs"] = runs

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> NDArray[Any]:
            """Return a column that is kept as runs, made whole; for good in a narrow panel, else while it is needed."""
            found = self.__dict__.get("runs", {}).get(name)
            if found is None:
                raise AttributeError(name)
            array = found.whole()
            array.flags.writeable = False
            if not self.is_wide:
                self.__dict__[name] = array
            return array

    @cached_property
    def is_wide(self) -> bool:
        """Whether columns that are kept as runs are so large that none should stay whole, nor what is made of them."""
        return bool(self.__dict__["runs"]) and len(self) * len(self.symbols) > NARROW_CELLS

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def column(self) -> Mapping[Symbol, int]:
        """The place of each symbol in a row."""
        return {symbol: place for place, symbol in enumerate(self.symbols)}

    @cached_property
    def trades_daily(self) -> bool:
        """Whether any symbol trades on daily bars at any time."""
        return bool((self.daily_priced == 1.0).any())

    @cached_property
    def known_vix(self) -> list[float | None]:
        """The VIX of each time [points]; None where it is unknown or stale."""
        is_known = (self.why_vix[:, 0] == Why.KNOWN).tolist()
        return [level if known else None for known, level in zip(is_known, self.vix[:, 0].tolist(), strict=True)]

    def at(self, row: int) -> FeaturePanel:
        """Return the panel of one time, without copying."""
        one, runs = slice(row, row + 1), self.__dict__["runs"] if self.is_wide else {}
        rows = {name: runs[name].at(row) if name in runs else getattr(self, name)[one] for name in columns()}
        return replace(self, times=self.times[one], **rows)

    def between(self, rows: slice) -> FeaturePanel:
        """Return the panel of some times; columns that are kept as runs are laid out."""
        return replace(self, times=self.times[rows], **{name: getattr(self, name)[rows] for name in columns()})

    def parts(self) -> Iterator[tuple[slice, FeaturePanel]]:
        """Yield the columns of a wide panel in stretches, and the panel of each: rules need not see it whole."""
        for first in range(0, len(self.symbols), _TOGETHER):
            end = min(first + _TOGETHER, len(self.symbols))
            yield slice(first, end), self._of(first, end)

    def _of(self, first: int, end: int) -> FeaturePanel:
        runs = self.__dict__["runs"]
        columns: dict[str, Any] = {name: array.part(first, end) for name, array in runs.items()}
        for name in _COLUMNS:
            if name not in runs and name not in MARKET_WIDE:
                columns[name] = getattr(self, name)[:, first:end]
        return replace(self, symbols=self.symbols[first:end], **columns)


_TOGETHER = 32
"""So many symbols of ten years stay in the caches of a processor while rules are judged."""
MARKET_WIDE = frozenset(
    {
        "vix", "vix_change_frac", "cpi_yoy_frac", "cpi_yoy_3m_ago_frac", "gpr", "gpr_mean_12m",
        "vix_at", "macro_at", "why_vix", "why_macro",
    }
)  # fmt: skip


def columns() -> tuple[str, ...]:
    """Return the names of the array columns of a panel, in declaration order."""
    return _COLUMNS


_COLUMNS = tuple(f.name for f in fields(FeaturePanel) if f.name not in {"times", "symbols"})


def panel_of(times: TimeArray, symbols: tuple[Symbol, ...], **known: NDArray[Any] | Runs) -> FeaturePanel:
    """Return a panel with the columns given; every other one is unknown (NaN, NaT, NO_DATA; NO_MODEL for the model).

    A `why_*` column that is not given is derived: KNOWN where the group's leading value is a number.
    """
    rows = len(times)
    built: dict[str, Any] = {}
    for name in _COLUMNS:
        shape = (rows, 1 if name in MARKET_WIDE else len(symbols))
        if (given := known.get(name)) is not None:
            built[name] = given if isinstance(given, Runs) else np.broadcast_to(given, shape)
        elif name.startswith("why_"):
            lead = known.get(_LEAD[name])
            missing = Why.NO_MODEL if name == "why_model" else Why.NO_DATA
            unknown = np.isnan(whole(lead)) if lead is not None else np.ones(1, dtype=bool)
            built[name] = np.broadcast_to(np.where(unknown, np.int8(missing), np.int8(Why.KNOWN)), shape)
        elif name.endswith(("_at", "_through")):
            built[name] = np.broadcast_to(np.datetime64("NaT", "us"), shape)
        else:
            built[name] = np.broadcast_to(np.float64(np.nan), shape)
    return FeaturePanel(times=np.array(times, dtype="datetime64[us]"), symbols=symbols, **built)


_LEAD = {
    "why_price": "price",
    "why_technicals": "sma_200",
    "why_sentiment": "sentiment",
    "why_valuation": "pe_ratio",
    "why_model": "model_probability",
    "why_vix": "vix",
    "why_macro": "cpi_yoy_frac",
    "why_earnings": "earnings_surprise_frac",
}


def instant(value: np.datetime64) -> datetime | None:
    """Return an array's instant as an aware datetime; None for NaT."""
    if np.isnat(value):
        return None
    moment: datetime = value.astype("datetime64[us]").item()
    return moment.replace(tzinfo=UTC)
