"""A paper desk that asks a broker of its own for bars: the paper gateway plays it, over a real socket and ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.bootstrap import services_for
from trading.domain.instruments import GOLD, VIX, Universe
from trading.domain.market import Filing, Resolution, session_slots
from trading.entrypoints import cli
from trading.errors import TransientError
from trading.ports import Provenance
from trading.settings import load_settings
from trading.strategy.three_sector import three_sector
from trading.tasks.analyse import risk
from trading.tasks.gathering import Gathering
from trading.tasks.ingest import ingest_fundamentals, ingest_prices
from trading.tasks.ingest_bars import FIRST_LOOK_BACK
from trading.tasks.ingest_facts import FactIntake
from trading.tasks.metals import metals_spot

from tests.fakes import ACCOUNT, FixedClock, flat_bars, memory_feed, running_gateway, with_prices
from tests.http_stub import http_stub
from tests.integration.test_vendors import CALENDAR, Vendor, environment

SESSION = CALENDAR.session(date(2026, 11, 20))
SLOT = session_slots(SESSION)[0]
CALM, SPIKE = 18.0, 38.0


def market(vix=SPIKE, metals=True):
    names = {"NVDA": 100.0, "GLD": 250.0, "SLV": 40.0, VIX: CALM} | ({GOLD: 2700.0} if metals else {})
    bars = [bar for name, price in names.items() for bar in flat_bars(name, date(2026, 11, 9), 12, price=price)]
    of_vix = [bar for bar in bars if bar.symbol == VIX]
    second = SESSION.opens_at + timedelta(minutes=30)
    spiked = with_prices(of_vix, second, (CALM, vix + 1, CALM - 1, vix))
    return [bar for bar in bars if bar.symbol != VIX] + spiked


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=6))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=2))


@pytest.fixture
def spec():
    full = three_sector()
    names = ("GLD", "SLV", "NVDA", VIX)
    return replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in names)))


@pytest.fixture
def vendor():
    with http_stub() as stub:
        yield Vendor(stub)


@pytest.fixture
def real_broker(monkeypatch):
    """Let the paper gateway pass for a real broker."""
    monkeypatch.setattr("trading.adapters.ibkr.history.MARKER", ("AirdeskSimulated", "not said"))


def desk(database_url, vendor, gateway, **changes):
    own = {"AIRDESK_BROKER_PORT": str(gateway.port), "AIRDESK_BROKER_ACCOUNT": ACCOUNT, "POLYGON_PLAN": "advanced"}
    settings = load_settings(environment(database_url, vendor, **own, **changes))
    services = services_for(settings)
    return settings, replace(services, clock=FixedClock(SLOT.as_of + timedelta(seconds=30)))


def names(settings, **options):
    return [source.name for source in services_for(settings, **options).sources.bars]


def test_the_broker_is_asked_first_for_this_hour_and_last_for_history_and_a_paper_gateway_never(database_url, vendor):
    with running_gateway(memory_feed([]), SLOT.as_of) as gateway:
        settings, _ = desk(database_url, vendor, gateway)
        off, _ = desk(database_url, vendor, gateway, AIRDESK_IBKR_BARS="0")
        paper, _ = desk(database_url, vendor, gateway, AIRDESK_GATEWAY_CONTROL_PORT="4102")
    assert names(settings) == ["ibkr", "polygon", "cboe"]
    assert names(settings, is_history=True) == ["polygon", "cboe", "ibkr"]
    assert names(off) == names(paper) == ["polygon", "cboe"]
    hourly, past = services_for(settings).sources, services_for(settings, is_history=True).sources
    ids = {hourly.bars[0]._line.client_id, past.bars[-1]._line.client_id, settings.broker_client_id}
    assert len(ids) == 3, "a load of history never holds the hourly run's connection"


def test_a_spike_of_the_vix_is_read_in_the_hour_in_which_it_happens(database_url, vendor, spec, real_broker):
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
        report = ingest_prices(services, spec, settings.book, SLOT)
    assert not report.degraded, report.notes
    asked = PostgresCallLedger(database_url).usage("ibkr").calls_today
    assert asked == len(spec.universe.data) * 2 + 2, "each question is a row that every process counts"
    risk(services, spec, settings.book, SLOT)
    with services.store.transaction() as tx:
        panel = tx.analysis.read(spec.universe.traded, SLOT.as_of, SLOT.as_of)
        assert tx.market.parked() == {}
    assert panel.vix[0, 0] == SPIKE > spec.protection.max_vix


def test_gold_is_its_spot_price_where_the_broker_has_it_and_a_labelled_fund_where_not(
    database_url, vendor, spec, real_broker, monkeypatch, capsys
):
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
        report = ingest_prices(services, spec, settings.book, SLOT)
        for name, value in environment(database_url, vendor).items():
            monkeypatch.setenv(name, value)
        assert cli.main(["data", "as-of", "GLD", "2026-11-20T15:30Z"]) == 0
    with services.store.transaction() as tx:
        gold, silver = metals_spot(tx.market, at=SLOT.as_of)
        before = metals_spot(tx.market, at=SESSION.opens_at - timedelta(days=30))
    assert (gold.series, gold.value, gold.at, gold.is_proxy, gold.source) == (GOLD, 2700.0, SLOT.as_of, False, "ibkr")
    assert (silver.series, silver.value, silver.is_proxy, silver.source) == ("SLV", 40.0, True, "ibkr")
    assert before == ()
    assert "XAUUSD 2700 at 2026-11-20 15:30Z (spot, USD an ounce; ibkr)" in capsys.readouterr().out
    assert any("XAGUSD" in note for note in report.notes), "the gateway lists no silver, which is a note and no more"


def test_a_spot_price_of_an_earlier_day_gives_way_to_the_fund(database_url, vendor, spec, real_broker):
    late = session_slots(CALENDAR.session(date(2026, 11, 23)))[0]
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
        ingest_prices(services, spec, settings.book, SLOT)
    monday = [bar for bar in flat_bars("GLD", date(2026, 11, 23), 1, price=251.0) if bar.ends_at <= late.as_of]
    with services.store.transaction() as tx:
        tx.market.add_bars([replace(b, source="polygon") for b in monday], Provenance("polygon", "x", late.as_of, "r"))
        gold, _ = metals_spot(tx.market, at=late.as_of)
    assert (gold.series, gold.value, gold.is_proxy, gold.source) == ("GLD", 251.0, True, "polygon")


def test_a_simulated_broker_is_found_out_and_the_vendor_is_asked_in_the_same_hour(database_url, vendor, spec):
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
        report = ingest_prices(services, spec, settings.book, SLOT)
    assert any("SIMULATED" in note for note in report.notes)
    with services.store.transaction() as tx:
        found = tx.market.bars(["NVDA"], [Resolution.HALF_HOUR], as_of=SLOT.as_of, cutoff_at=SLOT.as_of)
        series = found["NVDA", Resolution.HALF_HOUR]
        starts_at = series.starts_at[-1].item().replace(tzinfo=SLOT.as_of.tzinfo)
        told_by = tx.market.bar_source("NVDA", Resolution.HALF_HOUR, starts_at, cutoff_at=SLOT.as_of)
    assert told_by == "polygon"


def test_a_broker_that_is_away_fails_the_step_for_a_retry_and_leaves_nothing_half_stored(database_url, vendor, spec):
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
    with pytest.raises(TransientError, match="no broker answers"):
        ingest_prices(services, spec, settings.book, SLOT)


def test_the_plan_is_probed_by_the_first_ingest_of_the_day_and_by_no_other(database_url, vendor, spec):
    with running_gateway(memory_feed(market()), SLOT.as_of) as gateway:
        settings, services = desk(database_url, vendor, gateway)
        for _ in range(2):
            ingest_fundamentals(services_of_actions(services), spec, settings.book, SLOT)
    asked = [request.path for request in vendor.stub.asked]
    assert asked.count("/v2/aggs/ticker/SPY/prev") == 1


def services_of_actions(services):
    return replace(services, sources=replace(services.sources, filings=(), macro=()))


class Filings:
    """A source of one filing a symbol, or of none."""

    def __init__(self, name, *filings):
        self.name, self.told, self.asked = name, filings, []

    def filings(self, symbols, window):
        self.asked += symbols
        return iter([f for f in self.told if f.symbol in symbols and window.starts_at <= f.known_at < window.ends_at])


def test_the_filings_of_a_company_come_from_the_first_source_that_has_any(database_url, vendor):
    with running_gateway(memory_feed([]), SLOT.as_of) as gateway:
        _, services = desk(database_url, vendor, gateway)
    known = SLOT.as_of - timedelta(days=30)

    def filing(symbol, source, eps=1.0):
        return Filing(symbol, date(2026, 9, 30), 1, eps, None, source, known, known.date())

    first = Filings("edgar", filing("NVDA", "edgar"))
    second = Filings("polygon", filing("NVDA", "polygon", 1.1), filing("AEM", "polygon"))
    services = replace(services, sources=replace(services.sources, filings=(first, second)))
    for _ in range(2):
        with services.store.transaction() as tx:
            stored = tx.market.filings(cutoff_at=SLOT.as_of)
        FactIntake(services, Gathering(), SLOT.as_of, "run").filings(["NVDA", "AEM"], stored)
    with services.store.transaction() as tx:
        found = tx.market.filings(cutoff_at=SLOT.as_of)
    assert sorted((f.symbol, f.source) for f in found) == [("AEM", "polygon"), ("NVDA", "edgar")]
    assert second.asked == ["AEM", "AEM"]
    assert first.asked == ["NVDA", "AEM", "NVDA"], "what the second one serves is its own from then on"
