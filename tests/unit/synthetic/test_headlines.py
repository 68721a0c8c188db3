"""Invented headlines have several tones, ids that never repeat, and now and then a burst."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.scoring import compound
from trading.domain.market import TimeWindow
from trading.strategy.three_sector import three_sector
from trading.synthetic import headlines
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticNewsSource

TRADED = three_sector().universe.traded
YEARS = TimeWindow(datetime(2023, 5, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC))


@pytest.fixture(scope="module")
def stories():
    return list(SyntheticNewsSource(SyntheticMarket(7, NyseCalendar())).news(TRADED, YEARS))


def test_each_name_has_stories_on_most_days_and_ids_never_repeat(stories):
    assert len({item.item_id for item in stories}) == len(stories)
    by_symbol = Counter(item.symbols[0] for item in stories)
    assert set(by_symbol) == set(TRADED)
    assert min(by_symbol.values()) > 890


def test_some_hour_holds_a_burst_of_forty_stories_about_one_name(stories):
    by_hour = Counter((item.symbols[0], item.published_at.replace(minute=0, second=0)) for item in stories)
    by_day = Counter((item.symbols[0], item.published_at.date()) for item in stories)
    assert max(by_day.values()) >= 40
    assert max(by_hour.values()) >= 15


@pytest.mark.parametrize(
    ("sentences", "low", "high"),
    [
        (headlines.GOOD, 0.4, 1.0),
        (headlines.FLAT, -0.3, 0.3),
        (headlines.BAD, -0.9, -0.1),
        (headlines.AWFUL, -1.0, -0.5),
    ],
)
def test_the_sentences_sound_as_they_are_meant(sentences, low, high):
    for sentence in sentences:
        assert low <= compound(sentence.format(name="NVDA")) <= high, sentence


def test_the_press_is_neither_all_good_nor_all_bad(stories):
    tones = Counter("good" if c > 0.3 else "bad" if c < -0.3 else "flat" for c in (compound(s.title) for s in stories))
    assert min(tones.values()) > 0.08 * len(stories)
