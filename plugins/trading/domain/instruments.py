"""What can be traded, and whose book it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from trading.errors import ConfigurationError

type Symbol = str
"""Exchange ticker in capitals, e.g. "NVDA"."""

VIX: Symbol = "VIX"
"""The Cboe volatility index, stored as bars like any other symbol; data, never traded."""

GOLD, SILVER = "XAUUSD", "XAGUSD"
"""Spot prices of an ounce [USD], stored as bars; data, never traded."""


class Sector(StrEnum):
    """A sleeve of the book with its own band."""

    METALS = "precious_metals"
    AI = "ai"
    TECH = "tech"


class InstrumentKind(StrEnum):
    """What an instrument is: it decides whether earnings exist."""

    STOCK = "stock"
    FUND = "fund"
    INDEX = "index"


class ClientCategory(StrEnum):
    """As what the broker has the owner of the account on its books."""

    US = "US"
    EU_RETAIL = "EU_RETAIL"
    EU_PRO = "EU_PRO"
    UK_RETAIL = "UK_RETAIL"

    @property
    def needs_kid(self) -> bool:
        """Whether a packaged product may be bought only with a key information document (Regulation EU 1286/2014)."""
        return self in (ClientCategory.EU_RETAIL, ClientCategory.UK_RETAIL)


@dataclass(frozen=True, slots=True)
class Instrument:
    """One line of the universe.

    Attributes:
        symbol: ticker.
        sector: sleeve; None for benchmarks and indices, which are data and never traded.
        kind: STOCK has earnings; FUND (ETF or trust) and INDEX do not.
        name: name for people.
        exchange: primary listing, in the broker's vocabulary.
        has_kid: whether there is a key information document for it; None for shares, which need none. Funds of the US
            have none.
    """

    symbol: Symbol
    sector: Sector | None
    kind: InstrumentKind
    name: str
    exchange: str = "NASDAQ"
    has_kid: bool | None = None


@dataclass(frozen=True, slots=True)
class Naming:
    """How headlines call an instrument, beside its ticker.

    Attributes:
        names: names and phrases. A capital at the beginning is asked for; what is written small may stand in any case.
        unless: words beside which a name of one word means something else ("apple pie").
        beside: words one of which must stand in the headline for a name of one word to count; () where none is needed.
    """

    names: tuple[str, ...]
    unless: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Universe:
    """The instruments of a strategy, in a fixed order."""

    instruments: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        symbols = [i.symbol for i in self.instruments]
        if len(set(symbols)) != len(symbols):
            raise ConfigurationError(f"universe lists a symbol twice: {symbols}; remove one line")

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self.instruments)

    def __getitem__(self, symbol: Symbol) -> Instrument:
        for instrument in self.instruments:
            if instrument.symbol == symbol:
                return instrument
        raise ConfigurationError(f"{symbol} is not in the universe; add its line to the strategy")

    @cached_property
    def traded(self) -> tuple[Symbol, ...]:
        """Symbols that may be bought, in universe order."""
        return tuple(i.symbol for i in self.instruments if i.sector is not None)

    @cached_property
    def data(self) -> tuple[Symbol, ...]:
        """All symbols whose bars are ingested, benchmarks and indices included."""
        return tuple(i.symbol for i in self.instruments)

    @cached_property
    def sectors(self) -> tuple[Sector, ...]:
        """Sector of each symbol of `traded`, same order."""
        return tuple(i.sector for i in self.instruments if i.sector is not None)

    def signal_only(self, category: ClientCategory) -> frozenset[Symbol]:
        """Return what a client of that category may not buy: it is judged and shown, and its share stays cash."""
        return self._without_kid if category.needs_kid else frozenset()

    @cached_property
    def _without_kid(self) -> frozenset[Symbol]:
        return frozenset(i.symbol for i in self.instruments if i.sector is not None and i.has_kid is False)

    @cached_property
    def sector_of(self) -> Mapping[Symbol, Sector]:
        """Sector of each symbol that may be bought."""
        return dict(zip(self.traded, self.sectors, strict=True))


class BookKind(StrEnum):
    """What a book's money is."""

    PAPER = "paper"
    LIVE = "live"
    REPLAY = "replay"
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class BookId:
    """Key of every decision, order, fill, lot and mark; written `kind:name`."""

    kind: BookKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> BookId:
        """Return the book that `kind:name` names."""
        kind, colon, name = text.partition(":")
        if not colon or not name or kind not in set(BookKind):
            kinds = ", ".join(BookKind)
            raise ConfigurationError(f"{text!r} is not a book: write kind:name with kind one of {kinds}")
        return cls(BookKind(kind), name)

    @property
    def badge(self) -> str:
        """The word that each message and page about this book carries."""
        return {"paper": "PAPER", "live": "LIVE", "replay": "REPLAY", "demo": "SYNTHETIC"}[self.kind]
