"""The Desk page without Airflow and without a browser: what it shows, what it refuses, and what its switches do."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console
from trading.adapters.database_roles import READ, make_login
from trading.adapters.loopback import free_port
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.bootstrap import verdict_files_of
from trading.domain.instruments import BookId
from trading.domain.messages import MessageKind
from trading.domain.portfolio import TradingState
from trading.engine.verdict_book import VerdictBook
from trading.entrypoints import cli
from trading.entrypoints.desk_page.access import Person
from trading.ports.orders import RunName
from trading.reporting.tables import reasons_table
from trading.reporting.verdicts import verdict_rows
from trading.settings import load_settings
from trading.strategy.margins import is_in_the_way

from tests.builders import a_run
from tests.dags.desk import rows_of
from tests.desk_served import OURS, client_at, halt
from tests.desk_year import BOOK, plan, seed_prices, seed_year
from tests.replay.random_markets import random_market
from tests.replay.test_audit import played

CALENDAR = NyseCalendar()
UNTIL = datetime(2024, 11, 26, 20, 31, tzinfo=UTC)
"""A Tuesday, half past three in New York."""
NOW = UNTIL + timedelta(minutes=4)
DAYS = 15
HTML = {"Accept": "text/html"}


def client_of(url: str, tmp_path, *, now: datetime = NOW, **given):
    return client_at(url, tmp_path, now=now, **given)


@pytest.fixture(scope="module")
def year(pg_server, tmp_path_factory):
    """A page on a book of some days, its URL, and its hours."""
    url = pg_server.url_for("desk_page")
    migrate(url)
    slots = seed_year(url, CALENDAR, until=UNTIL, days=DAYS)
    store = PostgresStore(url)
    seed_prices(store, CALENDAR, until=UNTIL, days=DAYS)
    with store.transaction() as tx:
        days = tuple(slot.session_on for slot in slots if slot.is_closing)[:3]
        equity = replace(a_run().equity, session_on=days)
        tx.replays.save_run(a_run(name="other", first_on=days[0], last_on=days[-1], equity=equity))
        tx.decisions.note_run(f"hourly.{slots[-3].as_of:%Y%m%dT%H%M}.{BOOK}", RunName("hourly_trading", "scheduled__1"))
    return client_of(url, tmp_path_factory.mktemp("state")), url, slots


def page_of(client, query: str = "") -> str:
    reply = client.get(f"/{query}", headers=HTML)
    assert reply.status_code == 200, reply.text
    return reply.text


def hour_of(client, **query) -> dict:
    reply = client.get("/api/hour", params=query)
    assert reply.status_code == 200, reply.text
    return reply.json()


# --- what it shows ------------------------------------------------------------------------------


def test_the_first_look_says_state_worth_change_last_hour_and_why_not_more(year):
    client, _, _ = year
    html = page_of(client)
    top = html[: html.index('<section class="hour"')]
    assert "SYNTHETIC" in top
    assert "ACTIVE" in top
    assert "Tue 26 Nov 15:30" in top
    hour = html[html.index('<section class="hour"') : html.index("Positions and exposure")]
    assert re.search(r"decision 15:30: 1 entry, 0 exits, \d+ blocked", hour)
    assert "Why not more" in hour
    assert "COOLDOWN denies AMD" in hour
    assert "stopped out on 22 Nov" in hour


def test_positions_show_stop_target_age_and_days_to_long(year):
    html = page_of(year[0])
    held = html[html.index("Positions and exposure") : html.index("NAV beside")]
    nvda = re.sub(r"<[^>]+>", " ", held[held.index("NVDA") :].split("</tr>")[0]).split()
    assert nvda[:3] == ["NVDA", "25", "171.40"]
    assert "149.84" in nvda
    assert nvda[-1] == "long"
    aapl = held[held.index("AAPL") :].split("</tr>")[0]
    assert "365 days to long" in aapl or "366 days to long" in aapl
    assert "of 30.0\xa0% to 40.0\xa0%" in held


def test_nothing_of_the_page_comes_from_elsewhere_and_no_script_is_inline(year):
    client, _, _ = year
    reply = client.get("/", headers=HTML)
    policy = reply.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy.split("style-src-attr")[0]
    assert not re.findall(r"<script(?![^>]*src=)|\son\w+=|https?://", reply.text)
    for name in re.findall(r"static/[\w.]+", reply.text):
        assert client.get(f"/{name}").status_code == 200
    assert client.get("/static/../app.py").status_code == 404


def test_what_is_stored_cannot_write_html(store, database_url, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    seed_year(database_url, CALENDAR, until=UNTIL, days=2)
    with store.transaction() as tx:
        tx.controls.set_state(BOOK, TradingState.REDUCE_ONLY, reason=evil, actor="cli:eve")
        tx.controls.notify(dedupe_key="evil", book=BOOK, kind=MessageKind.DATA_PARKED, body=f"a headline {evil}")
    html = page_of(client_of(database_url, tmp_path))
    assert evil not in html
    assert html.count("&lt;img src=x onerror=alert(1)&gt;") >= 2
    assert "Newest messages" in html


def test_locks_and_a_gateway_that_is_away_are_told(store, database_url, tmp_path):
    seed_year(database_url, CALENDAR, until=UNTIL, days=2)
    with store.transaction() as tx:
        tx.controls.restrict(BOOK, "TSLA", until=None, reason="earnings", actor="cli:ann")
    html = page_of(client_of(database_url, tmp_path, AIRDESK_BROKER_PORT=str(free_port())))
    health = html[html.index("Locks, breaks and health") :]
    assert re.search(r"<b>TSLA</b> RESTRICTED[^<]*earnings", health)
    assert "NOT ANSWERING: start the gateway" in health
    assert "No break is open." in health


def test_an_hour_that_did_not_run_is_a_warning(year, tmp_path):
    client, url, _ = year
    assert "LATE" not in page_of(client)
    later = client_of(url, tmp_path, now=UNTIL + timedelta(hours=1))
    assert "LATE: Tue 26 Nov 16:00 is missing" in page_of(later)


def test_an_order_that_waits_for_a_person_is_said_on_top(store, database_url, tmp_path):
    slots = seed_year(database_url, CALENDAR, until=UNTIL, days=2)
    entry = plan(database_url, slots[-1], "TSLA")
    with store.transaction() as tx:
        tx.approvals.ask(entry.order_id, at=UNTIL, expires_at=UNTIL + timedelta(minutes=14))
    html = page_of(client_of(database_url, tmp_path))
    assert "1 order of this hour waits for a person until Tue 26 Nov 15:45" in html


# --- the same rows as the command ---------------------------------------------------------------


def test_why_and_the_page_show_the_same_rows(year, monkeypatch, capsys):
    client, url, slots = year
    monkeypatch.setenv("AIRDESK_DATABASE_URL", url)
    monkeypatch.setenv("AIRDESK_BOOK", str(BOOK))
    monkeypatch.setenv("COLUMNS", "200")
    for symbol, slot in (("NVDA", slots[-1]), ("GLD", slots[40])):
        shown = [row for row in hour_of(client, at=int(slot.as_of.timestamp()))["verdicts"] if row["symbol"] == symbol]
        assert cli.main(["why", symbol, "--at", slot.as_of.isoformat()]) == 0
        said = capsys.readouterr().out
        lines = [line for line in said.splitlines() if re.search(r" (PASS|FAIL|ABSTAIN) ", f"{line} ")]
        assert [line.split()[0] for line in lines] == [row["rule"] for row in shown]
        for line, row in zip(lines, shown, strict=True):
            at = row["input_at"] and f"{datetime.fromisoformat(row['input_at']):%m-%d %H:%M}"
            words = "; ".join(filter(None, (row["why"] or at, row["turns"])))
            cells = [row["rule"], row["observed"], row["threshold"], f"{row['mark']} {row['outcome']}", words]
            assert " ".join(line.split()) == " ".join(filter(None, cells))


def test_the_table_of_the_command_is_made_of_the_rows_of_the_page(year):
    client, url, _ = year
    with PostgresStore(url).snapshot() as tx:
        reasons = tx.decisions.reasons(hour_of(client)["decision_id"], "TSLA")
    rows = verdict_rows(reasons)
    console = Console(width=200, record=True)
    console.print(reasons_table("t", rows))
    text = console.export_text()
    assert all(row.rule in text and row.observed in text for row in rows)
    assert [r["is_in_the_way"] for r in hour_of(client)["verdicts"] if r["symbol"] == "TSLA"] == [
        is_in_the_way(r) for row in rows for r in reasons if (r.rule, r.role) == (row.rule, row.role)
    ]


# --- hours ----------------------------------------------------------------------------------------


def test_the_index_of_hours_names_every_one_of_them(year):
    client, _, slots = year
    minutes = client.get("/api/instants").json()["minutes"]
    summed, seconds = 0, []
    for step in minutes:
        summed += step
        seconds.append(summed * 60)
    assert seconds == [int(slot.as_of.timestamp()) for slot in slots]


def test_a_past_hour_is_sent_once(year):
    client, _, slots = year
    at = {"at": int(slots[10].as_of.timestamp())}
    first = client.get("/api/hour", params=at)
    assert first.json()["at"] == at["at"]
    again = client.get("/api/hour", params=at, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    # A proxy that compresses makes the tag a weak one.
    weak = client.get("/api/hour", params=at, headers={"If-None-Match": f"W/{first.headers['ETag']}"})
    assert weak.status_code == 304


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"at": 0}, 404),
        ({"at": 10**30}, 400),
        ({"at": "x"}, 422),
        ({"book": "paper:none"}, 404),
        ({"book": "%00'"}, 404),
    ],
)
def test_an_hour_that_is_not_there_is_refused_in_a_sentence(year, query, status):
    reply = year[0].get("/api/hour", params=query)
    assert reply.status_code == status
    assert reply.json()["detail"]


def test_a_run_leads_to_its_decision_and_back(year):
    client, _, slots = year
    html = page_of(client, "?dag_id=hourly_trading&run_id=scheduled__1")
    assert f'data-at="{int(slots[-3].as_of.timestamp())}"' in html
    assert 'href="/dags/hourly_trading/runs/scheduled__1"' in html
    missing = page_of(client, "?dag_id=hourly_trading&run_id=manual__2")
    assert "The run manual__2 made no decision" in missing


def test_the_run_of_a_replayed_session_leads_to_the_book_that_it_made(store, database_url, tmp_path):
    book = BookId.parse("replay:made")
    slots = seed_year(database_url, CALENDAR, until=UNTIL, days=4, book=book)
    with store.transaction() as tx:
        tx.decisions.note_session_run(book, slots[0].session_on, RunName("hourly_replay", "backfill__1"))
    html = page_of(client_of(database_url, tmp_path), "?dag_id=hourly_replay&run_id=backfill__1")
    newest_of_it = [slot for slot in slots if slot.session_on == slots[0].session_on][-1]
    assert 'data-book="replay:made"' in html
    assert f'data-at="{int(newest_of_it.as_of.timestamp())}"' in html
    assert "data-switch" not in html


# --- replays --------------------------------------------------------------------------------------


def test_a_replay_is_chosen_and_put_beside_the_book(year):
    client, _, _ = year
    alone = page_of(client, "?book=replay:other")
    assert "in-process replay" in alone
    assert "data-switch" not in alone
    beside = page_of(client, "?other=replay:other")
    curve = beside[beside.index("NAV beside") :]
    assert curve.count("replay:other") >= 2
    assert re.search(r"<th>demo:year</th><th>replay:other</th>", curve)


def test_the_hours_of_a_replay_in_process_come_from_its_file(year, tmp_path):
    gone = page_of(year[0], "?book=replay:other")
    assert "are not kept any more" in gone
    kept = VerdictBook.of(played(random_market(1)), code_version="1", delay_minutes=0, is_synthetic=True)
    kept = replace(kept, book=BookId.parse("replay:other"))
    settings = load_settings({"AIRDESK_DATABASE_URL": year[1], "AIRDESK_STATE_DIR": str(tmp_path)})
    verdict_files_of(settings).write(kept)
    client = client_of(year[1], tmp_path)
    html = page_of(client, "?book=replay:other")
    assert "SYNTHETIC REPLAY" in html
    assert "denials are counted only" in html
    steps = client.get("/api/instants", params={"book": "replay:other"}).json()["minutes"]
    assert len(steps) == len(kept.curve)
    at = int(kept.as_of(3).timestamp())
    hour = hour_of(client, book="replay:other", at=at)
    assert (hour["at"], hour["decision_id"]) == (at, None)
    assert [row["rule"] for row in hour["verdicts"]] == [row.rule for row in verdict_rows(kept.reasons(3))]


def test_the_page_reads_with_the_login_that_cannot_write_and_its_switches_do_not(year, tmp_path, pg_server):
    url, read_url = year[1], pg_server.read_url_for("desk_page")
    make_login(url, read_url, member_of=READ)
    client = client_of(url.replace(pg_server.password, "wrong"), tmp_path, AIRDESK_READ_DATABASE_URL=read_url)
    assert page_of(client) == page_of(year[0])
    paths = ("/api/hour", "/api/instants", "/api/panels", "/api/effect?switch=halt")
    assert [client.get(path).status_code for path in paths] == [200] * 4
    turned = client.post("/api/switch", json={"switch": "halt"}, headers=OURS)
    assert (turned.status_code, "correct AIRDESK_DATABASE_URL" in turned.json()["detail"]) == (409, True)


# --- who may --------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/hour", "/api/instants", "/api/panels", "/api/effect?switch=halt"])
def test_a_stranger_sees_nothing(year, tmp_path, path):
    stranger = client_of(year[1], tmp_path, person=None)
    assert stranger.get(path).status_code == 401
    asset = re.search(r"static/[\w.]+", page_of(year[0]))[0]
    assert stranger.get(f"/{asset}").status_code == 401
    login = stranger.get(path, headers=HTML)
    assert (login.status_code, login.headers["Location"][:18]) == (302, "/auth/login?next=%"[:18])


def test_a_viewer_sees_why_the_switches_are_off_and_cannot_halt(year, tmp_path):
    viewer = client_of(year[1], tmp_path, person=Person("vic", may_act=False))
    html = page_of(viewer)
    assert html.count("disabled aria-describedby") == 3
    assert "may look and not act" in html
    assert halt(viewer).status_code == 403
    assert rows_of(year[1], "SELECT count(*) FROM ops.controls") == [(0,)]


@pytest.mark.parametrize("headers", [{}, {**OURS, "Sec-Fetch-Site": "cross-site"}], ids=["no header", "another site"])
def test_what_another_site_makes_the_browser_send_is_refused(year, headers):
    assert halt(year[0], headers).status_code == 403
    assert rows_of(year[1], "SELECT count(*) FROM ops.controls") == [(0,)]


def test_the_switches_are_for_the_book_of_this_desk(year):
    assert halt(year[0], book="replay:other").status_code == 409
    assert "demo:year" in halt(year[0], book="replay:other").json()["detail"]


# --- when things are not there ----------------------------------------------------------------------


def test_a_database_that_is_down_is_one_sentence_with_what_to_do(tmp_path):
    client = client_of("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    shown = client.get("/", headers=HTML)
    assert shown.status_code == 503
    assert "does not answer; check that it runs and try again" in shown.text
    assert "Traceback" not in shown.text
    assert client.get("/api/hour").json()["detail"].endswith("check that it runs and try again")


def test_a_book_before_its_first_hour_says_so(store, database_url, tmp_path):
    html = page_of(client_of(database_url, tmp_path))
    assert "not opened" in html
    assert "has not decided yet" in html


def test_figures_of_benchmarks_are_told_during_a_session(year):
    html = page_of(year[0])
    line = html[html.index(">total return<") :].split("</tr>")[0]
    values = re.findall(r"<td>([^<]*)</td>", line)
    assert len(values) == 4
    assert all("%" in value for value in values)
