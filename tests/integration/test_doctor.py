"""What `doctor` says of a real database, a vendor on loopback, and the paper gateway."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trading.adapters.database_facts import database_facts
from trading.entrypoints import cli
from trading.entrypoints.doctor_machine import calendar_line, clock_line, disk_line, postgres_line
from trading.entrypoints.findings import Level
from trading.gateway.feed import DailyFeed

from tests.dags.desk import rows_of
from tests.fakes import ACCOUNT, flat_bars, ny, running_gateway
from tests.http_stub import Answer, http_stub
from tests.integration.test_vendors import CANARY, Vendor, environment


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


@pytest.fixture
def doctor(database_url, vendor, monkeypatch, tmp_path, capsys):
    """Run the command; returns its exit code and its findings by subject, the first one of each."""
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(tmp_path))

    def run(*arguments, **changes):
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        code = cli.main(["doctor", "--json", *arguments])
        found = json.loads(capsys.readouterr().out)
        return code, found

    return run


def by_subject(found):
    return {finding["subject"]: finding for finding in reversed(found)}


def test_without_being_told_so_it_asks_no_vendor(doctor, vendor, database_url):
    _, found = doctor()
    assert vendor.stub.asked == []
    assert rows_of(database_url, "SELECT count(*) FROM ops.api_calls") == [(0,)]
    lines = by_subject(found)
    assert "encoding UTF8, sessions in UTC, no migration pending" in lines["postgres"]["text"]
    assert lines["clock"]["level"] == "ok"
    assert "session 20" in lines["calendar"]["text"]
    assert "GB free" in lines["disk"]["text"]
    assert lines["polygon"]["text"].startswith("on: bars")
    assert CANARY not in json.dumps(found)


def test_online_each_vendor_is_asked_once_through_the_ledger(doctor, vendor, database_url):
    code, found = doctor("--online")
    told = [finding for finding in found if finding["subject"] == "polygon"]
    assert "answered in" in told[-1]["text"]
    calls = dict(rows_of(database_url, "SELECT vendor, count(*) FROM ops.api_calls GROUP BY 1"))
    assert calls["polygon"] == 1
    assert code == 0 or any(finding["level"] == "fail" for finding in found)


def test_online_a_key_that_is_refused_is_a_failure_and_not_shown(doctor, vendor):
    vendor.stub.answer = lambda path: Answer({"error": CANARY}, status=401)
    code, found = doctor("--online")
    told = [finding for finding in found if finding["subject"] == "polygon"]
    assert (code, told[-1]["level"]) == (1, "fail")
    assert "the key is not accepted" in told[-1]["text"]
    assert CANARY not in json.dumps(found)


def test_the_gateway_says_whose_account_and_whose_clock(doctor):
    with running_gateway_on_a_day() as gateway:
        settings = {"AIRDESK_BROKER_PORT": str(gateway.port), "AIRDESK_BROKER_ACCOUNT": ACCOUNT}
        settings["AIRDESK_GATEWAY_CONTROL_PORT"] = str(gateway.control_port)
        _, found = doctor(**settings)
        line = by_subject(found)["broker"]
        assert line["level"] == "ok"
        assert f"{ACCOUNT} (paper); SIMULATED clock says 2019-06-03 13:30Z" in line["text"]
        _, found = doctor(AIRDESK_BROKER_ACCOUNT="DU7777777")
        assert by_subject(found)["broker"]["level"] == "fail"
        assert "correct the account" in by_subject(found)["broker"]["text"]


def running_gateway_on_a_day():
    return running_gateway(DailyFeed(["NVDA"], lambda symbol, on: flat_bars(symbol, on, 1)), ny("2019-06-03 09:30"))


def test_people_read_a_line_each_with_its_level(database_url, vendor, monkeypatch, tmp_path, capsys):
    for name, value in environment(database_url, vendor).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(tmp_path))
    cli.main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    assert all(line.split()[0] in set(Level) for line in lines)
    assert "\033" not in "".join(lines), "no colours where there is no terminal"


def test_a_clock_that_is_wrong_says_what_to_do():
    assert clock_line(timedelta(seconds=0.1), "the broker's").level is Level.OK
    assert "1.0 s behind the broker's" in clock_line(timedelta(seconds=1), "the broker's").text
    assert clock_line(timedelta(seconds=-3), "the broker's").level is Level.FAIL
    assert "time synchronisation" in clock_line(timedelta(seconds=-3), "the broker's").text


def test_a_full_disk_and_a_calendar_that_ends_are_failures(monkeypatch):
    from trading.entrypoints import doctor_machine

    now = datetime.now(UTC)
    monkeypatch.setattr(doctor_machine, "FULL_BYTES", 1e18)
    assert disk_line(Path(), None, now).level is Level.FAIL
    assert calendar_line(datetime(2035, 6, 1, tzinfo=UTC)).level is Level.FAIL


@pytest.mark.parametrize(
    ("hour", "says"),
    [(9, "next session 2026-11-27, 14:30 to 18:00"), (15, "this session 2026-11-27"), (18, "next session 2026-11-30")],
)
def test_a_session_that_is_over_is_not_the_next_one(hour, says):
    assert calendar_line(datetime(2026, 11, 27, hour, tzinfo=UTC)).text.startswith(says)


def test_a_database_says_how_it_grows_once_it_has_some_age(database_url):
    facts = database_facts(database_url)
    assert facts.growth_bytes_a_day(facts.since + timedelta(days=1)) is None
    assert facts.growth_bytes_a_day(facts.since + timedelta(days=10)) == pytest.approx(facts.size_bytes / 10)
    assert postgres_line(facts, ("0099_more",)).level is Level.WARN
    assert abs(facts.clock_drift) < timedelta(seconds=2)


def test_what_a_retail_client_of_the_eu_may_not_buy_is_named(doctor):
    _, found = doctor()
    told = by_subject(found)["client"]
    assert (told["level"], told["text"]) == ("ok", "US: everything of three_sector may be bought")
    _, found = doctor(AIRDESK_CLIENT_CATEGORY="EU_RETAIL")
    told = by_subject(found)["client"]
    assert told["level"] == "warn"
    assert "signal only, for want of a KID: BOTZ, GLD, SLV" in told["text"]
