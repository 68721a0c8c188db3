"""A paper desk on real vendors' protocols: a server on loopback plays them, everything else is the real thing."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta

import pytest
from trading.adapters.http import client
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.connection import connect
from trading.adapters.sources.cboe import PATH as CBOE_PATH
from trading.bootstrap import services_for
from trading.domain.instruments import VIX, Universe
from trading.domain.market import Resolution, session_slots
from trading.entrypoints import cli
from trading.errors import AirdeskError, TransientError, VendorRefused
from trading.settings import load_settings
from trading.strategy.three_sector import three_sector
from trading.tasks.ingest import ingest_fundamentals, ingest_news, ingest_prices
from trading.tasks.ingest_bars import FIRST_LOOK_BACK

from tests.fakes import FixedClock
from tests.http_stub import Answer, http_stub

CALENDAR = NyseCalendar()
CANARY = "canary+polygon/7731=x"
CANARY_OF_FRED = "canary+fred/8842=y"
EVERY = ("polygon", "edgar", "edgar_8k", "fred", "cboe", "gpr")
SLOT = session_slots(CALENDAR.session(date(2026, 11, 20)))[0]
CUTOFF = SLOT.as_of + timedelta(minutes=17)
ACTIONS = ("/stocks/v1/splits", "/stocks/v1/dividends")


class Vendor:
    """Polygon with half hours and days of November 2026, one story, one split and one dividend."""

    def __init__(self, stub):
        self.stub = stub
        stub.answers["*"] = [Answer({"status": "OK", "results": []})]
        for symbol in ("NVDA", "GLD"):
            self.serve(symbol)
        stub.script(ACTIONS[0], self.rows({"ticker": "NVDA", "execution_date": "2024-06-10", "split_from": 1,
                                           "split_to": 10}))  # fmt: skip
        stub.script(ACTIONS[1], self.rows({"ticker": "NVDA", "ex_dividend_date": "2026-09-10", "cash_amount": 0.01,
                                           "declaration_date": "2026-08-27", "currency": "USD"}))  # fmt: skip
        stub.script("/v2/reference/news", self.rows({
            "id": "n1", "title": "Example rallies", "tickers": ["NVDA", "XYZ"], "published_utc": "2026-11-20T15:20:00Z",
        }))  # fmt: skip

    @staticmethod
    def rows(*found):
        return Answer({"status": "OK", "results": list(found)})

    def serve(self, symbol):
        """Answer any range: what lies outside the window asked for is not used by the desk."""
        halves, days = [], []
        for session in CALENDAR.sessions(date(2026, 11, 2), date(2026, 11, 20)):
            at = session.opens_at
            days.append(self.row(at.replace(hour=5, minute=0)))
            while at < session.closes_at:
                halves.append(self.row(at))
                at += timedelta(minutes=30)
        self.bars = {"minute": self.rows(*halves), "day": self.rows(*days)}
        answers = self.stub.answers
        stub = self.stub

        def answer(path, bars=self.bars, fall_back=stub.answer):
            for span, told in bars.items():
                if f"/{span}/" in path and f"ticker/{symbol}/" in path and path not in answers:
                    return told
            return fall_back(path)

        stub.answer = answer

    @staticmethod
    def row(at):
        return {"o": 100.0, "h": 101.0, "l": 99.0, "c": 100.5, "v": 900, "t": round(at.timestamp() * 1000)}


@pytest.fixture
def small():
    full = three_sector()
    return replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in ("GLD", "NVDA", "SPY"))))


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=3))


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


def environment(database_url, vendor, **changes):
    url = vendor.stub.url
    return {
        "AIRDESK_DATABASE_URL": database_url, "AIRDESK_MODE": "paper", "AIRDESK_SOURCES": "vendors",
        "POLYGON_API_KEY": CANARY, "POLYGON_PLAN": "starter", "POLYGON_BASE_URL": url, "SEC_BASE_URL": url,
        "FRED_BASE_URL": url, "CBOE_BASE_URL": url, "GPR_BASE_URL": url, **changes,
    }  # fmt: skip


def desk(database_url, vendor, **changes):
    is_history = changes.pop("is_history", False)
    wanted = changes.pop("vendors", ("polygon",))
    settings = load_settings(environment(database_url, vendor, **changes))
    services = services_for(settings, is_history=is_history)
    chosen = {kind: tuple(source for source in getattr(services.sources, kind) if source.name in wanted)
                    for kind in ("bars", "news", "filings", "macro", "actions")}  # fmt: skip
    clock = FixedClock(CUTOFF + timedelta(seconds=30))
    for source in (*chosen["news"], *chosen["actions"]):
        source._clock = clock
    for source in chosen["bars"]:
        if source.name == "polygon":
            source._reach = replace(source._reach, clock=clock)
    return settings, replace(services, sources=replace(services.sources, **chosen), clock=clock)


def hour(services, spec, book):
    return [step(services, spec, book, SLOT) for step in (ingest_prices, ingest_fundamentals, ingest_news)]


@pytest.mark.parametrize(
    ("plan", "at_once"),
    [({"POLYGON_PLAN": "basic"}, 1), ({"POLYGON_RPM": "300"}, 1), ({"POLYGON_PLAN": "starter"}, 8)],
)
def test_only_a_quota_of_many_calls_is_asked_several_questions_at_once(database_url, vendor, plan, at_once):
    _, services = desk(database_url, vendor, **plan)
    assert services.sources.at_once.get("polygon", 1) == at_once


def test_an_hour_stores_rows_with_the_instant_at_which_they_were_known_and_a_rerun_changes_nothing(
    database_url, vendor, small
):
    settings, services = desk(database_url, vendor)
    prices, facts, news = hour(services, small, settings.book)
    assert prices.counts["bars_stored"] > 0
    assert facts.counts["actions_stored"] == 2
    assert news.counts["stories_stored"] == 1
    with services.store.transaction() as tx:
        (story,) = tx.market.news(since=SLOT.starts_at - timedelta(days=1), cutoff_at=CUTOFF)
        found = tx.market.bars(["NVDA"], [Resolution.HALF_HOUR], as_of=SLOT.as_of, cutoff_at=CUTOFF)
    assert story.known_at == CUTOFF
    assert story.symbols == ("NVDA",)
    series = found["NVDA", Resolution.HALF_HOUR]
    assert series.known_at[-1].item() == (SLOT.as_of + timedelta(minutes=15)).replace(tzinfo=None)
    again = hour(services, small, settings.book)
    changed = [
        (name, count)
        for report in again
        for name, count in report.counts.items()
        if name.endswith(("_stored", "_revised")) and count
    ]
    assert changed == []


def test_a_vix_that_appears_each_evening_is_fresh_by_day_and_no_halt(database_url, vendor):
    full = three_sector()
    spec = replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in ("NVDA", VIX))))
    days = CALENDAR.sessions(date(2026, 11, 2), date(2026, 11, 19))
    lines = ["DATE,OPEN,HIGH,LOW,CLOSE", *(f"{day.session_on:%m/%d/%Y},20.0,21.0,19.0,20.5" for day in days)]
    vendor.stub.script(CBOE_PATH, Answer("\n".join(lines) + "\n"))
    settings, services = desk(database_url, vendor, vendors=("polygon", "cboe"))
    report = ingest_prices(services, spec, settings.book, SLOT)
    assert not report.degraded
    with services.store.transaction() as tx:
        found = tx.market.bars([VIX], [Resolution.DAY], as_of=SLOT.as_of, cutoff_at=CUTOFF)
        assert tx.market.parked() == {}
    assert found[VIX, Resolution.DAY].starts_at[-1].item().date() == date(2026, 11, 19)
    assert found[VIX, Resolution.DAY].known_at[-1].item() == SLOT.starts_at.replace(tzinfo=None)
    asked = sum(request.path == CBOE_PATH for request in vendor.stub.asked)
    assert not ingest_prices(
        services, spec, settings.book, session_slots(CALENDAR.session(date(2026, 11, 20)))[1]
    ).degraded
    assert sum(request.path == CBOE_PATH for request in vendor.stub.asked) == asked, "what it can have is stored"


def test_a_source_that_is_away_costs_its_own_facts_only_and_is_asked_again(database_url, vendor, small):
    settings, services = desk(database_url, vendor)
    vendor.stub.script("/v2/reference/news", Answer("down", status=502))
    ingest_prices(services, small, settings.book, SLOT)
    ingest_fundamentals(services, small, settings.book, SLOT)
    with pytest.raises(TransientError):
        ingest_news(services, small, settings.book, SLOT)
    with services.store.transaction() as tx:
        assert len(tx.market.actions(cutoff_at=CUTOFF)) == 2


def test_one_of_two_news_sources_that_refuses_is_noted_and_the_other_ones_stories_are_stored(
    database_url, vendor, small
):
    settings, services = desk(database_url, vendor)

    class Refusing:
        name = "refusing"

        def news(self, symbols, window):
            raise VendorRefused("refusing: the key is not accepted; correct it", vendor="refusing", status=401)

    sources = replace(services.sources, news=(Refusing(), *services.sources.news))
    report = ingest_news(replace(services, sources=sources), small, settings.book, SLOT)
    assert report.counts["stories_stored"] == 1
    assert report.degraded
    assert any("the key is not accepted" in note for note in report.notes)


def test_no_key_is_in_a_row_a_log_line_or_an_error(database_url, vendor, small, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(client, "BACKOFF_SECONDS", (0.01, 0.01))
    keys = {"FRED_API_KEY": CANARY_OF_FRED, "SEC_USER_AGENT": "Test test@example.com"}
    settings, services = desk(database_url, vendor, vendors=EVERY, **keys)
    facts = ingest_fundamentals(services, small, settings.book, SLOT)
    assert facts.counts["actions_stored"] == 2, "what FRED and the risk index garble costs Polygon nothing"
    assert len(facts.notes) >= 2
    assert facts.degraded
    said = [*facts.notes]
    told = {"error": f"bad key {CANARY} {CANARY_OF_FRED}"}
    for status in (401, 403, 404, 429, 500):
        let_minutes_pass(database_url)
        for path in ("/v2/reference/news", "/fred/series/observations", *ACTIONS):
            vendor.stub.script(path, Answer(told, status=status, headers={"Retry-After": "0"}))
        for step in (ingest_news, ingest_fundamentals):
            try:
                said += step(services, small, settings.book, SLOT).notes
            except AirdeskError as error:
                said += [repr(error), str(error)]
    logs = [record.getMessage() for record in caplog.records] + [caplog.text]
    text = "\n".join([*said, *logs, repr(settings), repr(services), dumped(database_url)])
    assert "polygon" in text
    assert CANARY.split("/")[0] not in text
    assert CANARY_OF_FRED.split("/")[0] not in text


def let_minutes_pass(database_url):
    """Let every call be one of some minutes ago, so that no source waits for its next one."""
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE ops.api_calls SET called_at = called_at - interval '2 minutes'")


def dumped(database_url):
    """Return every row of every table as text."""
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)'")
        tables = cursor.fetchall()
        rows = []
        for schema, table in tables:
            cursor.execute(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" AS t')
            rows += [row[0] for row in cursor.fetchall()]
    return "\n".join(rows)


def test_the_commands_pull_and_tell_what_could_be_read_when(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    arguments = ["NVDA", "--from", "2026-11-16", "--to", "2026-11-19"]
    assert cli.main(["data", "pull", *arguments]) == 0
    assert "56 stored" in capsys.readouterr().out
    assert cli.main(["data", "gaps", *arguments]) == 0
    assert "4       4        0       0" in capsys.readouterr().out
    assert cli.main(["data", "as-of", "NVDA", "2026-11-18T15:00Z"]) == 0
    told = capsys.readouterr().out
    assert "30m bar 2026-11-18 14:30Z" not in told, "it ended at that instant and was shown 15 minutes later"
    assert "1d bar 2026-11-17 14:30Z close 100.5, known 2026-11-17 21:20Z" in told
    assert "session hour 2026-11-17 20:30Z of whole half hours: open " in told, "the last one, half an hour long"
    assert json.dumps(CANARY) not in told
