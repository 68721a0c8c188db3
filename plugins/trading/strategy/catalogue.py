"""The strategies that a setting can name."""

from __future__ import annotations

from trading.errors import ConfigurationError
from trading.strategy.spec import StrategySpec
from trading.strategy.three_sector import technical_core, three_sector

STRATEGIES = {"three_sector": three_sector, "technical_core": technical_core}


def spec_named(name: str) -> StrategySpec:
    """Return the strategy called `name`.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in STRATEGIES:
        raise ConfigurationError(f"no strategy {name!r}; set AIRDESK_STRATEGY to one of {', '.join(STRATEGIES)}")
    return STRATEGIES[name]()
