"""Polygon through its official client, our HTTP layer and a server on loopback: the documented figures, each error."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from trading.adapters.http import HttpClient
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.polygon_bars import PolygonBars
from trading.adapters.sources.polygon_client import PolygonClient, polygon_terms
from trading.adapters.sources.polygon_facts import DIVIDENDS, SPLITS, PolygonActions, PolygonNews
from trading.adapters.sources.polygon_plan import BARS, CURRENT_DAY, NAME, PLANS, Reach
from trading.analysis.quality import expected_windows
from trading.domain.market import ActionKind, Resolution, TimeWindow
from trading.errors import NotEntitled, RateLimited, UnknownSymbol, VendorRefused, VendorUnavailable

from tests.fakes import FixedClock, ny
from tests.fakes_http import MemoryCalls
from tests.http_stub import Answer, http_stub

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "polygon"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="../shared/fixtures is not beside this checkout")
CALENDAR = NyseCalendar()
NEWS = "/v2/reference/news"
KEY = "canary-polygon-5f1e"
WINDOW = TimeWindow(ny("2026-11-20 09:30"), ny("2026-11-20 16:00"))
ROW = {"o": 100.0, "h": 101.0, "l": 99.0, "c": 100.5, "v": 900, "t": 0}


def fixture(name):
    return json.loads((FIXTURES / name).read_text())


def row_at(text, **values):
    return {**ROW, "t": round(ny(text).timestamp() * 1000), **values}


def rows(*found, next_url=None):
    return Answer({"status": "OK", "results": list(found)} | ({"next_url": next_url} if next_url else {}))


class Desk:
    """Polygon's sources on one stub."""

    def __init__(self, stub, *, now=None, plan="advanced", is_history=False, seconds=20.0):
        self.calls, self.stub, clock = MemoryCalls(), stub, FixedClock(now or ny("2026-11-20 16:05"))
        terms = polygon_terms(KEY, PLANS[plan], base_url=stub.url)
        http = HttpClient(terms, self.calls, deadline_seconds=seconds, sleep=lambda seconds: None)
        client = PolygonClient(http)
        reach = Reach(PLANS[plan], CALENDAR, clock, self.calls, is_history=is_history)
        self.source = PolygonBars(client, reach)
        self.actions = PolygonActions(client, CALENDAR, clock, is_history=is_history)
        self.stories = PolygonNews(client, clock)

    def bars(self, window=WINDOW, resolution=Resolution.HALF_HOUR, symbol="TEST"):
        return list(self.source.bars(symbol, window, resolution))


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


# --- the documented figures ------------------------------------------------------------------------


@needs_fixtures
def test_a_half_day_has_seven_half_hours_and_the_halted_one_is_missing(stub):
    stub.script("*", Answer(fixture("made/aggs_30min_2026-11-25_and_halfday_27.json")))
    window = TimeWindow(ny("2026-11-25 09:30"), ny("2026-11-27 13:00"))
    bars = Desk(stub, now=ny("2026-11-27 14:00")).bars(window)
    by_day = [sum(bar.starts_at.date() == date(2026, 11, day) for bar in bars) for day in (25, 26, 27)]
    assert by_day == [12, 0, 7]
    expected = expected_windows(CALENDAR.sessions(date(2026, 11, 25), date(2026, 11, 27)), Resolution.HALF_HOUR,
                                through=window.ends_at)  # fmt: skip
    assert {span.starts_at for span in expected} - {bar.starts_at for bar in bars} == {ny("2026-11-25 11:30")}


@needs_fixtures
def test_sessions_on_both_sides_of_the_clock_change_begin_at_half_past_nine_in_new_york(stub):
    stub.script("*", Answer(fixture("made/aggs_30min_dst_2026-10-30_and_11-02.json")))
    window = TimeWindow(ny("2026-10-30 09:30"), ny("2026-11-02 16:00"))
    bars = Desk(stub, now=ny("2026-11-02 17:00")).bars(window)
    assert len(bars) == 26
    assert bars[0].starts_at == datetime(2026, 10, 30, 13, 30, tzinfo=UTC)
    assert bars[13].starts_at == datetime(2026, 11, 2, 14, 30, tzinfo=UTC)


@needs_fixtures
def test_daily_bars_stamped_at_midnight_span_their_sessions(stub):
    stub.script("*", Answer(fixture("aggs_day_AAPL_2005-04.json")))
    desk = Desk(stub, now=ny("2005-04-05 10:00"))
    bars = desk.bars(TimeWindow(ny("2005-04-01 09:30"), ny("2005-04-04 16:00")), Resolution.DAY, "AAPL")
    assert [(bar.starts_at, bar.ends_at) for bar in bars] == [
        (ny("2005-04-01 09:30"), ny("2005-04-01 16:00")),
        (ny("2005-04-04 09:30"), ny("2005-04-04 16:00")),
    ]
    assert bars[0].close == 1.4604
    (asked,) = stub.asked
    assert asked.query["adjusted"] == ["false"], "prices are stored raw"


