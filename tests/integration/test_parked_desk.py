"""A parked symbol gets no entry; what is held of it stays guarded, stays in NAV and can be sold."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from trading.domain.gates import Gate, ParkEvent
from trading.domain.instruments import VIX
from trading.domain.market import Resolution, SessionNotice
from trading.domain.orders import OrderPurpose, OrderStatus
from trading.domain.panel import Why
from trading.domain.portfolio import nav_usd
from trading.engine.desk_view import prices_of
from trading.ports import Services, Sources
from trading.tasks.analyse import risk, technicals
from trading.tasks.decide import live_hour
from trading.tasks.ingest_bars import FIRST_LOOK_BACK

from tests import gate_desk
from tests.fakes import FakeBroker, FixedClock, ny
from tests.gate_desk import GateDesk
from tests.integration.order_desk import BOOK, CALENDAR, MONDAY, SPEC, Desk, slot

FIRST, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"
PRICES = {s: Decimal(100) for s in SPEC.universe.traded}


@pytest.fixture
def broker() -> FakeBroker:
    return FakeBroker(ny(FIRST), PRICES)


@pytest.fixture
def desk(store, broker) -> Desk:
    desk = Desk(Services(store, CALENDAR, FixedClock(ny(FIRST)), Sources(), broker), gateway=None)
    desk.sync(FIRST)
    return desk


def park(desk, symbol="NVDA"):
    with desk.services.store.transaction() as tx:
        tx.market.park([ParkEvent(symbol, Gate.HALTED, True, "no bar", "ingest_prices", ny(FIRST))])


def denials(desk: Desk, *orders) -> list[tuple[str, str]]:
    with desk.services.store.transaction() as tx:
        return [(d.denial.code, d.denial.detail) for d in tx.checks.denials([o.order_id for o in orders])]


def test_a_symbol_that_is_parked_after_its_decision_is_not_entered(desk, broker):
    entry, *_ = desk.enter(FIRST)
    park(desk)
    desk.execute(FIRST)
    ((code, detail),) = denials(desk, entry)
    assert code == "STALE_PRICE"
    assert "halted: it did not trade while others did" in detail
    assert broker.orders == {}


def test_a_parked_position_stays_guarded_and_in_nav_and_its_sale_goes(desk, broker):
    _, stop, target = desk.enter(FIRST)
    desk.execute(FIRST)
    park(desk)
    broker.at = ny(NEXT)
    desk.services.clock.at = ny(NEXT)
    desk.facts(NEXT)
    desk.sync(NEXT)
    desk.execute(NEXT)
    assert desk.status(stop, target) == [OrderStatus.SUBMITTED] * 2
    with desk.services.store.transaction() as tx:
        hour = live_hour(desk.services, tx, SPEC, BOOK, slot(NEXT))
        book = tx.ledger.portfolio(BOOK, ny(NEXT))
    held = book.positions["NVDA"].quantity
    assert nav_usd(book, prices_of(hour)) == pytest.approx(float(book.cash_usd) + float(held) * 100)
    sale = desk.sell(NEXT, int(held), OrderPurpose.EXIT)
    desk.execute(NEXT)
    assert denials(desk, sale) == []
    assert sale.order_id in broker.orders


def test_a_day_that_is_announced_as_closed_takes_no_entry(desk, broker):
    with desk.services.store.transaction() as tx:
        tx.market.add_session_notice("vendor", SessionNotice(MONDAY, None), known_at=ny("2019-06-01 12:00"))
    entry, *_ = desk.enter(FIRST)
    desk.execute(FIRST)
    assert denials(desk, entry)[0][0] == "MARKET_CLOSED"
    assert broker.orders == {}


def analysed(desk: GateDesk, at: str):
    """Return the panel of an hour as prices, parked symbols and the VIX make it."""
    hour, spec = gate_desk.slot_at(at), gate_desk.spec_of(*desk.symbols)
    for task in (technicals, risk):
        task(desk.services(hour.as_of), spec, gate_desk.BOOK, hour)
    with desk.store.transaction() as tx:
        return tx.analysis.read(spec.universe.traded, hour.as_of, hour.as_of)


@pytest.fixture
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=10))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=4))


def test_the_decision_reads_that_a_symbol_is_parked_and_keeps_its_price(store, short_history):
    desk = GateDesk(store)
    desk.bars.spoil["NVDA"] = gate_desk.at_start("2026-11-17 10:00", lambda bar: (replace(bar, volume=0.0),))
    desk.hour("2026-11-17 10:30")
    panel = analysed(desk, "2026-11-17 10:30")
    column = panel.symbols.index("NVDA")
    assert panel.why_price[0, column] == Why.PARKED
    assert np.isclose(panel.price[0, column], 100.0)
    assert set(np.delete(panel.why_price[0], column)) == {Why.KNOWN}


def test_a_vix_older_than_a_session_stops_every_entry_and_is_alarmed(store, database_url, short_history):
    desk = GateDesk(store, url=database_url)
    desk.hour("2026-11-16 16:00")
    desk.bars.spoil[VIX] = lambda bar: ()
    desk.hour("2026-11-17 16:00")
    assert analysed(desk, "2026-11-17 16:00").why_vix[0, 0] == Why.KNOWN, "the level of the session before still counts"
    desk.hour("2026-11-18 10:30")
    panel = analysed(desk, "2026-11-18 10:30")
    assert panel.why_vix[0, 0] == Why.STALE
    assert Gate.STALE in desk.gates(VIX)
    bodies = [body for severity, body in desk.messages() if severity == "warning" and f"{VIX} parked" in body]
    assert any("no symbol gets an entry" in body for body in bodies)
