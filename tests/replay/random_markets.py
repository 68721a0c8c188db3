"""Small random markets in which much happens: gaps, holes, splits, dividends, a nervous VIX, rules that flicker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial

import numpy as np
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.facts import Facts
from trading.domain.instruments import Instrument, InstrumentKind, Sector, Universe
from trading.domain.market import SYNTHETIC, ActionKind, CorporateAction, Resolution
from trading.domain.panel import FeaturePanel, Why, panel_of
from trading.domain.series import BarSeries
from trading.engine.arrival import Market
from trading.engine.hours import Terms, Timeline
from trading.execution.costs import CostModel
from trading.strategy import rules
from trading.strategy.spec import Protection, Sizing, StrategySpec
from trading.tasks.facts import timeline_of

FIRST, LAST = date(2023, 11, 1), date(2024, 1, 31)
"""With two half days and several holidays."""
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
_SECTORS = (Sector.METALS, Sector.AI, Sector.TECH, Sector.AI, Sector.TECH)


@dataclass(frozen=True)
class RandomMarket:
    """Everything that a replay over a ready panel takes."""

    spec: StrategySpec
    panel: FeaturePanel
    market: Market
    timeline: Timeline
    terms: Terms


def random_spec(draw: np.random.Generator, *, rests: str) -> StrategySpec:
    """Return a strategy with tight stops, a touchy breaker and rules that flicker."""
    (locks,) = draw.spawn(1)
    instruments = [
        Instrument(symbol, sector, InstrumentKind.STOCK, symbol, has_kid=False if symbol == "CCC" else None)
        for symbol, sector in zip(SYMBOLS, _SECTORS, strict=True)
    ]
    return StrategySpec(
        name="random",
        label="random",
        universe=Universe(tuple(instruments)),
        peers={},
        entry_required=(rules.golden_cross, partial(rules.rsi_below, threshold=60.0)),
        entry_optional=(),
        exits=(partial(rules.rsi_above, threshold=float(draw.choice([75.0, 90.0]))),),
        blocks=(partial(rules.vix_above, threshold=30.0), rules.price_not_fresh),
        sizing=Sizing(
            asset_cap_frac=0.3, asset_floor_frac=float(draw.choice([0.05, 0.2])), sector_cap_frac=0.5,
            trim_above_frac=float(draw.choice([0.3, 0.4])),
            rebalance_nav_frac=0.0005, rebalance_target_frac=0.0, shift_drift_frac=0.01, shift_pause_sessions=2,
            rule="sleeves" if rests == "at_broker" or draw.random() < 0.5 else "in_order",
            entry_order="limit" if draw.random() < 0.5 else "market",
        ),
        protection=Protection(
            trail_frac=float(draw.choice([0.01, 0.03])), take_profit_frac=float(draw.choice([0.01, 0.04])),
            breaker_frac=float(draw.choice([0.01, 0.05])), breaker_exit=str(draw.choice(["all", "half", "none"])),
            reentry_sessions=3, lifetime_halt_frac=float(draw.choice([0.03, 0.5])),
            rests=rests, cooldown_days=int(locks.choice([0, 3, 40])), guard_stops=int(locks.choice([0, 2, 4])),
            guard_window_days=5, guard_pause_days=6,
        ),
    )  # fmt: skip


def random_market(seed: int, *, rests: str = "at_broker") -> RandomMarket:
    """Return the market of a seed."""
    draw = np.random.default_rng(seed)
    timeline = timeline_of(NyseCalendar(), FIRST, LAST)
    terms = Terms(delay_minutes=int(draw.choice([0, 15])))
    spec = random_spec(draw, rests=rests)
    resolution = Resolution.HALF_HOUR if draw.random() < 0.5 else Resolution.HOUR
    bars = {(s, resolution): _series(draw, s, resolution, timeline) for s in SYMBOLS}
    facts = Facts(bars=bars, actions=tuple(_actions(draw, timeline)))
    market = Market.of(spec, facts, timeline, terms, CostModel())
    return RandomMarket(spec, _panel(draw, timeline, terms, market), market, timeline, terms)


def _series(draw: np.random.Generator, symbol: str, resolution: Resolution, timeline: Timeline) -> BarSeries:
    length = np.timedelta64(30 if resolution is Resolution.HALF_HOUR else 60, "m")
    opens_at, closes_at = (
        [np.datetime64(getattr(s, name).replace(tzinfo=None), "us") for s in timeline.sessions]
        for name in ("opens_at", "closes_at")
    )
    starts = np.concatenate([np.arange(o, c, length) for o, c in zip(opens_at, closes_at, strict=True)])
    closes = np.repeat(closes_at, [len(np.arange(o, c, length)) for o, c in zip(opens_at, closes_at, strict=True)])
    ends = np.minimum(starts + length, closes)
    count = len(starts)
    close = np.round(float(draw.uniform(20, 400)) * np.exp(np.cumsum(draw.normal(0, 0.006, count))), 2)
    open_ = np.round(np.concatenate([[close[0]], close[:-1]]) * (1 + draw.normal(0, 0.003, count)), 2)
    high = np.round(np.maximum(open_, close) * (1 + np.abs(draw.normal(0, 0.003, count))), 2)
    low = np.round(np.minimum(open_, close) * (1 - np.abs(draw.normal(0, 0.003, count))), 2)
    late = np.where(draw.random(count) < 0.02, np.timedelta64(95, "m"), np.timedelta64(0, "m"))
    kept = np.flatnonzero(draw.random(count) > 0.03)
    columns = (starts, ends, ends + late, open_, high, low, close, np.full(count, 1e6))
    return BarSeries(symbol, resolution, *(np.array(column[kept]) for column in columns))


def _actions(draw: np.random.Generator, timeline: Timeline) -> list[CorporateAction]:
    known_at = datetime(2023, 10, 1, tzinfo=UTC)
    days = [timeline.sessions[i].session_on for i in draw.choice(len(timeline.sessions), 6, replace=False)]
    kinds = [(ActionKind.SPLIT, 2.0), (ActionKind.SPLIT, 1.5), *[(ActionKind.DIVIDEND, 0.37)] * 4]
    symbols = draw.choice(SYMBOLS, 6)
    return [
        CorporateAction(str(symbol), kind, on, value, SYNTHETIC, known_at)
        for symbol, on, (kind, value) in zip(symbols, days, kinds, strict=True)
    ]


def _panel(draw: np.random.Generator, timeline: Timeline, terms: Terms, market: Market) -> FeaturePanel:
    times = timeline.times(terms)
    shape = (len(times), len(SYMBOLS))
    price = np.full(shape, np.nan)
    why_price = np.full(shape, Why.NO_DATA, dtype=np.int8)
    for column, symbol in enumerate(SYMBOLS):
        place = np.searchsorted(market.tape.complete_at[symbol], times.cutoff_at, side="right") - 1
        series = market.tape.series[symbol]
        known = place >= 0
        price[known, column] = series.close[place[known]]
        is_fresh = series.ends_at[np.maximum(place, 0)] >= times.as_of - np.timedelta64(60, "m")
        why_price[:, column] = np.where(known, np.where(is_fresh, Why.KNOWN, Why.STALE), Why.NO_DATA)
    blocks = np.repeat(draw.normal(0, 1, (shape[0] // 9 + 1, shape[1])), 9, axis=0)[: shape[0]]
    vix = np.clip(20 + np.cumsum(draw.normal(0, 0.8, (shape[0], 1)), axis=0), 10, 40)
    return panel_of(
        times.as_of,
        SYMBOLS,
        price=price,
        why_price=why_price,
        daily_priced=np.zeros(shape),
        sma_50=100 + blocks,
        sma_200=np.full(shape, 100.0),
        rsi_14=np.clip(50 + 18 * draw.normal(0, 1, shape), 0, 100),
        volatility_frac=np.abs(draw.normal(0.3, 0.1, shape)),
        vix=vix,
        vix_change_frac=np.where(draw.random(shape[:1])[:, None] < 0.2, 0.5, 0.0),
    )


def with_model(market: RandomMarket, seed: int) -> RandomMarket:
    """Return the market with a model that agrees, doubts, refuses and is silent, a day or an hour at a time."""
    draw = np.random.default_rng(seed)
    shape = market.panel.price.shape
    days = np.repeat(draw.uniform(0.3, 0.8, (shape[0] // 7 + 1, shape[1])), 7, axis=0)[: shape[0]]
    hours = draw.uniform(0.3, 0.8, shape)
    chance = np.where(draw.random(shape) < 0.2, hours, days)
    silent = draw.random((shape[0] // 50 + 1, shape[1])) < 0.2
    chance[np.repeat(silent, 50, axis=0)[: shape[0]]] = np.nan
    why = np.where(np.isnan(chance), np.int8(Why.NO_MODEL), np.int8(Why.KNOWN)).astype(np.int8)
    spec = replace(market.spec, shrinks=(partial(rules.model_agrees, threshold=0.5),))
    return replace(market, spec=spec, panel=replace(market.panel, model_probability=chance, why_model=why))


def without_breaker(market: RandomMarket) -> RandomMarket:
    """Return the market with a strategy that no drawdown stops."""
    calm = replace(market.spec.protection, breaker_frac=1.0, lifetime_halt_frac=1.0)
    return replace(market, spec=replace(market.spec, protection=calm))
