"""The first session of a quarter by three drivers: hourly and rebalance tasks at the paper gateway, replayed sessions
in the store, and in memory. All of it is SYNTHETIC.

The hour of the rebalance has orders of its own; whether they have filled by then may not matter.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.ibkr import IbkrGate
from trading.domain.instruments import BookId, BookKind
from trading.domain.portfolio import Portfolio
from trading.engine.arrival import Market
from trading.engine.hashing import decision_hash
from trading.engine.hours import Hours, history_panel
from trading.engine.playing import Played, play
from trading.engine.state import BookState
from trading.gateway.feed import source_feed
from trading.ports import Services
from trading.strategy.judging import judge
from trading.tasks.facts import load_facts, terms_of, timeline_of
from trading.tasks.replay import replay_session

from tests.dags.desk import rows_of
from tests.fakes import ACCOUNT, running_gateway
from tests.integration.parity_world import CALENDAR, SPEC, run_hour, scenario, store_scenario

SEED = 599
"""One in whose quarterly hour one miner leaves, another enters and a chip maker is over its target."""
FIRST_ON, QUARTER_ON = date(2020, 9, 28), date(2020, 10, 1)
PAPER, REPLAYED = BookId(BookKind.PAPER, ACCOUNT), BookId(BookKind.REPLAY, "quarter")
TIMELINE = timeline_of(CALENDAR, FIRST_ON, QUARTER_ON)
_DECISIONS = (
    "SELECT kind, as_of, decision_hash, note, nav_usd FROM desk.decisions WHERE book = 'BOOK' ORDER BY as_of, kind"
)
_ORDERS = (
    "SELECT d.kind, o.planned_at, o.symbol, o.purpose, o.leg, o.side, o.quantity, o.limit_price, o.status "
    "FROM desk.orders o JOIN desk.decisions d USING (decision_id) WHERE o.book = 'BOOK' AND d.kind <> 'protection' "
    "AND o.leg = 0 ORDER BY 1, 2, 3, 4"
)
_FILLS = (
    "SELECT executed_at, symbol, side, quantity, price, commission_usd FROM desk.fills WHERE book = 'BOOK' "
    "ORDER BY 1, 2, 3"
)
_QUERIES = (_DECISIONS, _ORDERS, _FILLS)


@pytest.fixture
def drivers(store, database_url) -> tuple[str, list[Played]]:
    sources, opening = scenario(SEED), TIMELINE.sessions[0].opens_at - timedelta(minutes=1)
    feed = source_feed(sources.bars[0], SPEC.universe.data, sources.actions[0])  # type: ignore[arg-type]
    store_scenario(store, sources, until=TIMELINE.before.closes_at)
    with running_gateway(feed, opening) as gateway:
        gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port)
        services = Services(store, CALENDAR, SystemClock(), sources, gate)
        for slot in TIMELINE.slots:
            run_hour(services, PAPER, slot)
    for session in TIMELINE.sessions:
        replay_session(replace(services, broker=None), SPEC, REPLAYED, session.session_on, run_id="a", replace=False)
    return database_url, in_memory(services)


def in_memory(services: Services) -> list[Played]:
    first, last = TIMELINE.slots[0].as_of, TIMELINE.slots[-1].as_of
    with services.store.transaction() as tx:
        facts = load_facts(tx, SPEC, first_at=first, as_of=last, cutoff_at=last, is_replay=True)
    terms = terms_of(services)
    panel, opens_at = history_panel(SPEC, facts, TIMELINE, terms), TIMELINE.sessions[0].opens_at
    market = Market.of(SPEC, facts, TIMELINE, terms, services.costs)
    start = BookState(Portfolio(REPLAYED, opens_at, Decimal(100_000)))
    return list(play(SPEC, start, Hours(judge(SPEC, panel), panel, TIMELINE, terms), market, opens_at))


def test_a_quarters_first_session_is_the_same_in_every_driver(drivers):
    url, played = drivers
    paper, replayed = ([rows_of(url, q.replace("BOOK", str(b))) for q in _QUERIES] for b in (PAPER, REPLAYED))
    for mine, theirs in zip(paper, replayed, strict=True):
        assert mine == theirs
    decisions, orders, fills = paper
    assert decisions == [
        (str(p.kind), p.hour.slot.as_of, decision_hash(SPEC.spec_hash, p.hour, p.taken.account.targets),
         p.taken.account.note, p.taken.nav_usd)
        for p in played
    ]  # fmt: skip
    hour = next(slot.as_of for slot in TIMELINE.slots if slot.session_on == QUARTER_ON)
    went = [row for row in orders if row[-1] != "denied"]
    assert {(row[0], row[3], row[-1]) for row in went if row[1] == hour} == {
        ("hourly", "entry", "filled"), ("hourly", "exit", "filled"), ("rebalance", "rebalance", "filled")
    }  # fmt: skip
    assert [row[3] for row in went if row[0] == "rebalance"] == ["rebalance", "entry"], "the buy an hour later"
    assert fills == sorted(
        (f.executed_at, f.symbol, f.side.value, f.quantity, f.price, f.commission_usd)
        for p in played
        for t in (p.arrived, p.accepted)
        for f in (b.fill for b in t.bookings)
    )
