"""Models in the store: trained as candidates, heard only when promoted, silent with a reason when anything is wrong."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import psycopg2
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.model_files import StateModelFiles
from trading.adapters.sklearn_trees import SklearnTrees
from trading.analysis.chances import FEATURES
from trading.analysis.model_file import written
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import session_slots
from trading.domain.models import ModelAction, ModelRecord, champion_of
from trading.domain.panel import Why
from trading.domain.signals import Outcome
from trading.engine.hours import history_panel
from trading.engine.replay import replay
from trading.entrypoints import cli
from trading.errors import PermanentError
from trading.execution.costs import CostModel
from trading.ports import Services, Sources
from trading.research.classifier import fit_model, importance
from trading.research.drift import reference_of
from trading.research.samples import label_of
from trading.strategy.three_sector import technical_core
from trading.tasks import analyse
from trading.tasks.chances import eras_of, record_of
from trading.tasks.decide import decide
from trading.tasks.facts import load_facts, terms_of, timeline_of
from trading.tasks.promote import promote, roll_back
from trading.tasks.replay import replay_session
from trading.tasks.train import check_drift, train_candidate

from tests.fakes import FixedClock, ny
from tests.integration.worlds import fill_with_synthetic_market
from tests.unit.research.test_classifier import KNOWN

CALENDAR = NyseCalendar()
SPEC = technical_core()
FIRST, LAST = date(2024, 7, 29), date(2024, 8, 2)
BOOK = BookId(BookKind.DEMO, "models")
TRAINED_ON = date(2024, 7, 26)
MODEL = fit_model(KNOWN, SklearnTrees(), model_id="barrier-1")


@pytest.fixture
def services(store, tmp_path) -> Services:
    fill_with_synthetic_market(store, CALENDAR, until=ny("2024-08-02 16:00"), days=30)
    return Services(
        store, CALENDAR, FixedClock(ny("2024-07-28 12:00")), Sources(), broker=None,
        model_files=StateModelFiles(tmp_path / "models"), trainer=SklearnTrees(),
    )  # fmt: skip


def registered(services: Services, model_id: str = "barrier-1", *, helps: bool = True, intercept: float | None = None):
    """Put a model that learned from invented samples into the registry."""
    model = replace(MODEL, model_id=model_id)
    if intercept is not None:
        model = replace(model, intercept=intercept)
    content = written(model, KNOWN.features).encode()
    session = CALENDAR.session(TRAINED_ON)
    record = ModelRecord(
        model_id=model_id, kind="barrier", file_name=f"{model_id}.json", sha256=hashlib.sha256(content).hexdigest(),
        features=tuple(FEATURES), train_first_on=date(2021, 1, 4), train_last_on=TRAINED_ON,
        usable_from=session.closes_at, label=label_of(SPEC),
        metrics={
            "samples": len(KNOWN),
            "calibration": {"slope": model.slope, "intercept": model.intercept},
            "reference": reference_of(model, KNOWN, importance(model, KNOWN)),
            "walk_forward": walked(helps=helps),
        },
        library="scikit-learn", strategy=SPEC.name, spec_hash=SPEC.spec_hash, code_version="test",
        is_synthetic=True, created_at=services.clock.now(),
    )  # fmt: skip
    services.model_files.write(record.file_name, content)
    with services.store.transaction() as tx:
        assert tx.models.add(record)
    return record


def walked(*, helps: bool) -> dict:
    figures = {"cagr_frac": 0.1, "sharpe": 1.0, "drawdown_frac": 0.1, "entries": 10, "exposure_frac": 0.3}
    return {
        "first_on": "2023-01-03", "last_on": "2024-07-26", "helps": helps, "trials": 2,
        "quality": {
            "count": 100, "base_frac": 0.5, "brier": 0.24, "base_brier": 0.25, "auc": 0.6, "mean_chance": 0.5,
            "reliability": [[0.5, 0.5, 100]],
        },
        "figures": {"rules": figures, "rules + model": {**figures, "sharpe": 1.1 if helps else 0.9}},
        "deflated": {"rules": 0.9, "rules + model": 0.9}, "taken": {"entries": 9, "shrunk": 1, "refused_hours": 4},
    }  # fmt: skip


def let_speak(services: Services, model_id: str = "barrier-1") -> None:
    promote(services, SPEC, model_id, actor="test", even_so=None)


def events(services: Services):
    with services.store.transaction() as tx:
        return tx.models.events(until=datetime(2030, 1, 1, tzinfo=UTC))


def later(services: Services, hours: int = 1) -> Services:
    return replace(services, clock=FixedClock(services.clock.now() + timedelta(hours=hours)))


def decided(services: Services, spec=SPEC, slot=None):
    """Analyse and decide the first hour of the replayed week; returns its reasons about the model by symbol."""
    slot = slot or session_slots(CALENDAR.session(FIRST))[0]
    with services.store.transaction() as tx:
        if BOOK not in tx.ledger.books():
            tx.ledger.open_book(
                BOOK, strategy=spec.name, spec_hash=spec.spec_hash, opened_at=slot.starts_at, cash_usd=Decimal(100_000)
            )
    for task in (analyse.technicals, analyse.sentiment, analyse.risk):
        task(services, spec, BOOK, slot)
    report = decide(services, spec, BOOK, slot)
    with services.store.transaction() as tx:
        reasons = tx.decisions.reasons(report.decision_id)
    return {r.symbol: r for r in reasons if r.rule == "model_agrees"}


def test_without_a_model_the_rule_abstains_and_no_row_is_written(services):
    said = decided(services)
    assert {(r.outcome, r.why) for r in said.values()} == {(Outcome.ABSTAIN, Why.NO_MODEL.sentence)}
    assert not services.model_files.folder.exists()


def test_a_promoted_model_is_heard_with_its_chance_and_the_end_of_its_training(services):
    record = registered(services)
    let_speak(services)
    said = decided(services)
    assert {r.outcome for r in said.values()} <= {Outcome.PASS, Outcome.FAIL}
    assert {r.input_at for r in said.values()} == {record.usable_from}
    assert all(0.0 <= r.observed <= 1.0 and r.threshold == 0.5 for r in said.values())
    slot = session_slots(CALENDAR.session(FIRST))[0]
    with services.store.transaction() as tx:
        panel = tx.analysis.read(SPEC.universe.traded, slot.as_of, slot.as_of)
    assert [said[s].observed for s in panel.symbols] == panel.model_probability[0].tolist()


def why_of(services: Services, spec=SPEC) -> set[str | None]:
    said = decided(services, spec)
    assert {r.outcome for r in said.values()} == {Outcome.ABSTAIN}
    return {r.why for r in said.values()}


def test_a_file_that_was_changed_is_not_read(services):
    record = registered(services)
    let_speak(services)
    path = services.model_files.folder / record.file_name
    path.write_bytes(path.read_bytes() + b" ")
    assert why_of(services) == {Why.MODEL_CHANGED.sentence}


def test_a_file_that_is_missing_is_told(services):
    record = registered(services)
    let_speak(services)
    (services.model_files.folder / record.file_name).unlink()
    assert why_of(services) == {Why.MODEL_UNREADABLE.sentence}


def test_a_model_of_another_stop_is_not_heard(services):
    registered(services)
    let_speak(services)
    other = replace(SPEC, protection=replace(SPEC.protection, trail_frac=0.15))
    assert why_of(services, other) == {Why.MODEL_OTHER_STOPS.sentence}


def test_no_path_is_followed_out_of_the_folder(tmp_path):
    (tmp_path / "secret").write_text("x")
    files = StateModelFiles(tmp_path / "models")
    files.write("a.json", b"{}")
    assert files.read("../secret") is None
    assert files.read("a.json") == b"{}"


def test_a_candidate_that_did_not_help_is_refused_unless_a_person_says_why(services):
    registered(services, helps=False)
    with pytest.raises(PermanentError, match="did no better than the rules alone"):
        let_speak(services)
    assert events(services) == ()
    promote(services, SPEC, "barrier-1", actor="cli:vic", even_so="a test on paper")
    (event,) = events(services)
    assert (event.action, event.actor, event.reason) == (ModelAction.PROMOTE, "cli:vic", "a test on paper")


def test_a_damaged_candidate_cannot_be_promoted(services):
    record = registered(services)
    (services.model_files.folder / record.file_name).write_text("{}")
    with pytest.raises(PermanentError, match="is not the one that was registered"):
        let_speak(services)


def test_rolling_back_goes_to_the_model_before_and_then_to_none(services):
    registered(services, "barrier-1")
    registered(services, "barrier-2", intercept=0.4)
    let_speak(services, "barrier-1")
    services = later(services)
    let_speak(services, "barrier-2")
    services = later(services)
    assert roll_back(services, actor="test", reason="worse on paper") == "barrier-1"
    assert champion_of(events(services)) == "barrier-1"
    services = later(services)
    assert roll_back(services, actor="test", reason="both are") is None
    with pytest.raises(PermanentError, match="no model is promoted"):
        roll_back(later(services), actor="test", reason="once more")


def test_the_registry_forgets_nothing(services, database_url):
    registered(services)
    let_speak(services)
    for statement in (
        "UPDATE analysis.models SET sha256 = repeat('0', 64)", "DELETE FROM analysis.models",
        "UPDATE analysis.model_events SET reason = ''", "DELETE FROM analysis.model_events",
    ):  # fmt: skip
        with psycopg2.connect(database_url) as connection, pytest.raises(psycopg2.Error, match="append-only"):
            connection.cursor().execute(statement)


def facts_and_eras(services: Services):
    timeline = timeline_of(CALENDAR, FIRST, LAST)
    first, last = timeline.slots[0], timeline.slots[-1]
    with services.store.transaction() as tx:
        facts = load_facts(tx, SPEC, first_at=first.as_of, as_of=last.as_of, cutoff_at=last.as_of)
        return timeline, facts, eras_of(services, tx, SPEC, until=last.as_of)


def test_hours_before_the_promotion_do_not_hear_the_model(services):
    registered(services)
    at = ny("2024-07-31 12:00")
    let_speak(replace(services, clock=FixedClock(at)))
    timeline, facts, eras = facts_and_eras(services)
    panel = history_panel(SPEC, facts, timeline, terms_of(services), eras)
    heard = panel.why_model[:, 0] == Why.KNOWN
    promoted_at = np.datetime64(at.replace(tzinfo=None), "us")
    assert (heard == (panel.times >= promoted_at)).all()
    assert heard.any()
    assert not heard.all()


def test_the_sessions_in_postgres_decide_with_the_model_what_the_replay_in_memory_does(services):
    registered(services)
    let_speak(services)
    timeline, facts, eras = facts_and_eras(services)
    book = BookId(BookKind.REPLAY, "model")
    result = replay(
        SPEC, facts, timeline, book=book, cash_usd=Decimal(100_000), terms=terms_of(services), costs=CostModel(),
        eras=eras,
    )  # fmt: skip
    for session in timeline.sessions:
        replay_session(services, SPEC, book, session.session_on, run_id=f"r-{session.session_on}", replace=False)
    with services.store.transaction() as tx:
        stored = [o for o in tx.orders.recent(book, 10_000) if o.status != "denied"]
        denied = [o for o in tx.orders.recent(book, 10_000) if o.status == "denied" and not o.is_protective]
    assert {(o.order_id, o.quantity, o.detail) for o in stored if not o.is_protective} == {
        (o.order_id, o.quantity, o.detail) for o in result.orders if not o.is_protective
    }
    told = [o.detail or "" for o in (*stored, *denied)]
    assert any("MODEL" in detail for detail in told), "the model took something away"


def test_the_decision_of_an_hour_is_that_of_its_replay(services):
    registered(services)
    let_speak(services)
    slot = session_slots(CALENDAR.session(FIRST))[0]
    decided(services)
    timeline, facts, eras = facts_and_eras(services)
    panel = history_panel(SPEC, facts, timeline, terms_of(services), eras)
    with services.store.transaction() as tx:
        stored = tx.analysis.read(SPEC.universe.traded, slot.as_of, slot.as_of)
    assert stored.model_probability[0].tolist() == panel.model_probability[0].tolist()
    assert stored.model_at[0].tolist() == panel.model_at[0].tolist()


def test_a_model_that_drifted_is_benched_with_a_message_and_the_rules_go_on(services, database_url):
    registered(services, intercept=3.0)
    with services.store.transaction() as tx:
        record = record_of(tx, "barrier-1")
    # Trained long before, so that there is a year to look at.
    old = replace(record, model_id="barrier-0", file_name="barrier-0.json", train_last_on=date(2023, 6, 30),
                  usable_from=ny("2023-06-30 16:00"))  # fmt: skip
    model = replace(MODEL, model_id="barrier-0", intercept=3.0)
    content = written(model, KNOWN.features).encode()
    services.model_files.write(old.file_name, content)
    with services.store.transaction() as tx:
        tx.models.add(replace(old, sha256=hashlib.sha256(content).hexdigest()))
    let_speak(services, "barrier-0")
    services = later(services)
    report = check_drift(services, SPEC, BOOK, session_slots(CALENDAR.session(TRAINED_ON))[-1])
    assert report.counts == {"benched": 1}
    event = events(services)[-1]
    assert (event.action, event.champion_id, event.actor) == (ModelAction.BENCH, None, "check_drift")
    with psycopg2.connect(database_url) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT body FROM ops.outbox WHERE kind = 'model_benched'")
        ((body,),) = cursor.fetchall()
    assert "barrier-0 is benched, the rules go on alone" in body
    assert why_of(services) == {Why.MODEL_BENCHED.sentence}
    again = check_drift(later(services), SPEC, BOOK, session_slots(CALENDAR.session(TRAINED_ON))[-1])
    assert again.notes == ("no model is promoted",)


def test_a_training_writes_a_candidate_and_promotes_nothing(services):
    slot = session_slots(CALENDAR.session(date(2024, 8, 2)))[-1]
    services = replace(services, clock=FixedClock(ny("2024-08-03 12:00")))
    report = train_candidate(services, SPEC, BOOK, slot)
    with services.store.transaction() as tx:
        records = tx.models.all()
        logged = tx.replays.trials()
    assert events(services) == ()
    assert report.counts["samples"] > 5_000
    if not report.counts["models"]:
        pytest.skip("the invented market taught nothing that held")
    (record,) = records
    assert (record.train_last_on, record.usable_from) == (date(2024, 8, 2), ny("2024-08-02 16:00"))
    assert record.is_synthetic
    assert set(record.metrics["walk_forward"]["figures"]) >= {"rules", "rules + model", "list", "SPY"}
    assert len(logged) == 2
    content = services.model_files.read(record.file_name)
    assert hashlib.sha256(content).hexdigest() == record.sha256
    # The same history trains the same model, which is registered once.
    train_candidate(later(services), SPEC, BOOK, slot)
    with services.store.transaction() as tx:
        assert tx.models.all() == records


@pytest.fixture
def command(services, database_url, monkeypatch, capsys):
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "demo")
    monkeypatch.setenv("AIRDESK_STRATEGY", SPEC.name)
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(Path(services.model_files.folder).parent))

    def run(*words: str) -> tuple[int, str]:
        code = cli.main(["model", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_the_commands_show_refuse_promote_and_take_back(services, command):
    assert command("list") == (
        0,
        "no model is registered, so model_agrees abstains; train one: ./airdesk model train\n",
    )
    registered(services, helps=False)
    code, shown = command("promote", "barrier-1", "--yes")
    assert code == 1
    assert "did no better than the rules alone" in shown
    assert "rules + model" in shown, "the walk-forward is shown before anything is asked"
    code, shown = command("promote", "barrier-1", "--even-so", "only on paper")
    assert "promote it with --yes" in shown
    assert events(services) == ()
    assert command("promote", "barrier-1", "--even-so", "only on paper", "--yes")[0] == 0
    code, shown = command("list")
    assert "SYNTHETIC" in shown
    assert "promoted" in shown
    assert "only on paper" in shown
    assert command("rollback", "--reason", "enough")[1] == "no model is heard any more\n"
    assert "taken back" in command("list")[1]
    assert command("show", "barrier-2")[0] == 1


def test_an_evaluation_prints_every_row_and_says_whether_the_model_helps(command):
    code, shown = command("evaluate", "--from", "2024-05-01", "--to", "2024-07-31", "--test", "2")
    assert code == 0
    for row in ("rules", "rules + model", "the list, held", "SPY, held", "SYNTHETIC"):
        assert row in shown
    assert "out of sample the model" in shown
