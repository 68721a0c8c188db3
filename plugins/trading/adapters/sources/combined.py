"""Which vendors are on, and for what: a key that is absent switches its source off, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from trading.adapters.http import HttpClient, VendorTerms
from trading.adapters.ibkr.history import CLIENT_ID, HISTORY_CLIENT_ID, PACING, HistoryLine
from trading.adapters.ibkr.history import NAME as IBKR
from trading.adapters.sources import alphavantage, cboe, edgar, fred, gpr, newsapi, x_search
from trading.adapters.sources.ibkr_bars import INDICES, METALS, STOCKS, IbkrBars, SplitKnowledge, StoredActions
from trading.adapters.sources.polygon_bars import PolygonBars
from trading.adapters.sources.polygon_client import PolygonClient, polygon_terms
from trading.adapters.sources.polygon_facts import PolygonActions, PolygonNews
from trading.adapters.sources.polygon_market import PlanProbe, PolygonHolidays
from trading.adapters.sources.polygon_plan import BARS, CURRENT_DAY, Plan, Reach, plan_named
from trading.adapters.sources.polygon_plan import NAME as POLYGON
from trading.adapters.sources.polygon_statements import PolygonFilings
from trading.analysis.entities import Entities
from trading.domain.instruments import Universe
from trading.ports import (
    ActionSource,
    BarSource,
    Clock,
    EarningsSource,
    FilingSource,
    MacroSource,
    MarketCalendar,
    NewsSource,
    Sources,
)
from trading.ports.calls import CallLedger, Quota
from trading.settings import VendorSettings
from trading.strategy.names import NAMES
from trading.strategy.three_sector import UNIVERSE

TASK_SECONDS = 300.0
"""All that one vendor may take of one task; what is missing then, the retry asks for."""
HISTORY_SECONDS = 6 * 3600.0
AT_ONCE = 8
"""Questions about bars that a vendor is asked at the same time: each is a connection of its own, mostly waiting."""
FIRST_NEWS = timedelta(days=7)
"""How far the first hourly ingest reaches back for headlines; `data pull` brings what is older."""


class _Clients:
    """Makes a vendor's client for the length of one task, and remembers what each vendor allows."""

    def __init__(self, calls: CallLedger, *, is_history: bool) -> None:
        self._calls, self._is_history = calls, is_history
        self.quotas: dict[str, Quota] = {}

    def __call__(self, terms: VendorTerms) -> HttpClient:
        if self._is_history:
            terms = replace(terms, quota=terms.quota.for_history())
        self.quotas[terms.name] = terms.quota
        seconds = HISTORY_SECONDS if self._is_history else TASK_SECONDS
        return HttpClient(terms, self._calls, deadline_seconds=seconds)


@dataclass(frozen=True, slots=True)
class OwnBroker:
    """A broker that is asked for bars.

    Attributes:
        client_id: the writer's, which the connection for bars never takes.
        stored_actions: reads a symbol's stored splits.
    """

    host: str
    port: int
    client_id: int
    stored_actions: StoredActions


