"""Which source is asked about a company's filings, and how often about one of which nobody has any."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from trading.domain.market import Filing
from trading.errors import AirdeskError, UnknownSymbol, VendorUnavailable
from trading.ports import Services, Sources
from trading.tasks.gathering import Gathering
from trading.tasks.ingest_facts import COMPANIES_AT_ONCE, FactIntake

from tests.fakes import FixedClock, WeekdayCalendar, ny

AT = ny("2026-11-20 10:30")


@dataclass
class Filings:
    """A source of filings that raises `fault` about the symbols of `about`."""

    name: str
    told: tuple[Filing, ...] = ()
    about: frozenset[str] = frozenset()
    fault: type[AirdeskError] = UnknownSymbol
    asked: list[str] = field(default_factory=list)

    def filings(self, symbols, window):
        self.asked += symbols
        if self.about & set(symbols):
            raise self.fault(f"{symbols[0]} cannot be told", vendor=self.name)
        return iter([f for f in self.told if f.symbol in symbols and window.starts_at <= f.known_at < window.ends_at])


def a_filing(symbol: str, source: str) -> Filing:
    known = AT - timedelta(days=30)
    return Filing(symbol, date(2026, 9, 30), 1, 1.0, None, source, known, known.date())


@pytest.fixture
def ask(store):
    """Ask two sources about symbols, some hours after the first time; returns whom each was asked about then."""

    def asked(first: Filings, second: Filings, *symbols: str, hours: int = 0) -> tuple[list[str], list[str]]:
        services = Services(store, WeekdayCalendar(), FixedClock(AT), Sources(filings=(first, second)), None)
        first.asked, second.asked = [], []
        at = AT + timedelta(hours=hours)
        with store.transaction() as tx:
            stored = tx.market.filings(cutoff_at=at)
        FactIntake(services, Gathering(), at, "run").filings(symbols, stored)
        return first.asked, second.asked

    return asked


def test_whom_the_first_source_does_not_know_the_second_one_is_asked_about(store, ask):
    first = Filings("edgar", (a_filing("NVDA", "edgar"),), frozenset({"ASML"}))
    second = Filings("polygon", (a_filing("ASML", "polygon"),))
    assert ask(first, second, "NVDA", "ASML") == (["NVDA", "ASML"], ["ASML"])
    with store.transaction() as tx:
        found = tx.market.filings(cutoff_at=AT)
    assert sorted((f.symbol, f.source) for f in found) == [("ASML", "polygon"), ("NVDA", "edgar")]


def test_a_company_that_nobody_knows_is_asked_about_once_a_day(ask):
    first, second = Filings("edgar", about=frozenset({"ASML"})), Filings("polygon")
    assert ask(first, second, "ASML") == (["ASML"], ["ASML"])
    for hours in (0, 1, 7, 23):
        assert ask(first, second, "ASML", hours=hours) == ([], [])
    second.told = (a_filing("ASML", "polygon"),)
    assert ask(first, second, "ASML", hours=24) == (["ASML"], ["ASML"])
    assert ask(first, second, "ASML", hours=48) == ([], ["ASML"]), "it is the second one's from then on"


def test_an_outage_is_no_answer_and_leaves_nobody_to_the_second_source(ask):
    first, second = Filings("edgar", about=frozenset({"ASML"}), fault=VendorUnavailable), Filings("polygon")
    assert ask(first, second, "ASML") == (["ASML"], [])
    first.about = frozenset()
    assert ask(first, second, "ASML") == (["ASML"], ["ASML"]), "the retry asks both"


def test_a_company_whose_filings_are_stored_is_asked_about_each_hour(ask):
    first, second = Filings("edgar", (a_filing("NVDA", "edgar"),)), Filings("polygon")
    ask(first, second, "NVDA")
    first.about = frozenset({"NVDA"})
    for hours in (1, 2):
        assert ask(first, second, "NVDA", hours=hours) == (["NVDA"], [])


def test_of_many_companies_those_without_filings_hold_up_no_turn(ask):
    many = [f"X{number:03}" for number in range(COMPANIES_AT_ONCE + 50)]
    first, second = Filings("edgar", about=frozenset(many)), Filings("polygon")
    assert ask(first, second, *many)[0] == many[:COMPANIES_AT_ONCE]
    assert ask(first, second, *many, hours=1) == (many[COMPANIES_AT_ONCE:],) * 2
    for hours in (2, 3):
        assert ask(first, second, *many, hours=hours) == ([], []), "a turn in which nobody is asked passes on too"
    assert ask(first, second, *many, hours=24) == (many[:50],) * 2
