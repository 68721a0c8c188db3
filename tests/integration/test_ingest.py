"""Ingest on a real store: what arrives is checked, stored once, and told in the report."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import VIX, BookId, BookKind, Instrument, InstrumentKind, Sector, Universe
from trading.domain.market import Bar, Filing, Resolution, TimeWindow, session_slots
from trading.errors import NotEntitled, VendorUnavailable
from trading.ports import Services, Sources
from trading.strategy.three_sector import three_sector
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
from trading.tasks.ingest import ingest_fundamentals, ingest_news, ingest_prices
from trading.tasks.ingest_bars import FIRST_LOOK_BACK

from tests.fakes import FixedClock

CALENDAR = NyseCalendar()
BOOK = BookId(BookKind.DEMO, "test")
SLOTS = session_slots(CALENDAR.session(date(2026, 11, 19)))
SYMBOLS = ("GLD", "NVDA", VIX)


@pytest.fixture(scope="module")
def market():
    return SyntheticMarket(7, CALENDAR)


@pytest.fixture
def small():
    """The strategy with three symbols, so that a test stays short."""
    full = three_sector()
    return replace(full, universe=Universe(tuple(full.universe[symbol] for symbol in SYMBOLS)))


@pytest.fixture(autouse=True)
def short_history(monkeypatch):
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.DAY, timedelta(days=60))
    monkeypatch.setitem(FIRST_LOOK_BACK, Resolution.HALF_HOUR, timedelta(days=5))


@dataclass
class SpoiledBars:
    """The synthetic bars of one symbol after `spoil`; the others unchanged."""

    inner: SyntheticBarSource
    symbol: str
    spoil: object
    name: str = field(default="SYNTHETIC")

    def served_until(self, symbol, resolution, as_of):
        return self.inner.served_until(symbol, resolution, as_of)

    def bars(self, symbol, window, resolution) -> Iterator[Bar]:
        for bar in self.inner.bars(symbol, window, resolution):
            yield from self.spoil(bar) if symbol == self.symbol else (bar,)


def services_with(store, market, *, bars=None, is_on=True) -> Services:
    facts = SyntheticFundamentalsSource(market)
    sources = Sources(
        bars=(bars or SyntheticBarSource(market),),
        news=(SyntheticNewsSource(market),),
        filings=(facts,),
        macro=(facts,),
        actions=(facts,),
    )
    clock = FixedClock(datetime(2026, 11, 19, 21, 30, tzinfo=UTC))
    return Services(store, CALENDAR, clock, sources if is_on else Sources(), broker=None)


def parked(store):
    with store.transaction() as tx:
        return tx.market.parked()


def stored(store, symbol, resolution, as_of):
    with store.transaction() as tx:
        return tx.market.bars([symbol], [resolution], as_of=as_of, cutoff_at=as_of)[symbol, resolution]


def test_the_first_ingest_fills_the_look_back_and_a_rerun_stores_nothing(store, market, small):
    services = services_with(store, market)
    for ingest, stored_key in (
        (ingest_prices, "bars_stored"),
        (ingest_fundamentals, "filings_stored"),
        (ingest_news, "stories_stored"),
    ):
        first = ingest(services, small, BOOK, SLOTS[2])
        again = ingest(services, small, BOOK, SLOTS[2])
        assert first.counts[stored_key] > 0
        assert again.counts[stored_key] == 0
        assert not first.degraded
        assert first.as_xcom()["step"] == ingest.__name__
    as_of = SLOTS[2].as_of
    assert stored(store, "GLD", Resolution.HALF_HOUR, as_of).ends_at[-1].item() == as_of.replace(tzinfo=None)
    assert len(stored(store, "GLD", Resolution.DAY, as_of)) > 35
    assert parked(store) == {}


def test_the_next_hour_stores_two_half_hours_of_each_symbol(store, market, small):
    services = services_with(store, market)
    ingest_prices(services, small, BOOK, SLOTS[0])
    assert ingest_prices(services, small, BOOK, SLOTS[1]).counts["bars_stored"] == 2 * len(SYMBOLS)


def test_an_older_hour_run_again_stores_and_parks_nothing(store, market, small):
    services = services_with(store, market)
    ingest_prices(services, small, BOOK, SLOTS[4])
    report = ingest_prices(services, small, BOOK, SLOTS[1])
    assert report.counts["bars_received"] == 0
    assert not report.degraded
    assert parked(store) == {}


def test_a_name_without_its_newest_bar_is_parked_until_the_bar_arrives(store, market, small):
    halted_at = SLOTS[1].as_of
    halted = SpoiledBars(SyntheticBarSource(market), "GLD", lambda bar: () if bar.ends_at == halted_at else (bar,))
    report = ingest_prices(services_with(store, market, bars=halted), small, BOOK, SLOTS[1])
    assert "GLD" in parked(store)
    assert any("GLD parked" in note for note in report.notes)
    assert not report.degraded
    ingest_prices(services_with(store, market), small, BOOK, SLOTS[2])
    assert parked(store) == {}
    assert len(stored(store, "GLD", Resolution.HALF_HOUR, SLOTS[2].as_of)) == len(
        stored(store, "NVDA", Resolution.HALF_HOUR, SLOTS[2].as_of)
    )


def test_without_vix_the_step_is_degraded(store, market, small):
    blind = SpoiledBars(SyntheticBarSource(market), VIX, lambda bar: ())
    assert ingest_prices(services_with(store, market, bars=blind), small, BOOK, SLOTS[1]).degraded


def test_refused_bars_are_counted_told_and_never_read(store, market, small):
    def spoil(bar):
        return (replace(bar, close=float("nan")), bar) if bar.ends_at == SLOTS[0].as_of else (bar,)

    source = SpoiledBars(SyntheticBarSource(market), "GLD", spoil)
    report = ingest_prices(services_with(store, market, bars=source), small, BOOK, SLOTS[0])
    assert report.counts["bars_rejected"] == 1
    assert any("not_a_number" in note for note in report.notes)
    series = stored(store, "GLD", Resolution.HALF_HOUR, SLOTS[0].as_of)
    assert (series.close == series.close).all()


def test_a_jump_parks_the_name_and_an_operators_split_would_explain_it(store, market, small):
    def spoil(bar):
        return (replace(bar, open=bar.open / 10, high=bar.high / 10, low=bar.low / 10, close=bar.close / 10),)

    ingest_prices(services_with(store, market), small, BOOK, SLOTS[0])
    collapsed = SpoiledBars(
        SyntheticBarSource(market), "NVDA", lambda bar: spoil(bar) if bar.starts_at >= SLOTS[0].as_of else (bar,)
    )
    report = ingest_prices(services_with(store, market, bars=collapsed), small, BOOK, SLOTS[1])
    assert report.counts["bars_rejected"] == 2
    assert "price jump" in str(parked(store)["NVDA"])


def test_a_split_that_is_not_stored_yet_is_asked_for_before_a_jump_is_believed(store, market, small):
    after_split = session_slots(CALENDAR.session(date(2024, 8, 2)))[0]
    report = ingest_prices(services_with(store, market), small, BOOK, after_split)
    assert report.counts["bars_rejected"] == 0
    assert parked(store) == {}


def test_without_sources_the_ingests_say_what_is_stored(store, market, small):
    empty = services_with(store, market, is_on=False)
    assert ingest_prices(empty, small, BOOK, SLOTS[1]).degraded
    ingest_prices(services_with(store, market), small, BOOK, SLOTS[1])
    report = ingest_prices(empty, small, BOOK, SLOTS[1])
    assert not report.degraded
    assert report.counts["symbols_fresh"] == len(SYMBOLS)
    assert "no filings are stored" in ingest_fundamentals(empty, small, BOOK, SLOTS[1]).notes
    assert ingest_news(empty, small, BOOK, SLOTS[1]).counts["stories_in_72h"] == 0


def test_a_story_published_at_the_cutoff_is_stored_and_a_later_one_is_not(store, market, small):
    services = services_with(store, market)
    ingest_news(services, small, BOOK, SLOTS[3])
    with store.transaction() as tx:
        items = tx.market.news(since=SLOTS[0].starts_at - timedelta(days=9), cutoff_at=SLOTS[-1].as_of)
    assert items
    assert all(item.known_at <= SLOTS[3].as_of for item in items)


# --- many names ------------------------------------------------------------------------------------


@dataclass
class Registrar:
    """A source of filings that has none and remembers about whom it was asked."""

    name: str = "registrar"
    asked: list[str] = field(default_factory=list)

    def filings(self, symbols, window):
        self.asked += symbols
        return iter(())


def test_of_hundreds_of_companies_each_hour_asks_about_the_next_ones_until_all_had_their_turn(store, small):
    wide = wide_universe(230)
    spec, registrar = replace(small, universe=wide), Filled()
    services = Services(store, CALENDAR, SystemClock(), Sources(filings=(registrar,)), broker=None)
    later = [ingest_fundamentals(services, spec, BOOK, slot).counts["companies_later"] for slot in SLOTS[:3]]
    assert later == [130, 130, 130]
    assert registrar.asked[:230] == list(wide.traded)
    assert registrar.asked[230:] == list(wide.traded[:70])


def wide_universe(count: int) -> Universe:
    return Universe(tuple(Instrument(f"N{k:03d}", Sector.TECH, InstrumentKind.STOCK, f"N{k}") for k in range(count)))


@dataclass
class Filled(Registrar):
    """A source that has a filing of every company."""

    def filings(self, symbols, window):
        self.asked += symbols
        until = window.ends_at - timedelta(days=1)
        return iter([Filing(symbol, date(2026, 9, 30), 1, 1.0, 1e9, self.name, until) for symbol in symbols])


def test_companies_that_wait_for_their_turn_keep_their_first_source(store, small):
    first, second = Filled("first"), Filled("second")
    spec = replace(small, universe=wide_universe(110))
    services = Services(store, CALENDAR, SystemClock(), Sources(filings=(first, second)), broker=None)
    for slot in SLOTS[:2]:
        ingest_fundamentals(services, spec, BOOK, slot)
    assert set(first.asked) == set(spec.universe.traded)
    assert second.asked == []


@dataclass
class Broken(Registrar):
    """A source that is out of service when it is asked about one company for the first time."""

    def filings(self, symbols, window):
        self.asked += symbols
        if self.asked.count("N040") == 1 and symbols == ["N040"]:
            raise VendorUnavailable("broken: no answer; try again later", vendor=self.name)
        return iter(())


def test_after_an_outage_the_retry_asks_about_the_companies_that_were_not_asked_about(store, small):
    broken = Broken()
    spec = replace(small, universe=wide_universe(150))
    services = Services(store, CALENDAR, SystemClock(), Sources(filings=(broken,)), broker=None)
    with pytest.raises(VendorUnavailable):
        ingest_fundamentals(services, spec, BOOK, SLOTS[0])
    ingest_fundamentals(services, spec, BOOK, SLOTS[0])
    assert broken.asked == list(spec.universe.traded[:141])


@dataclass
class Refusing:
    """Bars of a vendor that refuses the first name, and answers about the others when somebody else was asked."""

    name: str = "REFUSING"
    asked: list[str] = field(default_factory=list)
    others: threading.Event = field(default_factory=threading.Event)

    def served_until(self, symbol, resolution, as_of):
        return as_of

    def bars(self, symbol, window, resolution) -> Iterator[Bar]:
        self.asked.append(symbol)
        if symbol == "N000":
            raise NotEntitled("REFUSING: not in the plan; use another source", vendor=self.name)
        assert self.others.wait(20)
        return iter(())


@dataclass
class StandingIn(Refusing):
    """Bars of a vendor that has none."""

    name: str = "STANDING_IN"

    def bars(self, symbol, window, resolution) -> Iterator[Bar]:
        self.others.set()
        return iter(())


def test_a_source_that_fails_is_spared_the_questions_that_were_to_be_asked_ahead(store, small):
    refusing = Refusing()
    sources = Sources(bars=(refusing, StandingIn(others=refusing.others)), at_once={"REFUSING": 2})
    services = Services(store, CALENDAR, SystemClock(), sources, broker=None)
    ingest_prices(services, replace(small, universe=wide_universe(60)), BOOK, SLOTS[0])
    assert {symbol for symbol in refusing.asked if symbol.startswith("N")} <= {"N000", "N001"}, "what was under way"


@dataclass
class Slow(SpoiledBars):
    """Synthetic bars that come only when two questions wait for them at the same time."""

    meet: threading.Barrier = field(default_factory=lambda: threading.Barrier(2, timeout=20))

    def bars(self, symbol, window, resolution) -> Iterator[Bar]:
        if symbol != VIX:
            self.meet.wait()
        return super().bars(symbol, window, resolution)


def test_a_source_that_takes_several_questions_is_asked_them_at_once_and_stores_the_same(store, small, market):
    slow = Slow(SyntheticBarSource(market), "GLD", lambda bar: ())
    services = services_with(store, market, bars=slow)
    at_once = replace(services, sources=replace(services.sources, at_once={"SYNTHETIC": 2}))
    ingest_prices(at_once, small, BOOK, SLOTS[0])
    assert parked(store)["GLD"], "it had no bars at all"
    with store.transaction() as tx:
        found = tx.market.bars(("NVDA",), (Resolution.HALF_HOUR,), as_of=SLOTS[0].as_of, cutoff_at=SLOTS[0].as_of,
                               since=SLOTS[0].as_of - timedelta(days=5))  # fmt: skip
    told = SyntheticBarSource(market).bars(
        "NVDA", TimeWindow(SLOTS[0].as_of - timedelta(days=5), SLOTS[0].as_of), Resolution.HALF_HOUR
    )
    assert list(found["NVDA", Resolution.HALF_HOUR].close) == [bar.close for bar in told], "the others did not suffer"
