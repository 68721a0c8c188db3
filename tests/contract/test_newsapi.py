"""NewsAPI on the stub: what a headline is about, when a delayed plan shows it, and each of its refusals."""

from __future__ import annotations

from datetime import timedelta

import pytest
from trading.adapters.http import NotEntitled, QuotaExhausted, VendorRefused, VendorUnavailable
from trading.adapters.sources.newsapi import PATH, NewsApi, newsapi_plan, newsapi_terms
from trading.domain.market import TimeWindow
from trading.errors import AirdeskError, CircuitOpen, ConfigurationError, DataRejected
from trading.strategy.names import NAMES
from trading.strategy.three_sector import UNIVERSE

from tests.contract.news_desk import HOSTILE, NOW, NewsDesk, all_logs
from tests.fakes import ny
from tests.fakes_http import CANARY
from tests.http_stub import Answer, http_stub
from tests.vendor_fixtures import fixture

TWO_DAYS = TimeWindow(ny("2026-11-18 10:30"), ny("2026-11-20 10:30") + timedelta(microseconds=1))


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


def desk_of(stub, plan="developer", **options):
    agreed = newsapi_plan(plan)
    return NewsDesk(
        stub,
        newsapi_terms(CANARY, agreed, base_url=stub.url),
        lambda http, clock: NewsApi(http, agreed, UNIVERSE, NAMES, clock),
        **options,
    )


def article(title="Nvidia raises outlook", at="2026-11-19T15:00:00Z", **changes):
    return {"source": {"id": None, "name": "Wire"}, "author": None, "title": title, "description": None,
            "url": "https://news.example/1", "publishedAt": at, **changes}  # fmt: skip


def page(*articles, total=None):
    return Answer({"status": "ok", "totalResults": len(articles) if total is None else total, "articles": articles})


def refusal(status, code):
    return Answer({"status": "error", "code": code, "message": "…"}, status=status)


def test_a_story_of_the_free_plan_is_known_a_day_late_and_not_before_it_was_seen(stub):
    stub.script(PATH, page(article()))
    (fresh,) = desk_of(stub).news(window=TWO_DAYS)
    assert fresh.known_at == ny("2026-11-20 10:30")
    assert fresh.symbols == ("NVDA",)
    (old,) = desk_of(stub, now=NOW + timedelta(days=9)).news(window=TWO_DAYS)
    assert old.known_at == old.published_at + timedelta(hours=24)
    (paid,) = desk_of(stub, "business", now=NOW + timedelta(days=9)).news(window=TWO_DAYS)
    assert paid.known_at == paid.published_at + timedelta(minutes=15)


def test_the_key_travels_in_a_header_and_the_question_names_the_companies(stub):
    stub.script(PATH, page())
    desk_of(stub).news("AAPL", "NVDA", "GLD", window=TWO_DAYS)
    assert {asked.headers["X-Api-Key"] for asked in stub.asked} == {CANARY}
    asked = " ".join(request.query["q"][0] for request in stub.asked)
    assert [name in asked for name in ('"Apple"', '"Nvidia"', '"gold"', '"Apple Inc"')] == [True, True, True, False]
    assert {request.query["searchIn"][0] for request in stub.asked} == {"title"}


def test_all_names_cost_five_calls_at_most_and_the_free_plan_is_never_asked_for_a_second_page(stub):
    stub.script(PATH, page(article(), total=700))
    assert len(desk_of(stub).news(*UNIVERSE.traded, window=TWO_DAYS)) == 1, "each story once, however often it is found"
    assert 1 < len(stub.asked) <= 5


def test_removed_and_empty_articles_and_those_about_others_are_left_out(stub):
    stub.script(
        PATH,
        page(
            article("[Removed]", "1970-01-01T00:00:00Z"), article(None), article(at=None), article(at="soon"),
            article("Apple pie for Thanksgiving"), article("Nvidia übertrifft die Erwartungen und steigt"), None, 7,
        ),
    )  # fmt: skip
    assert desk_of(stub).news("NVDA", "AAPL", window=TWO_DAYS) == []


def test_the_documented_reply_is_read_and_the_same_address_counts_once(stub):
    stub.script(PATH, Answer(fixture("newsapi/everything.json").decode()))
    items = desk_of(stub, now=ny("2026-11-23 10:31")).news(
        "NVDA", "GLD", window=TimeWindow(TWO_DAYS.starts_at, ny("2026-11-23 10:30"))
    )
    assert [(item.title, item.symbols) for item in items] == [
        ("NVIDIA beats estimates and raises outlook", ("NVDA",)),
        ("Gold miners slip as dollar firms", ("GLD",)),
    ]


def test_hostile_headlines_arrive_as_bounded_text(stub):
    stub.script(PATH, page(*(article(title, url=f"https://news.example/{n}") for n, title in enumerate(HOSTILE))))
    titles = [item.title for item in desk_of(stub).news(window=TWO_DAYS)]
    assert len(titles) == 5
    assert max(map(len, titles)) <= 2_000
    assert all(title.isprintable() for title in titles)


