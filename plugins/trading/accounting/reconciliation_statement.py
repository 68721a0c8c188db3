"""The broker's statement against our ledger: what it adds, and where the two tell an execution differently."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations

from trading.accounting.reconciliation import CASH_TOLERANCE_USD, effect_of
from trading.accounting.reconciliation_kinds import Difference, DifferenceKind
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.money import PRICE_STEP
from trading.domain.orders import OrderRef
from trading.domain.statements import StatementTrade

LARGEST_SUBSET = 12
"""More dividends than this are not under way at once in a book of ten names; the search stays short."""


def fill_of(trade: StatementTrade, book: BookId, order_ref: OrderRef | None) -> Fill:
    """Return the execution of a statement as one of `book`, priced on the ledger's four decimals."""
    return Fill(
        trade.execution_id, order_ref, book, trade.symbol, trade.side, trade.quantity,
        trade.price.quantize(PRICE_STEP), trade.commission_usd, trade.executed_at,
    )  # fmt: skip


def compare_terms(ours: Fill, trade: StatementTrade) -> tuple[Difference, ...]:
    """Return where the statement tells an execution of ours differently: shares, price, side, or its commission.

    A commission that we do not know yet is no difference; it is filled in.
    """
    theirs = fill_of(trade, ours.book, ours.order_id)
    if trade.is_cancelled:
        return (Difference(DifferenceKind.FILL_TERMS, ours.symbol, _text(ours), "taken back", ours.fill_id),)
    found = []
    if _terms(ours) != _terms(theirs):
        moved = effect_of(theirs)[0] - effect_of(ours)[0]
        found.append(
            Difference(
                DifferenceKind.FILL_TERMS, ours.symbol, _text(ours), _text(theirs), ours.fill_id, moved,
                effect_of(theirs)[1] - effect_of(ours)[1],
            )
        )  # fmt: skip
    if ours.commission_usd is not None and ours.commission_usd != trade.commission_usd:
        found.append(
            Difference(
                DifferenceKind.COMMISSION_TERMS, ours.symbol, f"{ours.fill_id}: {ours.commission_usd} USD",
                f"{trade.commission_usd} USD", ours.fill_id, cash_usd=ours.commission_usd - trade.commission_usd,
            )
        )  # fmt: skip
    return tuple(found)


def too_many_shares(trade: StatementTrade, order_ref: OrderRef, ordered: Decimal, filled: Decimal) -> Difference:
    """Return the difference of an execution that would fill our order with more shares than it asked for."""
    ours = f"{order_ref}: {filled} of {ordered} shares filled"
    theirs = f"{trade.execution_id}: {trade.quantity} more"
    return Difference(DifferenceKind.FILL_TERMS, trade.symbol, ours, theirs, trade.execution_id)


def stranger(trade: StatementTrade, book: BookId) -> Difference:
    """Return the difference of an execution that no order of ours accounts for."""
    fill = fill_of(trade, book, None)
    quantity, cash_usd = effect_of(fill)
    return Difference(
        DifferenceKind.FOREIGN_FILL, fill.symbol, "no order of ours", _text(fill), fill.fill_id, quantity, cash_usd,
        fill,
    )  # fmt: skip


def is_under_way(missing_usd: Decimal, due_usd: Sequence[Decimal]) -> bool:
    """Whether the cash that the broker lacks is exactly some of the dividends that it still owes.

    A book counts a dividend on the ex-date; the broker credits it on the pay date, days or weeks later.
    """
    due = due_usd[:LARGEST_SUBSET]
    return any(
        abs(sum(some) - missing_usd) <= CASH_TOLERANCE_USD
        for count in range(1, len(due) + 1)
        for some in combinations(due, count)
    )


def _terms(fill: Fill) -> tuple[object, ...]:
    return (fill.symbol, fill.side, fill.quantity, fill.price.quantize(PRICE_STEP))


def _text(fill: Fill) -> str:
    return f"{fill.fill_id}: {fill.side} {fill.quantity} at {fill.price}"
