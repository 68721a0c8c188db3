"""The wash sales of a replay, told by the tax ledger, and who caused them: the desk's choice, or a way out of risk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Purchase, Sale, Split, TaxEvent, TaxRow, WashMatch
from trading.analysis.facts import Facts
from trading.domain.fills import Fill
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind
from trading.domain.money import ZERO
from trading.domain.orders import BY_CHOICE, OrderPurpose, Side
from trading.engine.hours import Timeline
from trading.engine.result import ReplayResult

CHOSEN = BY_CHOICE | {OrderPurpose.TRIM}
"""Sales that could have waited. Stop, target, breaker, bad news and flatten do not wait for the tax law."""


@dataclass(frozen=True, slots=True)
class Washed:
    """A loss of which a part does not count.

    Attributes:
        purpose: of the sale. replaced_at: when the shares were bought that replace those sold.
        disallowed_usd: positive.
    """

    symbol: Symbol
    sold_at: datetime
    purpose: str
    quantity: Decimal
    disallowed_usd: Decimal
    replaced_at: datetime

    @property
    def is_breach(self) -> bool:
        """Whether the desk could have kept it from happening: by not selling then, or by not buying afterwards."""
        return self.purpose in CHOSEN or self.replaced_at > self.sold_at

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        return (
            f"{self.purpose} of {self.sold_at:%Y-%m-%d}: {self.quantity.normalize():f} shares replaced by those bought "
            f"{self.replaced_at:%Y-%m-%d}, {self.disallowed_usd:,.2f} USD of the loss disallowed"
        )


def washed_sales(result: ReplayResult, facts: Facts, timeline: Timeline) -> tuple[Washed, ...]:
    """Return every wash sale among the fills of a replay, by its sale."""
    purposes = {order.order_id: order.purpose for order in result.orders}
    fills = {fill.fill_id: fill for fill in result.fills}
    ledger = tax_ledger([*map(_event, result.fills), *_splits(result, facts, timeline)])
    return tuple(_washed(row, match, fills, purposes) for row in ledger.rows for match in row.matches)


def _washed(row: TaxRow, match: WashMatch, fills: dict[str, Fill], purposes: dict[str, OrderPurpose]) -> Washed:
    sale, purchase = fills[row.fill_id], fills[match.lot_id.removeprefix("lot.")]
    purpose = str(purposes.get(sale.order_id or "", "unknown"))
    return Washed(row.symbol, sale.executed_at, purpose, match.quantity, match.disallowed_usd, purchase.executed_at)


def _event(fill: Fill) -> TaxEvent:
    amount, fee = fill.quantity * fill.price, fill.commission_usd or ZERO
    order_id = fill.order_id or fill.fill_id
    if fill.side is Side.BUY:
        return Purchase(
            f"lot.{fill.fill_id}", order_id, fill.book, fill.symbol, fill.executed_at, fill.quantity, amount + fee
        )
    return Sale(fill.fill_id, order_id, fill.book, fill.symbol, fill.executed_at, fill.quantity, amount - fee)


def _splits(result: ReplayResult, facts: Facts, timeline: Timeline) -> Iterator[Split]:
    opens_at = {session.session_on: session.opens_at for session in timeline.sessions}
    traded = {fill.symbol for fill in result.fills}
    for action in facts.actions:
        if action.kind is ActionKind.SPLIT and action.symbol in traded and action.ex_on in opens_at:
            yield Split(result.book, action.symbol, opens_at[action.ex_on], Decimal(str(action.value)))
