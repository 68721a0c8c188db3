"""Named runs on Postgres: stored once, read back whole, compared, deleted; and what they leave behind."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind
from trading.domain.replays import Driver
from trading.entrypoints.cli import main
from trading.errors import AirdeskError, PermanentError
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.tasks.replay import replay_session
from trading.tasks.replay_runs import all_trials, free_name, run_named

from tests.builders import a_run, a_trade
from tests.fakes import ny
from tests.integration.worlds import fill_with_synthetic_market

CALENDAR = NyseCalendar()
FIRST, LAST = date(2024, 7, 22), date(2024, 8, 2)


@pytest.fixture
def services(store) -> Services:
    fill_with_synthetic_market(store, CALENDAR, until=ny("2024-08-02 16:00"), days=30)
    return Services(store, CALENDAR, SystemClock(), Sources(), broker=None)


@pytest.fixture
def airdesk(database_url, services, monkeypatch, capsys, tmp_path):
    """The command line on the filled database: exit code and what it printed."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str) -> tuple[int, str]:
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_a_run_comes_back_as_it_was_stored(store):
    run = a_run(search="grid", parameters={"rsi": 65}, trades=(a_trade(),) * 3)
    with store.transaction() as tx:
        tx.replays.save_run(run)
    with store.transaction() as tx:
        assert tx.replays.run("june") == run
        (light,) = tx.replays.runs()
        assert light == replace(run, equity=None, trades=None)
        assert tx.replays.runs(search="grid") == (light,)
        assert tx.replays.runs(search="another") == ()
        assert tx.replays.run("july") is None


def test_a_name_is_taken_once_unless_the_run_is_replaced(store):
    with store.transaction() as tx:
        tx.replays.save_run(a_run())
    with pytest.raises(PermanentError, match="june exists"), store.transaction() as tx:
        tx.replays.save_run(a_run(strategy="technical_core"))
    with store.transaction() as tx:
        tx.replays.save_run(a_run(strategy="technical_core", trades=()), replace=True)
        assert run_named(tx, "june").strategy == "technical_core"
        assert run_named(tx, "june").trades == ()
        assert free_name(tx, "june") == "june-1"


@pytest.mark.parametrize("name", ["", "June", "a:b", "x" * 41, "a b"])
def test_a_name_that_is_none_is_refused(store, name):
    with pytest.raises(PermanentError, match="1 to 40"), store.transaction() as tx:
        tx.replays.save_run(a_run(name=name))


def test_a_trial_outlives_its_run_and_counts_once(store):
    same = a_run(name="again")
    other = a_run(name="other", configuration={"strategy": "three_sector", "costs": {"half_spread_bps": 20.0}})
    with store.transaction() as tx:
        for run in (a_run(), same, other):
            tx.replays.save_run(run)
        assert tx.replays.delete_run("june")
        assert not tx.replays.delete_run("june")
    with store.transaction() as tx:
        assert len(all_trials(tx)) == 2
        assert [run.name for run in tx.replays.runs()] == ["again", "other"]


def test_a_replayed_book_is_a_run_too(services):
    book = BookId(BookKind.REPLAY, "weeks")
    for session in CALENDAR.sessions(FIRST, LAST):
        replay_session(
            services, three_sector(), book, session.session_on, run_id=f"b{session.session_on}", replace=False
        )
    with services.store.transaction() as tx:
        run = run_named(tx, "weeks")
        navs = [n for n in tx.ledger.navs(book) if n.is_closing]
        assert run.driver is Driver.BACKFILL
        assert (run.first_on, run.last_on, run.starting_usd) == (FIRST, LAST, 100_000.0)
        assert run.equity.nav_usd == tuple(n.nav_usd for n in navs)
        assert run.figures["total_frac"] == pytest.approx(navs[-1].nav_usd / 100_000 - 1)
        assert run.figures["fills"] == len(tx.ledger.fills(book)) > 3
        assert run.is_synthetic
        assert tx.replays.is_taken("weeks")
        assert run.trial in all_trials(tx)
    with pytest.raises(PermanentError, match="weeks exists"), services.store.transaction() as tx:
        tx.replays.save_run(a_run(name="weeks"), replace=True)


