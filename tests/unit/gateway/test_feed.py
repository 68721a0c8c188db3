"""What the feed makes of a source's bars and facts."""

from __future__ import annotations

from datetime import date

from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import ActionKind
from trading.gateway.feed import source_feed
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource

MARKET = SyntheticMarket(7, NyseCalendar())
FEED = source_feed(SyntheticBarSource(MARKET), ["NVDA", "AAPL"], SyntheticFundamentalsSource(MARKET))
YEARS = (date(2024, 1, 1), date(2025, 12, 31))


def test_a_source_names_the_actions_of_a_stretch_of_days() -> None:
    found = FEED.actions(["AAPL"], *YEARS)
    assert {a.kind for a in found} >= {ActionKind.DIVIDEND}
    assert all(YEARS[0] <= a.ex_on <= YEARS[1] for a in found)


def test_one_day_at_a_time_finds_what_a_long_stretch_finds() -> None:
    found = FEED.actions(["NVDA", "AAPL"], *YEARS)
    assert [FEED.actions([a.symbol], a.ex_on, a.ex_on) for a in found] == [[a] for a in found]


def test_a_market_without_facts_has_no_actions() -> None:
    assert source_feed(SyntheticBarSource(MARKET), ["AAPL"]).actions(["AAPL"], *YEARS) == ()
