"""Every stored decision, judged again from its stored inputs, gives the stored verdicts and the stored hash."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.adapters.postgres_store.store import PostgresTransaction
from trading.domain.codec import encode
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import session_slots
from trading.domain.orders import OrderStatus
from trading.domain.signals import RuleRole, Targets
from trading.entrypoints.cli import main
from trading.entrypoints.lessons import LESSONS
from trading.errors import PermanentError
from trading.ports import Services, Sources
from trading.strategy.margins import is_in_the_way
from trading.strategy.three_sector import technical_core
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide
from trading.tasks.explain import recompute
from trading.tasks.replay import replay_session

from tests.builders import a_fill
from tests.fakes import FixedClock, ny
from tests.integration.worlds import fill_with_synthetic_market

CALENDAR = NyseCalendar()
SPEC = technical_core()
FIRST, LAST = date(2024, 7, 22), date(2024, 7, 31)
"""NVDA's invented 4:1 split of 30 July is among them."""
DESK, REPLAY = BookId(BookKind.DEMO, "explain"), BookId(BookKind.REPLAY, "explain")
AT_THE_END = ny("2024-07-31 16:01")


@pytest.fixture(scope="module")
def services(pg_server) -> Services:
    """A desk of two sessions that holds shares, and a replayed book of eight."""
    url = pg_server.url_for("explain")
    migrate(url)
    store = PostgresStore(url)
    fill_with_synthetic_market(store, CALENDAR, until=AT_THE_END, days=30)
    desk = Services(store, CALENDAR, FixedClock(AT_THE_END), Sources(), broker=None, source_delay_minutes=15)
    for session in CALENDAR.sessions(FIRST, LAST):
        replay_session(desk, SPEC, REPLAY, session.session_on, run_id="test", replace=False)
    opened_at = ny("2024-07-30 09:30")
    with store.transaction() as tx:
        tx.ledger.open_book(
            DESK, strategy=SPEC.name, spec_hash=SPEC.spec_hash, opened_at=opened_at, cash_usd=Decimal(100_000)
        )
        bought = a_fill(book=DESK, symbol="AMD", quantity=Decimal(20), executed_at=opened_at, order_id=None)
        tx.ledger.add_booking(book_fill(bought, ()))
    for session in CALENDAR.sessions(date(2024, 7, 30), LAST):
        for slot in session_slots(session):
            for task in (technicals, sentiment, risk, decide):
                task(desk, SPEC, DESK, slot)
    return desk


def decisions(services: Services, book: BookId) -> list[Decision]:
    with services.store.transaction() as tx:
        slots = [slot for session in CALENDAR.sessions(FIRST, LAST) for slot in session_slots(session)]
        found = (tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of) for slot in slots)
        return [decision for decision in found if decision is not None]


@pytest.mark.parametrize(("book", "count"), [(DESK, 14), (REPLAY, 56)], ids=["tasks", "hourly_replay"])
def test_every_decision_judged_again_is_the_stored_one(services, book, count):
    # The settings of today may be others than those of then.
    today = replace(services, source_delay_minutes=0)
    stored = decisions(services, book)
    assert len(stored) == count
    with services.store.transaction() as tx:
        found = [recompute(today, tx, decision) for decision in stored]
        rules = {r.rule for d in stored for r in tx.decisions.reasons(d.decision_id)}
    assert [again.differences for again in found] == [()] * count
    assert all(again.count > 100 for again in found)
    assert {"position_open", "drawdown_breaker", "golden_cross", "vix_above"} <= rules
    assert (book == DESK) == ("software_stop" in rules)


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        (
            "UPDATE analysis.technicals SET rsi_14 = 71.5 WHERE symbol = 'MSFT'",
            {"rsi_below.outcome", "rsi_below.observed", "rsi_above.outcome", "rsi_above.observed", "decision_hash"},
        ),
        ("UPDATE analysis.risk SET vix_at = vix_at - interval '1 hour'", {"vix_above.input_at", "decision_hash"}),
        ("UPDATE analysis.valuation SET revenue_growth_frac = 9", {"decision_hash"}),
        ("UPDATE desk.marks SET quantity = 21", {"position_open.observed"}),
        ("UPDATE desk.nav SET peak_nav_usd = 2 * nav_usd", {"drawdown_breaker.observed"}),
    ],
)
def test_a_changed_input_is_named_by_what_it_changes(services, pg_server, sql, names):
    newest = decisions(services, DESK)[-1]
    with services.store.transaction() as tx:
        before = recompute(services, tx, newest).differences
    with closing(connect(pg_server.url_for("explain"))) as connection, connection.cursor() as cursor:
        # Never committed: what the other tests read stays as it is.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(sql)
        assert cursor.rowcount > 0
        found = recompute(services, PostgresTransaction(connection, None), newest).differences
        connection.rollback()
    assert before == ()
    assert {difference.name for difference in found} == names


