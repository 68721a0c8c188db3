"""What a trade costs: spread, slippage, commission and fees, as small replaceable objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType

from trading.domain.instruments import Symbol
from trading.domain.money import LEDGER_STEP, PRICE_STEP, ZERO
from trading.domain.orders import Side
from trading.domain.replays import Json
from trading.execution.fees import FeeSchedule, regulatory_fees

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

    Source: Interactive Brokers' published schedule (the regulator's fees on sales come on top).
    """
    return min(max(Decimal("0.005") * quantity, Decimal(1)), Decimal("0.01") * quantity * price)


def ibkr_tiered(quantity: Decimal, price: Decimal, *, month_shares_before: Decimal = ZERO) -> Decimal:
    """Return IBKR Pro's tiered US stock commission: at least 0.35, at most 1 % of the trade.

    Each share costs by the tier of the month's volume that it falls into (the regulator's fees on sales come on top).
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


class CommissionPlan(StrEnum):
    """IBKR Pro's two schedules, by the name that a person types."""

    FIXED = "fixed"
    TIERED = "tiered"


SCHEDULES: Mapping[CommissionPlan, CommissionSchedule] = MappingProxyType(
    {CommissionPlan.FIXED: ibkr_fixed, CommissionPlan.TIERED: ibkr_tiered}
)
"""What each plan charges; the tiered one as in a month without other trades."""


@lru_cache(maxsize=1024)
def _exact(frac: float) -> Decimal:
    return Decimal(repr(frac))


@lru_cache(maxsize=1024)
def _ratio(frac: float) -> tuple[int, int]:
    """Return `_exact` as a fraction of whole numbers."""
    return _exact(frac).as_integer_ratio()


@dataclass(frozen=True, slots=True)
class CostModel:
    """Costs of a simulated fill: what moves its price, and what is charged for it.

    Attributes:
        half_spread_frac: what a market or stop order pays away from the bar's price [0–1].
        commission: the broker's schedule. fees: what the regulator charges on top.
        slippage_frac: paid away beside half the spread, by symbol [0–1]; k × volatility where somebody set it.
        scale: times which commission and fees are charged.
    """

    half_spread_frac: float = 0.0005
    commission: CommissionSchedule = ibkr_fixed
    fees: FeeSchedule = regulatory_fees
    slippage_frac: Mapping[Symbol, float] = field(default_factory=dict)
    scale: int = 1

    def slipped(self, price: Decimal, side: Side, symbol: Symbol = "") -> Decimal:
        """Return `price` worsened by half the spread and the symbol's slippage: higher for a buy, lower for a sale."""
        shift = _exact(self.half_spread_frac + self.slippage_frac.get(symbol, 0.0)) * price
        return (price + shift if side is Side.BUY else price - shift).quantize(PRICE_STEP)

    @property
    def is_free(self) -> bool:
        """Whether nothing is charged, whatever is traded."""
        return self.scale == 0

    def slipped_ticks(self, ticks: int, side: Side, symbol: Symbol = "") -> int:
        """Return `slipped` for a price in ten-thousandths of a USD, in whole numbers."""
        part, whole = _ratio(self.half_spread_frac + self.slippage_frac.get(symbol, 0.0))
        worse = ticks * (whole + part if side is Side.BUY else whole - part)
        quotient, rest = divmod(worse, whole)
        # Half to even, as Decimal rounds.
        return quotient + (2 * rest > whole or (2 * rest == whole and quotient % 2 == 1))

    def charge_usd(self, side: Side, quantity: Decimal, price: Decimal, traded_on: date) -> Decimal:
        """Return commission and fees of a trade [USD], on the six decimals that the ledger keeps."""
        charged = self.commission(quantity, price) + self.fees(side, quantity, price, traded_on)
        return (charged * self.scale).quantize(LEDGER_STEP)

    def described(self) -> dict[str, Json]:
        """Return the model in words and numbers, as a stored run keeps it."""
        plan = next((str(plan) for plan, schedule in SCHEDULES.items() if schedule is self.commission), "other")
        return {
            "commission": plan,
            "half_spread_bps": round(self.half_spread_frac * 10_000, 6),
            "slippage_bps": {symbol: round(frac * 10_000, 6) for symbol, frac in self.slippage_frac.items()},
            "charged_times": self.scale,
        }

    def scaled(self, factor: int) -> CostModel:
        """Return the model with every cost times `factor`: 0 trades for nothing, 2 pays double."""
        return replace(
            self,
            half_spread_frac=self.half_spread_frac * factor,
            slippage_frac={symbol: frac * factor for symbol, frac in self.slippage_frac.items()},
            scale=self.scale * factor,
        )
