"""What a trade costs: spread and commission, as small replaceable objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.money import PRICE_STEP
from trading.domain.orders import Side

type CommissionSchedule = Callable[[Decimal, Decimal], Decimal]
"""(quantity [shares], price [USD/share]) → commission [USD]."""


def ibkr_fixed(quantity: Decimal, price: Decimal) -> Decimal:
    """Return IBKR Pro's fixed US stock commission: 0.005 USD/share, at least 1.00, at most 1 % of the trade.

    Source: Interactive Brokers' published schedule (exchange and regulatory fees not included).
    """
    return min(max(Decimal("0.005") * quantity, Decimal(1)), Decimal("0.01") * quantity * price)


@dataclass(frozen=True, slots=True)
class CostModel:
    """Costs of a simulated fill.

    Attributes:
        half_spread_frac: what a market or stop order pays away from the bar's price [0–1].
        commission: schedule.
    """

    half_spread_frac: float = 0.0005
    commission: CommissionSchedule = ibkr_fixed

    def slipped(self, price: Decimal, side: Side) -> Decimal:
        """Return `price` worsened by half the spread: higher for a buy, lower for a sale."""
        shift = Decimal(repr(self.half_spread_frac)) * price
        return (price + shift if side is Side.BUY else price - shift).quantize(PRICE_STEP)
