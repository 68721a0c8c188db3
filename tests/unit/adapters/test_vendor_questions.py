"""Whose turn it is when few calls are allowed, and what becomes of answers when they end."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.newsapi import joined
from trading.adapters.sources.questions import answers, whose_turn
from trading.adapters.sources.x_search import QUERY_CHARACTERS, SUFFIX, cashtag_queries, posts_a_call
from trading.domain.market import session_slots
from trading.errors import NotEntitled, PartlyAnswered, QuotaExhausted, UnknownSymbol, VendorUnavailable
from trading.strategy.three_sector import UNIVERSE

CALENDAR = NyseCalendar()
TEN = UNIVERSE.traded[:10]


def asked(on, items, **options):
    slots = session_slots(CALENDAR.session(on))
    return Counter(item for slot in slots for item in whose_turn(items, slot.as_of, **options))


@pytest.mark.parametrize("on", [date(2026, 1, 15), date(2026, 7, 15), date(2026, 11, 27)])
def test_the_calls_of_a_session_last_it_and_every_company_has_its_turn_once(on):
    news, earnings = asked(on, TEN, per_hour=2), asked(on, TEN[:7], per_hour=1, is_daily=True)
    assert news.total() + earnings.total() <= 21
    is_whole = len(session_slots(CALENDAR.session(on))) == 7
    assert set(earnings.values()) == {1}
    assert len(earnings) == 7 or not is_whole
    assert len(news) == 10 or not is_whole


def test_more_companies_than_turns_have_theirs_on_the_next_days_and_fewer_are_not_asked_twice():
    many = [f"S{n}" for n in range(23)]
    days = [s.session_on for s in CALENDAR.sessions(date(2026, 7, 13), date(2026, 7, 17))]
    found = [asked(on, many, per_hour=1, is_daily=True) for on in days]
    assert set(sum(found, Counter())) == set(many)
    assert {count for of_day in found for count in of_day.values()} == {1}
    assert asked(days[0], many[:3], per_hour=1, is_daily=True) == {"S0": 1, "S1": 1, "S2": 1}
    assert not whose_turn((), datetime(2026, 7, 15, tzinfo=UTC), per_hour=2)


def failing(error):
    def ask():
        raise error

    return ask


UNKNOWN, QUOTA, PLAN, OUTAGE = (
    kind("v: said so; go on", vendor="v") for kind in (UnknownSymbol, QuotaExhausted, NotEntitled, VendorUnavailable)
)


@pytest.mark.parametrize("error", [QUOTA, PLAN])
def test_a_quota_that_ends_after_the_first_answer_keeps_it_and_asks_no_more(error):
    rows = answers("v", [lambda: [1, 2], failing(error), failing(AssertionError())])
    assert [next(rows), next(rows)] == [1, 2]
    with pytest.raises(PartlyAnswered) as cut:
        next(rows)
    assert cut.value.end is error
    with pytest.raises(type(error)):
        list(answers("v", [failing(error), lambda: [1]]))


def test_an_unknown_symbol_costs_its_own_answer_and_an_outage_all_of_them():
    assert list(answers("v", [failing(UNKNOWN), lambda: [1]])) == [1]
    with pytest.raises(UnknownSymbol):
        list(answers("v", [failing(UNKNOWN), failing(UNKNOWN)]))
    with pytest.raises(VendorUnavailable):
        list(answers("v", [lambda: [1], failing(OUTAGE)]))


def test_a_question_that_would_be_too_long_is_asked_as_several():
    symbols = [f"AB{n:03d}" for n in range(150)]
    queries = cashtag_queries(symbols)
    assert max(len(f"({query}){SUFFIX}") for query in queries) <= QUERY_CHARACTERS
    assert " OR ".join(queries).split(" OR ") == [f"${symbol}" for symbol in symbols]
    assert joined([], 10) == []


@pytest.mark.parametrize(("budget_usd", "calls", "posts"), [(1, 1, 10), (50, 1, 68), (500, 1, 100), (100, 3, 45)])
def test_a_budget_for_posts_is_spread_over_the_sessions_of_a_month(budget_usd, calls, posts):
    assert posts_a_call(budget_usd, calls) == posts
    assert posts == 10 or posts * 0.005 * calls * 7 * 21 <= budget_usd


def test_the_hours_of_a_session_are_all_different_turns():
    for on in (date(2026, 1, 15), date(2026, 7, 15)):
        hours = [slot.as_of.hour % 7 for slot in session_slots(CALENDAR.session(on))]
        assert len(set(hours)) == 7
        assert max(slot.as_of for slot in session_slots(CALENDAR.session(on))) < datetime(
            on.year, on.month, on.day, tzinfo=UTC
        ) + timedelta(days=1)