def test_splits_and_dividends_of_many_names_are_asked_in_addresses_that_a_server_takes(stub):
    names = [f"N{number:04d}" for number in range(600)]
    last = {"ticker": "N0599", "execution_date": "2026-11-19", "split_from": 1, "split_to": 2}
    stub.script(SPLITS, rows(), rows(), rows(last))
    stub.script(DIVIDENDS, rows())
    (found,) = Desk(stub).actions.corporate_actions(names, WINDOW)
    assert (found.symbol, found.value) == ("N0599", 2.0)
    asked = [request.query["ticker.any_of"][0].split(",") for request in stub.asked if request.path == SPLITS]
    assert [name for some in asked for name in some] == names
    assert max(map(len, asked)) == 250


@needs_fixtures
def test_nvidias_two_splits_and_apples_dividend_are_read_with_when_they_were_known(stub):
    stub.script(SPLITS, Answer(fixture("made/splits_v1.json")))
    stub.script(DIVIDENDS, Answer(fixture("made/dividends_v1.json")))
    window = TimeWindow(ny("2021-01-01 00:00"), ny("2026-11-20 10:45"))
    found = list(Desk(stub).actions.corporate_actions(["AAPL", "NVDA"], window))
    assert [(a.symbol, a.kind, a.ex_on, a.value) for a in found] == [
        ("NVDA", ActionKind.SPLIT, date(2021, 7, 20), 4.0),
        ("NVDA", ActionKind.SPLIT, date(2024, 6, 10), 10.0),
        ("AAPL", ActionKind.DIVIDEND, date(2025, 8, 11), 0.26),
    ]
    assert found[1].known_at == ny("2024-06-10 04:00")
    assert found[2].known_at == ny("2025-08-01 09:30"), "declared on the 31st, read from the next open on"


@pytest.mark.parametrize(
    ("now", "is_history", "known_at"),
    [
        ("2026-11-19 10:31", False, "2026-11-19 10:30"),
        ("2026-11-20 10:46", False, "2026-11-20 10:46"),
        ("2026-11-30 10:00", False, "2026-11-19 04:00"),
        ("2026-11-20 10:46", True, "2026-11-19 04:00"),
    ],
    ids=["on its day", "listed a day late", "long ago", "history"],
)
def test_a_split_that_is_listed_late_counts_from_first_sight(stub, now, is_history, known_at):
    told = {"ticker": "TEST", "execution_date": "2026-11-19", "split_to": 4, "split_from": 1}
    stub.script(SPLITS, rows(told))
    stub.script(DIVIDENDS, rows())
    cutoff_at = ny("2026-11-19 10:30")
    window = TimeWindow(ny("2026-11-01 00:00"), cutoff_at + timedelta(microseconds=1))
    (split,) = Desk(stub, now=ny(now), is_history=is_history).actions.corporate_actions(["TEST"], window)
    assert split.known_at == ny(known_at)


@pytest.mark.parametrize(("now", "known_at"), [("2026-11-19 12:00", "12:00"), ("2026-12-19 12:00", "09:30")])
def test_a_dividend_that_is_listed_late_counts_from_first_sight(stub, now, known_at):
    told = {"ticker": "TEST", "ex_dividend_date": "2026-11-25", "cash_amount": 0.2, "declaration_date": "2026-11-18"}
    stub.script(SPLITS, rows())
    stub.script(DIVIDENDS, rows(told))
    window = TimeWindow(ny("2026-11-01 00:00"), ny("2026-11-19 10:30"))
    (dividend,) = Desk(stub, now=ny(now)).actions.corporate_actions(["TEST"], window)
    assert dividend.known_at == ny(f"2026-11-19 {known_at}")


@needs_fixtures
@pytest.mark.parametrize("name", ["news_with_insights.json", "news_without_insights.json"])
def test_a_story_is_about_the_configured_tickers_that_it_lists(stub, name):
    told = {name: value for name, value in fixture(name).items() if name != "next_url"}
    listed = told["results"][0]["tickers"]
    stub.script(NEWS, Answer(told))
    window = TimeWindow(ny("2022-04-01 00:00"), ny("2026-11-20 10:45"))
    (item,) = Desk(stub).stories.news([listed[0], "NOT"], window)
    assert item.symbols == (listed[0],)
    assert item.known_at == item.published_at + timedelta(minutes=15)


