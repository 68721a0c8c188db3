"""How a book stands, against numbers worked out by hand: 100 NVDA bought on Monday, a dividend, a deposit, a stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.instruments import BookId, BookKind
from trading.errors import PermanentError
from trading.tasks.standing import (
    BOOK as OWN,
)
from trading.tasks.standing import (
    Period,
    contributions,
    curve_of,
    exposure_of,
    gains_of,
    read_history,
    statistics_of,
    symbol_gains,
)

from tests.builders import AS_OF, BOOK, a_fill, a_nav_row, a_run
from tests.integration.standing_desk import CALENDAR, CLOSE, DAY, NOW, THREE_SECTOR, mark, three_days, trade


@pytest.fixture
def desk(store):
    three_days(store)
    return store


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


def test_positions_say_where_a_gain_came_from(desk):
    with desk.snapshot() as tx:
        history = read_history(tx, CALENDAR, BOOK)
        days = [contributions(tx, history, on, on) for on in (date(2019, 6, n) for n in (3, 4, 5))]
        (week,) = contributions(tx, history, date(2019, 6, 3), date(2019, 6, 7))
    assert [[(c.symbol, c.gain_usd) for c in day] for day in days] == [
        [("NVDA", 99)],
        [("NVDA", 216)],
        [("NVDA", -502)],
    ]
    assert (week.gain_usd, week.start_usd, week.end_usd) == (-187, 0, 0)


def test_an_unknown_book_is_told_what_there_is(desk):
    with desk.snapshot() as tx, pytest.raises(PermanentError, match="no book replay:none; stored: demo:test"):
        read_history(tx, CALENDAR, BookId(BookKind.REPLAY, "none"))
