"""Cents, ticks and rounding: the one place where floats become money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")
PRICE_STEP = Decimal("0.0001")
LEDGER_STEP = Decimal("0.000001")
"""The finest amount that the ledger keeps [USD]."""
ZERO = Decimal(0)
TICKS = 10_000
"""So many ticks of a price are a USD."""
_CLEAR, _NEAR, _SMALL = 0.4999, 1e-12, 1e7


def to_price(value: float) -> Decimal:
    """Return a USD/share price from a float, on 4 decimals."""
    return _exactly(value) if (ticks := _clear_ticks(value)) is None else from_ticks(ticks)


def to_ticks(value: float) -> int:
    """Return `to_price` of a positive float in ten-thousandths of a USD, at a third of its cost."""
    return int(_exactly(value).scaleb(4)) if (ticks := _clear_ticks(value)) is None else ticks


def _clear_ticks(value: float) -> int | None:
    """Return the ten-thousandths of a USD nearest to a float; None where that takes its decimals."""
    if 0.0 <= value < _SMALL:
        exact = value * TICKS
        nearest = round(exact)
        # Beside the middle between two prices the last bits of a float decide nothing.
        if abs(exact - nearest) < _CLEAR:
            return nearest
    return None


def _exactly(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(PRICE_STEP, ROUND_HALF_EVEN)


def from_ticks(ticks: int) -> Decimal:
    """Return a price from ten-thousandths of a USD."""
    return Decimal(ticks).scaleb(-4)


def to_usd(value: float | Decimal) -> Decimal:
    """Return an amount in whole cents, half to even."""
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    return exact.quantize(CENT, ROUND_HALF_EVEN)


def sum_usd(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum of amounts; with two decimals even if there is none."""
    return sum(amounts, Decimal("0.00"))


def share_out(total_usd: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Return `total_usd`, whole cents, divided by `weights` into whole cents that add up to it exactly.

    What rounding leaves goes to the largest remainders, the first of equals (largest remainder method).
    """
    cents, whole = total_usd / CENT, sum(weights)
    parts = [cents * weight // whole for weight in weights]
    left = cents - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda i: -abs(cents * weights[i] % whole))
    for place in by_remainder[: int(abs(left))]:
        parts[place] += 1 if left > 0 else -1
    return [(part * CENT).quantize(CENT) for part in parts]


def round_to_tick(price: Decimal, *, tick: Decimal = CENT, up: bool) -> Decimal:
    """Return `price` moved to a multiple of `tick`, upwards if `up`, else downwards."""
    steps = (price / tick).to_integral_value(ROUND_FLOOR)
    floor = steps * tick
    return floor + tick if up and floor != price else floor


def whole_shares(budget_usd: float | Decimal, price: float | Decimal) -> int:
    """Return how many whole shares `budget_usd` buys at `price` USD/share; 0 for an empty budget."""
    if budget_usd <= 0 or price <= 0:
        return 0
    shares = float(budget_usd) / float(price)
    # Beside a whole number the last bits of a float decide nothing.
    if shares < _SMALL and abs(shares - round(shares)) > _NEAR * (1.0 + shares):
        return int(shares)
    return int(Decimal(repr(float(budget_usd))) / Decimal(repr(float(price))))
