"""What an order would do to the account: asked before it is sent, nothing is created."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO, to_usd
from trading.domain.orders import Side
from trading.execution.costs import CostModel
from trading.gateway.records import BrokerState, Ticket

type Prices = dict[Symbol, Decimal]


@dataclass(frozen=True, slots=True)
class Margin:
    """USD. The gateway lends nothing: a long position needs its whole value, as initial and maintenance margin."""

    initial_usd: Decimal
    maintenance_usd: Decimal
    equity_with_loan_usd: Decimal


@dataclass(frozen=True, slots=True)
class MarginImpact:
    """The answer to a what-if order.

    Attributes:
        commission_usd: None when no price is known.
        warning: why the order would be rejected; None if it would work.
    """

    before: Margin
    after: Margin
    commission_usd: Decimal | None
    warning: str | None

    @property
    def change(self) -> Margin:
        """After less before."""
        return Margin(
            self.after.initial_usd - self.before.initial_usd,
            self.after.maintenance_usd - self.before.maintenance_usd,
            self.after.equity_with_loan_usd - self.before.equity_with_loan_usd,
        )


def impact_of(
    ticket: Ticket, state: BrokerState, prices: Prices, price: Decimal | None, costs: CostModel, warning: str | None
) -> MarginImpact:
    """Return what `ticket` would change if it filled at `price` [USD/share]; None: nobody knows a price."""
    values = {s: h.quantity * prices.get(s, h.average_cost) for s, h in state.holdings.items()}
    equity = state.cash_usd + sum(values.values(), ZERO)
    side, today = Side(ticket.action), state.clock.date()
    commission = None if price is None else costs.charge_usd(side, ticket.quantity, price, today)
    signed = ticket.quantity if ticket.action == "BUY" else -ticket.quantity
    traded = values | {ticket.symbol: values.get(ticket.symbol, ZERO) + signed * (price or ZERO)}
    return MarginImpact(_margin(values, equity), _margin(traded, equity - (commission or ZERO)), commission, warning)


def _margin(values: Prices, equity_usd: Decimal) -> Margin:
    needed = to_usd(sum((abs(v) for v in values.values()), ZERO))
    return Margin(needed, needed, to_usd(equity_usd))