def vendor_sources(
    vendors: VendorSettings,
    calendar: MarketCalendar,
    clock: Clock,
    calls: CallLedger,
    *,
    universe: Universe = UNIVERSE,
    is_history: bool = False,
    broker: OwnBroker | None = None,
) -> Sources:
    """Return the sources that the settings switch on; the Cboe's and the risk index need no key.

    Bars are the broker's first, because only they are of this hour whatever the plans; then Polygon's, then the Cboe's.
    History is asked of the vendors first: the broker's is slow, and on today's share basis.

    Args:
        universe: the instruments whose names headlines are searched for.
        is_history: bars are brought for the past: more time, and instants of knowledge as a delayed plan gives them.
        broker: None without one of one's own.
    """

    client = _Clients(calls, is_history=is_history)
    bars: list[BarSource] = []
    macro: list[MacroSource] = [gpr.GprSource(client(_gpr_terms(vendors)))]
    news: list[NewsSource] = []
    filings: list[FilingSource] = []
    earnings: list[EarningsSource] = []
    actions: list[ActionSource] = []
    if vendors.polygon_key:
        polygon = PolygonClient(client(_polygon_terms(vendors)))
        reach = Reach(plan_named(vendors.polygon_plan), calendar, clock, calls, is_history=is_history)
        bars.append(PolygonBars(polygon, reach, names=len(universe.data)))
        news.append(PolygonNews(polygon, clock))
        probe = PlanProbe(polygon, calls, clock, calendar)
        actions.append(PolygonActions(polygon, calendar, clock, probe, is_history=is_history))
    if vendors.sec_user_agent:
        data, site = (client(terms) for terms in _edgar_terms(vendors))
        filings.append(edgar.EdgarSource(data, site, calendar))
        # The feed is of the last days only.
        news += [] if is_history else [edgar.Edgar8kSource(site, clock)]
    if vendors.polygon_key and reach.plan.has_financials:
        filings.append(PolygonFilings(polygon, calendar))
    bars.append(cboe.CboeVixSource(client(_cboe_terms(vendors)), calendar))
    if broker is not None and vendors.ibkr_bars:
        own = _own_bars(broker, calls, calendar, clock, actions, is_history=is_history)
        bars.insert(len(bars) if is_history else 0, own)
    if vendors.fred_key:
        macro.insert(0, fred.FredSource(client(_fred_terms(vendors)), calendar))
    entities = Entities(universe, NAMES)
    if vendors.alphavantage_key:
        http = client(_alphavantage_terms(vendors))
        news.append(alphavantage.AlphaVantageNews(http, entities, clock, is_history=is_history))
        earnings.append(alphavantage.AlphaVantageEarnings(http, calendar, clock, is_history=is_history))
    news += _priced_headlines(vendors, client, entities, universe, clock, is_history=is_history)
    return Sources(
        tuple(bars), tuple(news), tuple(filings), tuple(macro), tuple(actions),
        holidays=(PolygonHolidays(polygon, calendar),) if vendors.polygon_key else (),
        first_news=FIRST_NEWS, earnings=tuple(earnings), quotas=client.quotas, at_once=_at_once(client.quotas),
    )  # fmt: skip


def _at_once(quotas: Mapping[str, Quota]) -> dict[str, int]:
    """Return how many questions are asked at once, by vendor.

    Where the quota is what is waited for, several waits are no faster, and answers that come after another question
    ran out of time are calls for nothing.
    """
    polygon = quotas.get(POLYGON)
    is_wide = polygon is not None and polygon.per_window >= AT_ONCE * polygon.window_seconds
    return {POLYGON: AT_ONCE} if is_wide else {}


