"""The wash-sale cases that were made outside the project, as events of our tax ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trading.accounting.tax.records import Purchase, Sale, TaxRules
from trading.domain.instruments import BookId, BookKind


def a_book(account):
    """Return the book of an account of the oracle."""
    return BookId(BookKind.DEMO, account)


def events_of(told):
    """Return the events in their order; those of one day follow each other."""
    return [_event(event, number) for number, event in enumerate(told)]


def _event(event, number):
    at = datetime.fromisoformat(event["date"]).replace(tzinfo=UTC) + timedelta(seconds=number)
    book, quantity = a_book(event["account"]), Decimal(event["qty"])
    worth, fee = quantity * Decimal(str(event["price"])), Decimal(event.get("fee", 0))
    if event["type"] == "BUY":
        return Purchase(event["id"], event["id"], book, event["symbol"], at, quantity, worth + fee)
    return Sale(event["id"], event["id"], book, event["symbol"], at, quantity, worth - fee)


def rules_of(case):
    """Return the rules with the accounts of a case that are retirement accounts."""
    return TaxRules(iras=frozenset(a_book(a) for a, kind in case["account_types"].items() if kind == "ira"))
