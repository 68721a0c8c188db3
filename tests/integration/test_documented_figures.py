"""Figures that are written down elsewhere, through the real sources, the store and the analysis."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pytest
from trading.adapters.http import HttpClient
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.sources.cboe import PATH as CBOE_PATH
from trading.adapters.sources.cboe import CboeVixSource, cboe_terms
from trading.adapters.sources.edgar import EdgarSource, edgar_terms
from trading.adapters.sources.fred import FredSource, fred_terms
from trading.domain.instruments import VIX
from trading.domain.market import MacroPoint, MacroSeries, Resolution, TimeWindow
from trading.domain.panel import FeaturePanel
from trading.domain.signals import PASS
from trading.engine.hours import Terms, history_panel
from trading.strategy.rules import vix_above
from trading.strategy.three_sector import UNIVERSE, three_sector
from trading.tasks.facts import load_facts, timeline_of

from tests.builders import a_bar, an_origin
from tests.fakes_http import CANARY, MemoryCalls
from tests.http_stub import Answer, http_stub
from tests.import_command import imported, speak_to
from tests.vendor_fixtures import fixture

CALENDAR = NyseCalendar()
SPEC = three_sector()
NVDA_CIK = 1045810
LONG = TimeWindow(datetime(2010, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def client(terms) -> HttpClient:
    return HttpClient(terms, MemoryCalls(), deadline_seconds=5, sleep=lambda seconds: None)


def panel_of(store, on: date) -> FeaturePanel:
    """Return what the hours of one session see, read hour by hour's last cutoff as the live tasks do."""
    timeline = timeline_of(CALENDAR, on, on)
    slots = timeline.slots
    with store.transaction() as tx:
        facts = load_facts(tx, SPEC, first_at=slots[0].as_of, as_of=slots[-1].as_of, cutoff_at=slots[-1].as_of)
    return history_panel(SPEC, facts, timeline, Terms(daily_pricing=True))


def of_nvda(panel: FeaturePanel, name: str, slot: int = 0) -> float:
    return float(getattr(panel, name)[slot, UNIVERSE.traded.index("NVDA")])


def close_of(store, on: date, close: float) -> None:
    session = CALENDAR.session(on)
    times = {"starts_at": session.opens_at, "ends_at": session.closes_at, "known_at": session.closes_at}
    prices = {"open": close, "high": close, "low": close, "close": close}
    with store.transaction() as tx:
        tx.market.add_bars([a_bar(resolution=Resolution.DAY, **times, **prices)], an_origin())


def test_trailing_earnings_of_the_recorded_company_on_each_of_its_days(store):
    facts = json.loads(fixture("edgar/companyfacts_min.json")) | {"cik": NVDA_CIK}
    concept = {"cik": NVDA_CIK} | facts["facts"]["us-gaap"]["EarningsPerShareDiluted"]
    paths = {
        f"/api/xbrl/companyfacts/CIK{NVDA_CIK:010d}.json": [Answer(facts)],
        f"/api/xbrl/companyconcept/CIK{NVDA_CIK:010d}/us-gaap/EarningsPerShareDiluted.json": [Answer(concept)],
    }
    with http_stub(paths=paths) as stub:
        http = client(edgar_terms("Jane Doe jane@example.com", base_url=stub.url))
        filings = list(EdgarSource(http, http, CALENDAR).filings(["NVDA"], LONG))
    with store.transaction() as tx:
        tx.market.add_filings(filings, an_origin(source="edgar"))
    filed = ["2025-04-30", "2025-05-01", "2025-07-31", "2025-10-30", "2026-02-18", "2026-02-19", "2026-04-30"]
    after = [CALENDAR.next_session(date.fromisoformat(on)).session_on for on in filed]
    eps = [of_nvda(panel_of(store, on), "eps_ttm") for on in after]
    assert eps == pytest.approx([4.00, 4.10, 4.25, 4.40, 4.40, 4.70, 5.00])


