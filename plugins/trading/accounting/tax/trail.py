"""From what a book did to the events of its tax ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from trading.accounting.tax.records import Purchase, Sale, Split, TaxEvent
from trading.domain.fills import Fill, LotMethod
from trading.domain.money import ZERO
from trading.domain.orders import Side


@dataclass(frozen=True, slots=True)
class MethodChoice:
    """From which day on a book's sales close lots by which method."""

    since: date
    method: LotMethod


def trail(
    fills: Iterable[Fill], splits: Iterable[Split] = (), choices: Sequence[MethodChoice] = ()
) -> Iterator[TaxEvent]:
    """Yield the events of one book.

    A commission that is not known counts as zero; it belongs to basis or proceeds as soon as it is known.

    Args:
        fills: executions that stand.
        choices: ascending; before the first one lots go first in, first out.
    """
    yield from splits
    for fill in fills:
        worth, commission = fill.quantity * fill.price, fill.commission_usd or ZERO
        order = fill.order_id or fill.fill_id
        if fill.side is Side.BUY:
            yield Purchase(
                f"lot.{fill.fill_id}",
                order,
                fill.book,
                fill.symbol,
                fill.executed_at,
                fill.quantity,
                worth + commission,
            )
        else:
            method = method_on(fill.executed_at.date(), choices)
            yield Sale(
                fill.fill_id, order, fill.book, fill.symbol, fill.executed_at, fill.quantity, worth - commission, method
            )


def method_on(on: date, choices: Sequence[MethodChoice]) -> LotMethod:
    """Return the method that holds for sales of a day."""
    return next((c.method for c in reversed(choices) if c.since <= on), LotMethod.FIFO)
