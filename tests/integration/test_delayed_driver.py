"""With sources 15 minutes late and protection close to the price, hourly tasks and replay still agree fill by fill.

A cutoff lies inside a bar then: what rests at the gateway must not see more of that bar than a replay does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.ibkr import IbkrGate
from trading.domain.decisions import DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import session_slots
from trading.domain.orders import OrderPurpose
from trading.drills.gateway_process import GatewayProcess, GatewaySetup
from trading.engine.replay import replay
from trading.entrypoints.demo_loop import STEPS
from trading.gateway.feed import source_feed
from trading.ports import Services
from trading.tasks.desk import report
from trading.tasks.facts import load_facts, terms_of, timeline_of
from trading.tasks.parity import parity_of
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import sync_broker

from tests.integration.parity_world import CALENDAR, SPEC, scenario, sessions, store_scenario

ACCOUNT, CASH_USD = "DU0000009", Decimal(100_000)
BOOK = BookId(BookKind.PAPER, ACCOUNT)
DAYS = sessions()[:3]
TIGHT = replace(
    SPEC,
    protection=replace(SPEC.protection, trail_frac=0.015, take_profit_frac=0.015),
    sizing=replace(SPEC.sizing, trim_above_frac=0.101, limit_offset_frac=0.0005),
)


@pytest.mark.timeout(400)
def test_late_sources_and_close_protection_end_in_the_same_fills(store, tmp_path):
    sources, opening = scenario(), DAYS[0].opens_at - timedelta(minutes=1)
    timeline = timeline_of(CALENDAR, DAYS[0].session_on, DAYS[-1].session_on)
    store_scenario(store, sources, until=timeline.before.closes_at)
    feed = source_feed(sources.bars[0], TIGHT.universe.data, sources.actions[0])
    setup = GatewaySetup(ACCOUNT, CASH_USD, opening, feed, CALENDAR, tmp_path / "gateway", tmp_path / "log")
    with GatewayProcess(setup) as gateway:
        gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port)
        services = Services(store, CALENDAR, SystemClock(), sources, gate, source_delay_minutes=15)
        for session in DAYS:
            for slot in session_slots(session):
                for task in (*STEPS, report):
                    task(services, TIGHT, BOOK, slot)
            for task in (sync_broker, reconcile):
                assert not task(services, TIGHT, BOOK, slot).degraded

    last = timeline.slots[-1].as_of
    with store.transaction() as tx:
        cutoff_at = last + timedelta(minutes=15)
        facts = load_facts(tx, TIGHT, first_at=timeline.slots[0].as_of, as_of=last, cutoff_at=cutoff_at, is_replay=True)
        fills = tx.ledger.fills(BOOK)
        decided = [tx.decisions.find(BOOK, DecisionKind.HOURLY, slot.as_of) for slot in timeline.slots]
    result = replay(
        TIGHT, facts, timeline, book=BOOK, cash_usd=CASH_USD, terms=terms_of(services), costs=services.costs
    )
    told = ("executed_at", "symbol", "side", "quantity", "price", "commission_usd")
    ours, theirs = ([tuple(getattr(f, name) for name in told) for f in found] for found in (fills, result.fills))
    assert sorted(ours) == sorted(theirs)
    purposes = {o.order_id: o.purpose for o in result.orders}
    assert {OrderPurpose.ENTRY, OrderPurpose.STOP} <= {purposes[f.order_id] for f in result.fills}
    assert [d.nav_usd for d in decided] == list(result.curve.nav_usd)
    for session in DAYS:
        found = parity_of(services, TIGHT, BOOK, session.session_on)
        assert found.outcome == "equal", found.differences
