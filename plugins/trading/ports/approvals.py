"""Rows of approvals: orders that wait for a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from trading.domain.orders import OrderRef


class Answer(StrEnum):
    """What became of a request; EXPIRED is the answer of nobody, and a no."""

    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Approval:
    """One request.

    Attributes:
        answer: None while it waits. answered_by: None until then, and for EXPIRED.
    """

    order_id: OrderRef
    requested_at: datetime
    expires_at: datetime
    answer: Answer | None
    answered_by: str | None


class ApprovalRows(Protocol):
    """desk.approvals."""

    def ask(self, order_id: OrderRef, *, at: datetime, expires_at: datetime) -> Approval:
        """Store a request and return it; one that is stored already stays as it was."""
        ...

    def waiting(self, decision_id: str) -> tuple[Approval, ...]:
        """Return the unanswered requests of a decision, oldest first."""
        ...

    def answer(self, decision_id: str, answer: Answer, *, by: str | None, at: datetime) -> int:
        """Answer every request of a decision that waits; how many there were. The first answer stands."""
        ...
