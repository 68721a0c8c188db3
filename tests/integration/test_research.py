"""A search is the replays that it says it is, goes on where it stopped, and never looks ahead."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.bootstrap import searcher_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.searches import Objective, Plan, Search, SearcherName, SearchKind, SearchTrial
from trading.engine.replay import replay
from trading.entrypoints import cli
from trading.errors import ConfigurationError, PermanentError
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.research.scoring import figures_of_result
from trading.strategy.space import axes_of, with_parameters
from trading.strategy.three_sector import technical_core
from trading.tasks.facts import load_facts, terms_of, timeline_of
from trading.tasks.research import finish_search, open_search, read_search, run_trials, run_window, stored_search

from tests.fakes import ny
from tests.integration.worlds import fill_with_synthetic_market

CALENDAR = NyseCalendar()
UNTIL = ny("2024-08-30 16:00")
SETS = ("trail=0.10,0.15", "rsi_exit=60,75")


@pytest.fixture
def services(store) -> Services:
    fill_with_synthetic_market(store, CALENDAR, until=UNTIL, days=110)
    return Services(store, CALENDAR, SystemClock(), Sources(), broker=None)


def a_plan(**changes) -> Plan:
    return Plan(
        **{
            "kind": SearchKind.SEARCH,
            "strategy": "technical_core",
            "first_on": date(2024, 6, 3),
            "last_on": date(2024, 6, 28),
            "axes": axes_of(SETS),
            "objective": Objective.TOTAL,
            "min_entry_count": 1,
            **changes,
        }
    )


def walk(**changes) -> Plan:
    months = {"train_months": 1, "test_months": 1, "embargo_sessions": 2, "last_on": date(2024, 8, 30)}
    return a_plan(kind=SearchKind.WALK_FORWARD, **months, **changes)


def carry_out(services: Services, name: str, plan: Plan) -> tuple[Search, list[SearchTrial]]:
    search, told = open_search(services, name, plan), []
    for window in search.windows:
        run_window(services, search, window, searcher_for(plan), told=told.append)
    return finish_search(services, search), told


def test_each_trial_is_the_replay_of_its_parameters(services):
    search, told = carry_out(services, "grid", a_plan())
    trials, outcomes = read_search(services, search)
    assert (tuple(told), outcomes) == (trials, ())
    assert [t.key for t in trials] == [f"rsi_exit={r} trail={t}" for r in (60, 75) for t in (0.1, 0.15)]
    timeline = timeline_of(CALENDAR, search.plan.first_on, search.plan.last_on)
    first_at, as_of = timeline.slots[0].as_of, timeline.slots[-1].as_of
    with services.store.transaction() as tx:
        facts = load_facts(
            tx, technical_core(), first_at=first_at, as_of=as_of, cutoff_at=search.cutoff_at, is_replay=True
        )
    for trial in trials:
        spec = with_parameters(technical_core(), trial.parameters)
        result = replay(
            spec, facts, timeline, book=BookId(BookKind.REPLAY, "other"), cash_usd=Decimal(100_000),
            terms=terms_of(services), costs=CostModel(),
        )  # fmt: skip
        assert trial.spec_hash == spec.spec_hash
        assert trial.figures == figures_of_result(result)
        assert trial.score == trial.figures["total_frac"]
    assert len({t.score for t in trials}) > 1, "the parameters matter"
    assert search.summary["score"] == max(t.score for t in trials)
    assert search.is_synthetic
    assert stored_search(services, "grid") == search
    with services.store.transaction() as tx:
        assert {t.spec_hash for t in tx.replays.trials()} == {t.spec_hash for t in trials}


def test_a_search_that_was_stopped_goes_on_and_tries_nothing_twice(services):
    plan = a_plan(searcher=SearcherName.OPTUNA, trial_count=3)
    _, whole = carry_out(services, "whole", plan)
    search = open_search(services, "stopped", plan)

    class Stopped(Exception):
        pass

    def stop(trial: SearchTrial) -> None:
        if trial.number == 1:
            raise Stopped

    with pytest.raises(Stopped):
        run_trials(services, search, search.windows[0], searcher_for(plan), told=stop)
    assert len(read_search(services, search)[0]) == 2
    again = open_search(services, "stopped", plan)
    assert again == search
    ran = run_trials(services, again, again.windows[0], searcher_for(plan), told=lambda _: None)
    assert ran == 1
    assert read_search(services, again)[0] == tuple(whole)
    assert run_trials(services, again, again.windows[0], searcher_for(plan), told=lambda _: None) == 0


def test_a_walk_forward_tests_each_winner_on_later_months_only(services):
    search, _ = carry_out(services, "walk", walk())
    trials, outcomes = read_search(services, search)
    assert [w.test_first_on for w in search.windows] == [date(2024, 7, 1), date(2024, 8, 1)]
    assert (len(trials), len(outcomes)) == (8, 2)
    for window, outcome in zip(search.windows, outcomes, strict=True):
        mine = [t for t in trials if t.window == window.number]
        best = max(mine, key=lambda t: (t.score, -t.number))
        assert (outcome.winner, outcome.train) == (best.parameters, best.figures)
        sessions = CALENDAR.sessions(window.test_first_on, window.test_last_on)
        assert len(outcome.test_equity) == len(sessions) + 1
        assert outcome.test_equity[0] == 100_000
    growth = [o.test_equity[-1] / o.test_equity[0] for o in outcomes]
    assert search.summary["figures"]["total_frac"] == pytest.approx(growth[0] * growth[1] - 1)
    assert 0 <= search.summary["deflated_sharpe"] <= search.summary["probabilistic_sharpe"] <= 1


def test_a_later_market_changes_no_earlier_window(store):
    """The same windows on a store that ends in July: trials and test of the first one are the same to the bit."""
    fill_with_synthetic_market(store, CALENDAR, until=ny("2024-07-31 16:00"), days=80)
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None)
    before, _ = carry_out(services, "before", replace(walk(), last_on=date(2024, 7, 31)))
    fill_with_synthetic_market(store, CALENDAR, until=UNTIL, days=110)
    after, _ = carry_out(services, "after", walk())
    trials, outcomes = read_search(services, before)
    later_trials, later_outcomes = read_search(services, after)
    assert trials == later_trials[: len(trials)]
    assert outcomes[0] == later_outcomes[0]


def test_no_trial_that_counts_means_the_strategys_own_numbers(services):
    search, _ = carry_out(services, "strict", walk(min_entry_count=10_000))
    trials, outcomes = read_search(services, search)
    assert {t.score for t in trials} == {None}
    assert {o.winner for o in outcomes} == {None}
    assert all(o.test == o.own_test for o in outcomes)
    assert "under 10000, too few" in trials[0].why


def test_numbers_that_contradict_each_other_are_a_trial_that_does_not_count(services):
    search, _ = carry_out(services, "odd", a_plan(axes=axes_of(["asset_cap=0.10,0.15"])))
    fine, odd = read_search(services, search)[0]
    assert fine.score is not None
    assert (odd.score, odd.figures) == (None, None)
    assert "asset_cap=0.15 is above trim_above=0.12" in odd.why
    assert search.summary["best"] == {"asset_cap": 0.1}
    assert search.summary["worthless"] == 1, "only what was replayed can be luck"


def test_a_name_stands_for_one_plan_and_one_code(services):
    search = open_search(services, "taken", a_plan())
    with pytest.raises(ConfigurationError, match="taken is another search"):
        open_search(services, "taken", a_plan(seed=2))
    with pytest.raises(PermanentError, match="search anew under another name"):
        open_search(replace(services, code_hash="f" * 64), "taken", a_plan())
    with pytest.raises(PermanentError, match="trials are missing in 1 windows"):
        finish_search(services, search)
    with pytest.raises(PermanentError, match="there is no search nowhere; stored: taken"):
        stored_search(services, "nowhere")


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (a_plan(axes=axes_of([f"{n}=0.10..0.15:0.0002" for n in ("trail", "breaker")])), "20,000 at most"),
        (walk(first_on=date(2024, 7, 15)), "holds 1 of the "),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(services, plan, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        open_search(services, "refused", plan)


def test_a_search_needs_history(store):
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None)
    search = open_search(services, "empty", a_plan())
    with pytest.raises(PermanentError, match="no bars are stored"):
        run_window(services, search, search.windows[0], searcher_for(search.plan), told=lambda _: None)


@pytest.fixture
def command(services, database_url, monkeypatch, capsys):
    """Run `./airdesk replay …`; returns what it printed."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "demo")

    def run(*words: str) -> str:
        assert cli.main(["replay", *words]) == 0
        return capsys.readouterr().out

    return run


