"""Whether what is held is guarded: one live stop and one live target for exactly the shares of each long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.orders import OrderPurpose


@dataclass(frozen=True, slots=True)
class Guard:
    """The protection of one symbol as the broker works it, in shares.

    Attributes:
        held: shares of the position; 0 when a protection works without one.
    """

    symbol: Symbol
    held: Decimal
    stop: Decimal
    target: Decimal

    @property
    def is_ok(self) -> bool:
        """Whether stop and target each sell exactly what is held."""
        return self.held == self.stop == self.target


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
    for symbol, purpose, remaining in working:
        if purpose in (OrderPurpose.STOP, OrderPurpose.TARGET):
            sums = stops if purpose is OrderPurpose.STOP else targets
            sums[symbol] = sums.get(symbol, Decimal(0)) + remaining
    longs = {symbol: quantity for symbol, quantity in positions.items() if quantity > 0}
    zero = Decimal(0)
    return tuple(
        Guard(symbol, longs.get(symbol, zero), stops.get(symbol, zero), targets.get(symbol, zero))
        for symbol in sorted({*longs, *stops, *targets})
    )
