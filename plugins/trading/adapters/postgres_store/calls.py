"""ops.api_calls: the quota ledger and circuit that all processes of the desk share."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.history import keep_reply
from trading.adapters.postgres_store.statements import Statements
from trading.errors import CircuitOpen, QuotaExhausted, VendorRateLimited
from trading.ports.calls import CallResult, PlanProbe, Quota, VendorUsage

FAILURES_TO_OPEN = 5
OPEN_SECONDS = 900.0
PROBE_SECONDS = 120.0
"""A probe whose process died is given up after this, and another one may try."""
LOCK_SECONDS = 30.0
ON_SECONDS = 1.0
"""How long a capability that was on is taken to be on: it is asked of it for every bar."""
ROUNDING_SECONDS = 0.01
"""Added to each wait, so that the window has certainly room afterwards."""


class PostgresCallLedger:
    """`CallLedger` on one Postgres database.

    One connection, opened when it is first needed and anew after a fork or a loss: a client of many small calls would
    otherwise spend its time on connecting. Threads take turns on it.

    Args:
        url: of our database.
        keeps_replies: whether the data that came is archived beside the call.
    """

    def __init__(self, url: str, *, keeps_replies: bool = False) -> None:
        self._url, self._keeps_replies = url, keeps_replies
        self._connection: Connection | None = None
        self._process = 0
        self._lock = threading.Lock()
        self._on_until: dict[tuple[str, str], float] = {}

    def acquire(self, vendor: str, endpoint: str, quota: Quota, *, wait_seconds: float, units: int = 1) -> int:
        """Take one call out of the quota and return its id; see the port."""
        give_up_at = time.monotonic() + wait_seconds
        while True:
            left = give_up_at - time.monotonic()
            taken = self._take(vendor, endpoint, quota, units, lock_seconds=min(max(left, 0.1), LOCK_SECONDS))
            if not isinstance(taken, float):
                return taken
            if taken > give_up_at - time.monotonic():
                raise VendorRateLimited(
                    f"{vendor}: its {quota.per_window} calls in {quota.window_seconds:g} s are used up; "
                    f"try again in {taken:.0f} s",
                    vendor=vendor,
                    retry_after_seconds=taken,
                )
            time.sleep(taken)

    def note(self, call_id: int, result: CallResult) -> None:
        """Store how a call ended and move the circuit; see the port."""
        with self._statements() as statements:
            statements.run(
                "note_call",
                call_id=call_id,
                status=result.status,
                duration_ms=result.duration_ms,
                failure=result.failure,
                excerpt=result.excerpt or None,
                is_outage=result.is_outage,
                failures_to_open=FAILURES_TO_OPEN,
            )
            if self._keeps_replies and result.body is not None:
                keep_reply(Statements(statements.connection, "history"), call_id, result.body)

    def switch_off(self, vendor: str, capability: str, *, reason: str, is_for_month: bool = False) -> None:
        """Remember until midnight UTC, or until the month ends, that a capability is not to be had."""
        with self._statements() as statements:
            self._on_until.pop((vendor, capability), None)
            statements.run(
                "switch_capability_off", vendor=vendor, capability=capability, reason=reason, is_for_month=is_for_month
            )

    def off_reason(self, vendor: str, capability: str) -> str | None:
        """Return why a capability is off today, or None. That it is on is believed for a moment."""
        if self._on_until.get((vendor, capability), 0.0) > time.monotonic():
            return None
        with self._statements() as statements:
            reason: str | None = statements.value("capability_off", vendor=vendor, capability=capability)
            # Noted in turn with the other threads: what one of them switches off next is not on by an older answer.
            if reason is None:
                self._on_until[vendor, capability] = time.monotonic() + ON_SECONDS
        return reason

    def usage(self, vendor: str) -> VendorUsage:
        """Return what was used of a vendor."""
        with self._statements() as statements:
            row = statements.row("vendor_usage", vendor=vendor, open_seconds=OPEN_SECONDS)
        assert row is not None
        return VendorUsage(**row)

    def claim_probe(self, vendor: str) -> bool:
        """Return whether the caller is to probe the vendor's plan today; see the port."""
        with self._statements() as statements:
            return bool(statements.value("claim_probe", vendor=vendor))

    def note_probe(self, vendor: str, told: str) -> None:
        """Store what the day's probe found."""
        with self._statements() as statements:
            statements.run("note_probe", vendor=vendor, told=told)

    def probe(self, vendor: str) -> PlanProbe | None:
        """Return what the newest probe found, or None."""
        with self._statements() as statements:
            row = statements.row("newest_probe", vendor=vendor)
        return None if row is None else PlanProbe(**row)

    def _take(self, vendor: str, endpoint: str, quota: Quota, units: int, *, lock_seconds: float) -> int | float:
        """Return the id of a call taken, or how long the window stays full [s]."""
        cost_usd = quota.unit_cost_usd * units
        with self._statements() as statements:
            statements.run("lock_vendor", vendor=vendor, lock_ms=round(lock_seconds * 1000))
            room = statements.row(
                "vendor_room",
                vendor=vendor,
                endpoint=endpoint,
                per_window=quota.per_window,
                window_seconds=quota.window_seconds,
                pause_seconds=quota.pause_seconds,
                repeat_seconds=quota.repeat_seconds,
                open_seconds=OPEN_SECONDS,
                probe_seconds=PROBE_SECONDS,
            )
            assert room is not None
            _pass_circuit(vendor, room)
            _pass_budget(vendor, quota, room, cost_usd)
            if (wait := room["wait_seconds"] or 0.0) > 0:
                return float(wait) + ROUNDING_SECONDS
            return int(statements.value("add_call", vendor=vendor, endpoint=endpoint, cost_usd=cost_usd))

    @contextmanager
    def _statements(self) -> Iterator[Statements]:
        with self._lock, translated_errors():
            if self._connection is None or self._connection.closed or self._process != os.getpid():
                self._connection, self._process = connect(self._url), os.getpid()
            with self._connection as connection:
                yield Statements(connection, "calls")


def _pass_circuit(vendor: str, room: Mapping[str, Any]) -> None:
    if room["open_seconds"] is None:
        return
    # An answer to the probe closes the circuit; until it comes nobody else asks.
    wait = max(room["open_seconds"], room["probe_seconds"] or 0.0)
    if wait > 0:
        raise CircuitOpen(
            f"{vendor} failed {FAILURES_TO_OPEN} times in a row and is left alone; it is tried again in {wait:.0f} s",
            vendor=vendor,
            retry_after_seconds=wait,
        )


def _pass_budget(vendor: str, quota: Quota, room: Mapping[str, Any], cost_usd: Decimal) -> None:
    if quota.per_day is not None and room["calls_today"] >= quota.per_day:
        whose = "that history may use (the rest is the hourly runs') " if quota.is_history else ""
        raise QuotaExhausted(
            f"{vendor}: the {quota.per_day} calls of the day {whose}are used up; it is asked again after midnight UTC",
            vendor=vendor,
            resumes_at=room["next_day_at"],
        )
    if quota.budget_usd is not None and room["month_usd"] + cost_usd > quota.budget_usd:
        raise QuotaExhausted(
            f"{vendor}: {room['month_usd']:.2f} USD of the month's {quota.budget_usd} USD are spent; raise the budget "
            "or wait for the next month",
            vendor=vendor,
            resumes_at=room["next_month_at"],
        )
