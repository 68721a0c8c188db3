"""ib_insync and ib_async: quotes and historical bars."""

from __future__ import annotations

import math
from datetime import date

import pytest
from trading.domain.market import ActionKind, CorporateAction
from trading.gateway.feed import DailyFeed

from tests.contract.gateway.ib_client import IbClient, needs_library
from tests.contract.gateway.market import NOW
from tests.fakes import RunningGateway, flat_bars, memory_feed, ny, running_gateway

pytestmark = needs_library


def is_unknown(value: float | None) -> bool:
    return value is None or math.isnan(value) or value == -1


def bars(client: IbClient, duration: str, size: str, *, symbol: str = "NVDA", end: str = "", what: str = "TRADES"):
    return client.ib.reqHistoricalData(client.stock(symbol), end, duration, size, what, True)


# --- quotes -------------------------------------------------------------------------------------


def test_a_snapshot_stands_half_a_spread_around_the_last_price(client: IbClient) -> None:
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert (ticker.bid, ticker.ask, ticker.last) == (99.95, 100.05, 100)
    assert ticker.marketDataType == 1
    assert ticker.halted == 0


def test_a_stream_tells_what_changes_as_time_goes_on(gateway: RunningGateway, client: IbClient) -> None:
    ticker = client.ib.reqMktData(client.known(client.stock("AAPL")))
    client.settle()
    assert ticker.last == 200
    gateway.tell("advance", to=ny("2019-06-03 11:30").isoformat())
    client.settle()
    assert (ticker.high, ticker.low) == (220, 180)
    client.ib.cancelMktData(client.known(client.stock("AAPL")))
    client.settle()
    assert 300 not in client.codes


def test_ending_a_subscription_that_does_not_exist_is_answered_with_300(client: IbClient) -> None:
    client.ib.client.cancelMktData(4711)
    client.settle()
    assert 300 in client.codes


