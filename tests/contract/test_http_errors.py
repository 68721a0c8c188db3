"""Every row of the vendors' error tables, against a server that really answers so; fault ids are in the names."""

from __future__ import annotations

import gzip
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from trading.adapters.http import (
    HttpClient,
    Kind,
    NotEntitled,
    Quota,
    UnknownSymbol,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.errors import PermanentError, RateLimited, TransientError

from tests.fakes_http import CANARY, FREE, MemoryCalls, terms_for
from tests.http_stub import Answer, http_stub

DATA = Answer({"results": [1, 2]})
PAGE = Answer("<!DOCTYPE html><html><body>Access denied</body></html>")


class Desk:
    """A client with its ledger; pauses are written down instead of slept."""

    def __init__(self, stub, *, deadline_seconds=20.0, **changes):
        self.stub, self.calls, self.pauses = stub, MemoryCalls(), []
        self.terms = terms_for(stub.url, **changes)
        self.deadline_seconds = deadline_seconds

    def client(self):
        """A client of a new task."""
        return HttpClient(self.terms, self.calls, deadline_seconds=self.deadline_seconds, sleep=self.pauses.append)

    def fails(self, kind=VendorError, path="/v1/data"):
        with pytest.raises(kind) as failure:
            self.client().get_json(path)
        return failure.value


def busy(**headers):
    return Answer({"status": "ERROR", "error": "too many"}, status=429, headers=headers)


@pytest.mark.parametrize(("headers", "pause"), [({"Retry-After": "7"}, 7.0), ({}, 60.0)], ids=["named", "not named"])
def test_v01_five_429_in_a_row_fail_one_try_of_the_task_and_the_next_one_lands_the_data(headers, pause):
    with http_stub(*[busy(**headers)] * 5, DATA) as stub:
        desk = Desk(stub, deadline_seconds=500.0)
        failure = desk.fails(VendorRateLimited)
        assert isinstance(failure, RateLimited)
        assert (failure.retry_after_seconds, failure.status, failure.code) == (pause, 429, "ERROR")
        assert desk.client().get_json("/v1/data") == {"results": [1, 2]}
    assert desk.pauses == [pause] * 4
    assert [status for status, _ in desk.calls.results()] == [429] * 5 + [200]


def test_v01_without_a_named_pause_a_429_waits_for_the_window_of_the_plan():
    with http_stub(busy(), DATA) as stub:
        desk = Desk(stub, quota=Quota(per_window=5, window_seconds=10.0))
        desk.client().get_json("/v1/data")
    assert desk.pauses == [10.0]


def test_v01_a_pause_that_is_named_as_a_date_is_honoured():
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    with http_stub(busy(**{"Retry-After": until}), DATA) as stub:
        desk = Desk(stub, deadline_seconds=500.0)
        desk.client().get_json("/v1/data")
    (pause,) = desk.pauses
    assert 20 < pause <= 40


@pytest.mark.parametrize("asked", ["61", "86400"])
def test_v01_a_pause_above_the_cap_is_left_to_the_tasks_own_retry(asked):
    with http_stub(busy(**{"Retry-After": asked})) as stub:
        desk = Desk(stub, deadline_seconds=100_000.0)
        assert desk.fails(VendorRateLimited).retry_after_seconds == float(asked)
    assert (len(stub.asked), desk.pauses) == (1, [])


@pytest.mark.parametrize("asked", ["soon", "-5", "", "Mon, 01 Jan 99999999999 00:00:00 GMT", "9" * 400])
def test_v01_a_pause_that_makes_no_sense_is_bounded(asked):
    with http_stub(busy(**{"Retry-After": asked})) as stub:
        failure = Desk(stub, deadline_seconds=1.0).fails(VendorRateLimited)
    assert 0 <= failure.retry_after_seconds <= 86_400


def test_a_hostile_word_of_the_vendor_is_only_text():
    with http_stub(Answer({"code": "a\x1b[2J\0\ud800b"}, status=400)) as stub:
        assert Desk(stub).fails(VendorRefused).code == "a[2Jb"


def test_v01_a_pause_that_would_pass_the_deadline_is_not_begun():
    with http_stub(busy(**{"Retry-After": "30"})) as stub:
        desk = Desk(stub, deadline_seconds=5.0)
        desk.fails(VendorRateLimited)
    assert (len(stub.asked), desk.pauses) == (1, [])


@pytest.mark.parametrize("seed", range(3))
def test_v02_a_burst_of_5xx_is_tried_three_times_and_each_try_is_in_the_ledger(seed):
    draw = random.Random(seed)
    statuses = [draw.choice([500, 502, 503, 504]) for _ in range(3)]
    with http_stub(*[Answer("oops", status=status) for status in statuses], DATA) as stub:
        desk = Desk(stub)
        failure = desk.fails(VendorUnavailable)
    assert isinstance(failure, TransientError)
    assert failure.status == statuses[-1]
    assert desk.calls.results() == [(status, "refused") for status in statuses]
    assert desk.pauses == [0.5, 1.0]


def test_v02_an_outage_that_ends_within_three_tries_is_not_seen():
    with http_stub(Answer(status=502), Answer(status=503), DATA) as stub:
        assert Desk(stub).client().get_json("/v1/data") == {"results": [1, 2]}


def test_v02_after_five_outages_the_vendor_is_not_asked_any_more():
    with http_stub(Answer(status=500)) as stub:
        desk = Desk(stub)
        for _ in range(4):
            desk.fails(TransientError)
    assert len(stub.asked) == 5


def test_v02_a_503_that_names_its_pause_is_waited_for():
    with http_stub(Answer(status=503, headers={"Retry-After": "3"}), DATA) as stub:
        desk = Desk(stub)
        desk.client().get_json("/v1/data")
    assert desk.pauses == [3.0]


GARBAGE = {
    "a page with 200": (PAGE, "a web page"),
    "a page labelled as JSON": (replace(PAGE, headers={"Content-Type": "application/json"}), "a web page"),
    "JSON labelled as a page": (replace(DATA, headers={"Content-Type": "text/html"}), "a web page"),
    "JSON labelled as XML": (replace(DATA, headers={"Content-Type": "application/xml"}), "application/xml, not JSON"),
    "nothing": (Answer(b""), "empty"),
    "half of the JSON": (Answer('{"results": [1, '), "not JSON"),
    "NaN": (Answer('{"close": NaN}'), "not JSON"),
    "Infinity": (Answer('{"close": -Infinity}'), "not JSON"),
    "a number beyond floats": (Answer('{"close": 1e999}'), "not JSON"),
    "a tower of brackets": (Answer("[" * 100_000), "not JSON"),
    "not UTF-8": (Answer(b"\xff\xfe{}"), "not UTF-8"),
    "a body cut off": (replace(DATA, truncate_bytes=5), "the reply is cut off or garbled"),
    "a false gzip": (replace(DATA, headers={"Content-Encoding": "gzip"}), "the reply is cut off or garbled"),
    "no answer at all": (Answer(closes=True), "no connection, or it broke"),
}


@pytest.mark.parametrize(("answer", "failure"), GARBAGE.values(), ids=GARBAGE)
def test_v04_garbage_with_200_is_a_failed_fetch_tried_three_times(answer, failure):
    with http_stub(answer) as stub:
        desk = Desk(stub)
        error = desk.fails(VendorUnavailable)
    assert [said for _, said in desk.calls.results()] == [failure] * 3
    assert failure in str(error)


def test_v04_what_came_instead_of_data_is_kept_for_the_audit_within_bounds():
    with http_stub(Answer("<html>" + "x" * 100_000)) as stub:
        desk = Desk(stub)
        error = desk.fails(VendorUnavailable)
    assert error.excerpt.startswith("<html>xxx")
    assert len(error.excerpt) == 2_000
    assert desk.calls.calls[0].result.excerpt == error.excerpt


def test_v04_garbage_that_ends_is_not_seen():
    with http_stub(PAGE, DATA) as stub:
        assert Desk(stub).client().get_json("/v1/data") == {"results": [1, 2]}


@pytest.mark.parametrize("kind", list(Kind))
def test_v04_a_page_is_no_data_of_any_kind(kind):
    with http_stub(PAGE) as stub, pytest.raises(VendorUnavailable, match="a web page"):
        Desk(stub).client().get("/file.xls", kind=kind)


REFUSALS = {
    "401": (401, VendorRefused, "correct the key"),
    "403": (403, NotEntitled, "change the plan"),
    "404": (404, UnknownSymbol, "check the symbol"),
    "400": (400, VendorRefused, "does not accept"),
    "426": (426, VendorRefused, "does not accept"),
}


@pytest.mark.parametrize(("status", "kind", "action"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_not_tried_again_and_says_what_to_do(status, kind, action):
    body = {"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}
    with http_stub(Answer(body, status=status)) as stub:
        error = Desk(stub).fails(kind)
    assert isinstance(error, PermanentError)
    assert (len(stub.asked), error.status, error.code) == (1, status, "NOT_AUTHORIZED")
    assert "not entitled" in error.excerpt
    assert action in str(error)


def test_refusals_of_a_healthy_server_do_not_open_its_circuit():
    with http_stub(Answer({}, status=404)) as stub:
        desk = Desk(stub)
        for _ in range(7):
            desk.fails(UnknownSymbol)
    assert len(stub.asked) == 7


def test_a_capability_that_the_plan_lacks_is_asked_for_once_a_day():
    with http_stub(Answer({"status": "NOT_AUTHORIZED"}, status=403)) as stub:
        desk = Desk(stub)
        for _ in range(3):
            with pytest.raises(NotEntitled):
                desk.client().get_json("/stocks/financials/v1/ratios", capability="financials")
        assert len(stub.asked) == 1
        stub.script("*", DATA)
        assert desk.client().get_json("/v2/aggs", capability="bars")
        desk.calls.passes(86_400)
        assert desk.client().get_json("/stocks/financials/v1/ratios", capability="financials")


@pytest.mark.parametrize("length", [None, "3000"], ids=["without its length", "with its length"])
def test_a_reply_above_the_limit_is_not_read_to_its_end(length):
    with http_stub(Answer(b"1" * 3_000, headers={"Content-Length": length})) as stub:
        error = Desk(stub, max_body_bytes=1_000).fails(VendorRefused)
    assert "larger than" in str(error)
    assert len(stub.asked) == 1


def test_a_small_reply_that_unpacks_to_a_huge_one_is_refused():
    bomb = gzip.compress(b" " * 5_000_000)
    with http_stub(Answer(bomb, headers={"Content-Encoding": "gzip"})) as stub:
        Desk(stub, max_body_bytes=1_000_000).fails(VendorRefused)


def test_the_key_travels_where_the_vendor_wants_it():
    with http_stub(DATA) as stub:
        Desk(stub, key_name="Authorization", key_prefix="Bearer ").client().get_json("/a", {"q": "x", "none": None})
        assert stub.asked[0].headers["Authorization"] == f"Bearer {CANARY}"
        assert stub.asked[0].query == {"q": ["x"]}


def test_a_plan_without_limits_of_its_own_still_counts_every_call():
    with http_stub(DATA) as stub:
        desk = Desk(stub, quota=FREE)
        desk.client().get_json("/v1/data")
    assert [(call.vendor, call.endpoint) for call in desk.calls.calls] == [("stub", "/v1/data")]
