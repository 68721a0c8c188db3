"""The statement against the ledger: terms of executions, and dividends that are under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from trading.accounting.reconciliation_kinds import DifferenceKind, Effect
from trading.accounting.reconciliation_statement import compare_terms, fill_of, is_under_way, stranger
from trading.domain.instruments import BookId
from trading.domain.orders import Side
from trading.domain.statements import StatementTrade

BOOK = BookId.parse("paper:DU1")
AT = datetime(2019, 6, 3, 14, 30, tzinfo=UTC)
TRADE = StatementTrade("e1", "K1", 7, "GLD", Side.BUY, Decimal(10), Decimal("120"), Decimal(1), AT)
OURS = fill_of(TRADE, BOOK, "K1")


def test_the_same_execution_is_no_difference():
    assert compare_terms(OURS, TRADE) == ()


def test_another_price_halts_and_says_what_it_costs():
    (found,) = compare_terms(OURS, replace(TRADE, price=Decimal("120.5")))
    assert (found.kind, found.quantity, found.cash_usd) == (DifferenceKind.FILL_TERMS, 0, Decimal("-5.0"))
    assert found.kind.effect is Effect.HALT


def test_other_shares_say_how_many_the_broker_has_more():
    (found,) = compare_terms(OURS, replace(TRADE, quantity=Decimal(12)))
    assert found.quantity == 2


def test_a_commission_that_is_not_known_is_no_difference_and_another_one_is_told():
    assert compare_terms(replace(OURS, commission_usd=None), TRADE) == ()
    (found,) = compare_terms(OURS, replace(TRADE, commission_usd=Decimal("1.25")))
    assert (found.kind.effect, found.cash_usd) == (Effect.TELL, Decimal("-0.25"))


def test_an_execution_that_was_taken_back_halts():
    (found,) = compare_terms(OURS, replace(TRADE, is_cancelled=True))
    assert found.kind.effect is Effect.HALT


def test_a_strangers_sale_takes_shares_and_brings_cash_less_its_commission():
    found = stranger(replace(TRADE, side=Side.SELL), BOOK)
    assert (found.quantity, found.cash_usd, found.fill.order_id) == (-10, 1199, None)


@pytest.mark.parametrize(
    ("missing", "due", "explained"),
    [
        ("37.50", ["37.50"], True),
        ("37.50", ["12.00", "37.50"], True),
        ("49.50", ["12.00", "37.50", "3.00"], True),
        ("37.505", ["37.50"], True),
        ("37.52", ["37.50"], False),
        ("37.50", [], False),
        ("0", ["37.50"], False),
        ("-37.50", ["37.50"], False),
    ],
)
def test_cash_is_under_way_when_it_is_exactly_some_of_the_dividends_due(missing, due, explained):
    assert is_under_way(Decimal(missing), [Decimal(d) for d in due]) is explained
