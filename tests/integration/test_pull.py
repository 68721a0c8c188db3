"""History from a vendor: what is asked, what is not asked twice, and what is told about it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time

import pytest
from trading.adapters.postgres_store.connection import connect
from trading.adapters.sources import combined
from trading.bootstrap import services_for
from trading.domain.market import ActionKind, CorporateAction, EarningsReport, Filing, Resolution, TimeWindow
from trading.entrypoints import cli
from trading.ports import Provenance
from trading.settings import load_settings
from trading.tasks.pull import Pull, gaps
from trading.tasks.pull_plan import Planner, Unit, What, costs_of, pieces, window_of, without_days

from tests.http_stub import Answer, http_stub
from tests.integration.test_vendors import CALENDAR, Vendor, desk, environment

RANGE = ["NVDA", "--from", "2026-11-02", "--to", "2026-11-19"]
EVERY_BAR = 14 + 14 * 13
KNOWN_AT = datetime.fromisoformat("2026-11-04T14:30Z")
HALF_HOUR = datetime.fromisoformat("2026-11-10T16:00Z")


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


@pytest.fixture
def history(database_url, vendor):
    _, services = desk(database_url, vendor, is_history=True)
    return services


@pytest.fixture
def window(history):
    return window_of(history, date(2026, 11, 2), date(2026, 11, 19))


def pull(services, window, *what, is_again=False, symbols=("NVDA",)):
    planner = Planner(services, window, is_again=is_again)
    done = Pull(services)
    done.run(list(planner.units(symbols, what or (What.BARS,))))
    return done, planner


def ask(database_url, query):
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall() if cursor.description else []


def without(vendor, at):
    """Let the vendor have all half hours of GLD but one."""
    rows = vendor.bars["minute"].body["results"]
    rows[:] = [row for row in rows if row["t"] != round(at.timestamp() * 1000)]


def test_a_pull_goes_on_where_it_stopped_and_leaves_no_gap(vendor, history, window):
    done, _ = pull(history, window, What.BARS, What.ACTIONS)
    assert done.counts[What.BARS].stored == EVERY_BAR
    assert all(gap.missing_count == 0 for gap in gaps(history, ["NVDA"], window))
    asked = len(vendor.stub.asked)
    again, planner = pull(history, window)
    assert (again.counts, planner.stored_count) == ({}, 2)
    assert len(vendor.stub.asked) == asked


def test_a_single_half_hour_that_is_missing_among_stored_ones_is_asked_for(database_url, history, window):
    pull(history, window)
    ask(database_url, f"DELETE FROM market.bars WHERE resolution = '30m' AND starts_at = '{HALF_HOUR}'")
    ask(database_url, "DELETE FROM ops.asked_spans")
    (gap,) = [gap for gap in gaps(history, ["NVDA"], window) if gap.missing_count]
    assert gap.first_missing == (HALF_HOUR.replace(tzinfo=None),)
    done, planner = pull(history, window)
    assert (done.counts[What.BARS].stored, done.counts[What.BARS].unchanged) == (1, 14 * 13 - 1)
    assert planner.stored_count == 1


def test_what_the_vendor_does_not_have_is_remembered_shown_and_asked_again_on_demand(vendor, history, window):
    without(vendor, HALF_HOUR)
    pull(history, window, symbols=["GLD"])
    asked = len(vendor.stub.asked)
    _, planner = pull(history, window, symbols=["GLD"])
    assert (planner.stored_count, len(vendor.stub.asked)) == (2, asked)
    (gap,) = [gap for gap in gaps(history, ["GLD"], window) if gap.missing_count]
    assert (gap.resolution, gap.missing_count, gap.absent_count) == (Resolution.HALF_HOUR, 1, 1)
    pull(history, window, is_again=True, symbols=["GLD"])
    assert len(vendor.stub.asked) == asked + 1


def cut_in_four(vendor, kinds, since):
    """Let the vendor show a 4:1 split of GLD that nobody told of."""
    for kind in kinds:
        for row in vendor.bars[kind].body["results"]:
            if row["t"] >= since.timestamp() * 1000:
                row |= {name: row[name] / 4 for name in "ohlc"}


@pytest.mark.parametrize(("kind", "a_session"), [("day", 1), ("minute", 13)])
def test_bars_that_were_refused_are_told_and_come_once_the_split_is_known(vendor, history, window, kind, a_session):
    sessions = CALENDAR.sessions(date(2026, 11, 2), date(2026, 11, 19))
    on = sessions[7].session_on
    cut_in_four(vendor, [kind], datetime.combine(on, time(), UTC))
    done, _ = pull(history, window, symbols=["GLD"])
    assert (done.refused_count, done.gathering.is_partial) == (7 * a_session, True)
    (note,) = done.gathering.notes
    assert f"{7 * a_session} bars of polygon were refused (jump), the first of {on}; store the split" in note
    (gap,) = [gap for gap in gaps(history, ["GLD"], window) if gap.missing_count]
    assert (gap.missing_count, gap.absent_count) == (7 * a_session, 0), "refused is not absent at the vendor"
    split = CorporateAction("GLD", ActionKind.SPLIT, on, 4.0, "import", datetime(2026, 11, 1, tzinfo=UTC))
    with history.store.transaction() as tx:
        tx.market.add_actions([split], Provenance("import", "r", window.ends_at, "x"))
    again, planner = pull(history, window, symbols=["GLD"])
    assert (again.counts[What.BARS].stored, again.refused_count, planner.stored_count) == (7 * a_session, 0, 1)
    assert all(gap.missing_count == 0 for gap in gaps(history, ["GLD"], window))


def test_refused_bars_end_the_command_with_1(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    cut_in_four(vendor, ["day"], datetime(2026, 11, 11, tzinfo=UTC))
    arguments = ["GLD", *RANGE[1:], "--what", "bars"]
    assert cli.main(["data", "pull", *arguments]) == 1
    assert "bars of polygon were refused (jump)" in capsys.readouterr().out


def test_bars_that_were_refused_and_are_stored_from_elsewhere_leave_no_hole(vendor, history, window):
    without(vendor, HALF_HOUR)
    pull(history, window, symbols=["GLD"])
    cut_in_four(vendor, ["minute"], datetime(2026, 11, 11, tzinfo=UTC))
    done, _ = pull(history, window, is_again=True, symbols=["GLD"])
    assert (done.counts[What.BARS].rejected, done.refused_count, done.gathering.is_partial) == (7 * 13, 0, False)


def test_days_are_cut_out_of_a_span():
    window = TimeWindow(datetime(2026, 11, 2, 14, tzinfo=UTC), datetime(2026, 11, 6, 21, tzinfo=UTC))
    left = without_days(window, [date(2026, 11, 2), date(2026, 11, 5), date(2026, 11, 4)])
    midnights = [(datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 4, tzinfo=UTC))]
    assert [(s.starts_at, s.ends_at) for s in left] == [*midnights, (datetime(2026, 11, 6, tzinfo=UTC), window.ends_at)]
    assert without_days(window, [date(2026, 11, day) for day in range(2, 7)]) == []
    assert without_days(window, []) == [window]


def test_news_and_actions_of_past_months_are_asked_for_once(vendor, history):
    window = window_of(history, date(2026, 9, 1), date(2026, 11, 10))
    done, _ = pull(history, window, What.NEWS, What.ACTIONS)
    assert done.counts[What.ACTIONS].stored == 2
    asked = len(vendor.stub.asked)
    _, planner = pull(history, window, What.NEWS, What.ACTIONS)
    assert planner.stored_count == 4
    assert len(vendor.stub.asked) == asked


def test_the_list_of_current_8k_reports_is_no_source_of_history(database_url, vendor):
    settings = load_settings(environment(database_url, vendor, SEC_USER_AGENT="Jane Doe jane@example.com"))
    names = {
        is_history: [s.name for s in services_for(settings, is_history=is_history).sources.news]
        for is_history in (False, True)
    }
    assert names == {False: ["polygon", "edgar_8k"], True: ["polygon"]}


class Filed:
    """A source of one filing, which counts how often it is asked."""

    def __init__(self, name: str, eps: float) -> None:
        self.name, self.eps, self.asked = name, eps, 0

    def filings(self, symbols, window):
        self.asked += 1
        yield Filing(symbols[0], date(2026, 9, 30), 1, self.eps, None, self.name, KNOWN_AT)


def test_a_companys_filings_come_from_one_source_so_that_none_reads_as_an_amendment(history, window):
    first, second = Filed("first", 1.0), Filed("second", 1.1)
    services = replace(history, sources=replace(history.sources, filings=(first, second)))
    for _ in range(2):
        pull(services, window, What.FILINGS)
    with services.store.transaction() as tx:
        assert [(f.source, f.eps_diluted) for f in tx.market.filings(cutoff_at=window.ends_at)] == [("first", 1.0)]
    assert second.asked == 0


class Reported:
    """A source of one report of earnings."""

    name = "reported"
    eps = 1.0

    def earnings(self, symbols, window):
        yield EarningsReport(symbols[0], date(2026, 9, 30), date(2026, 11, 3), self.eps, 0.9, "reported", KNOWN_AT)


def test_changed_figures_of_earnings_are_a_revision_known_from_now_on(history, window):
    reported = Reported()
    services = replace(history, sources=replace(history.sources, earnings=(reported,)))
    pull(services, window, What.EARNINGS)
    reported.eps = 1.2
    done, _ = pull(services, window, What.EARNINGS, is_again=True)
    assert done.counts[What.EARNINGS].stored == 1
    with services.store.transaction() as tx:
        stored = tx.market.earnings(cutoff_at=services.clock.now())
    assert [(r.eps_reported, r.known_at) for r in stored] == [(1.0, KNOWN_AT), (1.2, stored[-1].known_at)]
    assert stored[-1].known_at > window.ends_at


def test_one_source_can_be_named_and_a_wrong_name_is_told(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    assert cli.main(["data", "pull", *RANGE, "--what", "news", "--source", "polygon", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "polygon: about" in told
    assert "edgar" not in told
    assert cli.main(["data", "pull", *RANGE, "--source", "bloomberg"]) == 1
    assert "no source 'bloomberg' is switched on; name one of" in capsys.readouterr().err


def test_an_outage_in_the_middle_keeps_what_came_and_the_next_pull_asks_for_the_rest(
    database_url, vendor, monkeypatch, capsys
):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    good = vendor.stub.answer
    vendor.stub.answer = lambda path: Answer("down", status=500) if "/minute/" in path else good(path)
    assert cli.main(["data", "pull", *RANGE]) == 3
    told = capsys.readouterr()
    assert "1 did not come" in told.out
    assert "try again later" in told.err
    assert ask(database_url, "SELECT resolution, count(*) FROM market.bars GROUP BY 1") == [("1d", 14)]
    vendor.stub.answer = good
    assert cli.main(["data", "pull", *RANGE]) == 0
    assert f"bars: {14 * 13} received, {14 * 13} stored" in capsys.readouterr().out
    assert ask(database_url, "SELECT count(*), max(revision) FROM market.bars") == [(EVERY_BAR, 0)]


def test_a_dry_run_says_what_it_would_take_and_asks_nothing(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="basic").items():
        monkeypatch.setenv(name, value)
    arguments = ["NVDA", "GLD", "--from", "2025-01-02", "--to", "2026-11-19"]
    assert cli.main(["data", "pull", *arguments, "--what", "bars", "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "20 pieces to ask for, 0 need no asking" in told
    assert "polygon: about 36 calls, about 12 minutes at the pace left to history" in told
    assert vendor.stub.asked == []


def test_a_used_up_quota_ends_with_exit_code_3_and_says_when_to_go_on(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    whole = combined.polygon_terms

    def two_a_day(*given, **named):
        terms = whole(*given, **named)
        return replace(terms, quota=replace(terms.quota, per_day=2))

    monkeypatch.setattr(combined, "polygon_terms", two_a_day)
    assert cli.main(["data", "pull", *RANGE, "--what", "bars"]) == 3
    told = capsys.readouterr()
    assert "1 pieces loaded, 0 needed no asking, 1 did not come" in told.out
    assert "the same command goes on after" in told.err
    assert "00:00Z" in told.err
    assert ask(database_url, "SELECT count(*) FROM ops.api_calls") == [(1,)], "the rest of the day is the hourly runs'"


def test_a_pull_that_was_killed_goes_on_and_stores_nothing_twice(database_url, vendor, monkeypatch):
    changes = {"PYTHONPATH": "plugins", "POLYGON_PLAN": "advanced"}
    env = {**os.environ, **environment(database_url, vendor, **changes)}
    good, stalls = vendor.stub.answer, Answer(b"{", dribble_seconds=20.0, headers={"Content-Length": "9"})
    vendor.stub.answer = lambda path: stalls if "/minute/" in path else good(path)
    command = [sys.executable, "-m", "trading.entrypoints.cli", "data", "pull", *RANGE]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)
    assert any("30m" in line for line in process.stdout), "it is asking for the half hours"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    vendor.stub.answer = good
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1/1 NVDA 30m 2026-11..2026-11" in done.stdout, "plain lines where there is no terminal"
    assert ask(database_url, "SELECT count(*), max(revision) FROM market.bars") == [(EVERY_BAR, 0)]


def test_the_status_names_gaps_calls_money_and_circuit(database_url, vendor, monkeypatch, capsys):
    for name, value in environment(database_url, vendor, POLYGON_PLAN="advanced").items():
        monkeypatch.setenv(name, value)
    cli.main(["data", "pull", *RANGE])
    capsys.readouterr()
    assert cli.main(["data", "status"]) == 0
    told = capsys.readouterr().out
    (line,) = [line for line in told.splitlines() if line.startswith("polygon ")]
    assert line.split()[1] == str(EVERY_BAR + 2)
    assert "(may 50 in 1 s)" in line
    assert line.endswith("in 1 s)"), "nothing else: the vendor is asked as ever"
    (line,) = [line for line in told.splitlines() if line.startswith("NVDA ")]
    assert "of 30 1d" in line


def test_a_long_window_is_cut_where_quarters_begin():
    window = TimeWindow(datetime.fromisoformat("2023-11-15T14:30Z"), datetime.fromisoformat("2024-07-01T00:00Z"))
    cut = pieces(window, 3)
    assert [f"{piece.starts_at:%Y-%m-%d}" for piece in cut] == ["2023-11-15", "2024-01-01", "2024-04-01"]
    assert cut[-1].ends_at == window.ends_at
    unit = Unit(What.BARS, "30m", "polygon", ("NVDA",), cut[1])
    assert unit.label == "NVDA 30m 2024-01..2024-03"
    assert Unit.from_xcom(unit.as_xcom()) == unit
    assert costs_of([unit], {})[0].minutes is None
    assert CALENDAR.session(date(2024, 1, 2)).opens_at > cut[1].starts_at
