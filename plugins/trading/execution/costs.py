"""What a trade costs: spread and commission, as small replaceable objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from trading.domain.money import PRICE_STEP, ZERO
from trading.domain.orders import Side

type CommissionSchedule = Callable[[Decimal, Decimal], Decimal]
"""(quantity [shares], price [USD/share]) → commission [USD]."""


TIERS: tuple[tuple[Decimal | None, Decimal], ...] = (
    (Decimal(300_000), Decimal("0.0035")),
    (Decimal(3_000_000), Decimal("0.0020")),
    (Decimal(20_000_000), Decimal("0.0015")),
    (Decimal(100_000_000), Decimal("0.0010")),
    (None, Decimal("0.0005")),
)
"""Shares of a month up to which a price per share [USD] holds; None: without end."""


def ibkr_fixed(quantity: Decimal, price: Decimal) -> Decimal:
    """Return IBKR Pro's fixed US stock commission: 0.005 USD/share, at least 1.00, at most 1 % of the trade.

    Source: Interactive Brokers' published schedule (exchange and regulatory fees not included).
    """
    return min(max(Decimal("0.005") * quantity, Decimal(1)), Decimal("0.01") * quantity * price)


def ibkr_tiered(quantity: Decimal, price: Decimal, *, month_shares_before: Decimal = ZERO) -> Decimal:
    """Return IBKR Pro's tiered US stock commission: at least 0.35, at most 1 % of the trade.

    Each share costs by the tier of the month's volume that it falls into (exchange and regulatory fees not included).
    Source: Interactive Brokers' published schedule.

    Args:
        quantity: shares.
        price: USD/share.
        month_shares_before: shares traded this month before this order.
    """
    by_volume, reached = ZERO, month_shares_before
    for up_to, per_share in TIERS:
        left = quantity + month_shares_before - reached
        here = left if up_to is None else min(max(up_to - reached, ZERO), left)
        by_volume += here * per_share
        reached += here
    return min(max(by_volume, Decimal("0.35")), Decimal("0.01") * quantity * price)


SCHEDULES: Mapping[str, CommissionSchedule] = MappingProxyType({"fixed": ibkr_fixed, "tiered": ibkr_tiered})
"""Commission schedules by the name that a person types; the tiered one as in a month without other trades."""


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