# --- when a row counts -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "is_history", "known_at"),
    [
        ("advanced", False, "2026-11-20 10:00"),
        ("starter", False, "2026-11-20 10:15"),
        ("basic", False, "2026-11-23 09:30"),
        ("basic", True, "2026-11-20 10:15"),
    ],
)
def test_a_bar_is_known_when_the_plan_shows_it(stub, plan, is_history, known_at):
    stub.script("*", rows(row_at("2026-11-20 09:30")))
    desk = Desk(stub, now=ny("2026-11-23 10:30"), plan=plan, is_history=is_history)
    window = TimeWindow(WINDOW.starts_at, ny("2026-11-23 10:30"))
    (bar,) = desk.bars(window)
    assert bar.known_at == ny(known_at)


def test_a_bar_that_has_not_ended_or_lies_outside_the_session_is_not_served(stub):
    stub.script("*", rows(row_at("2026-11-20 09:00"), row_at("2026-11-20 09:30"), row_at("2026-11-20 10:00")))
    bars = Desk(stub).bars(TimeWindow(WINDOW.starts_at, ny("2026-11-20 10:15")))
    assert [bar.starts_at for bar in bars] == [ny("2026-11-20 09:30")]


def test_a_value_that_is_absent_reaches_the_quality_walls_as_no_number(stub):
    stub.script("*", rows({name: v for name, v in row_at("2026-11-20 09:30").items() if name != "c"}))
    (bar,) = Desk(stub).bars()
    assert bar.close != bar.close


def story(**values):
    return {
        "id": "1", "title": "Example Corp opens a plant", "tickers": ["TEST"], "author": "A", "article_url": "https://x",
        "published_utc": "2026-11-20T15:10:00Z", "publisher": {"name": "P"}, **values,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("now", "known_at"),
    [("2026-11-20 10:46", "2026-11-20 10:45"), ("2026-11-20 11:20", "2026-11-20 11:20")],
)
def test_a_fresh_story_is_known_from_the_question_that_brought_it(stub, now, known_at):
    stub.script(NEWS, rows(story()))
    until = ny("2026-11-20 10:45") + timedelta(microseconds=1)
    (item,) = Desk(stub, now=ny(now)).stories.news(["TEST"], TimeWindow(ny("2026-11-20 08:00"), until))
    assert item.known_at == ny(known_at)
    assert len(stub.asked) == 1, "hours are asked for once, not once a ticker"


@pytest.mark.parametrize(
    "bad", [{"title": "株式市場は上昇"}, {"title": " "}, {"tickers": ["TESTING"]}, {"tickers": None}]
)
def test_a_story_in_another_alphabet_or_about_others_is_left_out(stub, bad):
    stub.script(NEWS, rows(story(**bad)))
    assert list(Desk(stub).stories.news(["TEST"], WINDOW)) == []


def test_a_hostile_headline_is_cut_and_stays_text(stub):
    stub.script(NEWS, rows(story(title="<script>x</script> {{ }} " + "a" * 5_000)))
    (item,) = Desk(stub).stories.news(["TEST"], WINDOW)
    assert len(item.title) == 2_000
    assert item.title.startswith("<script>")


def test_the_same_dividend_twice_counts_once_and_two_of_a_day_are_added(stub):
    one = {"ticker": "TEST", "ex_dividend_date": "2026-11-20", "cash_amount": 0.5, "currency": "USD"}
    special = {**one, "cash_amount": 2.0, "distribution_type": "special", "declaration_date": "2026-11-02"}
    stub.script(SPLITS, rows())
    stub.script(DIVIDENDS, rows({**one, "id": "a"}, {**one, "id": "b"}, {**special, "id": "c"}))
    (found,) = Desk(stub).actions.corporate_actions(["TEST"], WINDOW)
    assert found.value == 2.5


# --- the plan --------------------------------------------------------------------------------------


def refusal(name):
    texts = {
        "timeframe": "Your plan doesn't include this data timeframe. Please upgrade your plan",
        "endpoint": "You are not entitled to this data. Please upgrade your plan",
    }
    return Answer({"status": "NOT_AUTHORIZED", "message": texts[name]}, status=403)


def test_the_basic_plan_is_never_asked_for_the_current_day(stub):
    stub.script("*", rows())
    desk = Desk(stub, plan="basic")
    assert desk.source.served_until("TEST", Resolution.DAY, WINDOW.ends_at) == ny("2026-11-19 16:00")
    assert desk.bars() == []
    assert stub.asked == []


