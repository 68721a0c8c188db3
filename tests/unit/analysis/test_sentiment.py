from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from trading.analysis.scoring import compound
from trading.analysis.sentiment import (
    LOOK_DAYS,
    MIN_LOOKS,
    evidence_score,
    read_stories,
    sentiment_columns,
    story_scores,
)
from trading.analysis.told import valence_sums
from trading.domain.panel import Why, panel_of
from trading.domain.sentiment import Sentiment
from trading.strategy.rules import negative_news

from tests.builders import AS_OF, a_news_item
from tests.unit.analysis.worlds import times_of

ON = date(2019, 6, 3)
GREAT = "Great success: record profit, best results ever, happy investors win"


def stories(count: int, *, title: str = GREAT, hours_ago: float = 1.0, **overrides):
    at = AS_OF - timedelta(hours=hours_ago)
    return [
        a_news_item(item_id=f"{title[:5]}{n}", title=f"{title} {n}", known_at=at, published_at=at, **overrides)
        for n in range(count)
    ]


def first(news, **how) -> dict[str, float]:
    how = Sentiment(**how)
    columns = sentiment_columns(read_stories(news, ("NVDA",), how), times_of(ON, ON), how)
    return {name: values[0, 0] for name, values in columns.items()}


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


def test_in_every_mode_the_evidence_is_the_same_and_is_what_bad_news_is_judged_by():
    told = [*stories(3), *stories(2, title="Shares rise", hours_ago=30)]
    found = {mode: first(told, mode=mode) for mode in ("evidence", "mean", "percentile")}
    assert len({one["evidence"] for one in found.values()}) == 1
    assert found["evidence"]["sentiment"] == found["evidence"]["evidence"]


def test_the_mean_is_of_the_scores_by_their_weights():
    fresh, old = "Profit rose 10 pct", "Profit fell 10 pct"
    told = [*stories(2, title=fresh), *stories(2, title=old, hours_ago=25)]
    expected = np.average([compound(fresh + " 0"), compound(old + " 0")], weights=[1.0, 0.5])
    assert first(told, mode="mean")["sentiment"] == pytest.approx(expected)


def a_history(days: int, *, title: str, known: int = 3):
    return [item for day in range(days) for item in stories(known, title=title, hours_ago=1 + 24 * (day + 1))]


def told_apart(items):
    """The same items, each with an id and a headline of its own."""
    return [replace(item, item_id=f"{n}", title=f"{item.title} in week {n}") for n, item in enumerate(items)]


def test_a_percentile_is_the_rank_among_the_days_before():
    calm = told_apart(a_history(60, title="Company holds annual meeting"))
    assert first([*calm, *stories(3)], mode="percentile")["sentiment"] == 1.0
    assert first([*calm, *stories(3, title="Fraud scandal")], mode="percentile")["sentiment"] == 0.0
    same = first([*calm, *stories(3, title="Company holds another meeting")], mode="percentile")
    assert same["sentiment"] == 0.5


def test_a_percentile_of_too_few_days_abstains_and_says_so_but_bad_news_is_still_bad():
    few = told_apart(a_history(MIN_LOOKS - 4, title="Company holds annual meeting"))
    found = first([*few, *stories(3, title="Fraud scandal")], mode="percentile")
    assert np.isnan(found["sentiment"])
    assert found["why_sentiment"] == Why.TOO_FEW_SCORES
    assert found["evidence"] < -0.5


def test_a_percentile_looks_no_further_back_than_its_days_and_never_ahead():
    calm = told_apart(a_history(60, title="Company holds annual meeting"))
    now = stories(3, title="Profit rose 3 pct")
    long_ago = [replace(i, known_at=i.known_at - timedelta(days=LOOK_DAYS + 4), item_id=f"o{i.item_id}") for i in calm]
    ahead = [replace(i, known_at=AS_OF + timedelta(hours=1), item_id=f"a{i.item_id}") for i in stories(9)]
    assert first([*calm, *now, *long_ago, *ahead], mode="percentile") == first([*calm, *now], mode="percentile")


def test_one_hour_and_many_hours_give_one_percentile():
    calm = told_apart(a_history(60, title="Company holds annual meeting"))
    news = [*calm, *stories(3, title="Profit rose 3 pct")]
    many = times_of(ON - timedelta(days=30), ON)
    row = int(np.flatnonzero(many.cutoff_at == times_of(ON, ON).cutoff_at[0])[0])
    how = Sentiment(mode="percentile")
    columns = sentiment_columns(read_stories(news, ("NVDA",), how), many, how)
    assert columns["sentiment"][row, 0] == first(news, mode="percentile")["sentiment"]


def test_each_story_says_what_it_gave_and_together_they_make_the_score():
    news = [*stories(2), *stories(1, title="Profit fell 10 pct", hours_ago=25), *stories(1, title="x", hours_ago=80)]
    given = story_scores(news, ("NVDA", "AMD"), AS_OF, Sentiment())
    assert [(g.symbol, g.title) for g in given] == [
        ("NVDA", "Profit fell 10 pct 0"), ("NVDA", f"{GREAT} 0"), ("NVDA", f"{GREAT} 1"),
    ]  # fmt: skip
    assert given[0].weight == pytest.approx(2 ** (-25 / 24))
    assert given[0].compound == compound("Profit fell 10 pct 0")
    assert {g.scored_by for g in given} == {Sentiment().scored_by}
    total = sum(g.weight * float(valence_sums(np.array([g.compound]))[0]) for g in given)
    effective = sum(g.weight for g in given)
    score = float(evidence_score(np.array(total), np.array(effective)))
    assert score == pytest.approx(first(news)["sentiment"])


@pytest.mark.parametrize(("score", "sources", "is_event"), [(-0.49, 1, False), (-0.5, 1, True), (0.2, 2, True)])
def test_the_rule_of_bad_news(score, sources, is_event):
    """A score at or under −0.5, or two sources with a story that bad within a day; one source is not enough."""
    panel = panel_of(
        np.array(["2024-06-12T14:30"], dtype="datetime64[us]"),
        ("NVDA",),
        evidence=np.array([[score]]),
        negative_source_count=np.array([[float(sources)]]),
    )
    verdicts = negative_news(panel, threshold=-0.5, sources=2)
    assert bool(verdicts.passes[0, 0]) is is_event


def test_two_bad_sources_are_counted_for_a_day_and_no_longer():
    bad = [
        *stories(1, title="Fraud scandal, bankruptcy looms", source="a", hours_ago=2),
        *stories(1, title="Accounting fraud: shares crash", source="b", hours_ago=23.9),
    ]
    assert first(bad)["negative_source_count"] == 2
    later = [bad[0], replace(bad[1], known_at=AS_OF - timedelta(hours=24))]
    assert first(later)["negative_source_count"] == 1
