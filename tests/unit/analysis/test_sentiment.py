from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from trading.analysis.sentiment import compound, evidence_score, sentiment_columns, valence_sums
from trading.domain.panel import Why

from tests.builders import AS_OF, a_news_item
from tests.oracles import oracle
from tests.unit.analysis.worlds import times_of

ON = date(2019, 6, 3)
GREAT = "Great success: record profit, best results ever, happy investors win"


def stories(count: int, *, title: str = GREAT, hours_ago: float = 1.0, **overrides):
    at = AS_OF - timedelta(hours=hours_ago)
    return [
        a_news_item(item_id=f"{title[:5]}{n}", title=f"{title} {n}", known_at=at, published_at=at, **overrides)
        for n in range(count)
    ]


def first(news) -> dict[str, float]:
    columns = sentiment_columns(news, ("NVDA",), times_of(ON, ON))
    return {name: values[0, 0] for name, values in columns.items()}


def test_a_story_scores_what_vader_says():
    for row in oracle("sentiment_expected.json")["scores"]:
        assert compound(row["text"]) == pytest.approx(row["compound"], abs=1e-4), row["text"]


def test_the_valence_sum_comes_back_from_the_compound():
    for total in (-7.0, -1.2, 0.0, 3.7963, 5.0):
        assert valence_sums(np.array([total / np.sqrt(total**2 + 15)])) == pytest.approx([total])


def test_three_great_stories_open_the_gate_and_two_abstain():
    assert first(stories(3))["sentiment"] > 0.7
    few = first(stories(2))
    assert np.isnan(few["sentiment"])
    assert few["why_sentiment"] == Why.TOO_FEW_STORIES


def test_news_fades_by_half_a_day_and_is_gone_after_three():
    today, yesterday = first(stories(3)), first(stories(3, hours_ago=25))
    assert yesterday["sentiment"] < today["sentiment"]
    assert first(stories(3, hours_ago=72))["story_count"] == 0


def test_a_story_too_old_to_count_does_not_show_whether_it_is_still_loaded_or_not():
    gone = first(stories(3, hours_ago=72))
    assert np.isnat(gone["news_through"])
    assert not np.isnat(first(stories(1, hours_ago=71))["news_through"])


def test_a_busy_name_does_not_saturate():
    valence = np.full(40, 0.4)
    assert evidence_score(valence.sum(), 40.0) < evidence_score(160.0, 40.0)
    total = 40 * 0.4 / np.sqrt(40 / 3)
    assert evidence_score(valence.sum(), 40.0) == pytest.approx(total / np.sqrt(total**2 + 15))


def test_a_repeated_headline_counts_once():
    same = [a_news_item(item_id=str(n), title="Nvidia WINS!", known_at=AS_OF - timedelta(hours=n)) for n in range(5)]
    assert first(same)["story_count"] == 1


def test_where_the_history_starts_does_not_decide_which_repeat_counts():
    repeats = [a_news_item(item_id=str(n), title=GREAT, known_at=AS_OF - timedelta(hours=48 * n)) for n in range(4)]
    assert first(repeats)["story_count"] == first(repeats[:2])["story_count"] == 1


def test_a_story_that_becomes_known_later_is_not_read():
    assert first(stories(3, hours_ago=-0.01))["story_count"] == 0


def test_two_sources_with_a_terrible_story_are_counted():
    terrible = "Fraud disaster: company lies, investors devastated by terrible losses"
    news = stories(2, title=terrible, source="a") + stories(1, title=f"{terrible} again", source="b")
    assert first(news)["negative_source_count"] == 2


def test_hostile_headlines_are_only_data():
    for case in oracle("hostile_headlines.json")["cases"]:
        text = case.get("text")
        if "make" in case:
            text = case["make"]["repeat"] * case["make"]["times"]
        assert -1.0 <= compound(text or "") <= 1.0, case["kind"]
