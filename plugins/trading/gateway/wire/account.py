"""Account values, positions and the portfolio on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trading.gateway.listings import Listing
from trading.gateway.wire.contracts import holding_contract
from trading.gateway.wire.frames import EASTERN, frame


@dataclass(frozen=True, slots=True)
class AccountValue:
    """One tag of the account; `currency` is empty where the value is no money."""

    tag: str
    value: str
    currency: str


@dataclass(frozen=True, slots=True)
class PortfolioItem:
    """One holding at its market price [USD/share, USD]."""

    listing: Listing
    quantity: Decimal
    market_price: Decimal
    average_cost: Decimal
    realized_usd: Decimal

    @property
    def market_value(self) -> Decimal:
        """Quantity × price."""
        return self.quantity * self.market_price

    @property
    def unrealized_usd(self) -> Decimal:
        """Market value above cost."""
        return self.quantity * (self.market_price - self.average_cost)


def managed_accounts(account: str) -> bytes:
    """Return message 15."""
    return frame(15, 1, account)


def next_valid_id(number: int) -> bytes:
    """Return message 9."""
    return frame(9, 1, number)


def current_time(at: datetime) -> bytes:
    """Return message 49."""
    return frame(49, 1, int(at.timestamp()))


def account_value(value: AccountValue, account: str) -> bytes:
    """Return message 6."""
    return frame(6, 2, value.tag, value.value, value.currency, account)


def portfolio(item: PortfolioItem, account: str) -> bytes:
    """Return message 7; readers unpack exactly 20 fields."""
    return frame(
        7, 8, *holding_contract(item.listing, item.listing.exchange), item.quantity, item.market_price,
        item.market_value, item.average_cost, item.unrealized_usd, item.realized_usd, account,
    )  # fmt: skip


def account_time(at: datetime) -> bytes:
    """Return message 8."""
    return frame(8, 1, at.astimezone(EASTERN).strftime("%H:%M"))


def account_download_end(account: str) -> bytes:
    """Return message 54."""
    return frame(54, 1, account)


def position(item: PortfolioItem, account: str) -> bytes:
    """Return message 61; readers unpack exactly 16 fields."""
    contract = holding_contract(item.listing, item.listing.exchange)
    return frame(61, 3, account, *contract, item.quantity, item.average_cost)


def position_end() -> bytes:
    """Return message 62."""
    return frame(62, 1)


def position_multi(request_id: int, item: PortfolioItem, account: str) -> bytes:
    """Return message 71."""
    contract = holding_contract(item.listing, item.listing.exchange)
    return frame(71, 1, request_id, account, *contract, item.quantity, item.average_cost, "")


def position_multi_end(request_id: int) -> bytes:
    """Return message 72."""
    return frame(72, 1, request_id)


def account_summary(request_id: int, value: AccountValue, account: str) -> bytes:
    """Return message 63."""
    return frame(63, 1, request_id, account, value.tag, value.value, value.currency)


def account_summary_end(request_id: int) -> bytes:
    """Return message 64."""
    return frame(64, 1, request_id)


def account_update_multi(request_id: int, value: AccountValue, account: str) -> bytes:
    """Return message 73."""
    return frame(73, 1, request_id, account, "", value.tag, value.value, value.currency)


def account_update_multi_end(request_id: int) -> bytes:
    """Return message 74."""
    return frame(74, 1, request_id)
