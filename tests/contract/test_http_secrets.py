"""A canary in place of the key: after failures of every kind it is in no log, exception, traceback, reply or row."""

from __future__ import annotations

import io
import logging
import traceback
from contextlib import closing, contextmanager
from urllib.parse import quote, quote_plus

import httpx
import pytest
import requests
from trading.adapters.http import HttpClient, KeyPlace, NotEntitled, VendorError
from trading.adapters.http.redaction import install_redaction, redact, register_secret
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.postgres_store.connection import connect
from trading.errors import AirdeskError

from tests.fakes_http import CANARY, MemoryCalls, terms_for
from tests.http_stub import Answer, http_stub

FORMS = {CANARY, quote(CANARY), quote(CANARY, safe=""), quote_plus(CANARY)}
TELLING = f'{{"Information": "your key {CANARY} made 25 requests, see https://x.example/?apikey={quote_plus(CANARY)}"}}'

FAILURES = {
    "401": Answer(TELLING, status=401),
    "403": Answer(TELLING, status=403),
    "404": Answer(TELLING, status=404),
    "429": Answer(TELLING, status=429, headers={"Retry-After": "1"}),
    "500": Answer(TELLING, status=500),
    "page": Answer(f"<html>{TELLING}</html>"),
    "not JSON": Answer(TELLING[:-1]),
    "cut off": Answer(TELLING, truncate_bytes=50),
    "closed": Answer(closes=True),
    "stalled": Answer(TELLING, delay_seconds=30.0),
    "too large": Answer(TELLING * 500),
    "redirect": Answer(b"", status=302, headers={"Location": f"https://evil.example/?apikey={quote_plus(CANARY)}"}),
    "code": Answer({"code": CANARY}, status=400),
}


def holds_canary(text):
    return any(form in text for form in FORMS)


@contextmanager
def everything_logged():
    """The text that a handler at DEBUG on the root logger writes, libraries turned up to DEBUG."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(name)s %(message)s"))
    root = logging.getLogger()
    names = ("", "urllib3", "requests", "httpx", "httpcore")
    before = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def as_query(url, **changes):
    changes = {
        "key_name": "apikey",
        "key_place": KeyPlace.QUERY,
        "read_seconds": 0.2,
        "max_body_bytes": 50_000,
    } | changes
    return terms_for(url, **changes)


def whole_text(error):
    """Everything that a person, a log or a row could be shown of an error, its hidden context included."""
    shown = "".join(traceback.format_exception(error))
    return f"{shown} {error!r} {vars(error)} {error.__context__!r} {error.__cause__!r}"


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("place", list(KeyPlace))
def test_no_failure_shows_the_key(answer, place):
    calls = MemoryCalls()
    with http_stub(answer) as stub, everything_logged() as written:
        client = HttpClient(
            as_query(stub.url, key_place=place), calls, deadline_seconds=5.0, sleep=lambda seconds: None
        )
        # As a task's own debugging would have it.
        logging.getLogger("urllib3").setLevel(logging.DEBUG)
        with pytest.raises(VendorError) as failure:
            client.get_json("/query", {"function": "NEWS"})
        logging.getLogger("task").error("it failed", exc_info=failure.value)
    assert stub.url not in whole_text(failure.value)
    assert not holds_canary(whole_text(failure.value))
    assert "it failed" in written.getvalue()
    assert not holds_canary(written.getvalue())
    assert not holds_canary(repr([call.result for call in calls.calls]))
    assert not holds_canary(repr(client._terms))


def test_no_vendor_can_be_reached_and_nothing_is_told():
    with http_stub(Answer({})) as stub:
        url = stub.url
    with everything_logged() as written, pytest.raises(VendorError) as failure:
        HttpClient(as_query(url), MemoryCalls(), deadline_seconds=5.0, sleep=lambda seconds: None).get_json("/query")
    assert not holds_canary(whole_text(failure.value) + written.getvalue())


def test_a_reply_that_repeats_the_key_comes_without_it():
    with http_stub(Answer(TELLING)) as stub:
        told = HttpClient(as_query(stub.url), MemoryCalls(), deadline_seconds=5.0).get_json("/query")
    assert told == {"Information": "your key *** made 25 requests, see https://x.example/?apikey=***"}


def test_no_row_holds_the_key(database_url):
    ledger = PostgresCallLedger(database_url)
    for answer in FAILURES.values():
        with http_stub(answer) as stub:
            client = HttpClient(as_query(stub.url), ledger, deadline_seconds=5.0, sleep=lambda seconds: None)
            with pytest.raises(AirdeskError):
                client.get_json(f"/bot123:{CANARY}/query", capability="news")
            with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
                cursor.execute("DELETE FROM ops.circuits")
                cursor.execute("SELECT coalesce(string_agg(off::text, ' '), '') FROM ops.capabilities_off AS off")
                off = cursor.fetchone()[0]
                cursor.execute("DELETE FROM ops.capabilities_off")
                assert not holds_canary(off)
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT call::text FROM ops.api_calls AS call")
        rows = [row for (row,) in cursor.fetchall()]
    assert len(rows) > len(FAILURES)
    assert [row for row in rows if holds_canary(row)] == []
    assert any("your key *** made" in row for row in rows)


def test_what_other_clients_log_and_raise_is_clean_too():
    register_secret(CANARY)
    install_redaction()
    with http_stub(Answer(b"", status=500)) as stub, everything_logged() as written:
        try:
            requests.get(f"{stub.url}/q", params={"apikey": CANARY}, timeout=5).raise_for_status()
        except requests.HTTPError:
            logging.getLogger("task").exception("requests gave up")
        httpx.get(f"{stub.url}/bot123456:AAE-secret-of-a-bot/getMe", params={"token": CANARY})
        with pytest.raises(httpx.HTTPStatusError) as failure:
            httpx.get(f"{stub.url}/q", params={"apikey": CANARY}).raise_for_status()
        logging.getLogger("task").error("httpx gave up: %s", failure.value)
    text = written.getvalue()
    assert "requests gave up" in text
    assert "/bot***/getMe" in text
    assert not holds_canary(text)
    assert "secret-of-a-bot" not in text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /query?apikey=abc123&tickers=NVDA", "GET /query?apikey=***&tickers=NVDA"),
        ("api_key=abc, api-key", "api_key=***, api-key"),
        ("next=%2Fpage%3Ftoken%3Dabc123 done", "next=%2Fpage%3Ftoken%3D*** done"),
        ("https://api.telegram.org/bot123456:AAE-x_y/sendMessage", "https://api.telegram.org/bot***/sendMessage"),
        ("a broken tokenizer=fine", "a broken tokenizer=fine"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_keys_that_nobody_registered_are_known_by_their_names(text, clean):
    assert redact(text) == clean


def test_a_placeholder_is_not_torn_out_of_ordinary_words():
    register_secret("demo")
    register_secret("")
    assert redact("a demonstration") == "a demonstration"


def test_records_without_a_secret_keep_their_arguments():
    install_redaction()
    record = logging.getLogger("task").makeRecord("task", 20, "f", 1, "%s bars", (3,), None)
    assert (record.msg, record.args) == ("%s bars", (3,))


def test_a_capability_is_switched_off_with_a_clean_reason():
    calls = MemoryCalls()
    with http_stub(Answer(TELLING, status=403)) as stub, pytest.raises(NotEntitled):
        HttpClient(as_query(stub.url), calls, deadline_seconds=5.0).get_json("/query", capability="news")
    assert not holds_canary(repr(calls.off))
