"""The lexicon on real headlines: macro-F1 on labelled ones, and how often the gate opens; skips without the data."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest
from sklearn.metrics import f1_score
from trading.adapters.imports.rows import ImportFile
from trading.adapters.labelled_texts import read_labelled
from trading.adapters.market_calendar import NyseCalendar
from trading.analysis.scoring import compound, label_of
from trading.analysis.sentiment import read_stories, sentiment_columns
from trading.domain.panel import panel_of
from trading.domain.sentiment import Sentiment
from trading.engine.hours import Terms
from trading.reporting.story_tables import openings
from trading.strategy.three_sector import UNIVERSE
from trading.tasks.facts import timeline_of

from tests.imported import news_of
from tests.shared_data import SHARED, needs_shared

pytestmark = needs_shared
GOAL_F1, GOAL_OPEN = 0.58, (0.03, 0.40)


@pytest.fixture(scope="module")
def texts():
    return [text for path in sorted((SHARED / "sentiment").glob("*.dev.csv")) for text in read_labelled(path)]


def macro_f1(texts, how) -> float:
    return f1_score([t.label for t in texts], [label_of(compound(t.text, how)) for t in texts], average="macro")


def test_the_lexicon_reads_the_labelled_sets_and_the_half_that_it_was_not_chosen_on(texts):
    unseen = [t for t in texts if hashlib.sha1(t.text.encode(), usedforsecurity=False).digest()[-1] % 2]
    assert macro_f1(texts, Sentiment()) >= GOAL_F1
    assert macro_f1(unseen, Sentiment()) >= GOAL_F1
    assert macro_f1(texts, Sentiment(scorer="vader")) < GOAL_F1


def test_the_gate_opens_on_some_days_and_not_on_most():
    news = news_of(ImportFile(SHARED / "news/headlines_2017_2020.csv.gz"))
    timeline = timeline_of(NyseCalendar(), date(2017, 12, 18), date(2020, 7, 17))
    times = timeline.times(Terms())
    columns = sentiment_columns(read_stories(news, UNIVERSE.traded, Sentiment()), times, Sentiment())
    panel = panel_of(times.as_of, UNIVERSE.traded, **columns)
    *_, every = openings(panel, timeline.grid.is_closing, 0.7)
    assert every.symbol_days > 400
    assert GOAL_OPEN[0] <= every.open_frac <= GOAL_OPEN[1]