def test_the_books_command_by_command(airdesk):
    span = ("--from", str(FIRST), "--to", str(LAST))
    code, printed = airdesk("replay", "run", *span, "--name", "plain")
    assert code == 0, printed
    assert "SYNTHETIC" in printed
    assert "stored as plain" in printed
    code, printed = airdesk("replay", "run", *span, "--name", "plain")
    assert (code, "plain exists" in printed) == (1, True)
    assert airdesk("replay", "run", *span, "--name", "plain", "--replace")[0] == 0
    assert airdesk("replay", "run", *span, "--half-spread-bps", "20")[0] == 0
    assert airdesk("replay", "run", *span, "--strategy", "technical_core", "--no-store")[0] == 0

    listed = airdesk("replay", "list")[1]
    assert "plain" in listed
    assert "run-1" in listed
    names = [run["name"] for run in json.loads(airdesk("replay", "list", "--json")[1])]
    assert names == ["plain", "run-1"]

    shown = airdesk("replay", "show", "plain")[1]
    for words in ("3 trials", "Sharpe", "max drawdown", "the list, held", "closed trades", "SYNTHETIC"):
        assert words in shown
    as_json = json.loads(airdesk("replay", "show", "plain", "--json")[1])
    assert as_json["figures"]["trades"] == len(as_json["trades"]) > 0
    assert 0 <= as_json["figures"]["deflated_sharpe"] <= 1

    compared = airdesk("replay", "compare", "plain", "run-1")[1]
    assert "half_spread_bps" in compared
    assert "20.0" in compared
    assert "SYNTHETIC figures" in compared
    assert airdesk("replay", "compare", "plain", "plain")[0] == 1

    assert airdesk("replay", "delete", "run-1")[0] == 0
    code, printed = airdesk("replay", "show", "run-1")
    assert (code, "there is no replay run-1; stored: plain" in printed) == (1, True)
    assert "3 trials" in airdesk("replay", "show", "plain")[1]


def test_a_report_is_written_where_one_is_asked_for(airdesk, tmp_path):
    span = ("--from", str(FIRST), "--to", str(LAST))
    folder = tmp_path / "weeks"
    code, printed = airdesk("replay", "run", *span, "--name", "weeks", "--report", str(folder), "--png")
    assert code == 0, printed
    assert sorted(p.name for p in folder.iterdir()) == ["replay.png", "report.html", "trades.csv"]
    page = (folder / "report.html").read_text()
    assert "SYNTHETIC market" in page
    assert page.count("costs × ") == 3
    with_costs = json.loads(airdesk("replay", "show", "weeks", "--json")[1])
    assert f"{with_costs['figures']['trades']:.0f}" in page
    assert airdesk("replay", "run", *span, "--report", str(folder), "--no-cost-sensitivity", "--no-store")[0] == 0
    assert "costs × 0" not in (folder / "report.html").read_text()


def test_a_run_says_which_hours_its_range_lacks(airdesk, tmp_path):
    span = ("--from", str(LAST), "--to", "2024-08-06", "--no-store", "--no-cost-sensitivity")
    code, printed = airdesk("replay", "run", *span, "--report", str(tmp_path))
    assert code == 0, printed
    assert "missing: " in printed
    assert "nothing is bought on them (New York time)" in printed
    assert "In 2 sessions of 3 no name of the list had a usable price" in printed
    assert "GLD: 2024-08-05 09:30 to 2024-08-06 16:00 (14 hours)" in printed
    page = (tmp_path / "report.html").read_text()
    assert "TSLA: 2024-08-05 09:30 to 2024-08-06 16:00 (14 hours)" in page
    assert "SPY: no daily bar 2024-08-05 to 2024-08-06 (2 sessions)" in page


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--to", "2024-07-01"), "--to 2024-07-01 is before --from 2024-07-22; turn them round"),
        (("--from", "2024-07-27", "--to", "2024-07-28"), "no session from 2024-07-27 to 2024-07-28; widen the range"),
        (("--to", "2035-06-01"), "2035-06-01 has not ended yet; the newest session that has is 20"),
        (("--png",), "--png adds pictures to a report; name its folder with --report DIR"),
        (("--report", "/dev/null/reports"), "name a folder to write in"),
    ],
)
def test_what_cannot_be_replayed_is_said_before_anything_is(airdesk, words, sentence):
    code, printed = airdesk("replay", "run", "--from", str(FIRST), "--to", str(LAST), *words)
    assert (code, sentence in printed) == (1, True), printed
    assert len(printed.splitlines()) == 1


def test_nothing_is_shown_where_nothing_is_asked_for(airdesk):
    span = ("--from", str(FIRST), "--to", str(LAST))
    assert airdesk("replay", "run", *span, "--name", "weeks")[0] == 0
    assert "closed trades\n" not in airdesk("replay", "show", "weeks", "--trades", "0")[1]
    assert "from search nope" in airdesk("replay", "list", "--search", "nope")[1]


def test_a_session_that_has_not_ended_is_not_compared(airdesk):
    code, printed = airdesk("replay", "parity", "2035-06-01")
    assert (code, printed) == (1, "airdesk: 2035-06-01 has not ended yet; compare a session that has\n")


def test_a_book_that_is_replayed_anew_leaves_its_trial(services):
    def play(run_id, **flags):
        replay_session(services, three_sector(), BookId(BookKind.REPLAY, "weeks"), FIRST, run_id=run_id, **flags)

    play("first", replace=False)
    with services.store.snapshot() as tx:
        before = all_trials(tx)
    play("second", replace=True)
    with services.store.snapshot() as tx:
        assert before == tx.replays.trials() != ()


