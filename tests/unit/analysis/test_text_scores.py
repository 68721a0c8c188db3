"""The score of one text: VADER as it comes, the finance lexicon, and what hostile text costs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.analysis.movements import MARK, marked
from trading.analysis.scoring import LABEL_AT, compound, label_of
from trading.analysis.stories import TITLE_CHARACTERS
from trading.domain.sentiment import Sentiment

from tests.oracles import oracle

VADER = Sentiment(scorer="vader")


def hostile_texts() -> list[str]:
    cases = oracle("hostile_headlines.json")["cases"]
    made = [case["make"]["repeat"] * case["make"]["times"] if "make" in case else case.get("text") for case in cases]
    return [text or "" for text in made]


def test_vader_alone_still_scores_what_vader_says():
    for row in oracle("sentiment_expected.json")["scores"]:
        assert compound(row["text"], VADER) == pytest.approx(row["compound"], abs=1e-4), row["text"]


def test_what_vader_misreads_of_the_language_of_markets_is_read():
    """Words absent from VADER, and "shares" as a good word, are the oracle's findings."""
    facts = oracle("sentiment_expected.json")["facts"]
    assert all(compound(word, VADER) == 0.0 for word in facts["absent_from_lexicon"])
    unheard = [word for word in facts["absent_from_lexicon"] if compound(word) == 0.0]
    assert unheard == []
    text = "AMD misses revenue estimates; shares tumble 9%"
    assert compound(text, VADER) > 0.05
    assert compound(text) < -0.5
    assert compound("Company A shares") == 0.0


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Nvidia beats Q3 estimates as data center revenue surges", "positive"),
        ("Operating profit rose to EUR 13.1 mn from EUR 8.7 mn", "positive"),
        ("Operating profit rose to EUR 13 .1 mn from EUR 8 .7 mn in 2007", "positive"),
        ("Operating profit was EUR 13.1 mn, compared to EUR 8.7 mn a year earlier", "positive"),
        ("Operating profit was EUR 8.7 mn, compared to EUR 13.1 mn a year earlier", "negative"),
        ("Operating profit was EUR 900 million, compared with EUR 1.2 billion in 2007", "negative"),
        ("Operating loss was EUR 8.7 mn, compared to EUR 13.1 mn a year earlier", "positive"),
        ("Operating loss was EUR 8.7 mn, compared to a profit of EUR 1.1 mn a year earlier", "negative"),
        ("Net profit was EUR 1.7 m versus a net loss of EUR 13.3 m", "positive"),
        ("Rio Tinto swings to loss", "negative"),
        ("The firm swung to a net profit", "positive"),
        ("Operating loss narrowed", "positive"),
        ("Net loss widened", "negative"),
        ("Costs rose in the quarter", "negative"),
        ("Costs fell in the quarter", "positive"),
        ("Rise in costs", "negative"),
        ("Profit fell 12 pct", "negative"),
        ("Apple raises guidance", "positive"),
        ("Tesla cuts guidance", "negative"),
        ("Tesla did not cut guidance", "positive"),
        ("Shares jump 9%", "positive"),
        ("Profit fell while sales rose 20 pct and margins improved", "positive"),
        ("Gold slips as Treasury yields rise", "negative"),
        ("Apple shares little changed before earnings", "neutral"),
        ("The company has shares, assets and a solution of value", "neutral"),
        ("Judge orders Apple to hand over papers", "neutral"),
        ("As long as it takes", "neutral"),
        ("$NVDA long here", "positive"),
        ("$NVDA short here", "negative"),
        ("", "neutral"),
    ],
)
def test_the_language_of_markets(text, label):
    assert label_of(compound(text)) == label, (compound(text), marked(text))


def test_years_are_no_amounts():
    """ "2009 from 2010" compares nothing."""
    assert compound("Sales plans for 2009 differ from 2010") == 0.0


def test_a_label_begins_at_its_threshold():
    assert [label_of(x) for x in (LABEL_AT, -LABEL_AT, LABEL_AT - 0.001)] == ["positive", "negative", "neutral"]


@pytest.mark.parametrize("how", [VADER, Sentiment()])
def test_hostile_headlines_are_only_data(how):
    for text in hostile_texts():
        assert -1.0 <= compound(text, how) <= 1.0
        assert compound(text, how) == compound(text[:TITLE_CHARACTERS], how)


@given(st.text(max_size=300) | st.sampled_from(["but ", "1 from 2 ", "profit ", "(", "$"]).map(lambda part: part * 400))
def test_any_text_has_one_score_within_bounds(text):
    assert -1.0 <= compound(text) <= 1.0
    assert compound(text) == compound(text[:TITLE_CHARACTERS] + "x" * 9 if len(text) > TITLE_CHARACTERS else text)


@given(st.text(alphabet=st.characters(exclude_characters=MARK), max_size=200))
def test_marking_loses_no_word_that_it_does_not_read(text):
    """Where no phrase and no move stands, VADER reads the text as written."""
    done = marked(text)
    assert MARK in done or done == text.replace(" .", " .") or len(done) <= len(text)
