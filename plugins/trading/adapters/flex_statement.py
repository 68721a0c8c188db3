"""A Flex statement's XML becomes typed records, as a whole or not at all.

ibflex skips what it does not know with a warning; here an unknown element or attribute is an error, because a row that
silently vanishes is a hole in the books.
"""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from ibflex import Types, enums, parser

from trading.domain.instruments import Symbol
from trading.domain.money import ZERO
from trading.domain.orders import Side
from trading.domain.statements import CashItem, CashKind, Statement, StatementPosition, StatementTrade
from trading.errors import DataRejected, PermanentError, TransientError

NEW_YORK = ZoneInfo("America/New_York")
"""Flex writes times without a zone, in that of the exchange."""
USD = "USD"
END = b"</FlexQueryResponse>"
_WRAPPERS = frozenset({"FlexStatements", "FxLots", *Types.FlexStatement.__annotations__})
_SIDES = {
    enums.BuySell.BUY: (Side.BUY, False),
    enums.BuySell.SELL: (Side.SELL, False),
    enums.BuySell.CANCELBUY: (Side.BUY, True),
    enums.BuySell.CANCELSELL: (Side.SELL, True),
}
_CASH_KINDS: Mapping[enums.CashAction, CashKind] = MappingProxyType(
    {
        enums.CashAction.DEPOSITWITHDRAW: CashKind.DEPOSIT,
        enums.CashAction.BROKERINTPAID: CashKind.INTEREST,
        enums.CashAction.BROKERINTRCVD: CashKind.INTEREST,
        enums.CashAction.BONDINTPAID: CashKind.INTEREST,
        enums.CashAction.BONDINTRCVD: CashKind.INTEREST,
        enums.CashAction.DIVIDEND: CashKind.DIVIDEND,
        enums.CashAction.PAYMENTINLIEU: CashKind.DIVIDEND,
        enums.CashAction.WHTAX: CashKind.FEE,
        enums.CashAction.FEES: CashKind.FEE,
        enums.CashAction.COMMADJ: CashKind.FEE,
        enums.CashAction.ADVISORFEES: CashKind.FEE,
    }
)


def read_statement(body: bytes, *, account: str = "") -> Statement:
    """Return the one statement of `account` in a Flex answer; without an account the only one.

    Raises:
        TransientError: the answer is cut off.
        DataRejected: it holds something unknown, or an amount that is not in USD.
        PermanentError: it is another account's.
    """
    if b"<!DOCTYPE" in body:
        raise DataRejected("the statement declares entities, which Flex never does; check AIRDESK_FLEX_URL")
    if not body.rstrip().endswith(END):
        raise TransientError("the statement is cut off or is none; nothing of it was used, try again")
    _refuse_unknown_tags(body)
    statements = {s.accountId: s for s in _parsed(body).FlexStatements}
    if not account and len(statements) == 1:
        account = next(iter(statements))
    if account not in statements:
        held = ", ".join(sorted(statements)) or "no account"
        raise PermanentError(f"the statement is of {held}, not of {account!r}; correct AIRDESK_FLEX_QUERY")
    found = statements[account]
    return Statement(
        account=account,
        from_on=found.fromDate,
        to_on=found.toDate,
        trades=tuple(_trade(t) for t in found.Trades if _is_execution(t)),
        cash_items=tuple(_cash_item(c) for c in found.CashTransactions if c.levelOfDetail != "SUMMARY"),
        positions=MappingProxyType(dict(_positions(found.OpenPositions))),
        actions=tuple(str(a.actionDescription or a.description) for a in found.CorporateActions),
    )


def _refuse_unknown_tags(body: bytes) -> None:
    try:
        root = ET.fromstring(body)  # noqa: S314 - declarations were refused, so nothing can expand
    except ET.ParseError as error:
        raise DataRejected(f"the statement is not well-formed XML ({error}); nothing of it was used") from None
    tags = {element.tag for element in root.iter()}
    if unknown := sorted(tag for tag in tags if tag not in _WRAPPERS and not hasattr(Types, tag)):
        raise DataRejected(
            f"the statement holds unknown elements: {', '.join(unknown)}; nothing of it was used, leave them out of "
            "the query in the client portal"
        )


def _parsed(body: bytes) -> Types.FlexQueryResponse:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return parser.parse(body)
        except (UserWarning, parser.FlexParserError, AssertionError, ValueError) as error:
            raise DataRejected(
                f"the statement holds what we cannot read ({error or 'nested elements'}); nothing of it was used, "
                "leave it out of the query in the client portal"
            ) from None


def _is_execution(element: object) -> bool:
    return isinstance(element, Types.Trade) and element.levelOfDetail in {None, "EXECUTION"}


def _trade(trade: Any) -> StatementTrade:
    name = f"trade {_needed(trade, 'ibExecID')}"
    if trade.assetCategory is not enums.AssetClass.STOCK:
        raise DataRejected(f"{name}: {trade.assetCategory} is no stock; the desk's account holds stocks only")
    _require_usd(name, trade.currency, trade.ibCommissionCurrency)
    side, is_cancelled = _SIDES[_needed(trade, "buySell")]
    order_id = trade.ibOrderID
    return StatementTrade(
        execution_id=trade.ibExecID,
        order_ref=trade.orderReference or None,
        perm_id=int(order_id) if order_id and order_id.isdecimal() else None,
        symbol=_needed(trade, "symbol"),
        side=side,
        quantity=abs(_needed(trade, "quantity")),
        price=_needed(trade, "tradePrice"),
        commission_usd=-(_needed(trade, "ibCommission") + (trade.taxes or ZERO)),
        executed_at=_instant(_needed(trade, "dateTime")),
        is_cancelled=is_cancelled,
    )


def _cash_item(item: Any) -> CashItem:
    name = f"cash item {_needed(item, 'transactionID')}"
    _require_usd(name, item.currency)
    return CashItem(
        item_id=item.transactionID,
        kind=_CASH_KINDS[_needed(item, "type")],
        symbol=item.symbol or None,
        amount_usd=_needed(item, "amount"),
        happened_at=_instant(item.dateTime or item.reportDate or _needed(item, "settleDate")),
        text=f"{item.type.value}: {item.description or 'no description'}",
    )


def _positions(elements: Any) -> Iterator[tuple[Symbol, StatementPosition]]:
    for element in elements:
        if element.levelOfDetail in {None, "SUMMARY"}:
            yield (
                _needed(element, "symbol"),
                StatementPosition(_needed(element, "position"), _cost(element.costBasisPrice)),
            )


def _cost(price: Decimal | None) -> Decimal | None:
    return price or None


def _instant(at: datetime | date) -> datetime:
    if not isinstance(at, datetime):
        at = datetime.combine(at, time())
    return at.replace(tzinfo=NEW_YORK).astimezone(ZoneInfo("UTC"))


def _needed(element: Any, name: str) -> Any:
    value = getattr(element, name)
    if value is None:
        raise DataRejected(
            f"a {type(element).__name__} of the statement lacks {name}; nothing of it was used, add the field to the "
            "query in the client portal"
        )
    return value


def _require_usd(name: str, *currencies: str | None) -> None:
    if others := [c for c in currencies if c not in {USD, None}]:
        raise DataRejected(f"{name} is in {others[0]}; the desk's books are in USD, keep the account in USD")
