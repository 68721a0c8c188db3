"""Nothing from the future through the whole chain: what is stored later never changes a stored decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.domain.decisions import Decision, DecisionKind
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC, MacroPoint, MacroSeries, Resolution, TimeWindow, session_slots
from trading.ports import Provenance, Services, Sources
from trading.strategy.three_sector import UNIVERSE, three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticNewsSource
from trading.tasks.analyse import risk, sentiment, technicals
from trading.tasks.decide import decide

from tests.builders import a_filing, a_news_item, an_action
from tests.fakes import ny
from tests.integration.worlds import SEED, fill_with_synthetic_market

CALENDAR = NyseCalendar()
SPEC = three_sector()
BOOK = BookId(BookKind.DEMO, "poison")
HOURS = [slot.as_of for slot in session_slots(CALENDAR.session(date(2024, 7, 22)))]
UNTIL, LATER = ny("2024-07-22 16:00"), ny("2024-08-02 16:00")


def poison(store) -> None:
    """Store an absurd future: bars a hundred times too high, news, filings, prices and a split that never were."""
    market = SyntheticMarket(SEED, CALENDAR)
    window, origin = TimeWindow(UNTIL, LATER), Provenance(SYNTHETIC, "poison", LATER, "poison")
    bars = [
        replace(b, open=b.open * 100, high=b.high * 100, low=b.low * 100, close=b.close * 100)
        for symbol in UNIVERSE.data
        for resolution in (Resolution.HALF_HOUR, Resolution.DAY)
        for b in SyntheticBarSource(market).bars(symbol, window, resolution)
    ]
    story = {"title": "Fraud disaster, terrible losses, bankruptcy", "known_at": LATER, "published_at": LATER}
    later = {"known_at": LATER, "source": SYNTHETIC}
    with store.transaction() as tx:
        tx.market.add_bars(bars, origin)
        news = [a_news_item(item_id=f"x{n}", symbols=UNIVERSE.traded, source=SYNTHETIC, **story) for n in range(9)]
        tx.market.add_news([*news, *SyntheticNewsSource(market).news(UNIVERSE.traded, window)], origin)
        tx.market.add_filings([a_filing(eps_diluted=-999.0, period_ends_on=UNTIL.date(), **later)], origin)
        tx.market.add_macro([MacroPoint(MacroSeries.CPI_NSA, UNTIL.date().replace(day=1), 999.0, **later)], origin)
        tx.market.add_actions([an_action(symbol="GLD", ex_on=LATER.date(), value=50.0, **later)], origin)


def decided(store) -> list[tuple[Decision, tuple]]:
    """Run the chain for every hour; return each decision with its reasons and orders."""
    services = Services(store, CALENDAR, SystemClock(), Sources(), broker=None)
    found = []
    with store.transaction() as tx:
        terms = {"strategy": SPEC.name, "spec_hash": SPEC.spec_hash, "opened_at": HOURS[0]}
        tx.ledger.open_book(BOOK, **terms, cash_usd=100_000)
    for as_of in HOURS:
        slot = CALENDAR.slot_at(as_of)
        for task in (technicals, sentiment, risk, decide):
            task(services, SPEC, BOOK, slot)
        with store.transaction() as tx:
            decision = tx.decisions.find(BOOK, DecisionKind.HOURLY, as_of)
            orders = tx.orders.of_decision(decision.decision_id)
            found.append((decision, tx.decisions.reasons(decision.decision_id), orders))
    return found


@pytest.fixture
def another_store(pg_server):
    url = pg_server.url_for("poisoned_twin")
    migrate(url)
    return PostgresStore(url)


def test_a_poisoned_future_changes_no_decision_reason_or_order(store, another_store):
    for each in (store, another_store):
        fill_with_synthetic_market(each, CALENDAR, until=UNTIL, days=20)
    poison(another_store)
    clean, poisoned = decided(store), decided(another_store)
    assert clean == poisoned
    assert sum(len(orders) for _, _, orders in clean) > 0
    assert all(len(reasons) > 100 for _, reasons, _ in clean)
