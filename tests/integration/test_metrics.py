"""What an hour tells machines: the book and the age of what it knows, as far as either is known."""

from datetime import timedelta

import pytest
from trading.ports import Services
from trading.ports.sources import Sources
from trading.tasks.metrics import GAUGES, Metric, readings_of

from tests.builders import BOOK
from tests.fakes import FixedClock
from tests.integration.standing_desk import CALENDAR, CLOSE, DAY, THREE_SECTOR, measured_book

HOUR, IN_SECONDS = timedelta(hours=1), timedelta.total_seconds


@pytest.fixture
def read(store):
    """Return the readings an hour after the last close, by metric and tags."""
    measured_book(store)

    def at(as_of):
        services = Services(store, CALENDAR, FixedClock(CLOSE + HOUR), Sources(), broker=None)
        return {(r.metric, *r.tags.values()): r.value for r in readings_of(services, THREE_SECTOR, BOOK, as_of)}

    return at


def test_an_hour_tells_what_the_book_is_worth_how_far_it_fell_and_how_much_is_invested(read):
    found = read(CLOSE)
    book = {key: value for key, value in found.items() if key[0].startswith("book.")}
    assert book == {
        (Metric.NAV,): 96_000.0,
        (Metric.EXPOSURE,): 0.25,
        (Metric.DRAWDOWN,): 0.04,
        (Metric.LIFETIME_DRAWDOWN,): 0.2,
        (Metric.SECTOR, "ai"): 0.25,
    }
    assert found[(Metric.HOUR_AGE,)] == IN_SECONDS(HOUR)


def test_the_age_of_the_newest_bar_story_and_filing_is_told_by_source(read):
    assert {key: value for key, value in read(CLOSE).items() if key[0].startswith("data.")} == {
        (Metric.BAR_AGE, "polygon", "1d"): IN_SECONDS(HOUR),
        (Metric.BAR_AGE, "stooq", "1d"): IN_SECONDS(HOUR + 2 * DAY),
        (Metric.NEWS_AGE, "newsapi"): IN_SECONDS(HOUR + DAY),
        (Metric.NEWS_AGE, "polygon"): IN_SECONDS(HOUR + 3 * DAY),
        (Metric.FILING_AGE, "edgar"): IN_SECONDS(HOUR + 20 * DAY),
    }


def test_an_hour_whose_nav_nobody_knows_sends_none_rather_than_the_last_one(read):
    assert not any(metric.startswith("book.") for metric, *_ in read(CLOSE + DAY))


def test_the_table_promises_the_tags_that_are_sent(read):
    lengths = {metric: len(tags) for metric, *tags in read(CLOSE)}
    assert lengths == {metric: len(tags) for metric, (_, tags) in GAUGES.items()}