def test_a_pe_is_continuous_over_a_split_and_over_the_first_filing_after_it(
    store, database_url, monkeypatch, tmp_path, capsys
):
    speak_to(database_url, monkeypatch)
    path = tmp_path / "filings.csv"
    path.write_text(
        "symbol,period_ends_on,quarters,eps_diluted,revenue_usd,filed_on\n"
        "NVDA,2023-07-30,1,2.48,,2023-08-28\nNVDA,2023-10-29,1,3.71,,2023-11-21\nNVDA,2024-01-28,1,4.93,,2024-02-21\n"
        "NVDA,2024-04-28,1,5.98,,2024-05-29\nNVDA,2024-07-28,1,0.67,,2024-08-28\n"
    )
    assert imported(capsys, "fundamentals", path)["stored"] == 5
    path.write_text("symbol,ex_date,ratio\nNVDA,2024-06-10,10\n")
    assert imported(capsys, "splits", path)["stored"] == 1
    for on, close in ((date(2024, 6, 7), 1208.88), (date(2024, 6, 10), 121.79), (date(2024, 8, 28), 125.61)):
        close_of(store, on, close)
    closing = [of_nvda(panel_of(store, on), "pe_ratio", slot=-1) for on in (date(2024, 6, 7), date(2024, 6, 10))]
    assert [round(pe, 1) for pe in closing] == [70.7, 71.2]
    filed, known = (of_nvda(panel_of(store, date(2024, 8, on)), "pe_ratio") for on in (28, 29))
    assert round(known, 1) == 58.9
    assert filed == pytest.approx(121.79 / 1.71)


def test_consumer_prices_are_read_as_first_published_also_after_a_revision(store):
    reply = Answer(fixture("fred/observations_cpi_vintages.json").decode())
    with http_stub(paths={"/fred/series/observations": [reply]}) as stub:
        months = list(FredSource(client(fred_terms(CANARY, base_url=stub.url)), CALENDAR).macro(LONG))
    assert [(m.period_on, m.value) for m in months] == [(date(2026, 8, 1), 323.1), (date(2026, 9, 1), 324.0)]
    year_before = [
        MacroPoint(MacroSeries.CPI_NSA, date(2025, n, 1), value, "fred", datetime(2025, n + 1, 14, tzinfo=UTC))
        for n, value in ((8, 313.7), (9, 315.0))
    ]
    revised = MacroPoint(MacroSeries.CPI_NSA, date(2026, 8, 1), 999.0, "fred", datetime(2026, 10, 1, tzinfo=UTC))
    with store.transaction() as tx:
        tx.market.add_macro([*year_before, *months, revised], an_origin(source="fred"))

    def yoy(on: date) -> float:
        return float(panel_of(store, on).cpi_yoy_frac[0, 0])

    assert np.isnan(yoy(date(2026, 9, 11)))
    assert yoy(date(2026, 9, 14)) == pytest.approx(323.1 / 313.7 - 1)
    assert yoy(date(2026, 10, 2)) == pytest.approx(323.1 / 313.7 - 1)
    assert yoy(date(2026, 10, 14)) == pytest.approx(324.0 / 315.0 - 1)


def test_yesterdays_vix_alone_lets_the_spike_trade_and_blocks_the_day_after(store):
    body = fixture("vix/VIX_History_sample.csv").decode()
    with http_stub(paths={CBOE_PATH: [Answer(body)]}) as stub:
        source = CboeVixSource(client(cboe_terms(base_url=stub.url)), CALENDAR)
        bars = list(
            source.bars(VIX, TimeWindow(LONG.starts_at, datetime(2024, 8, 14, 13, 30, tzinfo=UTC)), Resolution.DAY)
        )
    with store.transaction() as tx:
        tx.market.add_bars(bars, an_origin(source=bars[0].source))
    blocks = {}
    for day in (5, 6, 7, 8):
        panel = panel_of(store, date(2024, 8, day))
        blocks[day] = bool((vix_above(panel, threshold=30.0).outcome(0) == PASS).all())
    assert blocks == {5: False, 6: True, 7: False, 8: False}