def test_what_another_strategy_decided_is_not_judged_by_this_one(services):
    strange = replace(decisions(services, DESK)[-1], spec_hash="0" * 16)
    with services.store.transaction() as tx, pytest.raises(PermanentError, match="check out"):
        recompute(services, tx, strange)


def test_what_no_rule_decided_cannot_be_judged_again(services):
    at = decisions(services, DESK)[-1].as_of
    placed = replace(
        decisions(services, DESK)[-1], kind=DecisionKind.PROTECTION,
        decision_id=decision_id_for(DESK, DecisionKind.PROTECTION, at),
    )  # fmt: skip
    with services.store.transaction() as tx, pytest.raises(PermanentError, match="judges no rule"):
        recompute(services, tx, placed)


@pytest.fixture
def airdesk(services, pg_server, monkeypatch, capsys, tmp_path):
    """The command line on that desk: exit code and what it printed."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", pg_server.url_for("explain"))
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("AIRDESK_BOOK", str(DESK))
    monkeypatch.setenv("AIRDESK_MODE", "demo")
    monkeypatch.setenv("AIRDESK_SOURCE_DELAY_MINUTES", "15")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str]:
        code = main(list(words))
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_why_shows_every_verdict_with_what_would_turn_it_and_the_position(airdesk, services):
    newest = decisions(services, DESK)[-1]
    code, printed = airdesk("why", "AMD")
    assert code == 0
    for words in ("golden_cross", "to spare", "needs", "software_stop", "does not apply", "holds 20 AMD", "no stop"):
        assert words in printed, words
    assert newest.decision_id in printed
    plain = json.loads(airdesk("why", "AMD", "--json")[1])
    with services.store.transaction() as tx:
        stored = tx.decisions.reasons(newest.decision_id, "AMD")
    assert [(r["rule"], r["outcome"], r["observed"]) for r in plain["reasons"]] == [
        (r.rule, r.outcome.value, r.observed) for r in stored
    ]
    assert plain["held"]["quantity"] == "20.0000"


def test_why_finds_the_newest_hour_that_had_ended(airdesk, services):
    first = decisions(services, DESK)[0]
    at = f"{first.as_of + timedelta(minutes=59):%Y-%m-%dT%H:%M+00:00}"
    assert first.decision_id in airdesk("why", "NVDA", "--at", at)[1]
    code, printed = airdesk("why", "NVDA", "--at", "2024-07-01T14:30+00:00")
    assert (code, "has no decision by 2024-07-01 14:30 UTC; leave --at out for the newest" in printed) == (1, True)
    code, printed = airdesk("why", "SPY")
    assert (code, "judged no SPY in that hour; three_sector trades GLD" in printed) == (1, True)


def test_why_of_a_replay_in_process_says_what_the_replay_dag_stored(airdesk, services):
    span = ("--from", str(FIRST), "--to", str(LAST), "--strategy", SPEC.name)
    assert airdesk("replay", "run", *span, "--name", "inside")[0] == 0
    ours = BookId(BookKind.REPLAY, "inside")
    for decision in decisions(services, REPLAY)[::5]:
        at = decision.as_of.isoformat()
        found = json.loads(airdesk("why", "MSFT", "--book", str(ours), "--at", at, "--json")[1])
        with services.store.transaction() as tx:
            stored = [r for r in tx.decisions.reasons(decision.decision_id, "MSFT") if r.role is not RuleRole.BLOCK]
        of_panel = {r.rule: encode(r) for r in stored if r.rule not in ("drawdown_breaker", "software_stop")}
        told = {
            r["rule"]: {k: v for k, v in r.items() if k != "turns"} for r in found["reasons"] if r["role"] != "block"
        }
        assert told == of_panel
    ordered = [d for d in decisions(services, REPLAY) if _orders(services, d)]
    assert ordered
    for decision in ordered:
        theirs = {(o.symbol, o.purpose.value, str(o.quantity.normalize())) for o in _orders(services, decision)}
        told = set()
        for symbol in {symbol for symbol, _, _ in theirs}:
            words = ("why", symbol, "--book", str(ours), "--at", decision.as_of.isoformat(), "--json")
            found = json.loads(airdesk(*words)[1])
            told |= {(o["symbol"], o["purpose"], str(Decimal(o["quantity"]).normalize())) for o in found["orders"]}
        assert told == theirs
    assert f"SYNTHETIC REPLAY {ours}: near misses" in airdesk("near-misses", "--book", str(ours))[1]
    assert "in one process, which keeps no orders" in airdesk("positions", "--book", str(ours))[1]
    assert f"SYNTHETIC REPLAY {REPLAY}: orders" in airdesk("orders", "--book", str(REPLAY))[1]
    assert f"SYNTHETIC REPLAY {REPLAY}: MSFT at" in airdesk("why", "MSFT", "--book", str(REPLAY))[1]
    assert airdesk("replay", "delete", "inside")[0] == 0
    code, printed = airdesk("why", "MSFT", "--book", str(ours))
    assert (code, "has no decision yet; replay it again" in printed) == (1, True)


def _orders(services: Services, decision: Decision):
    with services.store.transaction() as tx:
        return [o for o in tx.orders.of_decision(decision.decision_id) if o.status is not OrderStatus.DENIED]


def test_a_broken_file_of_verdicts_is_named(airdesk, tmp_path):
    folder = tmp_path / "state" / "replays"
    folder.mkdir(parents=True)
    (folder / "torn.npz").write_bytes(b"PK\x03\x04 torn")
    code, printed = airdesk("why", "MSFT", "--book", "replay:torn")
    assert (code, "torn.npz cannot be read" in printed) == (1, True)


def test_near_misses_are_those_of_the_stored_verdicts(airdesk, services):
    found = json.loads(airdesk("near-misses", "--days", "30", "--book", str(REPLAY), "--json")[1])
    with services.store.transaction() as tx:
        stored = [r for d in decisions(services, REPLAY) for r in tx.decisions.reasons(d.decision_id)]
    assert found
    for miss in found:
        hours = {
            r.as_of for r in stored if r.symbol == miss["symbol"] and r.rule == miss["rules"][0] and is_in_the_way(r)
        }
        assert miss["count"] <= len(hours)
    distances = [miss["frac"] for miss in found if miss["frac"] is not None]
    assert distances == sorted(distances)
    code, printed = airdesk("near-misses", "--days", "30", "--book", str(REPLAY))
    assert (code, found[0]["symbol"] in printed) == (0, True)


def test_explain_shows_a_whole_decision_and_ends_with_4_once_an_input_is_another(airdesk, services, pg_server):
    newest = decisions(services, DESK)[-1]
    code, printed = airdesk("explain", newest.decision_id)
    assert code == 0
    for words in ("judged again from its stored inputs", "are equal", "VIX", "targets", "rsi_above", newest.note):
        assert words in printed, words
    for value, expected in ("rsi_14 + 40", 4), ("rsi_14 - 40", 0):
        with closing(connect(pg_server.url_for("explain"))) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"UPDATE analysis.technicals SET rsi_14 = {value} WHERE symbol = 'MSFT'")
        code, printed = airdesk("explain", newest.decision_id)
        assert (code, "it is not the same" in printed) == (expected, expected == 4)
    assert json.loads(airdesk("explain", newest.decision_id, "--json")[1])["differences"] == []
    code, printed = airdesk("explain", "hourly.nothing")
    assert (code, "there is no decision hourly.nothing" in printed) == (1, True)


def test_targets_of_a_decision_come_back(services):
    with services.store.transaction() as tx:
        found = [tx.decisions.targets(decision) for decision in decisions(services, REPLAY)]
    assert any(targets.weight_frac for targets in found)
    assert all(isinstance(targets, Targets) for targets in found)


READS = (
    "positions", "orders", "fills", "state", "locks", "risk", "rebalance preview", "tax method", "data status",
    "data gaps NVDA --from 2024-07-30 --to 2024-07-31", "data as-of NVDA 2024-07-31T20:01Z", "model list",
    "reconcile list",
)  # fmt: skip


@pytest.mark.parametrize("typed", READS)
def test_a_read_prints_one_json_object_with_the_keys_that_its_lesson_promises(airdesk, typed):
    words = typed.split()
    code, out = airdesk(*words, "--json")
    assert code == 0
    lesson = next(LESSONS[name] for n in (2, 1) if (name := " ".join(words[:n])) in LESSONS)
    assert tuple(json.loads(out)) == lesson.keys


def test_money_and_shares_in_json_are_exact_text_and_the_book_wears_its_badge(airdesk):
    found = json.loads(airdesk("positions", "--json")[1])
    (amd,) = found["positions"]
    assert (found["badge"], amd["symbol"], amd["lots"][0]["quantity"]) == ("SYNTHETIC", "AMD", "20.0000")


@pytest.mark.parametrize("typed", ["positions", "orders", "fills", "why AMD", "near-misses", "risk", "data status"])
def test_a_table_fits_80_columns_and_a_pipe_gets_no_colours(airdesk, monkeypatch, typed):
    monkeypatch.setenv("COLUMNS", "80")
    out = airdesk(*typed.split())[1]
    assert "\x1b" not in out
    assert [line for line in out.splitlines() if len(line.rstrip()) > 80] == []
