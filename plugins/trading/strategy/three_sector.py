"""The strategy itself, as data: precious metals, AI and tech, long only.

`three_sector` is the strategy as specified; `technical_core` is the same with sentiment made optional, for
stretches of history that have no headlines. Adding a name is one line of `UNIVERSE`.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from trading.domain.instruments import VIX, Instrument, InstrumentKind, Sector, Universe
from trading.strategy import rules
from trading.strategy.spec import Protection, StrategySpec

_STOCK, _FUND = InstrumentKind.STOCK, InstrumentKind.FUND

UNIVERSE = Universe(
    (
        Instrument("GLD", Sector.METALS, _FUND, "SPDR Gold Shares", "ARCA", has_kid=False),
        Instrument("SLV", Sector.METALS, _FUND, "iShares Silver Trust", "ARCA", has_kid=False),
        Instrument("NEM", Sector.METALS, _STOCK, "Newmont", "NYSE"),
        Instrument("AEM", Sector.METALS, _STOCK, "Agnico Eagle Mines", "NYSE"),
        Instrument("NVDA", Sector.AI, _STOCK, "NVIDIA"),
        Instrument("AMD", Sector.AI, _STOCK, "Advanced Micro Devices"),
        Instrument("BOTZ", Sector.AI, _FUND, "Global X Robotics & AI ETF", has_kid=False),
        Instrument("AAPL", Sector.TECH, _STOCK, "Apple"),
        Instrument("MSFT", Sector.TECH, _STOCK, "Microsoft"),
        Instrument("TSLA", Sector.TECH, _STOCK, "Tesla"),
        # Data only: benchmarks, the volatility index, and the peers whose P/E forms a sector's reference.
        Instrument("SPY", None, _FUND, "SPDR S&P 500 ETF", "ARCA"),
        Instrument("QQQ", None, _FUND, "Invesco QQQ"),
        Instrument(VIX, None, InstrumentKind.INDEX, "Cboe Volatility Index", "CBOE"),
        Instrument("FNV", None, _STOCK, "Franco-Nevada", "NYSE"),
        Instrument("WPM", None, _STOCK, "Wheaton Precious Metals", "NYSE"),
        Instrument("RGLD", None, _STOCK, "Royal Gold"),
        Instrument("AVGO", None, _STOCK, "Broadcom"),
        Instrument("QCOM", None, _STOCK, "Qualcomm"),
        Instrument("TXN", None, _STOCK, "Texas Instruments"),
        Instrument("GOOGL", None, _STOCK, "Alphabet"),
        Instrument("AMZN", None, _STOCK, "Amazon"),
        Instrument("META", None, _STOCK, "Meta Platforms"),
    )
)

PEERS = {
    Sector.METALS: ("NEM", "AEM", "FNV", "WPM", "RGLD"),
    Sector.AI: ("NVDA", "AMD", "AVGO", "QCOM", "TXN"),
    Sector.TECH: ("AAPL", "MSFT", "TSLA", "GOOGL", "AMZN", "META"),
}


def three_sector() -> StrategySpec:
    """Return the strategy as specified in docs/strategy.md."""
    return StrategySpec(
        name="three_sector",
        label="three_sector (as specified)",
        universe=UNIVERSE,
        peers=PEERS,
        entry_required=(
            rules.golden_cross,
            partial(rules.sentiment_above, threshold=0.7),
            partial(rules.rsi_below, threshold=70.0),
        ),
        entry_optional=(
            rules.cheaper_than_sector,
            partial(rules.macro_supports_metals, metals=_metals(), cpi_threshold_frac=0.025),
        ),
        shrinks=(partial(rules.model_agrees, threshold=0.5),),
        exits=(
            partial(rules.rsi_above, threshold=70.0),
            partial(rules.negative_news, threshold=-0.5, sources=2),
        ),
        blocks=(
            partial(rules.vix_above, threshold=Protection().max_vix),
            rules.price_not_fresh,
        ),
    )


def technical_core() -> StrategySpec:
    """Return `three_sector` with sentiment optional: it may veto an entry but its absence does not."""
    base = three_sector()
    sentiment = base.entry_required[1]
    return replace(
        base,
        name="technical_core",
        label="technical_core (sentiment optional)",
        entry_required=tuple(r for r in base.entry_required if r is not sentiment),
        entry_optional=(sentiment, *base.entry_optional),
    )


def _metals() -> tuple[str, ...]:
    return tuple(i.symbol for i in UNIVERSE if i.sector is Sector.METALS)
