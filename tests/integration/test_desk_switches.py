"""What the switches of the Desk page show before, what they do, and what they refuse."""

from __future__ import annotations

import re
from contextlib import closing
from datetime import UTC, datetime

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.connection import connect

from tests.dags.desk import rows_of
from tests.desk_served import OURS, client_at, halt
from tests.desk_year import seed_year

CALENDAR = NyseCalendar()
UNTIL = datetime(2024, 11, 26, 20, 31, tzinfo=UTC)
DAYS = 15


@pytest.fixture
def traded(store, database_url, tmp_path):
    """A page on a book of some days that holds shares; no broker is configured."""
    seed_year(database_url, CALENDAR, until=UNTIL, days=DAYS)
    return client_at(database_url, tmp_path, now=UNTIL)


def test_a_halt_names_the_position_that_it_leaves_bare_before_anybody_confirms(traded, database_url):
    """A sale waits for the open, and the stop went before it: taking the sale back leaves nothing."""
    working = "purpose = 'stop' AND status = 'submitted'"
    symbol = rows_of(database_url, f"SELECT min(symbol) FROM desk.orders WHERE {working}")[0][0]
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE desk.orders DISABLE TRIGGER USER")
        cursor.execute(f"UPDATE desk.orders SET purpose = 'exit' WHERE {working} AND symbol = %s", (symbol,))
    lines = traded.get("/api/effect", params={"switch": "halt"}).json()["lines"]
    assert any(line.startswith("Takes back exit SELL") and symbol in line for line in lines), lines
    assert f"{symbol} is then not protected as it should be until the next hour places what is missing." in lines


def test_a_halt_shows_its_effect_in_shares_and_dollars_happens_and_names_who_did_it(traded, database_url):
    effect = traded.get("/api/effect", params={"switch": "halt"}).json()
    assert effect["before"] == "ACTIVE"
    assert "No order works that would be taken back." in effect["lines"]
    assert re.search(r"10 protective orders of 5 positions stay, guarding about [\d,]{5,} USD", effect["lines"][-1])
    told = halt(traded, reason="a test").json()
    assert told["head"] == "ACTIVE → HALTED"
    assert not told["is_safe"]
    assert "no broker is configured" in told["lines"][0]
    assert rows_of(database_url, "SELECT state, reason, actor FROM ops.controls") == [
        ("HALTED", "a test", "airflow:ann")
    ]
    (detail,) = rows_of(database_url, "SELECT actor, action, detail FROM ops.audit")
    assert detail[:2] == ("airflow:ann", "trading_state")
    assert "HALTED" in traded.get("/", headers={"Accept": "text/html"}).text


def test_resume_asks_for_a_reason_and_for_a_book_that_equals_the_brokers(traded, database_url):
    halt(traded)
    silent = traded.post("/api/switch", json={"switch": "resume"}, headers=OURS)
    assert (silent.status_code, "say why" in silent.json()["detail"]) == (409, True)
    unproven = traded.post("/api/switch", json={"switch": "resume", "reason": "all is well"}, headers=OURS)
    assert unproven.status_code in (409, 503)
    assert rows_of(database_url, "SELECT state FROM ops.controls") == [("HALTED",)]


def test_a_reason_that_is_no_sentence_is_refused(traded):
    assert halt(traded, reason="x" * 201).status_code == 409
