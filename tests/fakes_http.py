"""A call ledger in memory, with a clock that waiting moves, and terms of a vendor on the stub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from trading.errors import CircuitOpen, QuotaExhausted, VendorRateLimited
from trading.ports.calls import CallResult, PlanProbe, Quota, VendorUsage

if TYPE_CHECKING:
    from trading.adapters.http import VendorTerms

CANARY = "canary/KEY+7731=x"
FREE = Quota(per_window=1_000, window_seconds=60)
FAILURES_TO_OPEN = 5
OPEN_FOR = timedelta(minutes=15)
PROBE_FOR = timedelta(minutes=2)


def terms_for(url: str, **changes: object) -> VendorTerms:
    """Terms of a vendor called "stub" at `url`: a key in a header, no limit that a test would meet."""
    # The broker's tests use the ledger below where no HTTP library is installed.
    from trading.adapters.http import VendorTerms

    terms = VendorTerms("stub", url, FREE, key_name="X-Api-Key", secret=CANARY, connect_seconds=2.0, read_seconds=2.0)
    return replace(terms, **changes)


@dataclass
class Call:
    """One row of the ledger."""

    call_id: int
    vendor: str
    endpoint: str
    called_at: datetime
    cost_usd: Decimal
    result: CallResult | None = None


class MemoryCalls:
    """`CallLedger` of one test. Waiting moves `now` and takes no time."""

    def __init__(self, *, now: datetime = datetime(2026, 11, 20, 15, tzinfo=UTC)) -> None:
        self.now = now
        self.calls: list[Call] = []
        self.off: dict[tuple[str, str], tuple[datetime, str, bool]] = {}
        self.failures: dict[str, int] = {}
        self.opened_at: dict[str, datetime] = {}
        self.probed_at: dict[str, datetime] = {}
        self.probes: dict[tuple[str, date], tuple[str, datetime] | None] = {}

    def acquire(self, vendor: str, endpoint: str, quota: Quota, *, wait_seconds: float, units: int = 1) -> int:
        self._pass_circuit(vendor)
        cost = quota.unit_cost_usd * units
        self._pass_budget(vendor, quota, cost)
        wait = self._wait(vendor, endpoint, quota)
        if wait > wait_seconds:
            raise VendorRateLimited(f"{vendor}: wait {wait:g} s", vendor=vendor, retry_after_seconds=wait)
        self.passes(wait)
        if vendor in self.opened_at:
            self.probed_at[vendor] = self.now
        self.calls.append(Call(len(self.calls) + 1, vendor, endpoint, self.now, cost))
        return len(self.calls)

    def note(self, call_id: int, result: CallResult) -> None:
        call = self.calls[call_id - 1]
        call.result = result
        self.probed_at.pop(call.vendor, None)
        if not result.is_outage:
            self.failures[call.vendor] = 0
            self.opened_at.pop(call.vendor, None)
            return
        self.failures[call.vendor] = self.failures.get(call.vendor, 0) + 1
        if self.failures[call.vendor] >= FAILURES_TO_OPEN:
            self.opened_at[call.vendor] = self.now

    def switch_off(self, vendor: str, capability: str, *, reason: str, is_for_month: bool = False) -> None:
        if self.off_reason(vendor, capability) is None:
            self.off[vendor, capability] = (self.now, reason, is_for_month)

    def off_reason(self, vendor: str, capability: str) -> str | None:
        at, reason, is_for_month = self.off.get((vendor, capability), (None, None, False))
        length = 7 if is_for_month else 10
        return reason if at and at.isoformat()[:length] == self.now.isoformat()[:length] else None

    def usage(self, vendor: str) -> VendorUsage:
        opened = self.opened_at.get(vendor)
        return VendorUsage(
            len(self._today(vendor)),
            self._month_usd(vendor),
            self.failures.get(vendor, 0),
            opened + OPEN_FOR if opened else None,
        )

    def claim_probe(self, vendor: str) -> bool:
        is_first = (vendor, self.now.date()) not in self.probes
        self.probes.setdefault((vendor, self.now.date()), None)
        return is_first

    def note_probe(self, vendor: str, told: str) -> None:
        self.probes[vendor, self.now.date()] = (told, self.now)

    def probe(self, vendor: str) -> PlanProbe | None:
        found = [probe for (name, _), probe in sorted(self.probes.items()) if name == vendor and probe]
        return PlanProbe(*found[-1], self.now - found[-1][1]) if found else None

    def passes(self, seconds: float) -> None:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)

    def results(self) -> Sequence[tuple[int | None, str | None]]:
        """Return (status, failure) of every call, oldest first."""
        return [(c.result.status, c.result.failure) for c in self.calls if c.result]

    def _pass_circuit(self, vendor: str) -> None:
        if (opened := self.opened_at.get(vendor)) is None:
            return
        free_at = [opened + OPEN_FOR, *(at + PROBE_FOR for name, at in self.probed_at.items() if name == vendor)]
        if (left := (max(free_at) - self.now).total_seconds()) > 0:
            raise CircuitOpen(f"{vendor} is left alone", vendor=vendor, retry_after_seconds=left)

    def _pass_budget(self, vendor: str, quota: Quota, cost: Decimal) -> None:
        if quota.per_day is not None and len(self._today(vendor)) >= quota.per_day:
            raise QuotaExhausted(f"{vendor}: the day's calls are used up", vendor=vendor)
        if quota.budget_usd is not None and self._month_usd(vendor) + cost > quota.budget_usd:
            raise QuotaExhausted(f"{vendor}: the month's budget is used up", vendor=vendor)

    def _wait(self, vendor: str, endpoint: str, quota: Quota) -> float:
        times = [call.called_at for call in self.calls if call.vendor == vendor]
        free_at = [times[-1] + timedelta(seconds=quota.pause_seconds)] if times else []
        same = [call.called_at for call in self.calls if (call.vendor, call.endpoint) == (vendor, endpoint)]
        free_at += [at + timedelta(seconds=quota.repeat_seconds) for at in same[-1:]]
        if len(times) >= quota.per_window:
            free_at.append(times[-quota.per_window] + timedelta(seconds=quota.window_seconds))
        return max((at - self.now).total_seconds() for at in [self.now, *free_at])

    def _today(self, vendor: str) -> Sequence[Call]:
        return [c for c in self.calls if c.vendor == vendor and c.called_at.date() == self.now.date()]

    def _month_usd(self, vendor: str) -> Decimal:
        month = (self.now.year, self.now.month)
        mine = [c for c in self.calls if c.vendor == vendor and (c.called_at.year, c.called_at.month) == month]
        return sum((c.cost_usd for c in mine), Decimal(0))
