"""Alpha Vantage on the stub: figures, instants, the errors it tells with 200, and the day's calls."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from trading.adapters.http import (
    NotEntitled,
    QuotaExhausted,
    UnknownSymbol,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.alphavantage import (
    MOST_ANSWERS,
    MOST_STORIES,
    NEWS,
    PATH,
    AlphaVantageEarnings,
    AlphaVantageNews,
    alphavantage_terms,
)
from trading.domain.market import TimeWindow
from trading.errors import AirdeskError, DataRejected

from tests.contract.news_desk import ENTITIES, HOSTILE, NOW, WINDOW, NewsDesk, all_logs
from tests.fakes import ny
from tests.fakes_http import CANARY
from tests.http_stub import Answer, http_stub
from tests.vendor_fixtures import fixture

CALENDAR = NyseCalendar()
BURST = {"Information": "Please spread out your requests (1 request per second), or lift the 25 requests per day."}
DAILY = {"Information": f"We have detected your API key as {CANARY} and our limit is 25 requests per day."}
LONG_AGO = TimeWindow(ny("2020-11-20 10:30"), ny("2026-11-20 10:30"))


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


def headlines(stub, *, is_history=False, **options):
    return NewsDesk(
        stub,
        alphavantage_terms(CANARY, base_url=stub.url),
        lambda http, clock: AlphaVantageNews(http, ENTITIES, clock, is_history=is_history),
        **options,
    )


def reports(stub, *, is_history=True, window=LONG_AGO, symbols=("TEST",), now=NOW):
    desk = NewsDesk(
        stub,
        alphavantage_terms(CANARY, base_url=stub.url),
        lambda http, clock: AlphaVantageEarnings(http, CALENDAR, clock, is_history=is_history),
        now=now,
    )
    return list(desk.source.earnings(symbols, window))


def story(**changes):
    listed = [{"ticker": "NVDA", "relevance_score": "0.91"}, {"ticker": "AMD", "relevance_score": "0.12"}]
    return {
        "title": "Chip maker raises outlook", "url": "https://news.example/a", "time_published": "20261120T151000",
        "overall_sentiment_score": 0.4, "topics": [{"topic": "Earnings"}], "ticker_sentiment": listed, **changes,
    }  # fmt: skip


def feed(*stories):
    return Answer({"items": str(len(stories)), "feed": list(stories)})


def test_a_story_is_about_the_tickers_that_are_relevant_or_named_and_known_when_seen(stub):
    named = story(title="AMD and Nvidia fight", url="b", time_published="20261120T140000")
    other = story(title="Chip stocks mixed", url="c", ticker_sentiment=[])
    stub.script(PATH, feed(story(), named, other))
    first, second = headlines(stub).news("AMD", "NVDA", "GLD")
    assert first.symbols == ("NVDA",), "0.12 is a passing mention"
    assert second.symbols == ("AMD", "NVDA")
    assert first.published_at == datetime(2026, 11, 20, 15, 10, tzinfo=UTC)
    assert first.known_at == WINDOW.ends_at - timedelta(microseconds=1)
    assert (first.source, first.url) == ("alphavantage", "https://news.example/a")


def test_the_documented_reply_is_read(stub):
    stub.script(PATH, Answer(fixture("alphavantage/news_sentiment.json").decode()))
    (item,) = headlines(stub).news("NVDA", "AMD")
    assert (item.title, item.symbols) == ("NVIDIA raises outlook", ("NVDA",))


def test_an_hour_asks_for_two_tickers_and_far_enough_back_that_their_turns_leave_no_gap(stub):
    stub.script(PATH, feed())
    desk = headlines(stub)
    assert desk.news("GLD", "SLV", "NEM", "AEM", "NVDA", "AMD") == []
    assert len(stub.asked) == 2
    assert {asked.query["time_from"][0] for asked in stub.asked} == {"20261117T1530"}
    assert {asked.query["function"][0] for asked in stub.asked} == {"NEWS_SENTIMENT"}


def test_a_pull_asks_for_every_ticker_and_counts_what_is_old_from_15_minutes_after_it(stub):
    stub.script(PATH, feed(story(time_published="20261101T150000")))
    window = TimeWindow(ny("2026-11-01 00:00"), ny("2026-11-20 10:30"))
    (item,) = headlines(stub, is_history=True).news("NVDA", "AMD", "GLD", window=window)
    assert len(stub.asked) == 3
    assert item.known_at == item.published_at + timedelta(minutes=15)


def many(until, count=MOST_STORIES, every=timedelta(minutes=1)):
    """Return an answer of `count` stories before `until`, the newest first."""
    times = (until - every * number for number in range(1, count + 1))
    return feed(
        *(story(url=f"https://news.example/{at:%d%H%M%S}", time_published=f"{at:%Y%m%dT%H%M%S}") for at in times)
    )


def test_a_pull_asks_on_where_a_full_answer_was_cut_off_and_tells_each_story_once(stub):
    until = datetime(2026, 11, 19, 12, tzinfo=UTC)
    first_page, oldest = many(until), until - timedelta(minutes=MOST_STORIES)
    stub.script(PATH, first_page, many(oldest + timedelta(minutes=1), count=11))
    window = TimeWindow(ny("2026-11-01 00:00"), until)
    found = headlines(stub, is_history=True).news("NVDA", window=window)
    assert len(found) == MOST_STORIES + 10, "the minute of the oldest one was asked for again"
    assert [asked.query["time_to"][0] for asked in stub.asked] == ["20261119T1201", f"{oldest:%Y%m%dT%H}21"]
    assert {asked.query["time_from"][0] for asked in stub.asked} == {"20261101T0400"}


def test_a_pull_of_more_than_can_be_asked_for_is_refused_and_never_a_torso(stub):
    until = datetime(2026, 11, 19, 12, tzinfo=UTC)
    stub.script(PATH, many(until, every=timedelta(0)))
    window = TimeWindow(ny("2026-11-01 00:00"), until)
    with pytest.raises(DataRejected, match="more stories about NVDA before 2026-11-19 12:00Z"):
        headlines(stub, is_history=True).news("NVDA", window=window)
    assert len(stub.asked) == 1
    stub.script(PATH, *(many(until - timedelta(minutes=999 * page)) for page in range(MOST_ANSWERS)))
    with pytest.raises(DataRejected, match="load a shorter span"):
        headlines(stub, is_history=True).news("NVDA", window=window)
    assert len(stub.asked) == 1 + MOST_ANSWERS


def test_an_hour_takes_the_newest_of_a_full_answer_and_says_so(stub):
    stub.script(PATH, many(WINDOW.ends_at))
    with all_logs() as logs:
        assert len(headlines(stub).news("NVDA")) == MOST_STORIES
    assert "only the newest 1000 stories about NVDA" in logs.getvalue()
    assert len(stub.asked) == 1


def test_a_story_outside_the_window_without_a_time_or_in_another_language_is_left_out(stub):
    bad = [{"time_published": "20261120T160000"}, {"time_published": "today"}, {"title": "英伟达上调"}, {"title": None}]
    stub.script(PATH, feed(*(story(url=str(n), **change) for n, change in enumerate(bad)), "no story", {}))
    assert headlines(stub).news() == []


def test_hostile_headlines_arrive_as_bounded_text(stub):
    stub.script(PATH, feed(*(story(title=title, url=str(n)) for n, title in enumerate(HOSTILE))))
    titles = [item.title for item in headlines(stub).news()]
    assert len(titles) == 5
    assert max(map(len, titles)) <= 2_000
    assert all(title.isprintable() for title in titles)


# --- errors -----------------------------------------------------------------------------------------


def test_a_burst_told_with_200_is_waited_for_two_seconds_and_tried_again(stub):
    stub.script(PATH, Answer(BURST), feed(story()))
    desk = headlines(stub)
    assert len(desk.news()) == 1
    assert desk.waits == [2.0]


def test_a_burst_that_does_not_end_is_left_to_the_tasks_own_retry(stub):
    stub.script(PATH, Answer(BURST))
    with pytest.raises(VendorRateLimited):
        headlines(stub).news()
    assert len(stub.asked) == 3


@pytest.mark.parametrize("word", ["Information", "Note"])
def test_the_end_of_the_days_calls_is_asked_about_once_and_nothing_of_its_text_is_kept(stub, word):
    stub.script(PATH, Answer({word: DAILY["Information"]}))
    desk = headlines(stub)
    with all_logs() as logs:
        with pytest.raises(QuotaExhausted) as refused:
            desk.news()
        with pytest.raises(NotEntitled):
            desk.news()
    assert len(stub.asked) == 1
    assert desk.calls.off_reason("alphavantage", NEWS)
    told = desk.told(refused.value) + logs.getvalue()
    assert CANARY not in told
    assert "detected" not in told


@pytest.mark.parametrize("name", ["200_burst", "200_daily_limit", "200_empty", "200_error_message"])
def test_the_documented_errors_are_told_apart_and_never_show_a_key(stub, name):
    kinds = {
        "200_burst": VendorRateLimited, "200_daily_limit": QuotaExhausted,
        "200_empty": UnknownSymbol, "200_error_message": UnknownSymbol,
    }  # fmt: skip
    stub.script(PATH, Answer(fixture(f"alphavantage/errors/{name}.json").decode()))
    desk = headlines(stub)
    with pytest.raises(kinds[name]) as refused:
        desk.news()
    assert "TESTKEY123" not in desk.told(refused.value)


@pytest.mark.parametrize(
    ("answer", "kind", "calls"),
    [
        (Answer({}), UnknownSymbol, 1),
        (Answer({"Error Message": "Invalid API call."}), UnknownSymbol, 1),
        (Answer({"Error Message": "the parameter apikey is invalid or missing."}), VendorRefused, 1),
        (Answer({"Information": "This is a premium endpoint."}), NotEntitled, 1),
        (Answer({"Information": "Invalid inputs."}), UnknownSymbol, 1),
        (Answer({"Information": "Something new."}), VendorRefused, 1),
        (Answer({"feed": "none"}), DataRejected, 1),
        (Answer([]), DataRejected, 1),
        (Answer("<html>busy</html>"), VendorUnavailable, 3),
        (Answer({"feed": []}, truncate_bytes=5), VendorUnavailable, 3),
        (Answer(""), VendorUnavailable, 3),
        (Answer("{}", status=500), VendorUnavailable, 3),
        (Answer("{}", status=401), VendorRefused, 1),
        (Answer("{}", status=403), NotEntitled, 1),
        (Answer("{}", status=429), VendorRateLimited, 3),
        (Answer("{}", status=429, headers={"Retry-After": "3600"}), VendorRateLimited, 1),
    ],
)
def test_each_refusal_has_its_error_and_as_many_tries_as_can_help(stub, answer, kind, calls):
    stub.script(PATH, answer)
    desk = headlines(stub)
    with pytest.raises(AirdeskError) as refused:
        desk.news()
    assert type(refused.value) is kind
    assert len(stub.asked) == calls
    if isinstance(refused.value, VendorError):
        assert str(refused.value).startswith("alphavantage")


def test_an_unknown_ticker_costs_its_own_stories_only(stub):
    stub.script(PATH, Answer({}), feed(story()))
    assert len(headlines(stub, is_history=True).news("XYZ", "NVDA")) == 1


def test_the_day_has_25_calls_for_headlines_and_earnings_together(stub):
    stub.script(PATH, feed())
    desk = headlines(stub)
    for _ in range(25):
        desk.news()
    other = headlines(stub, calls=desk.calls)
    with pytest.raises(QuotaExhausted):
        other.news()
    assert len(stub.asked) == 25
    spans = [b.called_at - a.called_at for a, b in zip(desk.calls.calls, desk.calls.calls[1:], strict=False)]
    assert min(spans) >= timedelta(seconds=1)


# --- earnings ---------------------------------------------------------------------------------------


def quarter(**changes):
    return {
        "fiscalDateEnding": "2026-09-30", "reportedDate": "2026-10-29", "reportedEPS": "1.53", "estimatedEPS": "1.50",
        "surprisePercentage": "2.0", "reportTime": "post-market", **changes,
    }  # fmt: skip


def quarters(*rows, symbol="TEST"):
    return Answer({"symbol": symbol, "annualEarnings": [], "quarterlyEarnings": list(rows)})


@pytest.mark.parametrize(
    ("change", "known_at"),
    [
        ({}, "2026-10-30 09:30"),
        ({"reportTime": "pre-market"}, "2026-10-29 09:30"),
        ({"reportTime": None}, "2026-10-30 09:30"),
        ({"reportedDate": "2026-10-30"}, "2026-11-02 09:30"),
        ({"reportedDate": "2026-10-31", "reportTime": "pre-market"}, "2026-11-02 09:30"),
    ],
)
def test_a_surprise_counts_from_the_open_after_its_release(stub, change, known_at):
    stub.script(PATH, quarters(quarter(**change)))
    (report,) = reports(stub)
    assert report.known_at == ny(known_at)
    assert (report.eps_reported, report.eps_estimated, report.period_ends_on) == (1.53, 1.5, date(2026, 9, 30))


def test_a_report_of_the_last_days_counts_from_when_it_was_first_seen(stub):
    stub.script(PATH, quarters(quarter(reportedDate="2026-11-18")))
    (live,) = reports(stub, is_history=False, symbols=("FIRST", "TEST"))
    assert live.known_at == ny("2026-11-20 10:31")
    (history,) = reports(stub, is_history=True)
    assert history.known_at == ny("2026-11-19 09:30")


@pytest.mark.parametrize(
    "change",
    [{"reportedEPS": "None"}, {"reportedEPS": "NaN"}, {"reportedDate": ""}, {"fiscalDateEnding": "2026-12-31"}],
)
def test_a_quarter_without_a_figure_or_a_sensible_day_is_left_out(stub, change):
    stub.script(PATH, quarters(quarter(**change), quarter(), "no quarter"))
    assert len(reports(stub)) == 1


def test_a_quarter_that_nobody_estimated_has_no_surprise(stub):
    stub.script(PATH, quarters(quarter(estimatedEPS="None")))
    (report,) = reports(stub)
    assert report.surprise_frac is None


def test_the_documented_earnings_are_read(stub):
    stub.script(PATH, Answer(fixture("alphavantage/earnings.json").decode()))
    (report,) = reports(stub)
    assert report.surprise_frac == pytest.approx(0.02)


def test_earnings_of_another_company_or_shape_are_refused_whole(stub):
    for told in (quarters(quarter(), symbol="OTHER"), Answer({"symbol": "TEST", "quarterlyEarnings": None})):
        stub.script(PATH, told)
        with pytest.raises(DataRejected, match="nothing was stored"):
            reports(stub)


def test_an_hour_asks_for_one_company_and_a_day_for_each_once(stub):
    stub.script(PATH, Answer(DAILY))
    for hour in range(7):
        window = TimeWindow(LONG_AGO.starts_at, ny("2026-11-19 10:30") + timedelta(hours=hour))
        with pytest.raises(QuotaExhausted):
            reports(stub, is_history=False, window=window, symbols=("A", "B", "C", "D", "E", "F", "G"))
    assert sorted(asked.query["symbol"][0] for asked in stub.asked) == ["A", "B", "C", "D", "E", "F", "G"]
