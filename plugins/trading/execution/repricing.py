"""What an entry pays while it waits: it starts in the middle of the market and ends at the decision's worst price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.market import Quote
from trading.domain.money import round_to_tick


@dataclass(frozen=True, slots=True)
class RepricePolicy:
    """How often an unfilled entry is repriced before it is left to expire.

    Attributes:
        wait_seconds: how long each price is tried; a broker needs some of it to answer.
    """

    count: int = 2
    wait_seconds: float = 10.0


def limit_at(worst: Decimal, quote: Quote | None, *, attempt: int, policy: RepricePolicy) -> Decimal:
    """Return the limit of try number `attempt` [USD/share]: 0 is the midpoint, `policy.count` the worst price.

    Never above `worst`, by which the decision was sized and vetted. Without a two-sided market there is no midpoint,
    so the worst price stands at once.
    """
    if quote is None or quote.bid is None or quote.ask is None or attempt >= policy.count:
        return worst
    middle = (quote.bid + quote.ask) / 2
    if middle >= worst:
        return worst
    return round_to_tick(middle + (worst - middle) * attempt / policy.count, up=False)
