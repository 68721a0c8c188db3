"""What the checks may ask about wash sales, worked out only when they do: few hours ask, about few symbols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from trading.accounting.tax.records import WINDOW, Sale
from trading.accounting.wash_sales import last_washable, sale_now, sale_outlook, washing
from trading.domain.fills import Lot, WashOutlook
from trading.domain.instruments import Symbol
from trading.domain.portfolio import Position
from trading.engine.state import BookState


class LotsOf(Mapping[Symbol, tuple[Lot, ...]]):
    """Open lots by symbol."""

    __slots__ = ("_positions",)

    def __init__(self, positions: Mapping[Symbol, Position]) -> None:
        self._positions = positions

    def __getitem__(self, symbol: Symbol) -> tuple[Lot, ...]:
        return self._positions[symbol].lots

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)


class WashedBy(Mapping[Symbol, date]):
    """The last day on which a purchase would wash a realised loss, by symbol."""

    __slots__ = ("_state",)

    def __init__(self, state: BookState) -> None:
        self._state = state

    def _days(self) -> dict[Symbol, date]:
        state = self._state
        return washing(state.disposals, LotsOf(state.portfolio.positions), state.order_of_fill, state.related)

    def __getitem__(self, symbol: Symbol) -> date:
        state, alike = self._state, self._state.related.rules.alike(symbol)
        sold, related = [d for d in state.disposals if d.symbol in alike], state.related.of(alike)
        is_sold = sold or related.disposals
        last = last_washable(sold, _lots(state, alike), state.order_of_fill, related) if is_sold else None
        if last is None:
            raise KeyError(symbol)
        return last

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._days())

    def __len__(self) -> int:
        return len(self._days())


class SaleOutlooks:
    """What a sale would do about wash sales, simulated on the lots of the taxpayer."""

    __slots__ = ("_on", "_state")

    def __init__(self, state: BookState, on: date) -> None:
        self._state, self._on = state, on

    def __call__(self, symbol: Symbol, quantity: Decimal, price: float) -> WashOutlook | None:
        """Return the outlook of selling at `price` [USD/share], of what is held at most.

        None where one lot is held, or nothing bought in the last 30 days: nothing could replace what is sold.
        """
        state = self._state
        position = state.portfolio.positions.get(symbol)
        if position is None or not self._may_be_replaced(symbol):
            return None
        shares = min(quantity, position.quantity)
        if shares <= 0:
            return None
        return outlook_of(state, sale_now(state.book, symbol, shares, Decimal(repr(price)), self._on, state.lot_method))

    def _may_be_replaced(self, symbol: Symbol) -> bool:
        """Whether something held is recent, beside another lot: none replaces itself, nor does what is gone."""
        alike = self._state.related.rules.alike(symbol)
        lots = (*_lots(self._state, alike), *self._state.related.of(alike).lots)
        if len(lots) < 2:
            return False
        since = self._on - WINDOW
        return any(lot.acquired_on >= since for lot in lots)


def outlook_of(state: BookState, sale: Sale) -> WashOutlook:
    """Return what a sale of the book would do about wash sales, on all that its taxpayer holds and has sold."""
    alike = state.related.rules.alike(sale.symbol)
    sold = [d for d in state.disposals if d.symbol in alike]
    return sale_outlook(sale, _lots(state, alike), sold, state.order_of_fill, state.related.of(alike))


def _lots(state: BookState, symbols: tuple[Symbol, ...]) -> tuple[Lot, ...]:
    positions = state.portfolio.positions
    if len(symbols) == 1:
        return positions[symbols[0]].lots if symbols[0] in positions else ()
    return tuple(lot for symbol in symbols if symbol in positions for lot in positions[symbol].lots)
