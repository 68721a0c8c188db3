"""Records that are valid by default; a test overrides what matters to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from trading.domain.decisions import Decision, DecisionKind, decision_id_for
from trading.domain.fills import Fill, Lot
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import (
    ActionKind,
    Bar,
    CorporateAction,
    Filing,
    MacroPoint,
    MacroSeries,
    NewsItem,
    Resolution,
)
from trading.domain.orders import (
    Order,
    OrderEvent,
    OrderPurpose,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    order_ref_for,
)
from trading.domain.panel import FloatArray, TimeArray, instant
from trading.domain.portfolio import Breaker
from trading.domain.replays import Driver, ReplayRun, RunEquity, RunTrade, Trial, configuration_hash
from trading.domain.series import BarSeries
from trading.domain.signals import Outcome, Reason, RuleRole
from trading.engine.result import ReplayResult
from trading.ports import NavRow, Provenance

AS_OF = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
"""The first decision of Monday, 3 June 2019."""
BOOK = BookId(BookKind.DEMO, "test")
SOURCE = "test"

_LENGTHS = {
    Resolution.HALF_HOUR: timedelta(minutes=30),
    Resolution.HOUR: timedelta(hours=1),
    Resolution.DAY: timedelta(hours=6, minutes=30),
}


def a_bar(**overrides: Any) -> Bar:
    """An hour of NVDA; without its own `ends_at` and `known_at` a bar is known when it ends."""
    resolution = overrides.get("resolution", Resolution.HOUR)
    starts_at = overrides.get("starts_at", AS_OF - timedelta(hours=1))
    ends_at = overrides.get("ends_at", starts_at + _LENGTHS[resolution])
    bar = Bar(
        symbol="NVDA",
        resolution=resolution,
        starts_at=starts_at,
        ends_at=ends_at,
        open=100.0,
        high=102.0,
        low=99.0,
        close=101.0,
        volume=1_000.0,
        source=SOURCE,
        known_at=ends_at,
    )
    return replace(bar, **overrides)


def a_news_item(**overrides: Any) -> NewsItem:
    """A story of that morning."""
    item = NewsItem("n1", ("NVDA",), AS_OF, AS_OF, "Nvidia beats estimates", SOURCE, "https://example.com/n1")
    return replace(item, **overrides)


def a_filing(**overrides: Any) -> Filing:
    """A quarter with a profit."""
    known_at = datetime(2019, 5, 16, 20, 30, tzinfo=UTC)
    return replace(Filing("NVDA", date(2019, 4, 28), 1, 0.64, 2.22e9, SOURCE, known_at), **overrides)


def a_macro_point(**overrides: Any) -> MacroPoint:
    """A month of consumer prices."""
    known_at = datetime(2019, 5, 10, 12, 30, tzinfo=UTC)
    return replace(MacroPoint(MacroSeries.CPI_NSA, date(2019, 4, 1), 255.548, SOURCE, known_at), **overrides)


def an_action(**overrides: Any) -> CorporateAction:
    """A four-for-one split."""
    known_at = datetime(2019, 5, 21, 12, 0, tzinfo=UTC)
    return replace(CorporateAction("NVDA", ActionKind.SPLIT, date(2019, 6, 4), 4.0, SOURCE, known_at), **overrides)


def an_origin(**overrides: Any) -> Provenance:
    """Where a delivery came from."""
    return replace(Provenance(SOURCE, "a request", AS_OF, "run-1"), **overrides)


def a_decision(**overrides: Any) -> Decision:
    """An hourly decision of the test book."""
    book, kind = overrides.get("book", BOOK), overrides.get("kind", DecisionKind.HOURLY)
    as_of = overrides.get("as_of", AS_OF)
    decision = Decision(
        decision_id=decision_id_for(book, kind, as_of),
        book=book,
        kind=kind,
        as_of=as_of,
        cutoff_at=as_of,
        session_on=as_of.date(),
        is_closing=False,
        strategy="three_sector",
        spec_hash="spec",
        code_version="0.1.0",
        decision_hash="hash",
        nav_usd=100_000.0,
    )
    return replace(decision, **overrides)


def a_reason(**overrides: Any) -> Reason:
    """A passed entry rule."""
    reason = Reason("NVDA", AS_OF, "rsi_below", RuleRole.ENTRY_REQUIRED, Outcome.PASS, 61.5, 70.0, AS_OF, None)
    return replace(reason, **overrides)


def an_order(**overrides: Any) -> Order:
    """A planned limit entry of ten shares; its id follows from book, decision, symbol, purpose and leg."""
    book = overrides.get("book", BOOK)
    order = Order(
        order_id="",
        book=book,
        decision_id=decision_id_for(book, DecisionKind.HOURLY, AS_OF),
        symbol="NVDA",
        side=Side.BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.UNTIL,
        purpose=OrderPurpose.ENTRY,
        planned_at=AS_OF,
        limit_price=Decimal("101.00"),
        expires_at=AS_OF + timedelta(minutes=25),
    )
    order = replace(order, **overrides)
    ref = order_ref_for(book, order.decision_id, order.symbol, order.purpose, order.leg)
    return order if "order_id" in overrides else replace(order, order_id=ref)


def an_event(order: Order, status: OrderStatus, **overrides: Any) -> OrderEvent:
    """Something that happened to `order` a minute after its decision."""
    return replace(OrderEvent(order.order_id, status, AS_OF + timedelta(minutes=1)), **overrides)


def a_fill(**overrides: Any) -> Fill:
    """Ten shares bought at 100 USD for a commission of one dollar."""
    fill = Fill(
        fill_id="f1",
        order_id=None,
        book=BOOK,
        symbol="NVDA",
        side=Side.BUY,
        quantity=Decimal(10),
        price=Decimal("100.00"),
        commission_usd=Decimal("1.00"),
        executed_at=AS_OF + timedelta(minutes=2),
    )
    return replace(fill, **overrides)


def a_lot(**overrides: Any) -> Lot:
    """The lot that `a_fill` opens."""
    bought_on = AS_OF.date()
    lot = Lot("lot.f1", BOOK, "NVDA", Decimal(10), Decimal("100.10"), Decimal(0), bought_on, bought_on, "f1")
    return replace(lot, **overrides)


def a_nav_row(**overrides: Any) -> NavRow:
    """NAV of a book that holds cash only."""
    row = NavRow(AS_OF, AS_OF.date(), False, Decimal("100000.00"), 0.0, 100_000.0, Breaker(100_000.0, 100_000.0))
    return replace(row, **overrides)


def no_fees(side: Side, quantity: Decimal, price: Decimal, traded_on: date) -> Decimal:
    """A schedule of the regulator that charges nothing."""
    return Decimal(0)


def no_commission(quantity: Decimal, price: Decimal) -> Decimal:
    """A commission schedule that costs nothing."""
    return Decimal(0)


def navs_by(
    result: ReplayResult, at: datetime | None = None
) -> list[tuple[datetime, float | None, float, tuple[float, ...]]]:
    """Return (as_of, NAV, cash, shares) of each hour of a replay until `at`."""
    curve = result.curve
    rows = zip(curve.as_of, curve.nav_usd, curve.cash_usd, curve.quantity, strict=True)
    hours = [(instant(on), None if np.isnan(nav) else float(nav), float(cash), tuple(q)) for on, nav, cash, q in rows]
    return [hour for hour in hours if at is None or hour[0] <= at]


def a_run(**overrides: Any) -> ReplayRun:
    """Three sessions of a stored run with one trade."""
    configuration = overrides.get("configuration", {"strategy": "three_sector", "costs": {"half_spread_bps": 5.0}})
    days = (date(2019, 6, 3), date(2019, 6, 4), date(2019, 6, 5))
    run = ReplayRun(
        name="june",
        made_at=datetime(2026, 1, 2, tzinfo=UTC),
        driver=Driver.IN_PROCESS,
        strategy="three_sector",
        spec_hash="spec",
        configuration=configuration,
        data_cutoff_at=datetime(2026, 1, 2, tzinfo=UTC),
        code_version="0.1.0",
        first_on=days[0],
        last_on=days[-1],
        starting_usd=100_000.0,
        is_synthetic=False,
        trial=Trial("spec", configuration_hash(configuration), 0.05, -0.2, 4.0, 3),
        figures={"total_frac": 0.012, "sharpe": 0.8, "calmar": None},
        equity=RunEquity(
            days, (100_500.0, 99_000.0, 101_200.0), (50_000.0, 50_000.0, 50_000.0), {"SPY": (1, 1.01, 1.02)}
        ),
        trades=(a_trade(),),
    )
    return replace(run, **overrides)


def a_trade(**overrides: Any) -> RunTrade:
    """Ten shares of NVDA that gained 98 USD in two days and ended at their stop."""
    closed_at = AS_OF + timedelta(days=2)
    trade = RunTrade("NVDA", AS_OF, closed_at, 10.0, 100.0, 110.0, 1001.0, 98.0, OrderPurpose.STOP)
    return replace(trade, **overrides)


def series_of(symbol: str, resolution: Resolution, bars: Iterable[Bar]) -> BarSeries:
    """Return `bars` of one symbol and resolution as columns, sorted by start."""
    rows = sorted(bars, key=lambda b: b.starts_at)
    assert all((b.symbol, b.resolution) == (symbol, resolution) for b in rows)

    def times(name: str) -> TimeArray:
        return np.array([getattr(b, name).replace(tzinfo=None) for b in rows], dtype="datetime64[us]")

    def floats(name: str) -> FloatArray:
        return np.array([getattr(b, name) for b in rows], dtype=np.float64)

    return BarSeries(
        symbol, resolution, times("starts_at"), times("ends_at"), times("known_at"),
        floats("open"), floats("high"), floats("low"), floats("close"), floats("volume"),
    )  # fmt: skip
