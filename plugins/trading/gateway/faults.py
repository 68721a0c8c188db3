"""Misbehaviour per message: what real gateways do now and then, so that tests and drills can rely on it.

`behaviour.py` holds what the gateway does all the time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What happens to a message. SWALLOW is for placements: the id is used up, the order never exists."""

    DROP = "drop"
    DELAY = "delay"
    HALF_FRAME = "half_frame"
    CLOSE_BEFORE = "close_before"
    CLOSE_AFTER = "close_after"
    SWALLOW = "swallow"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class Rule:
    """One fault.

    Attributes:
        message_id: TWS id; positive for a client's request, negative for an answer.
        skip: how many such messages pass first.
        times: how often it fires.
        seconds: for DELAY.
    """

    message_id: int
    fault: Fault
    skip: int = 0
    times: int = 1
    seconds: float = 0.0


@dataclass(slots=True)
class Faults:
    """Rules that are armed; the first that fits a message decides."""

    rules: list[Rule] = field(default_factory=list)

    def take(self, message_id: int) -> Rule | None:
        """Return the rule that fires for this message, or None; one that has fired `times` times is gone."""
        rule = next((r for r in self.rules if r.message_id == message_id), None)
        if rule is None:
            return None
        if rule.skip:
            rule.skip -= 1
            return None
        rule.times -= 1
        if not rule.times:
            self.rules.remove(rule)
        return rule