def test_the_free_plan_is_asked_for_29_days_at_most_and_not_for_the_last_24_hours(stub):
    stub.script(PATH, page())
    window = TimeWindow(NOW - timedelta(days=90), NOW)
    desk_of(stub).news(window=window)
    (asked,) = stub.asked
    assert asked.query["from"] == ["2026-10-22T15:31:00"]
    assert asked.query["to"] == ["2026-11-19T15:31:00"]
    assert desk_of(stub).news(window=TimeWindow(NOW - timedelta(hours=1), NOW)) == []
    assert len(stub.asked) == 1


def test_a_paid_plan_is_read_page_by_page(stub):
    pages = [page(*(article(url=f"https://news.example/{p}.{n}") for n in range(100)), total=150) for p in range(2)]
    stub.script(PATH, *pages)
    assert len(desk_of(stub, "business").news(window=TWO_DAYS)) == 200
    assert [asked.query["page"][0] for asked in stub.asked] == ["1", "2"]


def test_too_many_results_end_the_pages_and_keep_those_that_came(stub):
    stub.script(PATH, page(article(), total=500), refusal(426, "maximumResultsReached"))
    assert len(desk_of(stub, "business").news(window=TWO_DAYS)) == 1
    assert len(stub.asked) == 2


def test_a_date_that_is_too_far_back_is_a_note_and_switches_nothing_off(stub):
    stub.script(PATH, refusal(426, "parameterInvalid"))
    desk = desk_of(stub)
    with pytest.raises(NotEntitled, match="29 days"):
        desk.news(window=TWO_DAYS)
    assert desk.calls.off == {}


@pytest.mark.parametrize("code", ["rateLimited", "apiKeyExhausted"])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "1"}])
def test_a_429_is_the_quota_of_half_a_day_and_is_met_once(stub, code, headers):
    stub.script(PATH, Answer({"status": "error", "code": code}, status=429, headers=headers))
    desk = desk_of(stub)
    with pytest.raises(QuotaExhausted):
        desk.news(window=TWO_DAYS)
    with pytest.raises(NotEntitled, match="off for now"):
        desk.news(window=TWO_DAYS)
    assert len(stub.asked) == 1
    assert desk.waits == []


def test_the_half_days_calls_end_the_questions_and_not_the_step(stub):
    stub.script(PATH, page(article()))
    desk = desk_of(stub)
    for _ in range(50):
        desk.news(window=TWO_DAYS)
    with pytest.raises(QuotaExhausted, match="twelve hours"):
        desk_of(stub, calls=desk.calls).news(window=TWO_DAYS)
    assert len(stub.asked) == 50


@pytest.mark.parametrize(
    ("answer", "kind", "calls"),
    [
        (refusal(401, "apiKeyInvalid"), VendorRefused, 1),
        (refusal(401, "apiKeyDisabled"), VendorRefused, 1),
        (refusal(400, "parametersMissing"), VendorRefused, 1),
        (refusal(500, "unexpectedError"), VendorUnavailable, 3),
        (Answer("<html>busy</html>"), VendorUnavailable, 3),
        (Answer({"status": "ok"}, truncate_bytes=4), VendorUnavailable, 3),
        (Answer({"status": "ok"}), DataRejected, 1),
        (Answer({}), DataRejected, 1),
        (Answer([]), DataRejected, 1),
    ],
)
def test_each_refusal_has_its_error_and_as_many_tries_as_can_help(stub, answer, kind, calls):
    stub.script(PATH, answer)
    with pytest.raises(AirdeskError) as refused:
        desk_of(stub).news(window=TWO_DAYS)
    assert type(refused.value) is kind
    assert len(stub.asked) == calls


def test_a_vendor_that_is_left_alone_is_no_exhausted_quota(stub):
    stub.script(PATH, Answer("down", status=502))
    desk = desk_of(stub)
    with pytest.raises(VendorUnavailable):
        desk.news(window=TWO_DAYS)
    with pytest.raises(CircuitOpen):
        desk.news(window=TWO_DAYS)


@pytest.mark.parametrize(
    "name", ["401_apiKeyInvalid", "426_maximumResultsReached", "426_parameterInvalid_too_far", "429_rateLimited"]
)
def test_the_documented_refusals_are_known_and_the_key_is_in_none_of_them(stub, name):
    body = fixture(f"newsapi/errors/{name}.json").decode()
    stub.script(PATH, Answer(body.replace("Your ", f"{CANARY} "), status=int(name[:3]), headers={"X-Key": CANARY}))
    desk = desk_of(stub)
    with all_logs() as logs, pytest.raises(VendorRefused) as refused:
        desk.news(window=TWO_DAYS)
    assert CANARY not in desk.told(refused.value) + logs.getvalue()


def test_a_symbol_without_a_name_costs_no_call(stub):
    assert desk_of(stub).news("UNKNOWN", window=TWO_DAYS) == []
    assert stub.asked == []


def test_an_unknown_plan_is_a_setting_to_correct():
    with pytest.raises(ConfigurationError, match="NEWSAPI_PLAN"):
        newsapi_plan("gold")
