"""The account as clients see it: values by tag, holdings at market prices. Computed from the broker, never stored."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.portfolio import AccountType
from trading.gateway.broker import PaperBroker
from trading.gateway.listings import Listings
from trading.gateway.records import LABEL, MARKER_TAG, BrokerState
from trading.gateway.wire.account import AccountValue, PortfolioItem

MARGIN_FACTOR = 4
"""Buying power that a margin account shows per dollar of available funds: by it a client tells the two kinds apart."""

type Standing = tuple[Decimal, dict[Symbol, tuple[Decimal, Decimal]]]
"""Cash [USD]; shares and average cost [USD/share] by symbol."""


def portfolio(broker: PaperBroker, listings: Listings) -> Iterator[PortfolioItem]:
    """Yield every holding, closed ones included; one without a market price stands at its cost."""
    for symbol, holding in broker.state.holdings.items():
        price = broker.market_price(symbol)
        yield PortfolioItem(
            listings[symbol],
            holding.quantity,
            holding.average_cost if price is None else price,
            holding.average_cost,
            holding.realized_usd,
        )


def account_values(broker: PaperBroker) -> list[AccountValue]:
    """Return the account's tags; money in USD."""
    gross = sum((item.market_value for item in portfolio(broker, Listings(()))), ZERO)
    cash = broker.state.cash_usd
    settled = broker.settled_cash_usd()
    is_cash_account = broker.terms.account_type is AccountType.CASH
    available = settled if is_cash_account else cash
    money = {
        "TotalCashValue": cash,
        "CashBalance": cash,
        "SettledCash": settled,
        "AvailableFunds": available,
        "BuyingPower": available if is_cash_account else available * MARGIN_FACTOR,
        "ExcessLiquidity": available,
        "NetLiquidation": cash + gross,
        "EquityWithLoanValue": cash + gross,
        "GrossPositionValue": gross,
    }
    return [
        AccountValue("AccountType", "INDIVIDUAL", ""),
        AccountValue(MARKER_TAG, LABEL, ""),
        *(AccountValue(tag, f"{amount:.2f}", "USD") for tag, amount in money.items()),
    ]


def standing(state: BrokerState) -> Standing:
    """Return what account and position updates are about: two equal ones need no new update."""
    return state.cash_usd, {symbol: (h.quantity, h.average_cost) for symbol, h in state.holdings.items()}
