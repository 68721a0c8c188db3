"""A vendor that tells its errors in its own way: the verdict passes through the same tries, ledger and circuit."""

from __future__ import annotations

import pytest
from trading.adapters.http import HttpClient, NotEntitled, QuotaExhausted, VendorRateLimited, VendorUnavailable
from trading.errors import AccountCapped, CircuitOpen

from tests.fakes_http import MemoryCalls, terms_for
from tests.http_stub import Answer, http_stub

TELLING = Answer({"Information": "in our own words"})
SAID = {"vendor": "stub", "status": 200, "code": "own"}


def judging(verdict, *answers, calls=None, capability="news", times=1):
    """Ask `times` times a vendor whose replies that begin with "Information" mean `verdict`."""
    calls, waits, found = calls or MemoryCalls(), [], []
    with http_stub(*answers) as stub:
        terms = terms_for(stub.url, judge=lambda reply: verdict if b"Information" in reply.body else None)
        http = HttpClient(terms, calls, deadline_seconds=120, sleep=waits.append)
        for _ in range(times):
            try:
                found.append(http.get_json("/x", capability=capability))
            except Exception as error:  # noqa: BLE001 - the kinds are what is asserted
                found.append(type(error))
        return found, waits, calls, len(stub.asked)


def test_a_pause_told_with_200_is_waited_for_and_tried_again():
    verdict = VendorRateLimited("stub: wait; try again", retry_after_seconds=2.0, **SAID)
    found, waits, calls, _ = judging(verdict, TELLING, Answer({"rows": []}))
    assert (found, waits) == ([{"rows": []}], [2.0])
    assert calls.results() == [(200, "refused"), (200, None)]
    assert calls.calls[0].result.excerpt == "", "only what the verdict quotes reaches the audit"


def test_an_outage_told_with_200_counts_towards_the_circuit():
    found, _, calls, asked = judging(VendorUnavailable("stub: down; later", **SAID), TELLING, times=3)
    assert found == [VendorUnavailable, CircuitOpen, CircuitOpen]
    assert asked == 5
    assert calls.usage("stub").failures_in_a_row == 5


@pytest.mark.parametrize("kind", [QuotaExhausted, AccountCapped, NotEntitled])
def test_what_the_vendor_says_is_used_up_is_asked_for_once(kind):
    found, waits, calls, asked = judging(kind("stub: used up; wait", **SAID), TELLING, times=2)
    assert (found, waits, asked) == ([kind, NotEntitled], [], 1)
    *_, is_for_month = calls.off["stub", "news"]
    assert is_for_month is (kind is AccountCapped)


def test_a_judge_that_says_nothing_leaves_the_common_table_in_force():
    found, _, calls, asked = judging(None, Answer({}, status=500), Answer({"Information": 1}))
    assert found == [{"Information": 1}]
    assert asked == 2
    assert calls.results()[0] == (500, "refused")
