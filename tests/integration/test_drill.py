"""A short kill sweep over every hazard, and the proof that the sweep can fail: a naive sender is caught."""

from __future__ import annotations

from collections import Counter

import pytest
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId
from trading.domain.orders import OrderStatus
from trading.drills.checker import ViolationKind
from trading.drills.databases import DrillDatabases
from trading.drills.disturbances import Hazard
from trading.drills.halt_drill import HaltRound, run_halts
from trading.drills.kill_drill import Tally, run_hazard
from trading.drills.world import import_everything
from trading.ports import ReservedLeg
from trading.tasks.execute import execute, families
from trading.tasks.sync import sync_broker

SEED = 1
KILLS = {Hazard.LINES: 20, Hazard.TIMES: 12, Hazard.RESTARTS: 10, Hazard.SWALLOWS: 10, Hazard.TWO_COPIES: 8}
"""Sixty in all."""


@pytest.fixture(scope="module")
def databases(pg_server) -> DrillDatabases:
    import_everything()
    return DrillDatabases(pg_server.url_for)


def drill(databases, hazard: Hazard, kills: int, tmp_path, task=execute) -> list[Tally]:
    tallies: list[Tally] = []
    run_hazard(
        databases, hazard, kills=kills, seed=SEED, log_file=tmp_path / "drill.log", report=tallies.append, execute=task
    )
    return tallies


@pytest.mark.parametrize("hazard", Hazard)
def test_a01_a03_b02_killed_executors_leave_one_order_per_intent_and_exact_books(databases, hazard, tmp_path) -> None:
    tallies = drill(databases, hazard, KILLS[hazard], tmp_path)
    assert [str(v) for tally in tallies for v in tally.violations] == []
    done = Counter()
    for tally in tallies:
        done.update(kills=tally.kills, orders=tally.orders, fills=tally.fills, restarts=tally.restarts)
    assert done["kills"] >= KILLS[hazard]
    assert done["orders"] > done["fills"] > 0, "the drill traded"
    assert bool(done["restarts"]) == (hazard is Hazard.RESTARTS)


def test_s05_a_halt_while_orders_are_sent_leaves_every_stop_live_and_nothing_else(databases, tmp_path) -> None:
    rounds: list[HaltRound] = []
    run_halts(databases, rounds=2, seed=SEED, log_file=tmp_path / "drill.log", report=rounds.append)
    assert [str(v) for done in rounds for v in done.violations] == []
    assert sum(done.positions for done in rounds) == sum(done.stops for done in rounds) > 0


def naive_execute(services, spec, book: BookId, slot):
    """Send whatever the store does not know as sent, under fresh ids: what most programs do on a retry."""
    with services.store.order_writer(book) as epoch, services.broker.connect() as broker:
        with services.store.transaction() as tx:
            decision = tx.decisions.newest(book, DecisionKind.HOURLY)
            planned = tx.orders.of_decision(decision.decision_id)
        for family in families([o for o in planned if o.status is OrderStatus.PLANNED]):
            first_id = broker.snapshot(book).next_order_id
            legs = [ReservedLeg(order, first_id + number) for number, order in enumerate(family)]
            events = broker.submit(legs)
            with services.store.transaction() as tx:
                tx.orders.reserve([o.order_id for o in family], client_id=11, first_id=first_id, epoch=epoch)
                for order, event in zip(family, events, strict=True):
                    tx.orders.record(tx.orders.get(order.order_id), event)
    return sync_broker(services, spec, book, slot)


def test_a_naive_sender_is_caught(databases, tmp_path) -> None:
    tallies = drill(databases, Hazard.TIMES, 25, tmp_path, naive_execute)
    kinds = {violation.kind for tally in tallies for violation in tally.violations}
    assert kinds & {ViolationKind.DUPLICATE, ViolationKind.UNCOMMITTED}