def test_who_reads_a_run_sees_one_instant_of_it(store):
    run = a_run(trades=(a_trade(),) * 3)
    with store.transaction() as tx:
        tx.replays.save_run(run)
    with store.snapshot() as reader:
        assert len(reader.replays.runs()) == 1
        with store.transaction() as writer:
            writer.replays.save_run(a_run(strategy="technical_core", trades=()), replace=True)
        assert reader.replays.run("june") == run
    with pytest.raises(AirdeskError), store.snapshot() as reader:
        reader.replays.delete_run("june")


def test_costs_make_the_same_run_poorer(airdesk):
    span = ("--from", str(FIRST), "--to", str(LAST))
    for name, bps in (("cheap", "0"), ("dear", "50")):
        airdesk("replay", "run", *span, "--name", name, "--half-spread-bps", bps)
    cheap, dear = json.loads(airdesk("replay", "compare", "cheap", "dear", "--json")[1])
    assert cheap["figures"]["gain_usd"] > dear["figures"]["gain_usd"]
    assert cheap["trial"]["configuration_hash"] != dear["trial"]["configuration_hash"]
    assert Decimal(str(cheap["starting_usd"])) == 100_000


def test_a_run_may_replace_numbers_of_the_strategy(airdesk):
    span = ("--from", str(FIRST), "--to", str(LAST))
    assert airdesk("replay", "run", *span, "--name", "own")[0] == 0
    code, printed = airdesk("replay", "run", *span, "--name", "tight", "--set", "trail=0.10")
    assert code == 0, printed
    assert "trail 0.1" in airdesk("replay", "show", "tight")[1]
    compared = airdesk("replay", "compare", "own", "tight")[1]
    assert "trail" in compared
    code, printed = airdesk("replay", "run", *span, "--set", "trail=0.10,0.11")
    assert (code, "trail names 2 values" in printed) == (1, True)


def test_the_best_numbers_of_a_search_are_replayed_as_a_run(airdesk, tmp_path):
    span = ("--from", str(FIRST), "--to", str(LAST))
    searched = airdesk("replay", "search", "trails", *span, "--set", "trail=0.10,0.12", "--min-trades", "1")
    assert searched[0] == 0, searched[1]
    code, printed = airdesk("replay", "run", *span, "--search", "trails", "--name", "best")
    assert code == 0, printed
    assert "the best of search trails" in airdesk("replay", "show", "best")[1]
    (best,) = json.loads(airdesk("replay", "list", "--search", "trails", "--json")[1])
    assert best["name"] == "best"
    assert airdesk("replay", "run", *span, "--search", "none")[0] == 1
    assert "over 2 trials" in printed, "the winner is one of the two trials of its search"


def test_a_session_is_not_replayed_into_the_name_of_a_run(airdesk, services):
    span = ("--from", str(FIRST), "--to", str(LAST))
    assert airdesk("replay", "run", *span, "--name", "weeks")[0] == 0
    with pytest.raises(PermanentError, match="weeks is a stored run"):
        replay_session(services, three_sector(), BookId(BookKind.REPLAY, "weeks"), FIRST, run_id="b", replace=True)


def test_a_book_that_was_replayed_is_listed_shown_and_deleted_by_its_name(airdesk, services):
    book = BookId(BookKind.REPLAY, "weeks")
    for session in CALENDAR.sessions(FIRST, FIRST):
        replay_session(services, three_sector(), book, session.session_on, run_id="b", replace=False)
    assert "backfill" in airdesk("replay", "list")[1]
    assert "spec" in airdesk("replay", "show", "weeks")[1]
    assert airdesk("replay", "delete", "weeks")[0] == 0
    assert "no replay is stored" in airdesk("replay", "list")[1]
    assert airdesk("replay", "delete", "weeks")[0] == 1


def test_an_audit_judges_every_promise_and_leaves_each_rule_out(airdesk, services):
    span = ("--from", str(FIRST), "--to", str(LAST))
    code, printed = airdesk("replay", "audit", *span, "--no-rules")
    assert code == 0
    for words in ("SYNTHETIC three_sector", "SYNTHETIC technical_core", "wash_sale", "every promise was kept"):
        assert words in printed, words
    code, printed = airdesk("replay", "audit", *span, "--strategy", "technical_core", "--json")
    (found,) = json.loads(printed)
    assert (code, set(found["promises"].values())) == (0, {0})
    assert {"golden_cross", "vix_above", "trailing stop", "drawdown breaker"} <= set(found["without"])
    with services.store.transaction() as tx:
        trials = all_trials(tx)
    # Both strategies, and technical_core without each part; what changes nothing is the same outcome.
    assert len(trials) == 2 + len(found["without"]) - 1
    code, printed = airdesk("replay", "audit", *span, "--strategy", "technical_core")
    assert "the part earned, USD" in " ".join(printed.split())
