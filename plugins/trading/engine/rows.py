"""What a desk may be asked about a symbol, looked up only when it is: most hours ask about few of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import overload

from trading.domain.instruments import Symbol
from trading.domain.panel import FeaturePanel
from trading.domain.signals import why_text


class PriceRow(Mapping[Symbol, float]):
    """The last prices that exist [USD/share], stale ones included: they still value what is held."""

    __slots__ = ("_column", "_price")

    def __init__(self, panel: FeaturePanel, row: int) -> None:
        self._column, self._price = panel.column, panel.price[row]

    @overload
    def get(self, symbol: Symbol, /) -> float | None: ...
    @overload
    def get[Other](self, symbol: Symbol, default: float | Other, /) -> float | Other: ...
    @overload
    def get[Other](self, symbol: Symbol, default: Other | None = None, /) -> float | Other | None: ...
    def get[Other](self, symbol: Symbol, default: Other | None = None, /) -> float | Other | None:
        """Return the price of `symbol`, or `default` where there is none."""
        place = self._column.get(symbol)
        if place is None:
            return default
        price = self._price.item(place)
        return price if isfinite(price) else default

    def __getitem__(self, symbol: Symbol) -> float:
        price = self.get(symbol)
        if price is None:
            raise KeyError(symbol)
        return price

    def __contains__(self, symbol: object) -> bool:
        return isinstance(symbol, str) and self.get(symbol) is not None

    def __iter__(self) -> Iterator[Symbol]:
        return (symbol for symbol in self._column if symbol in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class UnfitRow(Mapping[Symbol, str]):
    """Symbols whose price is missing, stale or parked, with the reason."""

    __slots__ = ("_column", "_why")

    def __init__(self, panel: FeaturePanel, row: int) -> None:
        self._column, self._why = panel.column, panel.why_price[row]

    def __getitem__(self, symbol: Symbol) -> str:
        why = why_text(int(self._why[self._column[symbol]]))
        if why is None:
            raise KeyError(symbol)
        return why

    def __iter__(self) -> Iterator[Symbol]:
        return (symbol for symbol, place in self._column.items() if self._why[place])

    def __len__(self) -> int:
        return int((self._why != 0).sum())