def test_the_basic_plan_serves_a_past_day_whole(stub):
    desk = Desk(stub, plan="basic", now=ny("2026-11-23 08:00"))
    assert desk.source.served_until("TEST", Resolution.DAY, WINDOW.ends_at) == WINDOW.ends_at


def test_a_plan_that_turns_out_to_lack_the_current_day_serves_the_days_before_and_is_asked_once_a_day(stub):
    stub.script("*", refusal("timeframe"), rows(row_at("2026-11-19 09:30")))
    desk = Desk(stub, plan="starter")
    window = TimeWindow(ny("2026-11-19 09:30"), ny("2026-11-20 10:30"))
    assert [bar.starts_at for bar in desk.bars(window)] == [ny("2026-11-19 09:30")]
    assert desk.calls.off_reason(NAME, CURRENT_DAY)
    assert desk.source.served_until("TEST", Resolution.HALF_HOUR, window.ends_at) == ny("2026-11-19 16:00")
    desk.bars(window)
    assert len(stub.asked) == 3


def test_what_the_plan_does_not_include_is_off_for_the_day_and_not_asked_again(stub):
    stub.script("*", refusal("endpoint"))
    desk = Desk(stub)
    for _ in range(3):
        with pytest.raises(NotEntitled):
            desk.bars()
    assert desk.calls.off_reason(NAME, BARS)
    assert len(stub.asked) == 1


# --- every row of the error table ------------------------------------------------------------------

HTML = Answer("<html><body>maintenance</body></html>")
LIMIT = {"status": "ERROR", "error": "You've exceeded the maximum requests per minute"}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer({"status": "ERROR", "error": "Unknown API Key"}, status=401), VendorRefused),
        (Answer({"status": "NOT_FOUND"}, status=404), UnknownSymbol),
        (Answer(LIMIT, status=429), RateLimited),
        (Answer(LIMIT, status=429, headers={"Retry-After": "2"}), RateLimited),
        (Answer("upstream", status=502), VendorUnavailable),
        (HTML, VendorUnavailable),
        (Answer({"status": "OK", "results": [ROW]}, truncate_bytes=20), VendorUnavailable),
        (Answer(closes=True), VendorUnavailable),
        (Answer({"status": "ERROR", "error": "x"}), VendorUnavailable),
        (Answer([1, 2]), VendorUnavailable),
    ],
)
def test_each_failure_has_its_type_and_its_text_holds_no_key(stub, answer, kind):
    stub.script("*", answer)
    with pytest.raises(kind) as caught:
        Desk(stub).bars()
    assert KEY not in f"{caught.value!r} {caught.value.excerpt}"
    assert stub.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "sent-by" not in str(stub.asked[0].headers)


@pytest.mark.parametrize("name", ["200_empty.json", "200_delayed_empty.json"])
@needs_fixtures
def test_an_empty_answer_is_no_bars_which_the_calendar_then_misses(stub, name):
    stub.script("*", Answer(fixture(f"made/errors/{name}")))
    assert Desk(stub).bars() == []


@pytest.mark.parametrize("second", [HTML, Answer(LIMIT, status=429), Answer("x", status=500)])
def test_a_broken_second_page_is_an_error_and_not_a_shorter_list(stub, second):
    following = "https://elsewhere.example/v2/page2?cursor=c"
    stub.script("*", rows(row_at("2026-11-20 09:30"), next_url=following))
    stub.script("/v2/page2", second)
    with pytest.raises((VendorUnavailable, RateLimited)):
        Desk(stub).bars()
    assert any(asked.path == "/v2/page2" for asked in stub.asked), "the page is asked of the host that we know"


def test_pages_are_joined_and_each_is_a_call_of_the_ledger(stub):
    stub.script("*", rows(row_at("2026-11-20 09:30"), next_url="https://x/v2/page2?cursor=c"))
    stub.script("/v2/page2", rows(row_at("2026-11-20 10:00")))
    desk = Desk(stub)
    assert len(desk.bars()) == 2
    assert desk.calls.usage(NAME).calls_today == 2


def test_pages_that_name_each_other_end_as_an_error(stub):
    stub.script("*", rows(row_at("2026-11-20 09:30"), next_url="https://x/v2/page2?cursor=c"))
    stub.script("/v2/page2", rows(next_url="https://x/v2/page2?cursor=c"))
    with pytest.raises(VendorUnavailable, match="circle"):
        Desk(stub).bars()


def test_a_server_that_stalls_does_not_hold_the_task_past_its_deadline(stub):
    stub.script("*", Answer({"results": []}, delay_seconds=30))
    with pytest.raises(VendorUnavailable):
        Desk(stub, seconds=0.3).bars()