def _own_bars(
    broker: OwnBroker,
    calls: CallLedger,
    calendar: MarketCalendar,
    clock: Clock,
    actions: Sequence[ActionSource],
    *,
    is_history: bool,
) -> IbkrBars:
    """Return the broker's bars; history has a connection of its own and leaves half of the pace to the hourly run."""
    line = HistoryLine(
        broker.host,
        broker.port,
        calls,
        writer_client_id=broker.client_id,
        client_id=HISTORY_CLIENT_ID if is_history else CLIENT_ID,
        deadline_seconds=HISTORY_SECONDS if is_history else TASK_SECONDS,
        pacing=replace(PACING, per_window=PACING.per_window // 2) if is_history else PACING,
    )
    return IbkrBars(line, calendar, SplitKnowledge(broker.stored_actions, tuple(actions), clock), is_history=is_history)


def _priced_headlines(
    vendors: VendorSettings,
    client: Callable[[VendorTerms], HttpClient],
    entities: Entities,
    universe: Universe,
    clock: Clock,
    *,
    is_history: bool,
) -> Iterator[NewsSource]:
    if vendors.newsapi_key:
        plan = newsapi.newsapi_plan(vendors.newsapi_plan)
        yield newsapi.NewsApi(client(_newsapi_terms(vendors)), plan, universe, NAMES, clock)
    # Posts of the past are not for sale beyond a week, and each one costs: history does without them.
    if _is_x_on(vendors) and not is_history:
        yield x_search.XSearch(client(_x_terms(vendors)), entities, clock, budget_usd=vendors.x_budget_usd)


@dataclass(frozen=True, slots=True)
class VendorState:
    """One line about a vendor.

    Attributes:
        is_on: whether it is asked at all. is_optional: the desk is whole without it.
        problem: what keeps it from being whole, and what to do; None when nothing does.
    """

    name: str
    serves: str
    is_on: bool = True
    problem: str | None = None
    is_optional: bool = False


def vendor_states(
    vendors: VendorSettings, calls: CallLedger | None, *, has_broker: bool = False
) -> Iterator[VendorState]:
    """Yield how each vendor stands; without a ledger only what the settings say. Never a secret, never a request.

    Args:
        has_broker: whether a broker of one's own is configured.
    """
    yield _polygon_state(vendors, calls)
    yield _broker_state(vendors, calls, has_broker=has_broker)
    sec = _edgar_terms(vendors) if vendors.sec_user_agent else ()
    yield _state("edgar", "filings, 8-K headlines", sec, calls, off="set SEC_USER_AGENT to who you are, with e-mail")
    yield from _headline_states(vendors, calls)
    consumer_prices = (_fred_terms(vendors),) if vendors.fred_key else ()
    yield _state("fred", "consumer prices", consumer_prices, calls, off="set FRED_API_KEY (or FRED_API_KEY_FILE)")
    yield _state("cboe", "the VIX of each day", (_cboe_terms(vendors),), calls)
    yield _state("gpr", "the index of geopolitical risk", (_gpr_terms(vendors),), calls)


def _broker_state(vendors: VendorSettings, calls: CallLedger | None, *, has_broker: bool) -> VendorState:
    serves = "bars of this hour, the VIX of this hour, gold and silver"
    if not (vendors.ibkr_bars and has_broker):
        wanted = "connect your own broker" if vendors.ibkr_bars else "set AIRDESK_IBKR_BARS=1"
        return VendorState(IBKR, serves, is_on=False, problem=wanted, is_optional=True)
    refused = [
        f"{kind}: off until midnight UTC ({reason})"
        for kind in (STOCKS, INDICES, METALS)
        if calls and (reason := calls.off_reason(IBKR, kind))
    ]
    if circuit := _circuit(IBKR, calls):
        refused.append(circuit)
    return VendorState(IBKR, serves, problem="; ".join(refused) or None)


def _plan_told(plan: Plan, calls: CallLedger | None) -> tuple[str, str | None]:
    """Return what the newest probe found and when, and how that differs from the setting, or None."""
    probe = calls.probe(POLYGON) if calls else None
    if probe is None:
        return f"plan {plan.name}, not probed yet", None
    when = f"{probe.age.total_seconds() / 3600:.0f} hours ago"
    if plan.name in probe.told:
        return f"plan {plan.name}, and it answered like {probe.told}, {when}", None
    return (
        f"plan {plan.name}",
        f"plan set to {plan.name}, but it answered like {probe.told}, {when}; correct POLYGON_PLAN",
    )


def _headline_states(vendors: VendorSettings, calls: CallLedger | None) -> Iterator[VendorState]:
    """Yield the vendors that are counted or paid by the call, with what was used of them."""
    name, serves = alphavantage.NAME, "headlines, earnings surprises"
    if vendors.alphavantage_key:
        _alphavantage_terms(vendors)
        used = _calls_today(name, alphavantage.CALLS_A_DAY, calls)
        problem = _problems(name, (alphavantage.NEWS, alphavantage.EARNINGS), calls)
        yield VendorState(name, f"{serves}{used}", problem=problem)
    else:
        off = "set ALPHAVANTAGE_API_KEY (or ALPHAVANTAGE_API_KEY_FILE)"
        yield VendorState(name, serves, is_on=False, problem=off, is_optional=True)
    name, serves = newsapi.NAME, "headlines"
    if vendors.newsapi_key:
        plan = newsapi.newsapi_plan(vendors.newsapi_plan)
        _newsapi_terms(vendors)
        late = f", {plan.delay.total_seconds() / 3600:.0f} hours late" if plan.delay else ""
        used = _calls_today(name, plan.quota.per_day, calls)
        problem = _problems(name, (newsapi.EVERYTHING,), calls)
        yield VendorState(name, f"{serves} (plan {plan.name}{late}){used}", problem=problem)
    else:
        off = "set NEWSAPI_KEY (or NEWSAPI_KEY_FILE)"
        yield VendorState(name, serves, is_on=False, problem=off, is_optional=True)
    yield _x_state(vendors, calls)


def _x_state(vendors: VendorSettings, calls: CallLedger | None) -> VendorState:
    name, serves = x_search.NAME, f"posts at {x_search.POST_USD} USD each"
    if not _is_x_on(vendors):
        missing = [] if vendors.x_token else ["X_BEARER_TOKEN (or X_BEARER_TOKEN_FILE)"]
        missing += [] if vendors.x_budget_usd else ["X_MONTHLY_BUDGET_USD above 0"]
        return VendorState(name, serves, is_on=False, problem=f"set {' and '.join(missing)}", is_optional=True)
    _x_terms(vendors)
    usage = calls.usage(name) if calls else None
    used = f" ({usage.month_usd:.2f} of {vendors.x_budget_usd} USD this month)" if usage else ""
    return VendorState(name, f"{serves}{used}", problem=_problems(name, (x_search.RECENT,), calls))


def _calls_today(vendor: str, limit: int | None, calls: CallLedger | None) -> str:
    usage = calls.usage(vendor) if calls else None
    if usage is None:
        return ""
    return f" ({usage.calls_today}{'' if limit is None else f' of {limit}'} calls today)"


def _problems(vendor: str, capabilities: Sequence[str], calls: CallLedger | None) -> str | None:
    """Return what of a vendor is off, and that it is left alone after outages; None when nothing is the matter."""
    off = ((capability, calls.off_reason(vendor, capability)) for capability in capabilities) if calls else ()
    found = [f"{capability} is off ({reason})" for capability, reason in off if reason]
    if circuit := _circuit(vendor, calls):
        found.append(circuit)
    return "; ".join(found) or None


def _polygon_state(vendors: VendorSettings, calls: CallLedger | None) -> VendorState:
    name, serves = POLYGON, "bars, splits, dividends, news, holidays"
    if not vendors.polygon_key:
        return VendorState(name, serves, is_on=False, problem="set POLYGON_API_KEY (or POLYGON_API_KEY_FILE)")
    _polygon_terms(vendors)
    plan = plan_named(vendors.polygon_plan)
    told, misfit = _plan_told(plan, calls)
    problems = [] if misfit is None else [misfit]
    if plan.delay is None:
        problems.append(
            "it has no prices of the current day, so hourly entries need AIRDESK_DAILY_PRICING=1 or another plan"
        )
    problems += [
        f"{capability}: refused by the plan, off until midnight UTC; correct POLYGON_PLAN"
        for capability in (BARS, CURRENT_DAY, "actions", "news", "financials", "market status")
        if calls and calls.off_reason(name, capability)
    ]
    if circuit := _circuit(name, calls):
        problems.append(circuit)
    return VendorState(name, f"{serves} ({told})", problem="; ".join(problems) or None)


def _state(
    name: str, serves: str, terms: Sequence[VendorTerms], calls: CallLedger | None, *, off: str = ""
) -> VendorState:
    """Return the line of a vendor without plans; it is off where it has no terms, and `off` says how to change that."""
    if not terms:
        return VendorState(name, serves, is_on=False, problem=off)
    return VendorState(name, serves, problem=_circuit(name, calls))


def _circuit(vendor: str, calls: CallLedger | None) -> str | None:
    """Return that a vendor is left alone after outages, or None."""
    usage = calls.usage(vendor) if calls else None
    if usage is None or usage.resumes_at is None:
        return None
    return f"{usage.failures_in_a_row} outages in a row; asked again at {usage.resumes_at:%H:%M}Z, nothing to do"


def _polygon_terms(vendors: VendorSettings) -> VendorTerms:
    return polygon_terms(
        vendors.polygon_key,
        plan_named(vendors.polygon_plan),
        base_url=vendors.polygon_base_url,
        calls_per_minute=vendors.polygon_rpm,
    )


def _edgar_terms(vendors: VendorSettings) -> tuple[VendorTerms, VendorTerms]:
    """Return the terms of the SEC's two hosts: data, and site."""
    data, site = (vendors.sec_base_url or url for url in (edgar.DATA_URL, edgar.SITE_URL))
    agent = vendors.sec_user_agent
    return edgar.edgar_terms(agent, base_url=data), edgar.edgar_terms(agent, base_url=site)


def _fred_terms(vendors: VendorSettings) -> VendorTerms:
    return fred.fred_terms(vendors.fred_key, base_url=vendors.fred_base_url or fred.BASE_URL)


def _alphavantage_terms(vendors: VendorSettings) -> VendorTerms:
    base_url = vendors.alphavantage_base_url or alphavantage.BASE_URL
    return alphavantage.alphavantage_terms(vendors.alphavantage_key, base_url=base_url)


def _newsapi_terms(vendors: VendorSettings) -> VendorTerms:
    plan = newsapi.newsapi_plan(vendors.newsapi_plan)
    return newsapi.newsapi_terms(vendors.newsapi_key, plan, base_url=vendors.newsapi_base_url or newsapi.BASE_URL)


def _is_x_on(vendors: VendorSettings) -> bool:
    return bool(vendors.x_token) and vendors.x_budget_usd > 0


def _x_terms(vendors: VendorSettings) -> VendorTerms:
    base_url = vendors.x_base_url or x_search.BASE_URL
    return x_search.x_terms(vendors.x_token, vendors.x_budget_usd, base_url=base_url)


def _cboe_terms(vendors: VendorSettings) -> VendorTerms:
    return cboe.cboe_terms(base_url=vendors.cboe_base_url or cboe.BASE_URL)


def _gpr_terms(vendors: VendorSettings) -> VendorTerms:
    return gpr.gpr_terms(base_url=vendors.gpr_base_url or gpr.BASE_URL)
