"""A quota of headlines that ends between two questions loses nothing of what was not asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from trading.adapters.sources.questions import answers
from trading.domain.market import NewsItem, TimeWindow
from trading.errors import QuotaExhausted
from trading.ports import Services, Sources
from trading.tasks.gathering import Gathering
from trading.tasks.ingest import ingest_news

from tests.fakes import FixedClock, ny
from tests.gate_desk import BOOK, CALENDAR, slot_at, spec_of

FIRST, SECOND, THIRD = "2026-11-17 10:30", "2026-11-17 15:30", "2026-11-18 10:30"


def story(symbol, at):
    return NewsItem(f"{symbol}-{at}", (symbol,), ny(at), ny(at), f"{symbol} has a story of {at}", "counted")


@dataclass
class Counted:
    """A vendor that is asked about each symbol by itself, as often as it allows."""

    stories: list[NewsItem]
    left: int = 100
    name: str = "counted"
    since: list = field(default_factory=list)

    def news(self, symbols, window):
        self.since.append(window.starts_at)
        yield from answers(self.name, [partial(self._about, symbol, window) for symbol in symbols])

    def _about(self, symbol, window):
        if not self.left:
            raise QuotaExhausted("counted: used up; wait for tomorrow", vendor="counted")
        self.left -= 1
        known = (s for s in self.stories if symbol in s.symbols)
        return [s for s in known if window.starts_at <= s.published_at < window.ends_at]


def hour(store, source, at):
    slot = slot_at(at)
    services = Services(store, CALENDAR, FixedClock(slot.as_of), Sources(news=(source,)), broker=None)
    return ingest_news(services, spec_of("GLD", "NVDA", "MSFT"), BOOK, slot)


def stored(store):
    with store.transaction() as tx:
        return {item.item_id for item in tx.market.news(since=ny("2026-11-01 10:00"), cutoff_at=ny("2026-11-19 10:00"))}


def test_the_questions_that_a_quota_left_open_are_asked_again_from_where_they_were(store):
    stories = [story("GLD", "2026-11-17 15:00"), story("MSFT", "2026-11-17 11:00"), story("MSFT", "2026-11-18 10:00")]
    source = Counted([story(s, "2026-11-17 10:00") for s in ("GLD", "NVDA", "MSFT")] + stories)
    hour(store, source, FIRST)
    source.left = 1
    report = hour(store, source, SECOND)
    assert any("beyond the first answers" in note for note in report.notes)
    assert not report.degraded, "the end of a quota is a note"
    assert stories[0].item_id in stored(store), "what was paid for is kept"
    assert stories[1].item_id not in stored(store)
    source.left = 100
    hour(store, source, THIRD)
    assert {s.item_id for s in stories} <= stored(store)
    hour(store, source, "2026-11-18 11:30")
    assert source.since[-1] == ny("2026-11-18 10:00") - timedelta(hours=2), "asked in full, it goes on as before"


def test_a_part_is_told_apart_from_a_whole_answer():
    source = Counted([story("GLD", "2026-11-17 15:00")], left=1)
    gathering = Gathering()
    slot = slot_at(SECOND)
    window = TimeWindow(ny(FIRST), slot.as_of)
    rows = gathering.ask("counted", "no news", partial(source.news, ["GLD", "NVDA"], window))
    assert len(rows) == 1
    assert gathering.was_cut
    assert gathering.exhausted is not None
    gathering.conclude()
