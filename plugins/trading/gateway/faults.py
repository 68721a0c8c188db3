"""Misbehaviour on request: what real gateways do now and then, so that tests and drills can rely on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What happens to a message."""

    DROP = "drop"
    DELAY = "delay"
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
        seconds: for DELAY.
    """

    message_id: int
    fault: Fault
    skip: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Faults:
    """Rules that are armed; each fires once.

    Attributes:
        commission_delay_seconds: how late commission reports are.
    """

    rules: list[Rule] = field(default_factory=list)
    commission_delay_seconds: float = 0.0

    def take(self, message_id: int) -> Rule | None:
        """Return the rule that fires for this message, disarmed, or None."""
        for rule in self.rules:
            if rule.message_id == message_id:
                if rule.skip:
                    rule.skip -= 1
                    return None
                self.rules.remove(rule)
                return rule
        return None
