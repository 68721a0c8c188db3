"""What `doctor` says about the vendors."""

from __future__ import annotations

from decimal import Decimal

from trading.adapters.sources.combined import vendor_states
from trading.adapters.sources.polygon_plan import CURRENT_DAY, NAME
from trading.entrypoints.doctor_outside import examine_sources
from trading.entrypoints.findings import Level
from trading.ports.calls import CallResult, Quota
from trading.settings import load_settings

from tests.fakes_http import MemoryCalls

CANARY = "canary+7731=x"
FREE = Quota(per_window=1_000, window_seconds=60)


def settings(**values):
    base = {"AIRDESK_DATABASE_URL": "postgresql://", "AIRDESK_MODE": "paper", "AIRDESK_SOURCES": "vendors"}
    return load_settings({**base, **values})


def lines(**values):
    return {finding.subject: finding for finding in examine_sources(settings(**values))}


def test_each_vendor_has_a_line_and_one_that_is_off_says_what_to_set():
    found = lines()
    assert list(found) == [
        "polygon", "ibkr", "edgar", "alphavantage", "newsapi", "x", "fred", "cboe", "gpr", "sources",
    ]  # fmt: skip
    assert found["polygon"].text.endswith("set POLYGON_API_KEY (or POLYGON_API_KEY_FILE)")
    assert found["cboe"].level is Level.OK
    assert found["sources"].level is Level.FAIL, "nothing serves prices"


def test_a_key_switches_its_source_on_and_is_never_shown():
    found = lines(
        POLYGON_API_KEY=CANARY, POLYGON_PLAN="advanced", FRED_API_KEY=CANARY, SEC_USER_AGENT="A a@example.com"
    )
    assert {finding.level for finding in found.values()} == {Level.OK}
    assert CANARY not in repr(found)


def test_a_free_plan_says_what_it_lacks_and_an_unknown_plan_is_refused():
    assert "AIRDESK_DAILY_PRICING=1" in lines(POLYGON_API_KEY=CANARY)["polygon"].text
    (wrong,) = lines(POLYGON_API_KEY=CANARY, POLYGON_PLAN="gold").values()
    assert wrong.level is Level.FAIL
    assert "POLYGON_PLAN" in wrong.text


def test_what_the_plan_refused_today_and_an_outage_are_told():
    vendors = settings(POLYGON_API_KEY=CANARY, POLYGON_PLAN="starter").vendors
    calls = MemoryCalls()
    calls.switch_off(NAME, CURRENT_DAY, reason="refused")
    for _ in range(5):
        call_id = calls.acquire("cboe", "/x", FREE, wait_seconds=0)
        calls.note(call_id, CallResult(502, 1, "refused", is_outage=True))
    states = {state.name: state for state in vendor_states(vendors, calls)}
    assert "current day" in states["polygon"].problem
    assert "5 outages in a row" in states["cboe"].problem
    assert states["gpr"].problem is None


def test_a_broker_of_ones_own_is_asked_for_bars_and_the_paper_gateway_is_not():
    own = {"AIRDESK_BROKER_PORT": "4002", "AIRDESK_BROKER_ACCOUNT": "DU1"}
    assert lines(**own)["ibkr"].text == "on: bars of this hour, the VIX of this hour, gold and silver"
    assert "connect your own broker" in lines(**own, AIRDESK_GATEWAY_CONTROL_PORT="4102")["ibkr"].text
    assert "AIRDESK_IBKR_BARS=1" in lines(**own, AIRDESK_IBKR_BARS="0")["ibkr"].text
    assert "sources" not in lines(**own), "the broker serves prices"


def test_a_plan_that_answers_like_another_one_is_told_with_its_age():
    vendors = settings(POLYGON_API_KEY=CANARY, POLYGON_PLAN="starter").vendors
    calls = MemoryCalls()
    polygon = next(vendor_states(vendors, calls))
    assert "not probed yet" in polygon.serves
    calls.note_probe(NAME, "starter or developer, with financials")
    calls.passes(7200)
    polygon = next(vendor_states(vendors, calls))
    assert "starter or developer, with financials, 2 hours ago" in polygon.serves
    assert polygon.problem is None
    calls.note_probe(NAME, "basic, without financials")
    assert "plan set to starter, but it answered like basic" in next(vendor_states(vendors, calls)).problem


def test_what_the_account_lacks_at_the_broker_is_told():
    calls = MemoryCalls()
    calls.switch_off("ibkr", "bars of indices", reason="ibkr: the account has no bars of indices (354 for VIX)")
    states = {state.name: state for state in vendor_states(settings().vendors, calls, has_broker=True)}
    assert "354 for VIX" in states["ibkr"].problem


def test_a_source_of_headlines_that_is_off_is_no_warning_and_x_needs_a_token_and_a_budget():
    found = lines()
    assert {found[name].level for name in ("alphavantage", "newsapi", "x")} == {Level.OK}
    assert found["alphavantage"].text.endswith("set ALPHAVANTAGE_API_KEY (or ALPHAVANTAGE_API_KEY_FILE)")
    assert "X_BEARER_TOKEN" in found["x"].text
    assert lines(X_BEARER_TOKEN=CANARY)["x"].text.endswith("set X_MONTHLY_BUDGET_USD above 0")
    assert lines(X_MONTHLY_BUDGET_USD="20")["x"].text.endswith("set X_BEARER_TOKEN (or X_BEARER_TOKEN_FILE)")
    (wrong,) = lines(NEWSAPI_KEY=CANARY, NEWSAPI_PLAN="gold").values()
    assert "NEWSAPI_PLAN" in wrong.text


def test_what_was_used_of_a_counted_or_paid_vendor_is_told():
    keys = {"ALPHAVANTAGE_API_KEY": CANARY, "NEWSAPI_KEY": CANARY, "X_BEARER_TOKEN": CANARY}
    vendors, calls = settings(**keys, X_MONTHLY_BUDGET_USD="20").vendors, MemoryCalls()
    post = Quota(per_window=450, window_seconds=900, unit_cost_usd=Decimal("0.005"))
    for vendor, quota, units in (("alphavantage", FREE, 1), ("newsapi", FREE, 1), ("x", post, 100)):
        calls.note(calls.acquire(vendor, "/x", quota, wait_seconds=0, units=units), CallResult(200, 1))
    calls.switch_off("newsapi", "everything", reason="the plan's calls are used up")
    states = {state.name: state for state in vendor_states(vendors, calls)}
    assert states["alphavantage"].serves.endswith("(1 of 25 calls today)")
    assert states["newsapi"].serves == "headlines (plan developer, 24 hours late) (1 of 100 calls today)"
    assert states["newsapi"].problem == "everything is off (the plan's calls are used up)"
    assert states["x"].serves == "posts at 0.005 USD each (0.50 of 20 USD this month)"
    assert all(state.is_on for name, state in states.items() if name in {"alphavantage", "newsapi", "x"})
    assert CANARY not in repr(states)