WORDS = ("--strategy", "technical_core", "--objective", "total", "--min-trades", "1", "--from", "2024-06-03")
TYPED = [word for each in SETS for word in ("--set", each)]


def test_the_command_searches_shows_again_and_writes_a_report(command, tmp_path):
    page, picture = tmp_path / "typed.html", tmp_path / "typed.png"
    said = command("search", "typed", *WORDS, "--to", "2024-06-28", *TYPED)
    assert "SYNTHETIC typed: technical_core, 2024-06-03 to 2024-06-28, grid for total" in said
    assert "deflated" in " ".join(said.split())
    assert command("search", "typed") == said
    assert command("search") == "typed\n"
    told = json.loads(command("search", "typed", "--json", "--report", str(tmp_path), "--png"))
    assert (told["name"], told["summary"]["trials"], len(told["trials"])) == ("typed", 4, 4)
    assert datetime.fromisoformat(told["cutoff_at"]).tzinfo is not None
    text = page.read_text()
    assert text.count('aria-label="median score over') == 1, "one pair"
    assert text.count('aria-label="score by') == 2, "two parameters"
    assert "SYNTHETIC" in text
    assert "http" not in text, "the page loads nothing"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_command_walks_forward(command, tmp_path):
    words = ("--train", "1", "--test", "1", "--embargo", "2", "--to", "2024-08-30", "--report", str(tmp_path))
    said = " ".join(command("walk-forward", "typed-walk", *WORDS, *words, *TYPED).split())
    assert "1 2024-07..2024-07" in said
    assert "tests one behind the other: total" in said
    assert "trail by window" in said
    page = (tmp_path / "typed-walk.html").read_text()
    assert page.count('aria-label="median score over') == 1, "one pair"
    assert page.count('aria-label="score by') == 2, "two parameters"
    assert page.count('by window"') == 1
    assert "growth over the tests" in page
