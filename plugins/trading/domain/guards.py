"""Whether what is held is guarded: one live stop and one live target for exactly the shares of each long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.orders import LEAVING, OrderPurpose


@dataclass(frozen=True, slots=True)
class Guard:
    """The protection of one symbol as the broker works it, in shares.

    Attributes:
        held: shares of the position; 0 when a protection works without one.
        leaving: shares that a sale beside stop and target sells, e.g. at the next open.
    """

    symbol: Symbol
    held: Decimal
    stop: Decimal
    target: Decimal
    leaving: Decimal = Decimal(0)

    @property
    def is_ok(self) -> bool:
        """Whether stop and target each sell exactly what is held, or what a sale that works leaves of it."""
        return self.held == self.stop == self.target or self.is_leaving

    @property
    def is_leaving(self) -> bool:
        """Whether a sale works and stop and target sell the rest: more of them would sell short."""
        return self.leaving > 0 and self.held - self.leaving == self.stop == self.target


def guards_of(
    positions: Mapping[Symbol, Decimal], working: Iterable[tuple[Symbol, OrderPurpose, Decimal]]
) -> tuple[Guard, ...]:
    """Return the protection of every symbol that is held or guarded.

    Args:
        positions: shares at the broker.
        working: (symbol, purpose, remaining shares) of each order of ours that the broker works.
    """
    stops: dict[Symbol, Decimal] = {}
    targets: dict[Symbol, Decimal] = {}
    sales: dict[Symbol, Decimal] = {}
    by_purpose = {OrderPurpose.STOP: stops, OrderPurpose.TARGET: targets, **dict.fromkeys(LEAVING, sales)}
    for symbol, purpose, remaining in working:
        if (sums := by_purpose.get(purpose)) is not None:
            sums[symbol] = sums.get(symbol, Decimal(0)) + remaining
    longs = {symbol: quantity for symbol, quantity in positions.items() if quantity > 0}
    zero = Decimal(0)
    return tuple(
        Guard(symbol, *(shares.get(symbol, zero) for shares in (longs, stops, targets, sales)))
        for symbol in sorted({*longs, *stops, *targets})
    )
