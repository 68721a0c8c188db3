"""Every recorded reply of Polygon that the desk can use, through the official client; and how often one is asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from trading.adapters.sources.polygon_plan import NAME
from trading.analysis.quality import check_bars, expected_windows
from trading.domain.market import Resolution, TimeWindow
from trading.errors import VendorError

from tests.contract.test_polygon import CALENDAR, FIXTURES, LIMIT, WINDOW, Desk, fixture, needs_fixtures
from tests.fakes import ny
from tests.http_stub import Answer, http_stub

MOCKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "fixtures" / "polygon"
AGGREGATES = "v2/aggs/ticker/AAPL/range/1/day/2005-04-01/2005-04-04.json"
RECORDED = {
    AGGREGATES: lambda client: client.list_aggs("AAPL", 1, "day", "2005-04-01", "2005-04-04"),
    "v2/aggs/grouped/locale/us/market/stocks/2005-04-04&adjusted=true.json": lambda client: (
        client.get_grouped_daily_aggs("2005-04-04")
    ),
    "v2/aggs/ticker/AAPL/prev.json": lambda client: client.get_previous_close_agg("AAPL"),
    "v2/reference/news&ticker=NFLX.json": lambda client: client.list_ticker_news("NFLX"),
    "v3/reference/splits.json": lambda client: client.list_splits(),
    "v3/reference/dividends.json": lambda client: client.list_dividends(),
    "v1/marketstatus/upcoming.json": lambda client: client.get_market_holidays(),
    "v3/snapshot/indices&ticker.any_of=SPX%2CAPx%2CAPy.json": lambda client: client.get_snapshot_indices(["SPX"]),
}
OFFICIAL = {
    "aggs_day_AAPL_2005-04.json": lambda client: client.list_aggs("AAPL", 1, "day", "2005-04-01", "2005-04-04"),
    "aggs_index_no_volume.json": lambda client: client.list_aggs("I:NDX", 1, "day", "2023-03-09", "2023-03-10"),
    "grouped_daily.json": lambda client: client.get_grouped_daily_aggs("2020-10-14"),
    "prev_close.json": lambda client: client.get_previous_close_agg("AAPL"),
    "news_with_insights.json": lambda client: client.list_ticker_news("NFLX"),
    "news_without_insights.json": lambda client: client.list_ticker_news("NFLX"),
    "splits_v3_deprecated.json": lambda client: client.list_splits(),
    "dividends_v3_deprecated.json": lambda client: client.list_dividends(),
    "market_upcoming.json": lambda client: client.get_market_holidays(),
    "snapshot_indices_with_errors.json": lambda client: client.get_snapshot_indices(["I:SPX"]),
    "made/income_statements_v1.json": lambda client: client.list_financials_income_statements(tickers="TEST"),
    "made/ratios_v1.json": lambda client: client.list_financials_ratios(ticker="TEST"),
}
WORDS = {
    "close": "c", "volume": "v", "timestamp": "t", "ticker": "ticker", "id": "id", "execution_date": "execution_date",
    "cash_amount": "cash_amount", "date": "date", "error": "error", "period_end": "period_end",
    "diluted_earnings_per_share": "diluted_earnings_per_share", "price_to_earnings": "price_to_earnings",
}  # fmt: skip
"""The client's names of a field, and the vendor's."""


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


def loaded(stub, body, call):
    """Return what the official client makes of a reply, and the rows in it."""
    told = json.loads(body)
    told = {name: value for name, value in told.items() if name != "next_url"} if isinstance(told, dict) else told
    stub.script("*", Answer(told))
    shape = None if isinstance(told, dict) else lambda reply: None
    client = Desk(stub).source._client._client(None, shape)
    return list(call(client)), told["results"] if isinstance(told, dict) else told


def compare(models, rows):
    assert len(models) == len(rows) > 0
    compared = 0
    for model, row in zip(models, rows, strict=True):
        for name, word in WORDS.items():
            if word in row and hasattr(model, name):
                assert getattr(model, name) == row[word]
                compared += 1
    assert compared >= len(rows)


@pytest.mark.skipif(not MOCKS.is_dir(), reason="../shared/data/fixtures is not beside this checkout")
@pytest.mark.parametrize("name", RECORDED)
def test_the_vendors_own_mock_is_read_whole(stub, name):
    compare(*loaded(stub, (MOCKS / name).read_text(), RECORDED[name]))


@needs_fixtures
@pytest.mark.parametrize("name", OFFICIAL)
def test_each_recorded_reply_is_read_whole(stub, name):
    compare(*loaded(stub, json.dumps(fixture(name)), OFFICIAL[name]))


@needs_fixtures
def test_clock_hours_of_the_vendor_are_never_asked_for_and_its_half_hours_build_the_session(stub):
    hours = fixture("made/aggs_hour_2026-11-25_and_halfday_27.json")["results"]
    stub.script("*", Answer(fixture("made/aggs_30min_2026-11-25_and_halfday_27.json")))
    desk = Desk(stub, now=ny("2026-11-27 14:00"))
    assert desk.source.served_until("TEST", Resolution.HOUR, ny("2026-11-27 13:00")) is None
    assert any(row["t"] == round(ny("2026-11-25 09:00").timestamp() * 1000) for row in hours), "pre-market is in it"
    bars = desk.bars(TimeWindow(ny("2026-11-27 09:30"), ny("2026-11-27 13:00")))
    assert bars[0].starts_at == ny("2026-11-27 09:30")
    assert bars[-1].ends_at == ny("2026-11-27 13:00")


# --- how often a failure is asked again ------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        (Answer("down", status=500), 3),
        (Answer("down", status=504), 3),
        (Answer("<html>maintenance</html>"), 3),
        (Answer({"results": []}, truncate_bytes=5), 3),
        (Answer({"status": "ERROR", "error": "API Key was not provided"}, status=401), 1),
        (Answer({"status": "NOT_FOUND"}, status=404), 1),
        (Answer({"status": "NOT_AUTHORIZED", "message": "You are not entitled to this data."}, status=403), 1),
    ],
)
def test_an_outage_is_asked_three_times_and_a_refusal_once(stub, answer, count):
    stub.script("*", answer)
    with pytest.raises(VendorError):
        Desk(stub).bars()
    assert len(stub.asked) == count


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry-After": "7"}, 7.0), ({}, 60.0)])
def test_a_limit_is_waited_for_as_long_as_it_says_and_else_for_the_plans_minute(stub, headers, seconds):
    stub.script("*", Answer(LIMIT, status=429, headers=headers), Answer({"status": "OK", "results": []}))
    desk = Desk(stub, seconds=120.0)
    waited = []
    desk.source._client._http._sleep = waited.append
    assert desk.bars() == []
    assert waited == [seconds]
    assert desk.calls.results() == [(429, desk.calls.calls[0].result.failure), (200, None)]
    assert desk.calls.usage(NAME).failures_in_a_row == 0, "a limit is no outage"


def test_an_empty_answer_on_a_session_day_is_missed_bar_by_bar_and_a_holiday_is_not_asked_for(stub):
    stub.script("*", Answer({"status": "DELAYED", "results": []}))
    bars = Desk(stub).bars()
    sessions = CALENDAR.sessions(WINDOW.starts_at.date(), WINDOW.ends_at.date())
    expected = expected_windows(sessions, Resolution.HALF_HOUR, through=WINDOW.ends_at)
    checked = check_bars(bars, previous=None, actions=(), cutoff_at=WINDOW.ends_at, expected=expected)
    assert len(checked.missing) == 13
    assert checked.gates, "no entry without the newest bar"
    asked = len(stub.asked)
    thanksgiving = TimeWindow(ny("2026-11-26 09:30"), ny("2026-11-26 16:00"))
    assert Desk(stub, now=ny("2026-11-30 09:00")).bars(thanksgiving) == []
    assert len(stub.asked) == asked


def test_the_fixtures_that_are_named_here_are_all_there_is_of_their_kind():
    if not FIXTURES.is_dir():
        pytest.skip("../shared/fixtures is not beside this checkout")
    unused = {"financials_vx_2rows.json", "open_close.json", "snapshot_ticker.json", "ticker_details.json"}
    elsewhere = {"aggs_page1_with_next_url.json", "market_now.json"}
    found = {path.name for path in FIXTURES.glob("*.json")}
    assert found == unused | elsewhere | {name for name in OFFICIAL if "/" not in name}
