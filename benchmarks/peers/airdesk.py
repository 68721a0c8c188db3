"""The spec as a strategy of ours, on the engine that trades: market entries at the next open, exits on closes.

The strategy has the product's rules, sizing, checks, order states, lots and ledger; only the numbers are those of the
spec, and the checks that know nothing of it (wash sales, the VIX, a closed market, caps of a day) are left out.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial

import numpy as np
import talib
from common import (
    CASH_USD,
    FAST,
    MAX_RSI,
    RSI_BARS,
    SLIPPAGE_FRAC,
    SLOW,
    TARGET_FRAC,
    TRAIL_FRAC,
    WEIGHT_FRAC,
    Bars,
    Fill,
    Run,
    program,
)
from numpy.typing import NDArray
from trading.analysis.facts import Facts
from trading.domain.instruments import BookId, BookKind, Instrument, InstrumentKind, Sector, Universe
from trading.domain.market import Resolution, Session
from trading.domain.panel import FeaturePanel, Why, panel_of
from trading.domain.series import BarSeries
from trading.engine.arrival import Market
from trading.engine.hours import Terms, Timeline
from trading.engine.replay import replay_panel
from trading.engine.result import ReplayResult
from trading.engine.step import Gate
from trading.execution.checks import CHECKS
from trading.execution.costs import CostModel
from trading.execution.limits import Limits
from trading.strategy import rules
from trading.strategy.spec import Protection, Sizing, StrategySpec

NEVER = 1e9
HOUR = timedelta(hours=1)
CHECKED = {"STATE", "DUPLICATE", "BAD_QTY", "BAD_PRICE", "WOULD_SHORT"}
NO_LIMITS = Limits(
    asset_cap_frac=NEVER,
    sector_cap_frac=NEVER,
    cash_buffer_frac=0.0,
    collar_frac=NEVER,
    vix=NEVER,
)


def spec_v1(symbols: tuple[str, ...]) -> StrategySpec:
    """Return the spec as a strategy."""
    universe = Universe(tuple(Instrument(s, Sector.TECH, InstrumentKind.STOCK, s) for s in symbols))
    return StrategySpec(
        name="spec_v1",
        label="spec v1",
        universe=universe,
        peers={},
        entry_required=(rules.golden_cross, partial(rules.rsi_below, threshold=MAX_RSI)),
        entry_optional=(),
        exits=(partial(rules.rsi_above, threshold=MAX_RSI),),
        blocks=(),
        sizing=Sizing(
            asset_cap_frac=WEIGHT_FRAC,
            asset_floor_frac=WEIGHT_FRAC,
            cash_buffer_frac=0.0,
            trim_above_frac=NEVER,
            rule="in_order",
            entry_order="market",
        ),
        protection=Protection(
            trail_frac=TRAIL_FRAC,
            take_profit_frac=TARGET_FRAC,
            breaker_frac=NEVER,
            lifetime_halt_frac=NEVER,
            rests="on_closes",
            cooldown_days=0,
            guard_stops=0,
        ),
    )


def timeline_of(times: NDArray[np.datetime64]) -> Timeline:
    """Return the sessions that the bars lie in; each bar is an hour."""
    days = times.astype("datetime64[D]")
    opens = times[np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))]
    closes = times[np.flatnonzero(np.concatenate([days[1:] != days[:-1], [True]]))]
    sessions = tuple(
        Session(opened.date(), opened, last + HOUR)
        for opened, last in zip(_instants(opens), _instants(closes), strict=True)
    )
    return Timeline(sessions, _empty(sessions[0].session_on, -1), _empty(sessions[-1].session_on, 1))


def _instants(at: NDArray[np.datetime64]) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in at.astype("datetime64[us]").tolist()]


def _empty(beside: date, days: int) -> Session:
    on = beside + timedelta(days=days)
    at = datetime(on.year, on.month, on.day, 15, tzinfo=UTC)
    return Session(on, at, at + HOUR)


def facts_of(bars: Bars) -> Facts:
    """Return the bars as the product reads them."""
    starts, ends = bars.times, bars.times + np.timedelta64(HOUR)
    volume = np.zeros(len(starts))
    return Facts(
        bars={
            (symbol, Resolution.HOUR): BarSeries(
                symbol, Resolution.HOUR, starts, ends, ends,
                *(prices[:, column] for prices in (bars.open, bars.high, bars.low, bars.close)),
                volume,
            )
            for column, symbol in enumerate(bars.symbols)
        }
    )  # fmt: skip


def panel_of_hours(bars: Bars, timeline: Timeline) -> FeaturePanel:
    """Return the panel with the averages and the RSI of hourly closes."""
    # Symbol by symbol in memory, as the panels of the product are.
    close, fast, slow, rsi = (np.empty(bars.close.shape, order="F") for _ in range(4))
    close[:] = bars.close
    for column in range(len(bars.symbols)):
        fast[:, column] = talib.SMA(close[:, column], FAST)
        slow[:, column] = talib.SMA(close[:, column], SLOW)
        rsi[:, column] = talib.RSI(close[:, column], RSI_BARS)
    return panel_of(
        timeline.grid.as_of,
        bars.symbols,
        price=close,
        why_price=np.full((1, 1), Why.KNOWN, dtype=np.int8),
        daily_priced=np.zeros((1, 1)),
        sma_50=fast,
        sma_200=slow,
        rsi_14=rsi,
        why_technicals=np.where(np.isnan(slow), np.int8(Why.TOO_FEW_BARS), np.int8(Why.KNOWN)),
    )


def replayed(bars: Bars) -> ReplayResult:
    """Return what the engine did."""
    spec, timeline, terms = spec_v1(bars.symbols), timeline_of(bars.times), Terms()
    costs = CostModel(half_spread_frac=SLIPPAGE_FRAC, scale=0)
    market = Market.of(spec, facts_of(bars), timeline, terms, costs)
    gate = Gate(NO_LIMITS, tuple(check for check in CHECKS if check.code in CHECKED))
    return replay_panel(
        spec, panel_of_hours(bars, timeline), market, timeline,
        book=BookId(BookKind.REPLAY, "spec-v1"), cash_usd=Decimal(int(CASH_USD)), terms=terms, gate=gate,
    )  # fmt: skip


def run(bars: Bars) -> Run:
    """Replay and read the ledger."""
    result = replayed(bars)
    done = result.ledger.executions
    bar = np.searchsorted(bars.times, np.array([one.at for one in done], "datetime64[us]")).tolist()
    fills: list[Fill] = [
        (row, one.symbol, one.side.value, int(one.shares), one.price) for row, one in zip(bar, done, strict=True)
    ]
    return Run(fills, float(result.curve.nav_usd[-1]))


if __name__ == "__main__":
    program("", run)
