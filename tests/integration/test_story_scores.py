"""What each story gave to a score: stored by the hourly task, replaced by a rerun; a live hour equals a replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import BookId, BookKind, Universe
from trading.domain.market import NewsItem, session_slots
from trading.domain.sentiment import Sentiment
from trading.engine.hours import Terms, history_panel
from trading.ports import Provenance, Services, Sources
from trading.strategy.three_sector import three_sector
from trading.tasks.analyse import sentiment
from trading.tasks.facts import read_history, timeline_of

from tests.fakes import FixedClock
from tests.integration.worlds import fill_with_synthetic_market

CALENDAR = NyseCalendar()
ON = date(2024, 7, 30)
SLOT = session_slots(CALENDAR.session(ON))[2]
BOOK = BookId(BookKind.PAPER, "DU1")
ORIGIN = Provenance("wire", "stories", datetime(2024, 7, 31, tzinfo=UTC), "test")


def spec_in(mode):
    full = three_sector()
    universe = Universe(tuple(full.universe[symbol] for symbol in ("NVDA", "GLD", "SPY")))
    return replace(full, universe=universe, sentiment=Sentiment(mode=mode))


@pytest.fixture
def services(store) -> Services:
    return Services(store, CALENDAR, FixedClock(SLOT.as_of), Sources(), broker=None)


def tell(store, *titles, hours_ago=1.0, name="n"):
    at = SLOT.as_of - timedelta(hours=hours_ago)
    items = [NewsItem(f"{name}{n}", ("NVDA",), at, at, title, "wire") for n, title in enumerate(titles)]
    with store.transaction() as tx:
        tx.market.add_news(items, ORIGIN)


def stored(store):
    with store.transaction() as tx:
        return tx.analysis.stories("NVDA", SLOT.as_of, SLOT.as_of)


def test_the_hourly_task_stores_what_each_story_gave_and_a_rerun_replaces_it(services, store):
    tell(store, "Profit rose 12 pct", "Net loss widened", "Company to hold meeting")
    tell(store, "Told too long ago", hours_ago=80, name="old")
    spec = spec_in("evidence")
    report = sentiment(services, spec, BOOK, SLOT)
    assert report.counts == {"rows": 2, "stories": 3}
    found = stored(store)
    assert [(s.item_id, s.title, s.compound > 0, s.compound < 0) for s in found] == [
        ("n0", "Profit rose 12 pct", True, False),
        ("n1", "Net loss widened", False, True),
        ("n2", "Company to hold meeting", False, False),
    ]
    assert {s.scored_by for s in found} == {spec.sentiment.scored_by}
    assert {round(s.weight, 6) for s in found} == {round(2 ** (-1 / 24), 6)}
    vader = replace(spec, sentiment=Sentiment(scorer="vader"))
    sentiment(services, vader, BOOK, SLOT)
    assert {s.scored_by for s in stored(store)} == {"vader"}


def test_a_hostile_headline_is_stored_and_scored_as_text(services, store):
    tell(store, "NVDA'); DROP TABLE market.news; --", "<script>x</script> NVDA [bold]up[/bold]", "=HYPERLINK(1)")
    sentiment(services, spec_in("evidence"), BOOK, SLOT)
    assert len(stored(store)) == 3


@pytest.mark.parametrize("mode", ["evidence", "percentile", "mean"])
def test_a_live_hour_and_a_replay_give_one_score_in_every_mode(store, mode):
    """Live loads what one hour needs; a replay, every hour of its range."""
    fill_with_synthetic_market(store, CALENDAR, until=SLOT.as_of + timedelta(days=1), days=60)
    services = Services(store, CALENDAR, FixedClock(SLOT.as_of + timedelta(days=1)), Sources(), broker=None)
    spec = spec_in(mode)
    sentiment(services, spec, BOOK, SLOT)
    with store.transaction() as tx:
        live = tx.analysis.read(spec.universe.traded, SLOT.as_of, SLOT.as_of)
    timeline = timeline_of(CALENDAR, ON - timedelta(days=10), ON)
    facts, _ = read_history(services, spec, timeline, cutoff_at=SLOT.as_of)
    whole = history_panel(spec, facts, timeline, Terms())
    row = int(np.flatnonzero(whole.times == live.times[0])[0])
    for name in ("sentiment", "evidence", "story_count", "negative_source_count", "why_sentiment", "news_through"):
        np.testing.assert_array_equal(getattr(whole, name)[row], getattr(live, name)[0], name)
    assert np.isfinite(live.evidence).any()
