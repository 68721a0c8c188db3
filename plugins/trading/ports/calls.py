"""The ledger of calls to vendors: quota, circuit and spend, shared by every process of the desk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

HISTORY_SHARE = 0.6
"""Of a quota, what history may use at most; the rest is reserved for the hourly runs, which may use all of it."""


@dataclass(frozen=True, slots=True)
class Quota:
    """What a vendor's plan allows.

    Attributes:
        per_window: calls in any `window_seconds`.
        per_day: calls in a UTC day; None where the plan sets no such limit.
        pause_seconds: least time between two calls.
        repeat_seconds: least time between two calls of the same endpoint.
        unit_cost_usd: price of one unit (a post read, a call); 0 for what is free.
        budget_usd: what may be spent in a UTC month; None for no limit.
        is_history: whether this is the part of a plan that history may use, so that a refusal can say so.
    """

    per_window: int
    window_seconds: float
    per_day: int | None = None
    pause_seconds: float = 0.0
    repeat_seconds: float = 0.0
    unit_cost_usd: Decimal = Decimal(0)
    budget_usd: Decimal | None = None
    is_history: bool = False

    def for_history(self) -> Quota:
        """Return the part that history may use, of calls by anybody.

        What others used counts too: while the hourly run calls, history finds its smaller window full and waits.
        """
        return replace(
            self,
            per_window=max(1, int(self.per_window * HISTORY_SHARE)),
            per_day=None if self.per_day is None else int(self.per_day * HISTORY_SHARE),
            budget_usd=None if self.budget_usd is None else self.budget_usd * Decimal(str(HISTORY_SHARE)),
            is_history=True,
        )


@dataclass(frozen=True, slots=True)
class CallResult:
    """How one call ended.

    Attributes:
        status: HTTP status; None where no whole reply came.
        failure: what was wrong with it, one word; None for data.
        is_outage: whether it counts towards the circuit (a refusal of a healthy server does not).
        excerpt: the beginning of what came instead of data, secrets removed.
        body: the data, secrets removed, for the archive; None where no data came.
    """

    status: int | None
    duration_ms: int
    failure: str | None = None
    is_outage: bool = False
    excerpt: str = ""
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class VendorUsage:
    """What is known of a vendor now.

    Attributes:
        calls_today: since midnight UTC.
        month_usd: spent since the first of the month, UTC.
        failures_in_a_row: outages since the last answer.
        resumes_at: when an open circuit lets one call through; None while it is closed.
    """

    calls_today: int
    month_usd: Decimal
    failures_in_a_row: int
    resumes_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanProbe:
    """What a vendor's answers said about the plan.

    Attributes:
        told: in words that begin with the plans' names.
        age: how long ago that was.
    """

    told: str
    told_at: datetime
    age: timedelta


class CallLedger(Protocol):
    """ops.api_calls, ops.circuits, ops.capabilities_off and ops.plan_probes."""

    def acquire(self, vendor: str, endpoint: str, quota: Quota, *, wait_seconds: float, units: int = 1) -> int:
        """Take one call out of the quota and return its id, after waiting for the window if that is short enough.

        Args:
            endpoint: path of the request, without its query.
            wait_seconds: longest wait.
            units: most units that the call can buy; they are charged in full.

        Raises:
            QuotaExhausted: the day's calls or the month's budget are used up.
            VendorRateLimited: the window is full for longer than `wait_seconds`.
            CircuitOpen: the vendor failed several times in a row.
        """
        ...

    def note(self, call_id: int, result: CallResult) -> None:
        """Store how a call ended; outages in a row open the vendor's circuit, any other end closes it."""
        ...

    def switch_off(self, vendor: str, capability: str, *, reason: str, is_for_month: bool = False) -> None:
        """Remember until midnight UTC, or until the month ends, that a capability is not to be had."""
        ...

    def off_reason(self, vendor: str, capability: str) -> str | None:
        """Return why a capability is off today, or None."""
        ...

    def usage(self, vendor: str) -> VendorUsage:
        """Return what was used of a vendor."""
        ...

    def claim_probe(self, vendor: str) -> bool:
        """Return whether the caller is to probe the vendor's plan: one process a UTC day is."""
        ...

    def note_probe(self, vendor: str, told: str) -> None:
        """Store what the day's probe found."""
        ...

    def probe(self, vendor: str) -> PlanProbe | None:
        """Return what the newest probe found, or None."""
        ...
