"""A desk on the real store and the real gateway, and short words for what a test does with it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
from trading import __version__
from trading.adapters.ibkr import IbkrGate
from trading.analysis.facts import utc64
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Slot
from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.domain.panel import panel_of
from trading.domain.portfolio import TradingState
from trading.domain.signals import Targets
from trading.execution.planner import PlanTerms, plan_entry, plan_sale
from trading.ports import Services, Sources
from trading.strategy.three_sector import technical_core
from trading.tasks import submission
from trading.tasks.execute import execute
from trading.tasks.sync import sync_broker

from tests.fakes import (
    ACCOUNT,
    FixedClock,
    RunningGateway,
    WeekdayCalendar,
    memory_feed,
    ny,
    running_gateway,
)

BOOK = BookId(BookKind.PAPER, ACCOUNT)
SPEC = technical_core()
CALENDAR = WeekdayCalendar()
MONDAY = date(2019, 6, 3)


@dataclass
class Desk:
    """Services on one gateway, and short words for what a test does."""

    services: Services
    gateway: RunningGateway

    def sync(self, at: str):
        return sync_broker(self.services, SPEC, BOOK, slot(at))

    def execute(self, at: str):
        return execute(self.services, SPEC, BOOK, slot(at))

    def decide(self, at: str, *orders: Order) -> tuple[Order, ...]:
        hour = slot(at)
        decision = Decision(
            decision_id_for(BOOK, DecisionKind.HOURLY, hour.as_of), BOOK, DecisionKind.HOURLY, hour.as_of, hour.as_of,
            hour.session_on, hour.is_closing, SPEC.name, SPEC.spec_hash, __version__, "0" * 16, 100_000.0,
        )  # fmt: skip
        with self.services.store.transaction() as tx:
            tx.decisions.add(decision, (), Targets(hour.as_of, 100_000.0, {}), orders)
        self.facts(at)
        return orders

    def facts(self, at: str, *, vix: float = 15.0) -> None:
        """Store what the checks at send time read: every name at 100 USD, and the VIX."""
        hour, symbols = slot(at), SPEC.universe.traded
        times = np.array([utc64(hour.as_of)])
        panel = panel_of(times, symbols, price=np.full((1, len(symbols)), 100.0), vix=np.array([[vix]]))
        with self.services.store.transaction() as tx:
            for group in ("technicals", "risk"):
                tx.analysis.write(group, panel, hour.as_of)

    def enter(
        self, at: str, symbol: str = "NVDA", weight_frac: float = 0.1, last_price: float = 100.0
    ) -> tuple[Order, ...]:
        expires_at = slot(at).as_of + timedelta(minutes=25)
        legs = plan_entry(
            terms(at), symbol, weight_frac=weight_frac, nav_usd=100_000.0, last_price=last_price, expires_at=expires_at
        )
        return self.decide(at, *legs)

    def sell(self, at: str, quantity: int, purpose: OrderPurpose = OrderPurpose.EXIT) -> Order:
        return self.decide(at, plan_sale(terms(at), "NVDA", Decimal(quantity), purpose, at_open=slot(at).is_closing))[0]

    def status(self, *orders: Order) -> list[OrderStatus]:
        with self.services.store.transaction() as tx:
            return [tx.orders.get(o.order_id).status for o in orders]

    def held(self) -> dict[str, Decimal]:
        with self.services.store.transaction() as tx:
            positions = tx.ledger.portfolio(BOOK, ny("2030-01-01 12:00")).positions
        return {s: p.quantity for s, p in positions.items() if p.quantity}

    def cash(self) -> Decimal:
        with self.services.store.transaction() as tx:
            return tx.ledger.portfolio(BOOK, ny("2030-01-01 12:00")).cash_usd

    def state(self) -> TradingState:
        with self.services.store.transaction() as tx:
            return tx.controls.trading_state(BOOK)

    def refs_at_broker(self) -> list[str]:
        return [o["ticket"]["order_ref"] for o in self.gateway.orders()]


def slot(at: str) -> Slot:
    found = CALENDAR.slot_at(ny(at))
    assert found is not None, f"{at} is no slot"
    return found


def terms(at: str) -> PlanTerms:
    hour = slot(at)
    return PlanTerms(BOOK, decision_id_for(BOOK, DecisionKind.HOURLY, hour.as_of), hour.as_of, 0.005, 0.12, 0.25)


def services_at(store, gateway: RunningGateway) -> Services:
    gate = IbkrGate("127.0.0.1", gateway.port, 11, ACCOUNT, gateway.control_port)
    return Services(store, CALENDAR, FixedClock(ny("2019-06-03 10:30")), Sources(), gate)


def desk_with(store, broker, patch, at: str) -> Desk:
    """Return a desk that has looked at a broker in memory once, and that pauses after no cancellation."""
    patch.setattr(submission, "CANCEL_PAUSE_SECONDS", 0.0)
    ready = Desk(Services(store, CALENDAR, FixedClock(broker.at), Sources(), broker), broker)
    ready.sync(at)
    return ready


@contextmanager
def desk_on(store, bars, at: str = "2019-06-03 09:30", **options):
    with running_gateway(memory_feed(bars), ny(at), **options) as gateway:
        yield Desk(services_at(store, gateway), gateway)
