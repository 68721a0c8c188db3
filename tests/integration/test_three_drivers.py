"""One strategy, ten sessions, three drivers: hourly tasks at the paper gateway, `airflow backfill`, and in process.

The gateway is a process of its own behind a socket, driven through the real client; the backfill runs in the real
scheduler. Decisions, orders and fills must be the same to the last digit; only ids name the book.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from trading.adapters.loopback import HOST, free_port
from trading.adapters.postgres_store.connection import connect
from trading.bootstrap import services_for
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import session_slots
from trading.domain.portfolio import Portfolio
from trading.drills.gateway_process import GatewayProcess, GatewaySetup
from trading.engine.arrival import Market
from trading.engine.hashing import decision_hash
from trading.engine.hours import Hours, history_panel
from trading.engine.playing import Played, play
from trading.engine.replay import replay
from trading.engine.result import ReplayResult
from trading.engine.state import BookState
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import desk_databases
from trading.entrypoints.run_record import run_lock
from trading.entrypoints.running_desk import RunningDesk, running_desk
from trading.gateway.feed import source_feed
from trading.ports import Services
from trading.strategy.judging import judge
from trading.tasks.desk import report
from trading.tasks.explain import recompute
from trading.tasks.facts import load_facts, terms_of, timeline_of
from trading.tasks.parity import parity
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import sync_broker

from tests.dags.desk import rows_of
from tests.integration.parity_world import (
    CALENDAR,
    FIRST_ON,
    HALF_DAY,
    LAST_ON,
    SPEC,
    SPLIT_OF,
    SPLIT_ON,
    run_hour,
    run_tasks,
    scenario,
    sessions,
    store_scenario,
)
from tests.integration.test_backfill import ROOT, airflow, finished_runs

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

ACCOUNT, CASH_USD = "DU0000009", Decimal(100_000)
PAPER, REPLAYED = BookId(BookKind.PAPER, ACCOUNT), BookId(BookKind.REPLAY, "three")
TIMELINE = timeline_of(CALENDAR, FIRST_ON, LAST_ON)


class Drivers:
    """What the three drivers left: two books in one database, and a result in memory."""

    def __init__(self, services: Services, url: str, result: ReplayResult, played: list[Played]) -> None:
        self.services, self.url, self.result, self.played = services, url, result, played

    def both(self, query: str) -> tuple[list[Any], list[Any]]:
        """Return the rows of the paper book and of the backfill; `BOOK` in the query stands for either."""
        return tuple(rows_of(self.url, query.replace("BOOK", f"'{book}'")) for book in (PAPER, REPLAYED))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def drivers() -> Iterator[Drivers]:
    sources, opening = scenario(), sessions()[0].opens_at - timedelta(minutes=1)
    feed = source_feed(sources.bars[0], SPEC.universe.data, sources.actions[0])  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="airdesk-test-") as name:
        folder = Path(name)
        # As root the server runs under another account, which must be able to enter.
        folder.chmod(0o711)
        setup = GatewaySetup(ACCOUNT, CASH_USD, opening, feed, CALENDAR, folder / "gateway", folder / "gateway.log")
        with GatewayProcess(setup) as gateway:
            configure(patch, folder, gateway)
            checkout = Checkout.from_environment(os.environ)
            checkout.make_folders()
            with run_lock(checkout.state) as free, running_desk(checkout, say=print) as desk:
                assert free
                services = replace(services_for(desk.settings), sources=sources)
                store_scenario(services.store, sources, until=TIMELINE.before.closes_at)
                trade(services)
                desk.wait_until_ready()
                backfill(desk)
                yield Drivers(services, desk.settings.database_url, *in_memory(services))


def configure(patch: pytest.MonkeyPatch, folder: Path, gateway: GatewayProcess) -> None:
    """Set up a paper desk at `gateway`, on stored rows."""
    for name in [name for name in os.environ if name.startswith(("AIRFLOW", "AIRDESK"))]:
        patch.delenv(name)
    for name, value in {
        "AIRDESK_STATE_DIR": folder / "desk",
        "AIRDESK_UI_PORT": free_port(),
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": PAPER,
        "AIRDESK_SOURCES": "stored",
        "AIRDESK_STRATEGY": SPEC.name,
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_HOST": HOST,
        "AIRDESK_BROKER_PORT": gateway.port,
        "AIRDESK_GATEWAY_CONTROL_PORT": gateway.control_port,
    }.items():
        patch.setenv(name, str(value))


def trade(services: Services) -> None:
    """Run the functions of the live DAGs hour by hour, and the nightly comparison after each close."""
    for session in sessions():
        for slot in session_slots(session):
            run_hour(services, PAPER, slot)
            run_tasks(services, PAPER, slot, [report])
        run_tasks(services, PAPER, slot, (sync_broker, reconcile, parity))


def backfill(desk: RunningDesk) -> None:
    """Run the sessions through `airflow backfill` of the replay DAG."""
    airflow("dags", "unpause", "hourly_replay")
    airflow(
        "backfill", "create", "--dag-id", "hourly_replay", "--from-date", f"{FIRST_ON}",
        "--to-date", f"{LAST_ON}T23:59", "--dag-run-conf", json.dumps({"book": REPLAYED.name}),
    )  # fmt: skip
    assert finished_runs(desk, len(sessions())) == ["success"] * len(sessions())


def in_memory(services: Services) -> tuple[ReplayResult, list[Played]]:
    """Replay what the desk has stored, in this process: by the engine, and hour by hour with every step kept."""
    first, last = TIMELINE.slots[0].as_of, TIMELINE.slots[-1].as_of
    with services.store.transaction() as tx:
        facts = load_facts(tx, SPEC, first_at=first, as_of=last, cutoff_at=last, is_replay=True)
    terms, costs = terms_of(services), services.costs
    result = replay(SPEC, facts, TIMELINE, book=REPLAYED, cash_usd=CASH_USD, terms=terms, costs=costs)
    panel = history_panel(SPEC, facts, TIMELINE, terms)
    opens_at = TIMELINE.sessions[0].opens_at
    start = BookState(Portfolio(REPLAYED, opens_at, CASH_USD))
    market = Market.of(SPEC, facts, TIMELINE, terms, costs)
    return result, list(play(SPEC, start, Hours(judge(SPEC, panel), panel, TIMELINE, terms), market, opens_at))


# --- the days hold what they promise -------------------------------------------------------------


def test_the_days_hold_a_half_day_a_split_of_what_is_held_and_a_vix_that_blocks_entries(drivers):
    result = drivers.result
    rows = {slot.as_of: row for row, slot in enumerate(TIMELINE.slots)}
    column = result.panel.symbols.index(SPLIT_OF)
    (before, *_), (after, *_) = (
        [rows[s.as_of] for s in TIMELINE.slots if s.session_on == on][::step]
        for on, step in ((date_before(), -1), (SPLIT_ON, 1))
    )
    assert 0 < result.curve.quantity[before, column] * 4 == result.curve.quantity[after, column]
    assert len([s for s in TIMELINE.slots if s.session_on == HALF_DAY]) == 4
    kept_out = result.judgement.enters & result.judgement.blocked & (result.panel.vix > SPEC.protection.max_vix)
    assert kept_out.any(axis=1).sum() >= 5
    assert len(sessions()) >= 10
    purposes = {o.order_id: o.purpose.value for o in result.orders}
    assert {purposes[f.order_id] for f in result.fills} == {"entry", "exit", "rule_exit", "stop"}
    assert {"WASH_BLOCK", "MARKET_CLOSED"} <= set(result.denials)
    assert result.dividends


def date_before():
    return [s.session_on for s in sessions() if s.session_on < SPLIT_ON][-1]


# --- decisions --------------------------------------------------------------------------------------


def test_every_decision_has_the_same_hash_note_and_nav(drivers):
    paper, backfilled = drivers.both(
        "SELECT as_of, decision_hash, note, nav_usd, cutoff_at, is_closing, spec_hash, code_version "
        "FROM desk.decisions WHERE book = BOOK AND kind <> 'protection' ORDER BY as_of, kind"
    )
    kinds = [p.kind for p in drivers.played]
    assert kinds.count(DecisionKind.HOURLY) == len(TIMELINE.slots)
    assert DecisionKind.REBALANCE in kinds
    assert paper == backfilled
    in_process = [
        (
            p.hour.slot.as_of,
            decision_hash(SPEC.spec_hash, p.hour, p.taken.account.targets),
            p.taken.account.note,
            p.taken.nav_usd,
        )
        for p in drivers.played
    ]
    assert [row[:4] for row in paper] == in_process
    hourly = [row[3] for row, kind in zip(paper, kinds, strict=True) if kind is DecisionKind.HOURLY]
    assert hourly == list(drivers.result.curve.nav_usd), "the engine's own figures"


def test_every_verdict_is_the_same_with_its_numbers(drivers):
    paper, backfilled = drivers.both(
        "SELECT d.as_of, r.symbol, r.role, r.rule, r.outcome, r.observed, r.threshold, r.input_at, r.why "
        "FROM desk.reasons r JOIN desk.decisions d USING (decision_id) WHERE d.book = BOOK "
        "ORDER BY 1, 2, 3, 4"
    )
    assert len(paper) > 100 * len(TIMELINE.slots)
    assert paper == backfilled
    in_process = [
        (r.as_of, r.symbol, r.role.value, r.rule, r.outcome.value, r.observed, r.threshold, r.input_at, r.why)
        for p in drivers.played
        for r in (*p.hour.judgement.reasons(p.hour.row, p.hour.slot.as_of), *p.taken.account.reasons)
    ]
    assert paper == sorted(in_process, key=lambda row: row[:4])


@pytest.mark.parametrize("book", [PAPER, REPLAYED], ids=str)
def test_every_decision_judged_again_from_its_stored_inputs_is_the_stored_one(drivers, book):
    with drivers.services.store.snapshot() as tx:
        found = [tx.decisions.find(book, DecisionKind.HOURLY, slot.as_of) for slot in TIMELINE.slots]
        again = {decision.as_of: recompute(drivers.services, tx, decision) for decision in found}
    assert {as_of: one.differences for as_of, one in again.items() if one.differences} == {}
    assert sum(one.count for one in again.values()) > 100 * len(TIMELINE.slots)


def test_every_target_is_the_same(drivers):
    paper, backfilled = drivers.both(
        "SELECT d.as_of, t.symbol, t.weight_frac FROM desk.targets t JOIN desk.decisions d USING (decision_id) "
        "WHERE d.book = BOOK ORDER BY d.as_of, d.kind, t.symbol"
    )
    assert paper == backfilled
    in_process = [
        (p.hour.slot.as_of, symbol, weight)
        for p in drivers.played
        for symbol, weight in sorted(p.taken.account.targets.weight_frac.items())
    ]
    assert paper == in_process


# --- orders and fills -------------------------------------------------------------------------------

_ORDERS = (
    "SELECT o.planned_at, o.symbol, o.purpose, o.leg, o.side, o.quantity, o.order_type, o.time_in_force, "
    "o.limit_price, o.trail_frac, o.expires_at, o.status, o.stop_price "
    "FROM desk.orders o JOIN desk.decisions d USING (decision_id) WHERE o.book = BOOK AND d.kind IN (KINDS) "
    "ORDER BY 1, 2, 3, 4"
)


def test_every_order_is_the_same_denied_ones_included(drivers):
    paper, backfilled = drivers.both(_ORDERS.replace("KINDS", "'hourly', 'rebalance'"))
    guards, _ = drivers.both(_ORDERS.replace("KINDS", "'protection'"))
    old = [row for row in backfilled if row[1] == SPLIT_OF and row[2] in ("stop", "target") and row[11] != "denied"]
    moved = [row for row in old if row[0].date() < SPLIT_ON]
    assert len(guards) == 2, "the broker cancels one pair, on the split, and the desk places it anew"
    # The new pair goes on exactly where the replay's own pair stands after the split.
    assert [row[5:7] + row[8:10] + row[11:] for row in guards] == [row[5:7] + row[8:10] + row[11:] for row in moved]
    same = [row for row in backfilled if row not in moved]
    assert [row for row in paper if row in same] == same
    assert [row[:11] for row in paper] == [row[:11] for row in backfilled]
    sent = [(o.planned_at, o.symbol, o.purpose.value, o.leg, o.side.value) for o in drivers.result.orders]
    assert sorted(sent) == [row[:5] for row in backfilled if row[11] != "denied"]
    entries = {
        (o.planned_at, o.symbol): (o.quantity, o.limit_price, o.expires_at) for o in drivers.result.orders if o.leg == 0
    }
    assert entries == {row[:2]: (row[5], row[8], row[10]) for row in backfilled if row[3] == 0 and row[11] != "denied"}


def test_every_denial_is_the_same(drivers):
    paper, backfilled = drivers.both(
        "SELECT o.planned_at, o.symbol, o.purpose, n.stage, n.code, n.observed, n.threshold FROM desk.denials n "
        "JOIN desk.orders o USING (order_id) WHERE o.book = BOOK ORDER BY 1, 2, 3, 4, 5"
    )
    assert paper
    assert paper == backfilled


def test_every_fill_is_the_same_with_its_costs_and_its_minute(drivers):
    paper, backfilled = drivers.both(
        "SELECT executed_at, symbol, side, quantity, price, commission_usd FROM desk.fills "
        "WHERE book = BOOK ORDER BY 1, 2, 3"
    )
    assert len(paper) >= 8
    assert paper == backfilled
    in_process = [
        (f.executed_at, f.symbol, f.side.value, f.quantity, f.price, f.commission_usd) for f in drivers.result.fills
    ]
    assert paper == sorted(in_process)


def test_the_books_end_with_the_same_money_lots_and_gains(drivers):
    for columns, table, condition in (
        ("happened_at, kind, amount_usd", "desk.cash_entries", "kind <> 'deposit'"),
        ("symbol, quantity, cost_per_share, acquired_on", "desk.lots", "closed_at IS NULL"),
        ("disposed_on, symbol, quantity, proceeds_usd, basis_usd", "desk.disposals", "true"),
        ("as_of, cash_usd, nav_usd, peak_nav_usd, lifetime_peak_usd, tripped_on", "desk.nav", "true"),
    ):
        query = f"SELECT {columns} FROM {table} WHERE book = BOOK AND {condition} ORDER BY 1, 2, 3"
        paper, backfilled = drivers.both(query)
        assert paper, table
        assert paper == backfilled, table


# --- a day beside its replay --------------------------------------------------------------------------


def parity_command(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "trading.entrypoints.cli", "replay", "parity", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins")}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_every_night_found_the_day_equal_to_its_replay(drivers):
    days = rows_of(
        drivers.url,
        "SELECT session_on, outcome, decisions, decisions_equal, orders_equal, orders, fills_equal, fills, summary "
        "FROM desk.parity_days ORDER BY 1",
    )
    assert [row[0] for row in days] == [s.session_on for s in sessions()]
    for on, outcome, decisions, decisions_equal, orders_equal, orders, fills_equal, fills, summary in days:
        assert outcome == "equal", summary
        assert decisions == decisions_equal == (4 if on == HALF_DAY else 7)
        assert (orders, fills) == (orders_equal, fills_equal)
    assert sum(row[5] for row in days) == sum(not o.is_protective for o in drivers.result.orders)
    assert sum(row[7] for row in days) == len(drivers.result.fills)
    assert rows_of(drivers.url, "SELECT * FROM ops.outbox WHERE kind = 'parity'") == []


def test_the_command_compares_the_day_of_the_split_and_shows_the_history(drivers):
    done = parity_command(f"{SPLIT_ON}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"PAPER {PAPER} {SPLIT_ON}: equal: 7 of 7 decisions equal" in done.stdout
    history = parity_command("--history", "--json")
    assert [day["outcome"] for day in json.loads(history.stdout)] == ["equal"] * len(sessions())


def test_the_command_names_what_was_tampered_with(drivers):
    at = sessions()[-1].opens_at + timedelta(hours=2)
    # The desk's own login cannot: a decision is never rewritten.
    with desk_databases(Checkout.from_environment(os.environ), {}) as urls:
        owner = urls.owner
    with closing(connect(owner)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("UPDATE analysis.technicals SET rsi_14 = 12 WHERE as_of = %s AND symbol = 'NVDA'", (at,))
        cursor.execute("DELETE FROM desk.targets WHERE decision_id IN (SELECT decision_id FROM desk.decisions "
                       "WHERE book = %s AND as_of = %s)", (str(PAPER), at))  # fmt: skip
    done = parity_command(f"{LAST_ON}", "--json")
    assert done.returncode == 4, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert found["decisions_equal"] == 6
    inputs = [d for d in found["differences"] if d["kind"] == "input"]
    assert [(d["symbol"], d["what"], d["book"]) for d in inputs] == [("NVDA", "rsi_14", "12")]
    assert "revised" in inputs[0]["cause"]
    assert {d["kind"] for d in found["differences"]} <= {"input", "target"}


def test_a_day_without_a_session_is_refused_and_one_without_decisions_says_so(drivers):
    assert parity_command("2020-11-26").returncode == 1
    done = parity_command(f"{TIMELINE.before.session_on}")
    assert (done.returncode, "decided nothing" in done.stdout) == (5, True)
