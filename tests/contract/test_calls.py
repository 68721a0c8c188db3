"""The call ledger, in memory and in Postgres: one suite for both."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.postgres_store.connection import connect
from trading.errors import CircuitOpen, PermanentError, QuotaExhausted, RateLimited, TransientError
from trading.ports.calls import CallResult, Quota

from tests.fakes_http import MemoryCalls

PLAN = Quota(per_window=5, window_seconds=60.0)
ROOMY = Quota(per_window=1_000, window_seconds=60.0)
DATA = CallResult(200, 12)
OUTAGE = CallResult(502, 12, "refused", is_outage=True, excerpt="bad gateway")
REFUSAL = CallResult(403, 12, "refused")


class AgingLedger(PostgresCallLedger):
    """The real ledger; time goes by because what is stored grows older."""

    def passes(self, seconds: float) -> None:
        with closing(connect(self._url)) as connection, connection, connection.cursor() as cursor:
            age = f"interval '{seconds} seconds'"
            cursor.execute(f"UPDATE ops.api_calls SET called_at = called_at - {age}")
            cursor.execute(f"UPDATE ops.circuits SET opened_at = opened_at - {age}, probed_at = probed_at - {age}")
            cursor.execute(f"UPDATE ops.capabilities_off SET off_on = (off_on - {age})::date")


@pytest.fixture(params=["memory", "postgres"])
def ledger(request):
    if request.param == "memory":
        return MemoryCalls()
    return AgingLedger(request.getfixturevalue("database_url"))


def ask(ledger, result=DATA, *, quota=ROOMY, wait_seconds=0.0, vendor="polygon", units=1):
    call_id = ledger.acquire(vendor, "/v2/aggs", quota, wait_seconds=wait_seconds, units=units)
    ledger.note(call_id, result)
    return call_id


def open_circuit(ledger):
    for _ in range(5):
        ask(ledger, OUTAGE)


def test_a_full_window_says_how_long_to_wait_and_takes_nothing(ledger):
    for _ in range(5):
        ask(ledger, quota=PLAN)
    with pytest.raises(RateLimited) as refused:
        ask(ledger, quota=PLAN, wait_seconds=1.0)
    assert 50 < refused.value.retry_after_seconds <= 61
    assert ledger.usage("polygon").calls_today == 5


def test_the_window_has_room_again_when_its_oldest_call_leaves_it(ledger):
    for _ in range(5):
        ask(ledger, quota=PLAN)
    ledger.passes(61)
    assert ask(ledger, quota=PLAN)


def test_a_short_wait_is_waited_for(ledger):
    quick = Quota(per_window=2, window_seconds=0.2)
    assert [ask(ledger, quota=quick, wait_seconds=5.0) for _ in range(4)] == [1, 2, 3, 4]


def test_two_calls_keep_the_pause_of_the_plan(ledger):
    slow = replace(ROOMY, pause_seconds=30.0)
    ask(ledger, quota=slow)
    with pytest.raises(RateLimited):
        ask(ledger, quota=slow)
    ledger.passes(31)
    assert ask(ledger, quota=slow)


def test_the_days_calls_are_used_up_for_good(ledger):
    free_plan = replace(ROOMY, per_day=3)
    for _ in range(3):
        ask(ledger, quota=free_plan)
    with pytest.raises(QuotaExhausted, match="polygon") as refused:
        ask(ledger, quota=free_plan, wait_seconds=3600.0)
    assert isinstance(refused.value, PermanentError)
    ledger.passes(86_400)
    assert ask(ledger, quota=free_plan)


def test_one_vendors_calls_are_not_anothers(ledger):
    tight = Quota(per_window=1, window_seconds=60.0, per_day=1)
    ask(ledger, quota=tight)
    assert ask(ledger, quota=tight, vendor="fred")


def test_the_meter_stops_before_the_budget_is_passed(ledger):
    priced = replace(ROOMY, unit_cost_usd=Decimal("0.005"), budget_usd=Decimal("1.20"))
    ask(ledger, quota=priced, units=100)
    ask(ledger, quota=priced, units=100)
    with pytest.raises(QuotaExhausted):
        ask(ledger, quota=priced, units=100)
    assert ask(ledger, quota=priced, units=40)
    assert ledger.usage("polygon").month_usd == Decimal("1.2")


def test_five_outages_in_a_row_open_the_circuit(ledger):
    open_circuit(ledger)
    with pytest.raises(CircuitOpen) as refused:
        ask(ledger)
    assert isinstance(refused.value, TransientError)
    assert 890 < refused.value.retry_after_seconds <= 900
    assert ask(ledger, vendor="fred")
    usage = ledger.usage("polygon")
    assert (usage.failures_in_a_row, usage.resumes_at is None) == (5, False)


@pytest.mark.parametrize("between", [DATA, REFUSAL], ids=["data", "a refusal"])
def test_anything_but_an_outage_starts_the_count_anew(ledger, between):
    for result in [*[OUTAGE] * 4, between, *[OUTAGE] * 4]:
        ask(ledger, result)
    assert ask(ledger)
    assert ledger.usage("polygon").resumes_at is None


def test_after_a_quarter_of_an_hour_one_probe_goes_and_its_answer_closes_the_circuit(ledger):
    open_circuit(ledger)
    ledger.passes(901)
    probe = ledger.acquire("polygon", "/v2/aggs", ROOMY, wait_seconds=0.0)
    with pytest.raises(CircuitOpen):
        ask(ledger)
    ledger.note(probe, DATA)
    assert ask(ledger)
    assert ledger.usage("polygon").resumes_at is None


def test_a_probe_that_fails_opens_the_circuit_anew(ledger):
    open_circuit(ledger)
    ledger.passes(901)
    ask(ledger, OUTAGE)
    with pytest.raises(CircuitOpen) as refused:
        ask(ledger)
    assert refused.value.retry_after_seconds > 890


def test_a_probe_that_never_ended_is_given_up(ledger):
    open_circuit(ledger)
    ledger.passes(901)
    ledger.acquire("polygon", "/v2/aggs", ROOMY, wait_seconds=0.0)
    ledger.passes(121)
    assert ask(ledger)


def test_a_capability_that_the_plan_lacks_is_off_until_the_day_ends(ledger):
    ledger.switch_off("polygon", "financials", reason="403")
    ledger.switch_off("polygon", "financials", reason="again")
    assert ledger.off_reason("polygon", "financials") == "403"
    assert ledger.off_reason("polygon", "indices") is None
    assert ledger.off_reason("fred", "financials") is None
    ledger.passes(86_400)
    assert ledger.off_reason("polygon", "financials") is None


def test_an_identical_call_waits_and_another_one_does_not(ledger):
    paced = Quota(per_window=1_000, window_seconds=60.0, repeat_seconds=60.0)
    ledger.acquire("paced", "/a", paced, wait_seconds=0)
    ledger.acquire("paced", "/b", paced, wait_seconds=0)
    with pytest.raises(RateLimited):
        ledger.acquire("paced", "/a", paced, wait_seconds=0)
    ledger.acquire("paced", "/a", ROOMY, wait_seconds=0)


def test_a_plan_is_probed_by_whoever_claims_it_first_and_the_newest_answer_is_kept(ledger):
    assert ledger.probe("paced") is None
    assert [ledger.claim_probe("paced"), ledger.claim_probe("paced"), ledger.claim_probe("other")] == [
        True,
        False,
        True,
    ]
    assert ledger.probe("paced") is None, "a probe that found nothing says nothing"
    ledger.note_probe("paced", "basic, without financials")
    found = ledger.probe("paced")
    assert found.told == "basic, without financials"
    assert found.age.total_seconds() >= 0


def test_an_account_that_is_closed_for_the_month_is_off_until_the_next_one(ledger):
    ledger.switch_off("x", "recent search", reason="capped", is_for_month=True)
    assert ledger.off_reason("x", "recent search") == "capped"
    ledger.passes(32 * 86_400)
    assert ledger.off_reason("x", "recent search") is None


def test_history_leaves_a_share_of_the_window_and_of_the_day_to_the_hourly_runs(ledger):
    plan = Quota(per_window=5, window_seconds=60.0, per_day=10)
    for _ in range(3):
        ask(ledger, quota=plan.for_history())
    with pytest.raises(RateLimited):
        ask(ledger, quota=plan.for_history())
    for _ in range(2):
        ask(ledger, quota=plan)
    ledger.passes(61)
    ask(ledger, quota=plan.for_history())
    with pytest.raises(QuotaExhausted):
        ask(ledger, quota=plan.for_history())
    for _ in range(4):
        ask(ledger, quota=plan)
    with pytest.raises(QuotaExhausted):
        ask(ledger, quota=plan)


def test_history_leaves_a_share_of_the_months_money(ledger):
    priced = Quota(per_window=1_000, window_seconds=60.0, unit_cost_usd=Decimal(1), budget_usd=Decimal(5))
    for _ in range(3):
        ask(ledger, quota=priced.for_history())
    with pytest.raises(QuotaExhausted):
        ask(ledger, quota=priced.for_history())
    ask(ledger, quota=priced)


def test_a_used_up_day_says_from_when_on_there_are_calls_again(database_url):
    ledger = PostgresCallLedger(database_url)
    with pytest.raises(QuotaExhausted, match="that history may use") as refused:
        ask(ledger, quota=replace(ROOMY, per_day=1).for_history())
    resumes_at = refused.value.resumes_at
    assert (resumes_at.hour, resumes_at.minute) == (0, 0)
    assert resumes_at > datetime.now(UTC)
