from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from trading.domain.fills import Lot
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.portfolio import Portfolio, Position
from trading.engine.market import Traffic, run_bars
from trading.engine.state import BookState
from trading.execution.costs import CostModel, ibkr_fixed, ibkr_tiered
from trading.execution.matching import match, ratchet

from tests.builders import AS_OF, a_bar, an_order
from tests.oracles import oracle

FREE = CostModel().scaled(0)
NEXT = AS_OF
"""Start of the first bar that may fill an order planned at `AS_OF`."""


def bar(open_: float, high: float, low: float, close: float, **overrides):
    return a_bar(open=open_, high=high, low=low, close=close, **{"starts_at": NEXT, **overrides})


def test_a_bar_that_started_before_the_decision_fills_nothing():
    market = an_order(order_type=OrderType.MARKET, limit_price=None)
    assert match(market, bar(100, 101, 99, 100, starts_at=NEXT - timedelta(hours=1)), FREE) is None


def test_an_expired_entry_fills_nothing():
    order = an_order(limit_price=Decimal(200))
    assert match(order, bar(100, 101, 99, 100, starts_at=NEXT + timedelta(minutes=25)), FREE) is None


def test_a_market_buy_pays_half_the_spread_above_the_open():
    order = an_order(order_type=OrderType.MARKET, limit_price=None)
    fill = match(order, bar(100, 101, 99, 100), CostModel(half_spread_frac=0.001))
    assert (fill.price, fill.executed_at, fill.commission_usd) == (Decimal("100.1000"), NEXT, Decimal(1))


@pytest.mark.parametrize(
    ("bars", "price"),
    [((99, 101, 98, 100), "99.0000"), ((102, 103, 100, 101), "101.00"), ((102, 104, 101.5, 103), None)],
    ids=["opens under the limit", "comes down to it", "never reaches it"],
)
def test_a_limit_buy_never_pays_more_than_its_limit(bars, price):
    fill = match(an_order(limit_price=Decimal("101.00")), bar(*bars), FREE)
    assert (fill and fill.price) == (price and Decimal(price))


def test_a_stop_never_moves_down():
    stop = an_order(
        side=Side.SELL, order_type=OrderType.TRAIL, limit_price=None, trail_frac=0.1, purpose=OrderPurpose.STOP
    )
    raised = ratchet(ratchet(stop, 120.0), 100.0)
    assert raised.stop_price == Decimal("108.0000")


def a_guarded_book(entry_price: float, trail: float, take_profit: float | None) -> BookState:
    """Ten shares bought at `entry_price`, with resting protection."""
    lot = Lot(
        "l",
        an_order().book,
        "NVDA",
        Decimal(10),
        Decimal(str(entry_price)),
        Decimal(0),
        AS_OF.date(),
        AS_OF.date(),
        "f",
    )
    guard = {"side": Side.SELL, "time_in_force": TimeInForce.GTC, "expires_at": None, "status": OrderStatus.SUBMITTED}
    stop = an_order(**guard, order_type=OrderType.TRAIL, purpose=OrderPurpose.STOP, limit_price=None, trail_frac=trail)
    working = [ratchet(stop, entry_price)]
    if take_profit is not None:
        target = Decimal(str(round(entry_price * (1 + take_profit), 4)))
        working.append(an_order(**guard, purpose=OrderPurpose.TARGET, limit_price=target, leg=2))
    positions = {"NVDA": Position("NVDA", (lot,), entry_price)}
    return BookState(Portfolio(an_order().book, AS_OF, Decimal(0), positions), working=tuple(working))


def test_resting_protection_exits_where_the_oracle_says():
    for case in oracle("exit_cases.json")["cases"]:
        state, fills = a_guarded_book(case["entry_price"], case["trail"], case["take_profit"]), []
        for number, prices in enumerate(case["bars_ohlc"]):
            traffic = Traffic()
            starts_at = NEXT + timedelta(days=number)
            state = run_bars(state, [bar(*prices, starts_at=starts_at, resolution=Resolution.DAY)], FREE, traffic)
            fills += [(number, float(b.fill.price)) for b in traffic.bookings]
        expected = case["expected"]["resting_hwm_high"]
        wanted = [] if expected["bar"] is None else [(expected["bar"], pytest.approx(expected["price"]))]
        assert fills == wanted, case["id"]


def test_a_stop_that_fills_takes_its_sibling_away():
    state, traffic = a_guarded_book(100, 0.1, 0.2), Traffic()
    state = run_bars(state, [bar(95, 125, 80, 100)], FREE, traffic)
    assert [b.fill.price for b in traffic.bookings] == [Decimal("90.0000")]
    assert state.working == ()
    assert [e.status for e in traffic.events] == [OrderStatus.FILLED, OrderStatus.CANCELLED]


def test_commissions_follow_the_published_schedule():
    for case in oracle("commission_cases.json")["cases"]:
        quantity, price = Decimal(case["qty"]), Decimal(str(case["price"]))
        assert ibkr_fixed(quantity, price) == Decimal(case["fixed"]), case
        before = Decimal(case["month_shares_before"])
        assert ibkr_tiered(quantity, price, month_shares_before=before) == Decimal(case["tiered"]), case


@pytest.mark.parametrize(
    ("before", "expected"),
    [(0, "3.5"), (299_500, "2.75"), (300_000, "2"), (2_999_999, "1.5005"), (200_000_000, "0.5")],
)
def test_a_tiered_commission_prices_each_share_by_the_months_volume(before, expected):
    assert ibkr_tiered(Decimal(1000), Decimal(25), month_shares_before=Decimal(before)) == Decimal(expected)
