"""Parts of `airdesk data status`: what the newest sessions lack, and how each source stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution, TimeWindow
from trading.ports import Services
from trading.ports.calls import Quota, VendorUsage
from trading.settings import load_settings
from trading.tasks.pull import gaps
from trading.tasks.pull_plan import vendor_of

RECENT_SESSIONS = 30
_LOOK_BACK = timedelta(days=60)


def missing_lately(services: Services, newest: Mapping[Resolution, Mapping[Symbol, datetime]]) -> Mapping[Symbol, str]:
    """Return for each symbol the bars that the last complete sessions lack, by resolution of which it has any."""
    today = services.clock.now().date()
    sessions = services.calendar.sessions(today - _LOOK_BACK, today - timedelta(days=1))[-RECENT_SESSIONS:]
    window = TimeWindow(sessions[0].opens_at, sessions[-1].closes_at)
    symbols = sorted({symbol for of_resolution in newest.values() for symbol in of_resolution})
    told: dict[Symbol, list[str]] = {symbol: [] for symbol in symbols}
    for gap in gaps(services, symbols, window):
        if gap.symbol in newest[gap.resolution]:
            told[gap.symbol].append(f"{gap.missing_count} of {gap.expected_count} {gap.resolution}")
    return {symbol: ", ".join(parts) or "-" for symbol, parts in told.items()}


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How one source stands.

    Attributes:
        newest_at: its newest delivery; None if it never delivered.
        usage, quota: calls and money; None for a source without a quota.
    """

    source: str
    row_count: int
    newest_at: datetime | None
    usage: VendorUsage | None
    quota: Quota | None


def status_of_sources(services: Services) -> tuple[SourceStatus, ...]:
    """Return how each source stands, by name. Nothing is asked."""
    with services.store.snapshot() as tx:
        stored = {found.source: found for found in tx.history.sources()}
    quotas = services.sources.quotas
    ledger = PostgresCallLedger(load_settings().database_url) if quotas else None
    found = []
    for name in sorted({*stored, *quotas}):
        quota = quotas.get(vendor := vendor_of(name, quotas))
        usage = ledger.usage(vendor) if ledger is not None and quota is not None else None
        own = stored.get(name)
        found.append(SourceStatus(name, own.row_count if own else 0, own.newest_at if own else None, usage, quota))
    return tuple(found)


def source_lines(sources: Sequence[SourceStatus]) -> list[str]:
    """Return a table of the sources: rows, newest delivery, calls and quota, money, circuit."""
    if not sources:
        return []
    lines = [f"{'source':13}{'rows':>9}  {'newest delivery':19}calls today, spent, circuit"]
    for one in sources:
        at = f"{one.newest_at:%Y-%m-%d %H:%M}Z" if one.newest_at is not None else "-"
        used = _used(one.usage, one.quota) if one.usage is not None and one.quota is not None else "-"
        lines.append(f"{one.source[:12]:13}{one.row_count:>9}  {at:19}{used}")
    return lines


def _used(usage: VendorUsage, quota: Quota) -> str:
    limit = (
        f"{quota.per_day} a day" if quota.per_day is not None else f"{quota.per_window} in {quota.window_seconds:g} s"
    )
    calls = f"{usage.calls_today} (may {limit})"
    money = "" if quota.budget_usd is None else f", {usage.month_usd:.2f} of {quota.budget_usd} USD"
    if usage.resumes_at is None:
        circuit = ""
    else:
        circuit = f"; left alone after {usage.failures_in_a_row} outages, tried again at {usage.resumes_at:%H:%M}Z"
    return f"{calls}{money}{circuit}"
