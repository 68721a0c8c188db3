"""What vendors replied is kept beside the call: once per body, without a key, for as long as a person says."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import closing
from datetime import timedelta

import pytest
from trading.adapters.http import HttpClient, VendorError
from trading.adapters.postgres_store import history
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.adapters.postgres_store.connection import connect

from tests.fakes_http import CANARY, terms_for
from tests.http_stub import Answer, http_stub


@pytest.fixture
def ask(database_url):
    def run(query):
        with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall() if cursor.description else []

    return run


def get(database_url, *answers, keeps_replies=True, calls=1):
    with http_stub(*answers) as stub:
        ledger = PostgresCallLedger(database_url, keeps_replies=keeps_replies)
        client = HttpClient(terms_for(stub.url), ledger, deadline_seconds=20, sleep=lambda seconds: None)
        for _ in range(calls):
            try:
                client.get("/file")
            except VendorError as error:
                yield error


def test_a_body_is_kept_compressed_beside_its_call_and_equal_ones_once(database_url, ask):
    assert list(get(database_url, Answer({"rows": list(range(500))}), calls=3)) == []
    ((sha256, size, packed),) = ask("SELECT sha256, byte_count, body_gzip FROM staging.bodies")
    body = gzip.decompress(packed)
    assert (len(body), hashlib.sha256(body).digest()) == (size, bytes(sha256))
    assert b"[0, 1, 2," in body
    assert len(packed) < size
    assert (
        ask("SELECT vendor, endpoint FROM staging.replies JOIN ops.api_calls USING (call_id)")
        == [("stub", "/file")] * 3
    )


def test_only_data_is_kept_and_nothing_where_a_person_wants_nothing(database_url, ask):
    assert len(list(get(database_url, Answer("<html>sign in</html>"), Answer("no", status=500)))) == 1
    assert len(list(get(database_url, Answer("no", status=401)))) == 1
    assert list(get(database_url, Answer({"a": 1}), keeps_replies=False)) == []
    assert ask("SELECT count(*) FROM staging.bodies") == [(0,)]


def test_a_key_that_the_vendor_repeats_is_not_kept(database_url, ask):
    assert list(get(database_url, Answer({"you sent": CANARY}))) == []
    ((packed,),) = ask("SELECT body_gzip FROM staging.bodies")
    assert CANARY.encode() not in gzip.decompress(packed)


def test_of_a_huge_body_size_and_digest_are_kept(database_url, ask, monkeypatch):
    monkeypatch.setattr(history, "MOST_KEPT_BYTES", 10)
    assert list(get(database_url, Answer("0123456789A"))) == []
    assert ask("SELECT byte_count, body_gzip FROM staging.bodies") == [(11, None)]


def test_old_replies_go_and_a_body_that_a_younger_one_needs_stays(database_url, store, ask):
    assert list(get(database_url, Answer("old"), Answer("both"), Answer("both"), calls=3)) == []
    ask("UPDATE staging.replies SET kept_at = kept_at - interval '2 days' WHERE call_id < 3")
    ask("UPDATE staging.bodies SET last_kept_at = last_kept_at - interval '2 days' WHERE byte_count = 3")
    ((now,),) = ask("SELECT clock_timestamp()")
    with store.transaction() as tx:
        assert tx.history.delete_replies(now - timedelta(days=1)) == 2
    assert ask("SELECT byte_count FROM staging.bodies") == [(4,)]
    assert ask("SELECT count(*) FROM ops.api_calls") == [(3,)], "the calls are still counted"
