"""Standing misbehaviour: how the gateway treats every order and every answer until told otherwise."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum


class CommissionTiming(StrEnum):
    """When a commission report follows its execution."""

    ON_TIME = "on_time"
    LATE = "late"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Settings of the control command `behave`.

    Attributes:
        hold_orders_seconds: how long a placement or cancellation lies in the pipe before it is looked at.
        swallow_frac: share of placements that vanish without an answer; their ids are used up [0–1].
        seed: of the draw that `swallow_frac` needs.
        commission_delay_seconds: for LATE.
        filled_before_execution: send the status Filled before the execution.
        duplicate_messages: send each order status, execution and commission twice.
        keeps_rejected_ids: a rejected order leaves the next valid id where it was, although the id is burnt.
    """

    hold_orders_seconds: float = 0.0
    swallow_frac: float = 0.0
    seed: int = 0
    commission: CommissionTiming = CommissionTiming.ON_TIME
    commission_delay_seconds: float = 1.5
    filled_before_execution: bool = False
    duplicate_messages: bool = False
    keeps_rejected_ids: bool = False

    def __post_init__(self) -> None:
        if self.hold_orders_seconds < 0 or self.commission_delay_seconds < 0 or not 0 <= self.swallow_frac <= 1:
            raise ValueError("seconds must be 0 or more and swallow_frac between 0 and 1; correct the command")

    def commission_wait_seconds(self) -> float | None:
        """Return how long after the execution its commission is reported; None: never."""
        waits = {CommissionTiming.ON_TIME: 0.0, CommissionTiming.LATE: self.commission_delay_seconds}
        return waits.get(self.commission)


class Draws:
    """Which placements vanish: the same seed always picks the same ones, in the order in which they come."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._frac = behaviour.swallow_frac
        self._random = random.Random(behaviour.seed)  # noqa: S311 - not a secret, a repeatable nuisance

    def swallows_next(self) -> bool:
        """Return whether the next placement vanishes."""
        return self._frac > 0 and self._random.random() < self._frac
