"""X's recent search on the stub: what posts cost, how far back they reach, and each of the refusals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from trading.adapters.http import (
    NotEntitled,
    QuotaExhausted,
    VendorRateLimited,
    VendorRefused,
    VendorUnavailable,
)
from trading.adapters.sources.x_search import PATH, RECENT, XSearch, x_terms
from trading.domain.market import TimeWindow
from trading.errors import AccountCapped, AirdeskError, DataRejected
from trading.strategy.three_sector import UNIVERSE

from tests.contract.news_desk import ENTITIES, HOSTILE, NOW, WINDOW, NewsDesk, all_logs
from tests.fakes import ny
from tests.fakes_http import CANARY
from tests.http_stub import Answer, http_stub
from tests.vendor_fixtures import fixture


@pytest.fixture
def stub():
    with http_stub() as running:
        yield running


def desk_of(stub, budget_usd=500, **options):
    return NewsDesk(
        stub,
        x_terms(CANARY, budget_usd, base_url=stub.url),
        lambda http, clock: XSearch(http, ENTITIES, clock, budget_usd=budget_usd),
        **options,
    )


def post(text="$NVDA to the moon", number=1, **changes):
    return {"id": str(number), "text": text, "created_at": "2026-11-20T15:00:00.000Z", "lang": "en", **changes}


def posts(*found, **beside):
    return Answer({"data": list(found), "meta": {"result_count": len(found)}, **beside})


CAPPED = Answer({"title": "UsageCapExceeded", "type": "https://api.x.com/2/problems/usage-capped"}, status=429)


def test_a_post_is_a_story_about_its_cashtags_known_when_it_was_seen(stub):
    stub.script(PATH, posts(post("$NVDA and Apple Inc"), post("no name at all", 2), post("$NVDA sube", 3, lang="es")))
    (item,) = desk_of(stub).news("NVDA", "AAPL")
    assert (item.symbols, item.source) == (("NVDA", "AAPL"), "x")
    assert item.known_at == WINDOW.ends_at - timedelta(microseconds=1)
    assert item.url == "https://x.com/i/web/status/1"


def test_one_question_for_all_names_with_the_token_in_a_header(stub):
    stub.script(PATH, posts())
    desk_of(stub).news(*UNIVERSE.traded)
    (asked,) = stub.asked
    assert asked.headers["Authorization"] == f"Bearer {CANARY}"
    assert len(asked.query["query"][0]) <= 512
    assert asked.query["query"][0].startswith("($GLD OR $SLV")
    assert asked.query["start_time"] == ["2026-11-20T14:30:00Z"]


def test_a_search_reaches_back_seven_days_at_most_and_beyond_costs_nothing(stub):
    stub.script(PATH, posts())
    desk = desk_of(stub)
    desk.news(window=TimeWindow(NOW - timedelta(days=30), NOW))
    assert stub.asked[0].query["start_time"] == [f"{NOW - timedelta(days=7) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"]
    assert desk.news(window=TimeWindow(NOW - timedelta(days=30), NOW - timedelta(days=8))) == []
    assert len(stub.asked) == 1


def test_what_is_asked_for_is_charged_before_the_call_and_the_budget_is_never_passed(stub):
    stub.script(PATH, posts(post()))
    desk = desk_of(stub, budget_usd=1)
    for _ in range(20):
        desk.news()
    assert {asked.query["max_results"][0] for asked in stub.asked} == {"10"}
    assert desk.calls.usage("x").month_usd == Decimal(1)
    with pytest.raises(QuotaExhausted):
        desk_of(stub, budget_usd=1, calls=desk.calls).news()
    assert len(stub.asked) == 20
    desk.calls.now = datetime(2026, 12, 1, 15, tzinfo=UTC)
    assert len(desk.news()) == 1


def test_no_data_is_no_posts_and_errors_beside_data_cost_their_own_posts_only(stub):
    for answer, count in (
        (Answer({"meta": {"result_count": 0}}), 0),
        (posts(post(), errors=[{"title": "Not Found Error"}]), 1),
    ):
        stub.script(PATH, answer)
        assert len(desk_of(stub).news()) == count


@pytest.mark.parametrize("name", ["search_recent", "search_recent_empty"])
def test_the_documented_replies_are_read(stub, name):
    stub.script(PATH, Answer(fixture(f"xapi/{name}.json").decode()))
    assert len(desk_of(stub).news()) == (name == "search_recent")


def test_hostile_posts_arrive_as_bounded_text(stub):
    stub.script(PATH, posts(*(post(text, n) for n, text in enumerate(HOSTILE)), post(number="1/../2"), None))
    titles = [item.title for item in desk_of(stub).news()]
    assert len(titles) == 5
    assert max(map(len, titles)) <= 2_000
    assert all(title.isprintable() for title in titles)


def test_a_429_is_waited_for_until_the_window_ends(stub):
    reset = int(datetime.now(UTC).timestamp()) + 20
    stub.script(PATH, Answer({}, status=429, headers={"x-rate-limit-reset": str(reset)}), posts(post()))
    desk = desk_of(stub)
    assert len(desk.news()) == 1
    (wait,) = desk.waits
    assert 15 < wait <= 21


@pytest.mark.parametrize(("reset", "most"), [("99999999999", 86_400), ("soon", 60), ("-5", 60), ("1" * 400, 60)])
def test_a_reset_that_makes_no_sense_is_bounded(stub, reset, most):
    stub.script(PATH, Answer({}, status=429, headers={"x-rate-limit-reset": reset}))
    with pytest.raises(VendorRateLimited) as refused:
        desk_of(stub).news()
    assert refused.value.retry_after_seconds <= most


def test_an_account_at_its_cap_is_refused_aloud_once_and_left_alone_until_the_next_month(stub):
    stub.script(PATH, CAPPED)
    desk = desk_of(stub)
    with pytest.raises(AccountCapped, match="wait for the next one"):
        desk.news()
    desk.calls.now += timedelta(days=5)
    with pytest.raises(NotEntitled):
        desk.news()
    assert len(stub.asked) == 1
    desk.calls.now = datetime(2026, 12, 1, 15, tzinfo=UTC)
    assert desk.calls.off_reason("x", RECENT) is None


@pytest.mark.parametrize("name", ["400", "429", "429_usage_capped"])
def test_the_documented_refusals_never_show_the_token(stub, name):
    body = fixture(f"xapi/errors/{name}.json").decode()[:-2] + f',"detail": "{CANARY}"}}'
    stub.script(PATH, Answer(body, status=int(name[:3])))
    desk = desk_of(stub)
    with all_logs() as logs, pytest.raises(AirdeskError) as refused:
        desk.news()
    assert CANARY not in desk.told(refused.value) + logs.getvalue()


@pytest.mark.parametrize(
    ("answer", "kind", "calls"),
    [
        (Answer({"title": "Invalid Request"}, status=400), VendorRefused, 1),
        (Answer({"title": "Unauthorized"}, status=401), VendorRefused, 1),
        (Answer({"title": "Forbidden"}, status=403), NotEntitled, 1),
        (Answer({"title": "Outage"}, status=503), VendorUnavailable, 3),
        (Answer("<html>busy</html>"), VendorUnavailable, 3),
        (Answer({"data": []}, truncate_bytes=4), VendorUnavailable, 3),
        (Answer({"errors": [{"title": "x"}]}), DataRejected, 1),
        (Answer({"data": "none"}), DataRejected, 1),
        (Answer([]), DataRejected, 1),
    ],
)
def test_each_refusal_has_its_error_and_as_many_tries_as_can_help(stub, answer, kind, calls):
    stub.script(PATH, answer)
    with pytest.raises(AirdeskError) as refused:
        desk_of(stub).news()
    assert type(refused.value) is kind
    assert len(stub.asked) == calls


def test_a_search_that_ends_in_the_past_says_where(stub):
    stub.script(PATH, posts())
    desk_of(stub, now=ny("2026-11-20 12:00")).news()
    assert stub.asked[0].query["end_time"] == ["2026-11-20T15:30:00Z"]
