"""What the checks may ask about wash sales, worked out only when they do: few hours ask, about few symbols."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal

from trading.accounting.tax.records import WINDOW
from trading.accounting.wash_sales import last_washable, sale_now, sale_outlook, washing
from trading.domain.fills import Disposal, Lot, WashOutlook
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

    __slots__ = ("_disposals", "_lots_of", "_order_of")

    def __init__(
        self, disposals: tuple[Disposal, ...], lots_of: Mapping[Symbol, tuple[Lot, ...]], order_of: Mapping[str, str]
    ) -> None:
        self._disposals, self._lots_of, self._order_of = disposals, lots_of, order_of

    def _days(self) -> dict[Symbol, date]:
        return washing(self._disposals, self._lots_of, self._order_of)

    def __getitem__(self, symbol: Symbol) -> date:
        sold = [d for d in self._disposals if d.symbol == symbol]
        last = last_washable(sold, self._lots_of.get(symbol, ()), self._order_of) if sold else None
        if last is None:
            raise KeyError(symbol)
        return last

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._days())

    def __len__(self) -> int:
        return len(self._days())


class SaleOutlooks:
    """What a sale would do about wash sales, simulated on the lots of the book."""

    __slots__ = ("_on", "_state")

    def __init__(self, state: BookState, on: date) -> None:
        self._state, self._on = state, on

    def __call__(self, symbol: Symbol, quantity: Decimal, price: float) -> WashOutlook | None:
        """Return the outlook of selling at `price` [USD/share], of what is held at most.

        None where one lot is held, or nothing bought in the last 30 days: nothing could replace what is sold.
        """
        position = self._state.portfolio.positions.get(symbol)
        if position is None or not self._may_be_replaced(position.lots):
            return None
        shares = min(quantity, position.quantity)
        if shares <= 0:
            return None
        sale = sale_now(self._state.book, symbol, shares, Decimal(repr(price)), self._on, self._state.lot_method)
        sold = [d for d in self._state.disposals if d.symbol == symbol]
        return sale_outlook(sale, position.lots, sold, self._state.order_of_fill)

    def _may_be_replaced(self, lots: tuple[Lot, ...]) -> bool:
        """Whether something held is recent, beside another lot: none replaces itself, nor does what is gone."""
        if len(lots) < 2:
            return False
        since = self._on - WINDOW
        return any(lot.acquired_on >= since for lot in lots)
