"""What a pre-trade check is, and what it answers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trading.domain.orders import Order
from trading.domain.records import quick
from trading.execution.desk import Desk
from trading.execution.limits import Limits


class Applies(StrEnum):
    """Which orders a check judges. Reducing orders face only what may not stop a way out."""

    ENTRY = "entry"
    ALL = "all"
    EVERY_LEG = "every leg"
    """Protections that wait for their entry, too: the others rest on it."""


@dataclass(frozen=True, slots=True)
class Breach:
    """What stands against an order.

    Attributes:
        observed, threshold: the two numbers that were compared; None where nothing was, or a number is unknown.
    """

    detail: str
    observed: float | None = None
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.observed is not None and not math.isfinite(self.observed):
            object.__setattr__(self, "observed", None)
        if self.threshold is not None and not math.isfinite(self.threshold):
            object.__setattr__(self, "threshold", None)


type Judge = Callable[[Order, Desk, Limits], Breach | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the table of checks.

    Attributes:
        code: what a denial is stored under, e.g. "SECTOR_CAP".
        is_flag: whether a breach is only noted on the order, which goes all the same.
    """

    code: str
    applies: Applies
    judge: Judge
    is_flag: bool = False


@quick
@dataclass(frozen=True, slots=True)
class Denial:
    """One "no" to an order, with its numbers.

    Attributes:
        observed, threshold: as in `Breach`; their unit is the check's.
    """

    code: str
    detail: str
    observed: float | None = None
    threshold: float | None = None

    @property
    def text(self) -> str:
        """Code and reason in one line, as `Order.detail` carries them."""
        return f"{self.code}: {self.detail}"
