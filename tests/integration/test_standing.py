"""How a book stands, against numbers worked out by hand: 100 NVDA bought on Monday, a dividend, a deposit, a stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Resolution
from trading.domain.orders import OrderPurpose, OrderType, Side
from trading.domain.portfolio import Breaker
from trading.domain.signals import Targets
from trading.errors import PermanentError
from trading.strategy.three_sector import three_sector
from trading.tasks.standing import (
    BOOK as OWN,
)
from trading.tasks.standing import (
    Period,
    curve_of,
    exposure_of,
    gains_of,
    read_history,
    statistics_of,
    symbol_gains,
)

from tests.builders import AS_OF, BOOK, a_bar, a_decision, a_fill, a_nav_row, a_reason, a_run, an_order, an_origin

CALENDAR, THREE_SECTOR = NyseCalendar(), three_sector()
DAY = timedelta(days=1)
CLOSE = datetime(2019, 6, 3, 20, tzinfo=UTC)
NOW = CLOSE + 30 * DAY


@pytest.fixture
def desk(store):
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(100_000))
        buy = an_order(quantity=Decimal(100))
        stop = an_order(
            side=Side.SELL, order_type=OrderType.STOP, purpose=OrderPurpose.STOP, quantity=Decimal(100),
            limit_price=None, stop_price=Decimal(98), leg=1, cause=None,
        )  # fmt: skip
        tx.decisions.add(a_decision(), [a_reason()], Targets(AS_OF, 100_000.0, {"NVDA": 0.1}), [buy, stop])
        trade(tx, a_fill(order_id=buy.order_id, quantity=Decimal(100)))
        mark(tx, 0, cash=89_999, price=101.0)
        tx.ledger.add_cash(BOOK, "dividend.NVDA.2019-06-04", "dividend", Decimal(16), AS_OF + DAY, "NVDA")
        tx.ledger.add_cash(BOOK, "more", "deposit", Decimal(5_000), AS_OF + DAY, None)
        mark(tx, 1, cash=95_015, price=103.0)
        sale = a_fill(
            fill_id="f2", order_id=stop.order_id, side=Side.SELL, quantity=Decimal(100), price=Decimal(98),
            commission_usd=Decimal(2), executed_at=AS_OF + 2 * DAY,
        )  # fmt: skip
        trade(tx, sale)
        mark(tx, 2, cash=104_813, price=None)
        prices = zip((-3, 0, 1, 2), (200.0, 202.0, 204.0, 206.0), strict=True)
        tx.market.add_bars([daily("SPY", day, price) for day, price in prices], an_origin())
        tx.market.add_bars([daily("QQQ", day, 100.0) for day in (-3, 0)], an_origin())
    return store


def trade(tx, fill) -> None:
    assert tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(fill.book, fill.symbol)))


def mark(tx, day: int, *, cash: int, price: float | None, is_closing: bool = True, at=CLOSE) -> None:
    worth = 0.0 if price is None else 100 * price
    row = a_nav_row(
        as_of=at + day * DAY, session_on=(at + day * DAY).date(), is_closing=is_closing, cash_usd=Decimal(cash),
        positions_usd=worth, nav_usd=cash + worth, breaker=Breaker(100_000.0, 100_000.0),
    )  # fmt: skip
    tx.ledger.add_nav(BOOK, row, {} if price is None else {"NVDA": (Decimal(100), price, price)})


def daily(symbol: str, day: int, close: float):
    ends_at = CLOSE + day * DAY
    prices = {"open": close, "high": close, "low": close, "close": close}
    return a_bar(
        symbol=symbol, resolution=Resolution.DAY, starts_at=ends_at - timedelta(hours=6.5), ends_at=ends_at, **prices
    )


def test_each_day_and_the_week_add_up_by_hand(desk):
    with desk.snapshot() as tx:
        history = read_history(tx, CALENDAR, BOOK)
    days, (week,) = gains_of(history, Period.DAY), gains_of(history, Period.WEEK)
    said = [(d.gain_usd, d.realised_usd, d.unrealised_usd, d.dividends_usd, d.commissions_usd) for d in days]
    assert said == [(99, 0, 99, 0, 1), (216, 0, 200, 16, 0), (-502, -203, -299, 0, 2)]
    assert [d.deposits_usd for d in days] == [0, 5_000, 0]
    assert (week.gain_usd, week.realised_usd, week.unrealised_usd, week.dividends_usd) == (-187, -203, 0, 16)
    growth = 100_099 / 100_000 * (100_315 / 100_099) * (104_813 / 105_315)
    assert week.gain_frac == pytest.approx(growth - 1)
    assert [g.last_on for g in gains_of(history, Period.DAY, 2)] == [date(2019, 6, 4), date(2019, 6, 5)]


def test_the_curve_stands_beside_what_simply_held(desk):
    with desk.snapshot() as tx:
        history = read_history(tx, CALENDAR, BOOK)
        whole = curve_of(tx, CALENDAR, THREE_SECTOR, history, now=NOW)
        late = curve_of(tx, CALENDAR, THREE_SECTOR, history, now=NOW, first_on=date(2019, 6, 5))
    assert whole.starting_usd == 100_000
    assert [p.mark.nav_usd for p in whole.points] == [100_099, 105_315, 104_813]
    assert whole.benchmarks["SPY"] == pytest.approx((1.01, 1.02, 1.03))
    # QQQ has no bar after Monday: what is not known is not drawn, and has no figures.
    assert whole.benchmarks["QQQ"] == (1.0, None, None)
    assert whole.figures["QQQ"].total_frac is None
    assert whole.figures["SPY"].total_frac == pytest.approx(0.03)
    assert "list" not in whole.benchmarks
    assert whole.deepest.drawdown_frac == pytest.approx(502 / 105_315)
    assert whole.figures[OWN].drawdown_frac == pytest.approx(502 / 105_315)
    assert (late.starting_usd, len(late.points), late.points[0].growth) == (105_315, 1, 104_813 / 105_315)
    assert late.benchmarks["SPY"] == pytest.approx((206 / 204,))


def test_hours_and_a_session_that_runs(desk):
    with desk.transaction() as tx:
        hour = CLOSE - timedelta(hours=5)
        mark(tx, 3, cash=104_800, price=None, is_closing=False, at=hour)
    with desk.snapshot() as tx:
        history = read_history(tx, CALENDAR, BOOK)
        curve = curve_of(tx, CALENDAR, THREE_SECTOR, history, now=NOW, first_on=date(2019, 6, 6), is_hourly=True)
    assert [(p.mark.as_of, p.mark.nav_usd) for p in curve.points] == [(hour + 3 * DAY, 104_800)]
    # The newest close that it knows is that of the day before.
    assert curve.benchmarks["SPY"] == (1.0,)
    newest = gains_of(history, Period.DAY)[-1]
    assert (newest.is_complete, newest.gain_usd) == (False, -13)


def test_symbols_and_statistics(desk):
    with desk.snapshot() as tx:
        history = read_history(tx, CALENDAR, BOOK)
        exposure = exposure_of(tx, THREE_SECTOR, history)
    (nvda,) = symbol_gains(history)
    assert (nvda.symbol, nvda.trades, nvda.realised_usd, nvda.unrealised_usd) == ("NVDA", 1, -203, 0)
    assert (nvda.dividends_usd, nvda.commissions_usd, nvda.total_usd) == (16, 3, -187)
    found = statistics_of(history)
    assert (found.entries, found.trades.count, found.trades.hit_frac, found.trades.profit_factor) == (1, 1, 0, 0)
    assert [(e.name, e.count, e.gain_usd) for e in found.exits] == [("stop", 1, -203)]
    assert found.worst == found.best
    assert (exposure.cash_frac, exposure.holdings) == (1.0, ())
    assert {s.weight_frac for s in exposure.sectors} == {0}


def test_what_is_held_is_weighed_against_its_band(desk):
    with desk.transaction() as tx:
        bought = a_fill(fill_id="f3", quantity=Decimal(500), executed_at=AS_OF + 3 * DAY)
        trade(tx, bought)
        row = a_nav_row(as_of=CLOSE + 3 * DAY, session_on=date(2019, 6, 6), is_closing=True, cash_usd=Decimal(54_812))
        row = replace(row, positions_usd=55_000.0, nav_usd=109_812.0)
        tx.ledger.add_nav(BOOK, row, {"NVDA": (Decimal(500), 110.0, 110.0)})
    with desk.snapshot() as tx:
        exposure = exposure_of(tx, THREE_SECTOR, read_history(tx, CALENDAR, BOOK))
    (held,) = exposure.holdings
    assert (held.symbol, held.value_usd, held.unrealised_usd) == ("NVDA", 55_000, 4_999)
    assert (held.held_since, held.long_on, held.stop_price) == (date(2019, 6, 6), date(2020, 6, 7), None)
    ai = next(s for s in exposure.sectors if s.symbols)
    assert ai.weight_frac == pytest.approx(55_000 / 109_812)
    assert (ai.is_over, ai.low_frac, ai.cap_frac, ai.aim_frac) == (True, 0.3, 0.4, None)


def test_a_stored_replay_is_shown_the_same_way(store):
    with store.transaction() as tx:
        tx.replays.save_run(a_run())
    book = BookId(BookKind.REPLAY, "june")
    with store.snapshot() as tx:
        history = read_history(tx, CALENDAR, book)
        curve = curve_of(tx, CALENDAR, THREE_SECTOR, history, now=NOW)
        late = curve_of(tx, CALENDAR, THREE_SECTOR, history, now=NOW, first_on=date(2019, 6, 5))
        assert exposure_of(tx, THREE_SECTOR, history) is None
    assert [p.growth for p in curve.points] == pytest.approx([1.005, 0.99, 1.012])
    assert curve.benchmarks == {"SPY": (1.0, 1.01, 1.02)}
    assert late.benchmarks["SPY"] == pytest.approx((1.02 / 1.01,))
    assert late.points[0].growth == pytest.approx(101_200 / 99_000)
    (month,) = gains_of(history, Period.MONTH)
    assert (month.gain_usd, month.realised_usd, month.dividends_usd) == (1_200, None, None)
    assert [g.symbol for g in symbol_gains(history)] == ["NVDA"]
    assert statistics_of(history).entries is None


def test_an_unknown_book_is_told_what_there_is(desk):
    with desk.snapshot() as tx, pytest.raises(PermanentError, match="no book replay:none; stored: demo:test"):
        read_history(tx, CALENDAR, BookId(BookKind.REPLAY, "none"))