def test_a_scripted_quote_is_what_clients_see(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("quote", symbol="NVDA", bid="120.10", ask="120.20", last="120.15")
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert (ticker.bid, ticker.ask, ticker.last) == (120.10, 120.20, 120.15)


def test_a_side_that_nobody_quotes_is_unknown_and_never_zero(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("quote", symbol="NVDA", last="120.15")
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert is_unknown(ticker.bid)
    assert is_unknown(ticker.ask)


def test_a_halt_shows_in_tick_49(gateway: RunningGateway, client: IbClient) -> None:
    ticker = client.ib.reqMktData(client.known(client.stock()))
    gateway.tell("halt", symbol="NVDA", is_halted=True)
    client.settle()
    assert ticker.halted == 1


def test_outside_the_session_there_is_no_bid_and_no_ask(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("advance", to=ny("2019-06-03 17:00").isoformat())
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert is_unknown(ticker.bid)
    assert ticker.last == 100


def test_the_index_has_a_last_price_and_no_sides(client: IbClient) -> None:
    [ticker] = client.ib.reqTickers(client.known(client.lib.Index("VIX", "CBOE", "USD")))
    assert ticker.last == 15
    assert is_unknown(ticker.bid)


def test_without_a_subscription_live_data_is_refused_with_354(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("live_data", is_subscribed=False)
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert 354 in client.codes
    assert is_unknown(ticker.last)


def test_delayed_data_is_a_quarter_of_an_hour_old_and_says_so(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("live_data", is_subscribed=False)
    gateway.tell("advance", to=ny("2019-06-03 11:40").isoformat())
    client.ib.reqMarketDataType(3)
    [ticker] = client.ib.reqTickers(client.known(client.stock("AAPL")))
    assert 10167 in client.codes
    assert ticker.marketDataType == 3
    assert ticker.last == 200, "at 11:25 the wild bar had not ended"


def test_delayed_and_frozen_is_what_a_closed_market_shows(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("live_data", is_subscribed=False)
    gateway.tell("advance", to=ny("2019-06-03 18:00").isoformat())
    client.ib.reqMarketDataType(4)
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert (ticker.marketDataType, ticker.last) == (4, 100)


def test_a_subscriber_who_asks_for_delayed_data_gets_live_data(client: IbClient) -> None:
    client.ib.reqMarketDataType(3)
    [ticker] = client.ib.reqTickers(client.known(client.stock()))
    assert ticker.marketDataType == 1


# --- historical bars ----------------------------------------------------------------------------


def test_half_hours_of_today_include_the_bar_that_runs_with_its_open_only(gateway, client: IbClient) -> None:
    gateway.tell("advance", to=ny("2019-06-03 11:10").isoformat())
    found = bars(client, "1 D", "30 mins", symbol="AAPL")
    assert [b.date for b in found] == [ny(f"2019-06-03 {at}") for at in ("09:30", "10:00", "10:30", "11:00")]
    assert (found[-1].high, found[-1].volume) == (200, 0)
    assert found[0].volume == 1000


def test_the_first_hour_of_regular_trading_lasts_half_an_hour(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("advance", to=ny("2019-06-03 16:00").isoformat())
    found = bars(client, "1 D", "1 hour", symbol="AAPL")
    assert [(b.date.hour, b.date.minute) for b in found] == [(9, 30), *((h, 0) for h in range(10, 16))]
    assert (found[2].high, found[2].low) == (220, 180)
    assert found[0].volume == found[1].volume / 2


def test_daily_bars_span_sessions_and_carry_a_date(gateway: RunningGateway, client: IbClient) -> None:
    gateway.tell("advance", to=ny("2019-06-05 16:00").isoformat())
    found = bars(client, "2 D", "1 day")
    assert [b.date.isoformat() for b in found] == ["2019-06-04", "2019-06-05"]
    assert found[0].volume == 13_000


def test_midpoints_have_no_volume(client: IbClient) -> None:
    [*_, newest] = bars(client, "1 D", "30 mins", what="MIDPOINT")
    assert (newest.volume, newest.average, newest.barCount) == (-1, -1, -1)


def test_the_index_has_bars_too(client: IbClient) -> None:
    found = client.ib.reqHistoricalData(client.lib.Index("VIX", "CBOE", "USD"), "", "1 D", "1 day", "TRADES", True)
    assert [b.close for b in found] == [15]


def test_a_stretch_without_data_is_answered_with_162_in_words(client: IbClient) -> None:
    assert list(bars(client, "1 D", "1 day", end="20180601 16:00:00 US/Eastern")) == []
    assert (162, True) in [(code, "no data" in text) for _, code, text in client.errors]


@pytest.mark.parametrize(("duration", "size"), [("1 D", "7 mins"), ("1 fortnight", "1 day"), ("0 D", "1 day")])
def test_a_size_or_duration_that_does_not_exist_is_answered_with_321(client, duration: str, size: str) -> None:
    request_id = client.ib.client.getReqId()
    client.ib.client.reqHistoricalData(request_id, client.stock(), "", duration, size, "TRADES", 1, 1, False, [])
    client.settle()
    assert (request_id, 321) in [(about, code) for about, code, _ in client.errors]


def test_nothing_later_than_the_simulated_present_is_served(client: IbClient) -> None:
    found = bars(client, "1 D", "30 mins", end="20190607 16:00:00 US/Eastern")
    assert found[-1].date <= NOW


def test_the_head_time_stamp_is_the_start_of_the_first_bar(client: IbClient) -> None:
    assert client.ib.reqHeadTimeStamp(client.stock(), "TRADES", True, 1) is not None


def test_a_duration_that_reaches_behind_all_history_is_cut(client: IbClient) -> None:
    assert [b.date.isoformat() for b in bars(client, "30 Y", "1 day")] == ["2019-06-03"]


def test_without_a_subscription_bars_are_refused_with_354_or_a_quarter_of_an_hour_late(
    gateway, client: IbClient
) -> None:
    gateway.tell("live_data", is_subscribed=False)
    gateway.tell("advance", to=ny("2019-06-03 11:10").isoformat())
    assert list(bars(client, "1 D", "30 mins")) == []
    assert 354 in client.codes
    client.ib.reqMarketDataType(3)
    found = bars(client, "1 D", "30 mins")
    assert 10167 in client.codes
    assert [b.date for b in found] == [ny(f"2019-06-03 {at}") for at in ("09:30", "10:00", "10:30")]


def test_history_stands_on_the_share_basis_of_the_present() -> None:
    split = CorporateAction("NVDA", ActionKind.SPLIT, date(2019, 6, 4), 4.0, "test", NOW)
    before = flat_bars("NVDA", date(2019, 6, 3), 1, price=400.0)
    plain = memory_feed([*before, *flat_bars("NVDA", date(2019, 6, 4), 1, price=101.0)])
    feed = DailyFeed(plain.symbols, plain._read_day, lambda symbols, first_on, last_on: [
        action for action in [split] if first_on <= action.ex_on <= last_on
    ])  # fmt: skip
    with running_gateway(feed, ny("2019-06-03 16:00")) as gateway:
        client = IbClient(gateway)
        on_the_day = bars(client, "1 D", "1 day")
        gateway.tell("advance", to=ny("2019-06-04 16:00").isoformat())
        after = bars(client, "2 D", "1 day")
        client.close()
    assert [(b.close, b.volume) for b in on_the_day] == [(400, 13_000)]
    assert [(b.close, b.volume) for b in after] == [(100, 52_000), (101, 13_000)]


def test_gold_is_a_spot_metal_with_midpoints() -> None:
    with running_gateway(memory_feed(flat_bars("XAUUSD", date(2019, 6, 3), 1, price=1330.0)), NOW) as gateway:
        client = IbClient(gateway)
        gold = client.lib.Contract(symbol="XAUUSD", secType="CMDTY", exchange="SMART", currency="USD")
        found = client.ib.reqHistoricalData(gold, "", "1 D", "30 mins", "MIDPOINT", True)
        client.close()
    assert [(b.close, b.volume) for b in found[:2]] == [(1330, -1), (1330, -1)]
