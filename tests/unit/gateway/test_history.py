"""Bars and quotes that the gateway derives from its feed."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import pytest
from trading.domain.market import Bar, Resolution
from trading.execution.costs import CostModel
from trading.gateway.history import BarRequest, history
from trading.gateway.listings import Listings, listing_of
from trading.gateway.quotes import Market
from trading.gateway.records import BrokerState, Refusal, ScriptedQuote

from tests.fakes import ACCOUNT, WeekdayCalendar, flat_bars, half_hours, memory_feed, ny

CALENDAR = WeekdayCalendar(half_days=frozenset({date(2019, 6, 4)}))
FEED = memory_feed(
    half_hours("NVDA", ny("2019-06-03 09:30"), [(n, n + 2, n - 1, n + 1) for n in range(100, 113)])
    + half_hours("NVDA", ny("2019-06-04 09:30"), [(200, 200, 200, 200)] * 7)
)


def bars(size: str, duration: str, now: str, *, feed=FEED, what: str = "TRADES", ends_at: datetime | None = None):
    request = BarRequest("NVDA", ends_at, size, duration, what, is_epoch=False)
    return history(request, feed, CALENDAR, ny(f"2019-06-{now}")).bars


def test_an_hour_is_made_of_its_half_hours() -> None:
    hour = bars("1 hour", "1 D", "03 16:00")[1]
    assert (hour.date, hour.open, hour.high, hour.low, hour.close, hour.volume) == (
        "20190603 10:00:00 US/Eastern",
        101,
        104,
        100,
        103,
        2000,
    )


def test_a_half_day_ends_at_one_o_clock() -> None:
    assert [b.date[9:14] for b in bars("1 hour", "1 D", "04 17:00")] == ["09:30", "10:00", "11:00", "12:00"]


def test_a_day_is_the_whole_session() -> None:
    [day] = bars("1 day", "1 D", "03 17:00")
    assert (day.date, day.open, day.high, day.low, day.close, day.volume) == ("20190603", 100, 114, 99, 113, 13_000)


def test_the_bar_that_runs_gives_away_nothing_of_its_range() -> None:
    running = bars("30 mins", "1 D", "03 10:10")[-1]
    assert (running.open, running.high, running.low, running.close, running.volume) == (101, 101, 101, 101, 0)


def test_an_end_in_the_past_hides_what_came_later() -> None:
    assert len(bars("30 mins", "1 D", "04 17:00", ends_at=ny("2019-06-03 11:00"))) == 3


def test_seconds_are_counted_as_they_are() -> None:
    assert [b.date[9:14] for b in bars("30 mins", "3600 S", "03 12:00")] == ["11:00", "11:30"]


def test_daily_bars_alone_make_no_hours() -> None:
    monday = ny("2019-06-03 09:30"), ny("2019-06-03 16:00")
    daily = memory_feed([Bar("NVDA", Resolution.DAY, *monday, 1, 2, 1, 2, 5, "test", monday[1])])
    assert [b.close for b in bars("1 day", "1 D", "03 16:00", feed=daily)] == [2]
    with pytest.raises(Refusal, match="no data"):
        bars("1 hour", "1 D", "03 16:00", feed=daily)


@pytest.mark.parametrize("what", ["BID", "ADJUSTED_LAST", ""])
def test_what_is_not_simulated_is_refused_by_name(what: str) -> None:
    with pytest.raises(Refusal, match="not simulated"):
        bars("1 day", "1 D", "03 16:00", what=what)


# --- quotes -------------------------------------------------------------------------------------


def view(now: str, *, symbol: str = "NVDA", is_delayed: bool = False, quote: ScriptedQuote | None = None):
    state = BrokerState(ACCOUNT, Decimal(0), ny(f"2019-06-{now}"))
    if quote is not None:
        state.quotes[symbol] = quote
    return Market(state, FEED, CALENDAR, CostModel()).view(listing_of(symbol), is_delayed=is_delayed)


def test_during_a_bar_only_its_open_is_known() -> None:
    seen = view("03 10:10")
    assert (seen.last, seen.high, seen.volume) == (101, 102, 1000)
    assert seen.traded_at == ny("2019-06-03 10:00")


def test_the_sides_stand_outside_the_last_price_on_whole_cents() -> None:
    seen = view("04 10:00")
    assert (seen.bid, seen.ask) == (Decimal("199.90"), Decimal("200.10"))


def test_yesterdays_close_is_shown_beside_todays_prices() -> None:
    assert (view("04 09:45").close, view("04 09:45").last) == (113, 200)


def test_before_the_open_the_last_price_is_yesterdays_and_nobody_quotes() -> None:
    seen = view("04 08:00")
    assert (seen.last, seen.bid, seen.is_open) == (113, None, False)


def test_delayed_data_shows_the_market_of_a_quarter_of_an_hour_ago() -> None:
    assert view("04 09:40", is_delayed=True).last == 113


def test_a_symbol_that_never_traded_shows_nothing() -> None:
    seen = view("03 10:00", symbol="AMD")
    assert (seen.bid, seen.ask, seen.last, seen.traded_at) == (None, None, None, None)


def test_a_script_may_quote_one_side_only() -> None:
    seen = view("03 10:00", quote=ScriptedQuote(bid=Decimal("99.5"), is_halted=None))
    assert (seen.bid, seen.ask, seen.last, seen.is_halted) == (Decimal("99.5"), None, None, None)


# --- listings -----------------------------------------------------------------------------------


def test_a_contract_is_found_by_its_id_whatever_else_is_empty() -> None:
    listings = Listings(["NVDA", "VIX"])
    nvda, vix = listings["NVDA"], listings["VIX"]
    assert listings.find(nvda.con_id, "", "", "", "") == nvda
    assert listings.find(0, "VIX", "IND", "CBOE", "USD") == vix
    assert listings.find(0, "VIX", "STK", "SMART", "USD") is None
    assert listings.find(0, "NVDA", "STK", "LSE", "USD") is None


def test_contract_ids_are_told_apart() -> None:
    symbols = sorted({b.symbol for b in flat_bars("SPY", date(2019, 6, 3), 1)} | {"A", "AA", "AAPL", "BRK B", "GOOGL"})
    assert len({listing_of(s).con_id for s in symbols}) == len(symbols)
