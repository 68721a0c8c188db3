"""Which vendors are on, and for what: a key that is absent switches its source off, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from trading.adapters.http import HttpClient, VendorTerms
from trading.adapters.sources.polygon_bars import PolygonBars
from trading.adapters.sources.polygon_client import PolygonClient, polygon_terms
from trading.adapters.sources.polygon_facts import PolygonActions, PolygonNews
from trading.adapters.sources.polygon_plan import BARS, CURRENT_DAY, NAME, Plan, Reach, plan_named
from trading.ports import ActionSource, BarSource, Clock, MarketCalendar, NewsSource, Sources
from trading.ports.calls import CallLedger
from trading.settings import VendorSettings

TASK_SECONDS = 300.0
"""All that one vendor may take of one task; what is missing then, the retry asks for."""
HISTORY_SECONDS = 6 * 3600.0
FIRST_NEWS = timedelta(days=7)
"""How far the first hourly ingest reaches back for headlines; `data pull` brings what is older."""


@dataclass(frozen=True, slots=True)
class VendorState:
    """One line about a vendor.

    Attributes:
        is_on: whether it is asked at all. problem: what keeps it from being whole, and what to do; None when nothing.
    """

    name: str
    serves: str
    is_on: bool
    problem: str | None = None


def vendor_sources(
    vendors: VendorSettings, calendar: MarketCalendar, clock: Clock, calls: CallLedger, *, is_history: bool = False
) -> Sources:
    """Return the sources that the settings switch on.

    Args:
        is_history: bars are brought for the past: more time, and instants of knowledge as a delayed plan gives them.
    """
    seconds = HISTORY_SECONDS if is_history else TASK_SECONDS
    bars: list[BarSource] = []
    news: list[NewsSource] = []
    actions: list[ActionSource] = []
    if vendors.polygon_key:
        plan = plan_named(vendors.polygon_plan)
        client = PolygonClient(HttpClient(_polygon_terms(vendors, plan), calls, deadline_seconds=seconds))
        bars.append(PolygonBars(client, Reach(plan, calendar, calls, is_history=is_history), clock))
        news.append(PolygonNews(client, clock))
        actions.append(PolygonActions(client, calendar, clock))
    return Sources(bars=tuple(bars), news=tuple(news), actions=tuple(actions), first_news=FIRST_NEWS)


def vendor_states(vendors: VendorSettings, calls: CallLedger | None) -> tuple[VendorState, ...]:
    """Return how each vendor stands; without a ledger only what the settings say. Never a secret, never a request."""
    return (_polygon_state(vendors, calls),)


def _polygon_state(vendors: VendorSettings, calls: CallLedger | None) -> VendorState:
    serves = "bars, splits, dividends, news"
    if not vendors.polygon_key:
        return VendorState(NAME, serves, is_on=False, problem="set POLYGON_API_KEY (or POLYGON_API_KEY_FILE)")
    plan = plan_named(vendors.polygon_plan)
    problems = []
    if plan.delay is None:
        problems.append(
            f"plan {plan.name} has no prices of the current day: hourly entries need another source of bars, "
            "or AIRDESK_DAILY_PRICING=1"
        )
    off = {name: calls.off_reason(NAME, name) for name in (BARS, CURRENT_DAY, "actions", "news")} if calls else {}
    problems += [
        f"{name} is off until midnight UTC, because the plan refused it; check POLYGON_PLAN"
        for name, reason in off.items()
        if reason
    ]
    if circuit := _circuit(NAME, calls):
        problems.append(circuit)
    return VendorState(NAME, f"{serves} (plan {plan.name})", is_on=True, problem="; ".join(problems) or None)


def _circuit(vendor: str, calls: CallLedger | None) -> str | None:
    """Return that a vendor is left alone after outages, or None."""
    usage = calls.usage(vendor) if calls else None
    if usage is None or usage.resumes_at is None:
        return None
    return f"{usage.failures_in_a_row} outages in a row; asked again at {usage.resumes_at:%H:%M}Z, nothing to do"


def _polygon_terms(vendors: VendorSettings, plan: Plan) -> VendorTerms:
    return polygon_terms(
        vendors.polygon_key, plan, base_url=vendors.polygon_base_url, calls_per_minute=vendors.polygon_rpm
    )
