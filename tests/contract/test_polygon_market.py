"""Polygon beyond single tickers: whole days, statements, holidays, and what its answers say about the plan."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from trading.adapters.sources.polygon_bars import PolygonBars
from trading.adapters.sources.polygon_market import PlanProbe, PolygonHolidays
from trading.adapters.sources.polygon_plan import NAME
from trading.adapters.sources.polygon_statements import PolygonFilings
from trading.domain.market import Resolution, SessionNotice, TimeWindow
from trading.errors import DataRejected, NotEntitled, VendorError, VendorRefused, VendorUnavailable

from tests.contract.test_polygon import CALENDAR, FIXTURES, Desk, fixture, needs_fixtures, refusal, row_at, rows
from tests.fakes import ny
from tests.http_stub import Answer, http_stub

GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/"
UPCOMING, STATUS = "/v1/marketstatus/upcoming", "/v1/marketstatus/now"
STATEMENTS = "/stocks/financials/v1/income-statements"
PREVIOUS, SNAPSHOT = "/v2/aggs/ticker/SPY/prev", "/v2/snapshot/locale/us/markets/stocks/tickers/SPY"
RATIOS = "/stocks/financials/v1/ratios"
FRIDAY = TimeWindow(ny("2026-11-20 09:30"), ny("2026-11-20 16:00"))
MONDAY_MORNING = ny("2026-11-23 08:00")


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


def client_of(desk):
    return desk.source._client


# --- a whole day in one reply ----------------------------------------------------------------------


def test_on_a_plan_with_few_calls_one_reply_serves_the_day_of_every_symbol(stub):
    names = ("NVDA", "AMD", "GLD")
    stub.script(f"{GROUPED}2026-11-20", rows(*(row_at("2026-11-20 16:00", T=name) for name in names)))
    desk = Desk(stub, plan="basic", now=MONDAY_MORNING)
    found = [desk.bars(FRIDAY, Resolution.DAY, name) for name in (*names, "NONE")]
    assert [[(b.starts_at, b.ends_at, b.close) for b in bars] for bars in found] == [
        *([[(*FRIDAY_SPAN, 100.5)]] * 3), []
    ]  # fmt: skip
    (asked,) = stub.asked
    assert asked.query["adjusted"] == ["false"]
    assert "include_otc" not in asked.query or asked.query["include_otc"] == ["false"]


FRIDAY_SPAN = (FRIDAY.starts_at, FRIDAY.ends_at)


def test_a_plan_with_many_calls_and_a_long_window_ask_ticker_by_ticker(stub):
    stub.script("*", rows())
    Desk(stub, plan="starter", now=MONDAY_MORNING).bars(FRIDAY, Resolution.DAY)
    long = TimeWindow(ny("2026-11-02 09:30"), FRIDAY.ends_at)
    Desk(stub, plan="basic", now=MONDAY_MORNING).bars(long, Resolution.DAY)
    assert [asked.path.split("/")[3] for asked in stub.asked] == ["ticker", "ticker"]


def test_a_day_that_is_not_over_is_never_taken_and_a_holiday_is_not_asked_for(stub):
    stub.script("*", rows(row_at("2026-11-20 16:00", T="TEST")))
    desk = Desk(stub, plan="basic", now=ny("2026-11-20 12:00"))
    assert desk.bars(FRIDAY, Resolution.DAY) == []
    thanksgiving = TimeWindow(ny("2026-11-26 00:00"), ny("2026-11-27 00:00"))
    assert Desk(stub, plan="basic", now=ny("2026-11-30 08:00")).bars(thanksgiving, Resolution.DAY) == []
    assert stub.asked == []


def test_a_row_of_another_day_is_no_bar_of_this_one(stub):
    stub.script("*", rows(row_at("2026-11-19 16:00", T="TEST")))
    assert Desk(stub, plan="basic", now=MONDAY_MORNING).bars(FRIDAY, Resolution.DAY) == []


def test_a_reply_of_the_whole_market_passes_the_limit_of_size(stub):
    many = [row_at("2026-11-20 16:00", T=f"T{number:05}", n=12_345, vw=100.123456) for number in range(12_400)]
    text = json.dumps({"status": "OK", "results": many}, indent=6)
    assert 2_500_000 < len(text) < 5_000_000
    stub.script("*", Answer(text, headers={"Content-Type": "application/json"}))
    (bar,) = Desk(stub, plan="basic", now=MONDAY_MORNING).bars(FRIDAY, Resolution.DAY, "T12399")
    assert bar.close == 100.5


def test_a_wide_universe_takes_its_day_from_one_reply_whatever_the_plan(stub):
    many = [row_at("2026-11-20 16:00", T=f"T{number:05}") for number in range(100)]
    stub.script("*", Answer({"status": "OK", "results": many}))
    desk = Desk(stub, now=MONDAY_MORNING)
    source = PolygonBars(client_of(desk), desk.source._reach, names=100)
    days = [bar for number in range(100) for bar in source.bars(f"T{number:05}", FRIDAY, Resolution.DAY)]
    assert [bar.close for bar in days] == [100.5] * 100
    (asked,) = stub.asked
    assert asked.path.startswith(GROUPED)


@needs_fixtures
def test_the_vendors_own_whole_day_is_stamped_with_its_close(stub):
    stub.script("*", Answer(fixture("grouped_daily.json")))
    window = TimeWindow(ny("2020-10-14 09:30"), ny("2020-10-14 16:00"))
    (bar,) = Desk(stub, plan="basic", now=ny("2020-10-15 08:00")).bars(window, Resolution.DAY, "VSAT")
    assert (bar.close, bar.volume, bar.ends_at) == (34.24, 312_583, window.ends_at)


# --- statements ------------------------------------------------------------------------------------

STATEMENT = {
    "tickers": ["TEST"], "timeframe": "quarterly", "period_end": "2024-04-28", "filing_date": "2024-05-29",
    "diluted_earnings_per_share": 5.98, "revenue": 26_044_000_000,
}  # fmt: skip
SINCE_2023 = TimeWindow(ny("2023-01-01 00:00"), ny("2026-11-20 16:00"))


def filings(stub, window=SINCE_2023, **options):
    desk = Desk(stub, **options)
    return desk, list(PolygonFilings(client_of(desk), CALENDAR).filings(["TEST"], window))


@needs_fixtures
def test_statements_are_quarters_as_filed_known_from_the_next_open(stub):
    stub.script(STATEMENTS, Answer(fixture("made/income_statements_v1.json")))
    _, found = filings(stub)
    assert [(f.period_ends_on, f.quarters, f.eps_diluted, f.filed_on) for f in found] == [
        (date(2024, 4, 28), 1, 5.98, date(2024, 5, 29)),
        (date(2024, 1, 28), 1, 4.93, date(2024, 2, 21)),
        (date(2023, 10, 29), 1, 3.71, date(2023, 11, 21)),
        (date(2023, 7, 30), 1, 2.48, date(2023, 8, 28)),
    ]
    assert found[0].known_at == ny("2024-05-30 09:30")
    assert found[0].revenue_usd == 26_044_000_000
    (asked,) = stub.asked
    assert asked.query["tickers"] == ["TEST"]
    assert "cik" not in asked.query


@pytest.mark.parametrize(
    "odd",
    [{"filing_date": None}, {"period_end": None}, {"timeframe": "trailing_twelve_months"}, {"tickers": ["OTHER"]}],
)
def test_a_statement_without_a_filing_day_or_of_another_kind_is_not_used(stub, odd):
    stub.script(STATEMENTS, rows({**STATEMENT, **odd}))
    assert filings(stub)[1] == []


def test_a_line_that_is_absent_is_unknown_and_never_zero(stub):
    stub.script(STATEMENTS, rows({name: v for name, v in STATEMENT.items() if name != "diluted_earnings_per_share"}))
    (found,) = filings(stub)[1]
    assert found.eps_diluted is None


def test_a_statement_outside_the_window_is_left_out_and_a_garbled_day_refused(stub):
    stub.script(STATEMENTS, rows(STATEMENT))
    assert filings(stub, TimeWindow(ny("2024-05-30 09:31"), ny("2026-11-20 16:00")))[1] == []
    stub.script(STATEMENTS, rows({**STATEMENT, "filing_date": "29/05/2024"}))
    with pytest.raises(DataRejected, match="not a date"):
        filings(stub)


def test_a_plan_without_financials_is_asked_once_a_day(stub):
    stub.script(STATEMENTS, refusal("endpoint"))
    desk = Desk(stub)
    source = PolygonFilings(client_of(desk), CALENDAR)
    for _ in range(2):
        with pytest.raises(NotEntitled):
            list(source.filings(["TEST"], SINCE_2023))
    assert desk.calls.off_reason(NAME, "financials")
    assert len(stub.asked) == 1


# --- holidays --------------------------------------------------------------------------------------

CLOSED_DAY = {"exchange": "NYSE", "name": "Christmas", "date": "2026-12-25", "status": "closed"}
EARLY_DAY = {
    "exchange": "NYSE", "name": "Christmas", "date": "2026-12-24", "status": "early-close",
    "open": "2026-12-24T14:30:00.000Z", "close": "2026-12-24T18:00:00.000Z",
}  # fmt: skip


def status(text, nyse):
    return Answer({"market": nyse, "serverTime": text, "exchanges": {"nyse": nyse, "nasdaq": nyse, "otc": nyse}})


def notices(stub, *announced, now=None):
    stub.script(UPCOMING, Answer(list(announced)))
    stub.script(STATUS, now or status("2026-11-20T16:48:08-05:00", "closed"))
    return list(PolygonHolidays(client_of(Desk(stub)), CALENDAR).upcoming())


def test_new_yorks_closed_days_and_early_closes_are_read_in_order_and_other_exchanges_are_not(stub):
    otc = {**CLOSED_DAY, "exchange": "OTC", "date": "2026-12-31"}
    assert notices(stub, CLOSED_DAY, otc, {**CLOSED_DAY, "exchange": "NASDAQ"}, EARLY_DAY) == [
        SessionNotice(date(2026, 12, 24), datetime(2026, 12, 24, 18, tzinfo=UTC)),
        SessionNotice(date(2026, 12, 25), None),
    ]


def test_an_exchange_that_is_closed_in_the_middle_of_a_session_is_told(stub):
    assert notices(stub, now=status("2026-11-20T11:00:00-05:00", "closed")) == [SessionNotice(date(2026, 11, 20), None)]
    assert notices(stub, now=status("2026-11-20T11:00:00-05:00", "open")) == []
    assert notices(stub, now=status("2026-11-26T11:00:00-05:00", "closed")) == [], "the calendar says so too"


@needs_fixtures
def test_the_vendors_own_list_of_holidays_is_read(stub):
    found = notices(stub, *fixture("market_upcoming.json"), now=Answer(fixture("market_now.json")))
    assert [notice.on for notice in found] == [
        date(2022, 5, 30), date(2022, 6, 20), date(2022, 7, 4), date(2022, 9, 5), date(2022, 11, 24),
        date(2022, 11, 25), date(2022, 12, 26),
    ]  # fmt: skip
    assert {n.on: n.closes_at for n in found}[date(2022, 11, 25)] == ny("2022-11-25 13:00")


@pytest.mark.parametrize(
    ("upcoming", "kind"),
    [
        (Answer({"results": []}), VendorUnavailable),
        (Answer("<html>maintenance</html>"), VendorUnavailable),
        (Answer([1, 2]), VendorRefused),
        (Answer([{**CLOSED_DAY, "status": "postponed"}]), VendorRefused),
        (Answer([{**CLOSED_DAY, "date": "Christmas"}]), DataRejected),
        (Answer([{**EARLY_DAY, "close": None}]), VendorRefused),
        (Answer([{**EARLY_DAY, "close": "noon"}]), DataRejected),
    ],
)
def test_a_list_of_holidays_that_cannot_be_read_is_an_error_and_not_an_empty_one(stub, upcoming, kind):
    stub.script(UPCOMING, upcoming)
    stub.script(STATUS, status("2026-11-20T16:48:08-05:00", "closed"))
    with pytest.raises(kind):
        list(PolygonHolidays(client_of(Desk(stub)), CALENDAR).upcoming())


# --- what the answers say about the plan -----------------------------------------------------------


def snapshot(at):
    return Answer({"status": "OK", "ticker": {"ticker": "SPY", "updated": round(at.timestamp() * 1e9)}})


def probed(stub, now, *, previous=None, shown=None, ratios=None):
    stub.script(PREVIOUS, previous or rows(row_at("2026-11-19 16:00", T="SPY")))
    stub.script(SNAPSHOT, shown or refusal("endpoint"))
    stub.script(RATIOS, ratios or refusal("endpoint"))
    desk = Desk(stub, now=now)
    desk.calls.now = now
    PlanProbe(client_of(desk), desk.calls, desk.source._reach.clock, CALENDAR).once()
    return desk


OPEN, SHUT = ny("2026-11-20 11:00"), ny("2026-11-20 18:00")


@pytest.mark.parametrize(
    ("now", "answers", "told"),
    [
        (OPEN, {}, "basic, without financials"),
        (OPEN, {"ratios": rows()}, "basic, with financials"),
        (OPEN, {"shown": snapshot(OPEN - timedelta(minutes=15))}, "starter or developer, without financials"),
        (OPEN, {"shown": snapshot(OPEN), "ratios": rows()}, "advanced, with financials"),
        (SHUT, {"shown": snapshot(ny("2026-11-20 16:00"))}, "starter, developer or advanced, without financials"),
        (OPEN, {"previous": refusal("endpoint")}, "none: not even the previous close is included"),
    ],
)
def test_three_answers_tell_the_plans_apart(stub, now, answers, told):
    desk = probed(stub, now, **answers)
    assert desk.calls.probe(NAME).told == told
    assert not desk.calls.off, "a probe switches nothing off"


def test_a_plan_is_probed_once_a_day_and_by_one_process(stub):
    desk = probed(stub, OPEN)
    count = len(stub.asked)
    assert count == 3
    other = PlanProbe(client_of(desk), desk.calls, desk.source._reach.clock, CALENDAR)
    other.once()
    assert len(stub.asked) == count
    desk.calls.passes(24 * 3600)
    PlanProbe(client_of(desk), desk.calls, desk.source._reach.clock, CALENDAR).once()
    assert len(stub.asked) == 2 * count


@pytest.mark.parametrize("answer", [Answer("down", status=500), Answer({"error": "Unknown API Key"}, status=401)])
def test_a_probe_that_fails_keeps_nobody_from_the_data_and_stores_nothing(stub, answer):
    desk = probed(stub, OPEN, previous=answer)
    assert desk.calls.probe(NAME) is None


# --- every other file of the vendor ----------------------------------------------------------------


@needs_fixtures
def test_an_index_without_volume_and_a_snapshot_with_errors_inside_are_read_by_the_official_client(stub):
    stub.script("*", Answer(fixture("aggs_index_no_volume.json")))
    desk = Desk(stub, now=ny("2023-03-11 08:00"))
    window = TimeWindow(ny("2023-03-09 09:30"), ny("2023-03-10 16:00"))
    found = desk.bars(window, Resolution.DAY, "I:NDX")
    assert [bar.close for bar in found] == [11995.88235998666, 11830.28178808306]
    assert all(bar.volume != bar.volume for bar in found), "no number, which the quality walls refuse"
    stub.script("*", Answer(fixture("snapshot_indices_with_errors.json")))
    told = client_of(desk)._client(None).get_snapshot_indices(["I:SPX", "APx"])
    assert [(row.ticker, row.error) for row in told][1] == ("APx", "NOT_FOUND")


@needs_fixtures
@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("made/errors/4*.json")))
def test_each_recorded_refusal_is_an_error_of_the_vendor(stub, name):
    stub.script("*", Answer(fixture(f"made/errors/{name}"), status=int(name[:3])))
    with pytest.raises(VendorError):
        Desk(stub, now=MONDAY_MORNING).bars()


@needs_fixtures
def test_a_page_that_names_a_next_one_is_followed_on_our_host(stub):
    first = fixture("aggs_page1_with_next_url.json")
    stub.script("*", Answer(first), rows())
    Desk(stub, now=ny("2026-11-20 16:05")).bars()
    assert len(stub.asked) == 2
    assert stub.asked[1].path in first["next_url"]
