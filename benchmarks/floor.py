"""What the records of a fill cost: ids, orders, checks, fills, lots and money that the product promises for each one.

As many fills as the public spec of `benchmarks/peers` has on ten symbols and ten years, half of them purchases. No hour
is looked at, no position is valued, nothing is looked for: each part is only made, in a loop, with the product's own
functions. A book that trades plainly (docs/adr/0053) makes them where somebody reads them; the last lines say what
the replay takes unread, and with every order, fill and disposal read.

    PYTHONPATH=plugins .venv/bin/python benchmarks/floor.py
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from stopwatch import heading, middle, timed
from trading.accounting.lots import book_fill
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Booking, Fill
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Bar, Resolution
from trading.domain.orders import Order, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce, order_ref_for
from trading.domain.portfolio import Portfolio, Position, TradingState
from trading.domain.records import changed
from trading.engine.state import BookState
from trading.execution.costs import CostModel
from trading.execution.desk import Desk
from trading.execution.matching import match
from trading.execution.vetoes import vet

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
import airdesk
from bars import generated
from common import Bars
from trading.engine.step import Gate
from trading.execution.checks import CHECKS

REPEATS = 7
BOOK = BookId(BookKind.REPLAY, "floor")
START = datetime(2016, 1, 4, 14, 30, tzinfo=UTC)
COSTS = CostModel(half_spread_frac=0.0005, commission=lambda *_: Decimal(0), fees=lambda *_: Decimal(0))
GATE = Gate(airdesk.NO_LIMITS, tuple(check for check in CHECKS if check.code in airdesk.CHECKED))


def order_ids(count: int) -> None:
    """Name each order and its decision."""
    for number in range(count):
        decision_id = decision_id_for(BOOK, DecisionKind.HOURLY, START + timedelta(hours=number))
        order_ref_for(BOOK, decision_id, "S000", OrderPurpose.ENTRY, 0)


def orders(count: int) -> list[Order]:
    """Plan each order, and note that the broker has it: two records."""
    made: list[Order] = []
    for number in range(count):
        order = Order(
            order_id="S000.entry.0.0123456789abcdef",
            book=BOOK,
            decision_id="hourly.20160104T1530.replay:floor",
            symbol="S000",
            side=Side.SELL if number % 2 else Side.BUY,
            quantity=Decimal(80),
            order_type=OrderType.MARKET,
            time_in_force=TimeInForce.DAY,
            purpose=OrderPurpose.EXIT if number % 2 else OrderPurpose.ENTRY,
            planned_at=START,
        )
        made.append(changed(order, status=OrderStatus.SUBMITTED))
    return made


def fills(sent: list[Order]) -> list[Fill]:
    """Match each order with its bar: price, slippage and charges in `Decimal`, an id, a record."""
    found: list[Fill] = []
    for order in sent:
        ends_at = START + timedelta(hours=1)
        bar = Bar("S000", Resolution.HOUR, START, ends_at, 100.2, 101.0, 99.0, 100.0, 0.0, "tape", ends_at)
        fill = match(order, bar, COSTS)
        assert fill is not None
        found.append(fill)
    return found


def bookings(done: list[Fill]) -> list[Booking]:
    """Open and close the lot of each fill: lots, disposals, cost and proceeds."""
    booked: list[Booking] = []
    for fill in done:
        booked.append(book_fill(fill, booked[-1].lots if booked else ()))
    return booked


def books(booked: list[Booking]) -> None:
    """Carry the book on: cash, position and state after each fill."""
    state = BookState(Portfolio(BOOK, START, Decimal(100_000)))
    for booking in booked:
        position = Position("S000", booking.lots, 100.0)
        cash_usd = state.portfolio.cash_usd + booking.cash_usd
        state = changed(state, portfolio=state.portfolio.booked(position, cash_usd), working=())


def checks(sent: list[Order]) -> None:
    """Ask the five checks of the public spec about each order, on a desk of its own."""
    for order in sent:
        desk = Desk(
            now=START,
            session_on=START.date(),
            state=TradingState.ACTIVE,
            closes_at=START,
            nav_usd=1e5,
            cash_usd=Decimal(100_000),
            vix=None,
            held={"S000": Decimal(80)},
            prices={"S000": 100.0},
        )
        passed, _ = vet([order], desk, GATE.limits, GATE.checks)
        assert passed


def read_all(bars: Bars) -> int:
    """Replay, and read every order, fill and disposal."""
    result = airdesk.replayed(bars)
    return len(result.orders) + len(result.fills) + len(result.disposals)


def main() -> None:
    """Measure and print."""
    bars = generated(10, 10, 7)
    whole = middle([timed(lambda: airdesk.run(bars))[1] for _ in range(REPEATS)])
    read = middle([timed(lambda: read_all(bars))[1] for _ in range(REPEATS)])
    count = len(airdesk.run(bars).fills)
    sent = orders(count)
    done = fills(sent)
    booked = bookings(done)
    parts: dict[str, Callable[[], object]] = {
        "ids of decisions and orders": lambda: order_ids(count),
        "orders, planned and submitted": lambda: orders(count),
        "checks, five of them": lambda: checks(sent),
        "bars, matching, fills": lambda: fills(sent),
        "lots, disposals, bookings": lambda: bookings(done),
        "cash, positions, book": lambda: books(booked),
    }
    print(heading(f"floor of {count} fills, public spec, 10 symbols, 10 years"))
    print(f"\n{'part':<32}{'CPU s':>8}{'µs a fill':>11}")
    total = 0.0
    for name, work in parts.items():
        cpu = middle([timed(work)[1] for _ in range(REPEATS)]).cpu
        total += cpu
        print(f"{name:<32}{cpu:>8.3f}{cpu / count * 1e6:>11.1f}")
    print(f"{'all records':<32}{total:>8.3f}{total / count * 1e6:>11.1f}")
    for name, seconds in (("the whole replay, unread", whole.cpu), ("and every record read", read.cpu)):
        print(f"{name:<32}{seconds:>8.3f}{seconds / count * 1e6:>11.1f}")


if __name__ == "__main__":
    main()
