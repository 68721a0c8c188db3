"""Whose story a headline is: the company, and not the fruit."""

from __future__ import annotations

import pytest
from trading.analysis.entities import Entities
from trading.domain.instruments import Instrument, InstrumentKind, Naming, Sector
from trading.strategy.names import NAMES
from trading.strategy.three_sector import UNIVERSE

TARGET = Instrument("TGT", Sector.TECH, InstrumentKind.STOCK, "Target Corp", "NYSE")
AGILENT = Instrument("A", Sector.TECH, InstrumentKind.STOCK, "Agilent Technologies", "NYSE")
ENTITIES = Entities([*UNIVERSE, TARGET, AGILENT], {**NAMES, "SPY": Naming(("S&P 500",))})
SYMBOLS = ("GLD", "SLV", "NEM", "AEM", "NVDA", "AMD", "BOTZ", "AAPL", "MSFT", "TSLA", "META", "TGT", "A", "SPY")


def about(title):
    return " ".join(ENTITIES.about(title, SYMBOLS))


@pytest.mark.parametrize(
    ("title", "symbols"),
    [
        ("Apple unveils a thinner phone", "AAPL"),
        ("Apple's suppliers fall", "AAPL"),
        ("APPLE CUTS OUTLOOK", "AAPL"),
        ("Why $AAPL and $nvda lead today", "NVDA AAPL"),
        ("Chip maker (NASDAQ: NVDA) raises its outlook", "NVDA"),
        ("A miner (NYSE:NEM, TSX: NGT) buys another", "NEM"),
        ("NVDA and AMD surge", "NVDA AMD"),
        ("Advanced Micro Devices wins a contract", "AMD"),
        ("Newmont and Agnico Eagle agree on a swap", "NEM AEM"),
        ("Gold rises as the dollar falls", "GLD"),
        ("gold prices hit a record", "GLD"),
        ("The price of silver per ounce doubles", "SLV"),
        ("Global X Robotics & AI ETF draws money", "BOTZ"),
        ("Apple Inc buys a cider maker", "AAPL"),
        ("Target Corp cuts its forecast", "TGT"),
        ("Shoppers return to $TGT", "TGT"),
        ("Meta Platforms spends on chips", "META"),
        ("S&P 500 closes higher", "SPY"),
    ],
)
def test_a_headline_is_about_whom_it_names(title, symbols):
    assert about(title) == symbols


@pytest.mark.parametrize(
    "title",
    [
        "Apple pie recipes for Thanksgiving",
        "Best Apple Cider of the year",
        "Apple orchard harvest begins early",
        "The Big Apple braces for snow",
        "An apple a day",
        "Pineapple exports rise",
        "Price Target Raised to $200",
        "Analysts set a target",
        "Meta-analysis finds no effect",
        "A new meta-analysis of trials",
        "Swimmer wins gold medal at record pace",
        "Golden gate closed",
        "The silver lining of a falling dollar",
        "Olympic gold demand for tickets jumps",
        "Enemy lines, anemone and NEMESIS",
        "nem and amd in small letters",
        "Study of macular degeneration (AMD) shows benefit",
        "A plan and a price",
        "USD 200 is what $AAPLX costs",
        "Microsofty is no word, teslas neither",
        "GLDX, XGLD",
        "THE AMD OF THE TOWN IN CAPITALS",
        "",
    ],
)
def test_a_headline_is_not_about_what_only_looks_like_a_name(title):
    assert about(title) == ""


def test_a_line_of_the_universe_is_enough_to_be_found():
    assert ENTITIES.about("Broadcom signs a deal", ("AVGO",)) == ("AVGO",)
    assert ENTITIES.about("Broadcom signs a deal", ("NVDA", "UNKNOWN")) == ()


def test_a_long_headline_is_read_in_a_moment():
    assert about("Apple " * 400 + "(NASDAQ: " * 100) == "AAPL"
