"""Which instruments a headline is about: by rule, because "apple" in "pineapple pie" is no company.

A cashtag, a listing such as "(NASDAQ: AAPL)" and a name of several words always count. A name of one word, and a bare
ticker of three letters or more that is no English word, count unless a word beside them says that something else is
meant. In a headline all in capitals a bare ticker says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trading.domain.instruments import Instrument, Naming, Symbol

SHORTEST_TICKER = 3
_CAPITALS = """
ALL AND ANY ARE ASK BAD BIG BUY CAN CAR CAT CEO CFO CPI DAY DOG EAT EPS ETF EYE FAN FDA FED FOR FUN GDP GET GOLD GOOD
HAS HAT HOT ICE IPO IRS JOB KEY LAW LIFE LOVE LOW MAN MEN META NET NEW NEWS NICE NOW OIL OLD ONE OPEN OUT PAY PEN PLAY
POST REAL RUN SAFE SAVE SEC SEE SHOP SKY SON SPY STAY SUN TAP TEAM TECH THE TOP TRUE TRY TWO USA USD WAR WAY WELL WHO
WIN WORK YOU
"""
ENGLISH_WORDS = frozenset(_CAPITALS.split())
"""Tickers of three letters or more that headlines also write in capitals for another reason."""
_EXCHANGES = r"(?:NASDAQ|NYSE(?:[ -]?(?:ARCA|AMERICAN))?|NYSEARCA|ARCA|AMEX|BATS|CBOE)"


@dataclass(frozen=True, slots=True)
class _Signs:
    """What points to one instrument: what is certain, what a word beside it can deny, those words, and its company."""

    certain: re.Pattern[str]
    likely: re.Pattern[str] | None
    ticker: re.Pattern[str] | None
    unless: re.Pattern[str] | None
    beside: re.Pattern[str] | None


class Entities:
    """The instruments that a headline can be about.

    Args:
        instruments: with ticker and name.
        names: further names by ticker; an instrument without a line there is called by its own name.
    """

    def __init__(self, instruments: Iterable[Instrument], names: Mapping[Symbol, Naming]) -> None:
        self._signs = {i.symbol: _signs(i.symbol, names.get(i.symbol, Naming((i.name,)))) for i in instruments}

    def about(self, title: str, symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
        """Return those of `symbols` that the headline is about, in their order."""
        return tuple(symbol for symbol in symbols if symbol in self._signs and _points(self._signs[symbol], title))


def _points(signs: _Signs, title: str) -> bool:
    if signs.certain.search(title):
        return True
    if signs.unless and signs.unless.search(title):
        return False
    if signs.ticker and title != title.upper() and signs.ticker.search(title):
        return True
    if signs.likely is None or not signs.likely.search(title):
        return False
    return signs.beside is None or bool(signs.beside.search(title))


def _signs(symbol: Symbol, naming: Naming) -> _Signs:
    ticker = re.escape(symbol)
    long_names = [name for name in naming.names if " " in name]
    certain = [rf"(?<![\w$])(?i:\${ticker})(?!\w)", rf"(?i:\b{_EXCHANGES}\s*:\s*{ticker})(?!\w)"]
    certain += [_named(name) for name in long_names]
    is_telling = len(symbol) >= SHORTEST_TICKER and symbol not in ENGLISH_WORDS
    return _Signs(
        re.compile("|".join(certain)),
        _any_of([_named(name) for name in naming.names if " " not in name]),
        re.compile(rf"(?<![\w$]){ticker}(?!\w)") if is_telling else None,
        _any_of([_word(word) for word in naming.unless]),
        _any_of([_word(word) for word in naming.beside]),
    )


def _named(name: str) -> str:
    """Return the pattern of a name as whole words: its first letter as written, if that is a capital."""
    first, rest = name[0], re.escape(name[1:])
    body = rf"{first}(?i:{rest})" if first.isupper() else rf"(?i:{re.escape(name)})"
    return rf"(?<!\w){body}(?!\w)"


def _word(word: str) -> str:
    return rf"(?<!\w)(?i:{re.escape(word)})(?!\w)"


def _any_of(patterns: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(patterns)) if patterns else None
