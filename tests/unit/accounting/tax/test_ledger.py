"""Lots, rows and wash sales beyond the oracle's cases: methods, splits, orders in pieces, groups, several books."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Purchase, Sale, Split, TaxRules
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId, BookKind
from trading.errors import InvariantBroken

BOOK, OTHER = BookId(BookKind.PAPER, "one"), BookId(BookKind.PAPER, "two")
DAY_0 = datetime(2026, 1, 5, 15, tzinfo=UTC)


def at(day):
    return DAY_0 + timedelta(days=day)


def bought(lot_id, day, quantity, price, **overrides):
    cost = Decimal(quantity) * Decimal(str(price))
    return replace(Purchase(lot_id, lot_id, BOOK, "GLD", at(day), Decimal(quantity), cost), **overrides)


def sold(fill_id, day, quantity, price, **overrides):
    proceeds = Decimal(quantity) * Decimal(str(price))
    return replace(Sale(fill_id, fill_id, BOOK, "GLD", at(day), Decimal(quantity), proceeds), **overrides)


def replaced(ledger):
    """Return (replacement lot, shares) of every match."""
    return [(m.lot_id, m.quantity) for row in ledger.rows for m in row.matches]


def test_the_dearest_lot_goes_first_or_the_one_that_was_named():
    buys = [bought("cheap", 0, 10, 40), bought("dear", 1, 10, 60), bought("middle", 2, 10, 50)]
    by_cost = tax_ledger([*buys, sold("s", 100, 15, 55, method=LotMethod.HIFO)])
    assert [(r.lot_id, r.quantity) for r in by_cost.rows] == [("dear", 10), ("middle", 5)]
    named = tax_ledger([*buys, sold("s", 100, 15, 55, chosen=(("middle", Decimal(10)), ("cheap", Decimal(5))))])
    assert [(r.lot_id, r.quantity) for r in named.rows] == [("middle", 10), ("cheap", 5)]


def test_a_sale_of_more_than_a_named_lot_holds_breaks_the_books():
    with pytest.raises(InvariantBroken, match="2 shares more"):
        tax_ledger([bought("b", 0, 10, 40), sold("s", 100, 12, 55, chosen=(("b", Decimal(12)),))])


def test_cents_that_do_not_divide_go_to_the_largest_remainders_and_nothing_is_lost():
    pieces = [bought(f"b{n}", n, 1, "33.333") for n in range(3)]
    ledger = tax_ledger([*pieces, sold("s", 100, 3, 0, proceeds_usd=Decimal("100.00"))])
    assert [r.proceeds_usd for r in ledger.rows] == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    thirds = tax_ledger(
        [bought("b", 0, 3, 0, cost_usd=Decimal("100.00")), sold("s", 100, 1, 50), sold("t", 101, 2, 50)]
    )
    assert sum(r.basis_usd for r in thirds.rows) == 100


def test_a_split_keeps_basis_and_dates_and_a_waiting_loss_waits_for_as_many_new_shares():
    ledger = tax_ledger(
        [
            bought("b1", 0, 10, 100), sold("s", 50, 10, 90), bought("b2", 55, 1, 95),
            Split(BOOK, "GLD", at(60), Decimal(4)), bought("b3", 70, 30, 25),
        ]
    )  # fmt: skip
    assert replaced(ledger) == [("b2", 1), ("b3", 30)]
    row = ledger.rows[0]
    assert (row.disallowed_usd, row.open_quantity) == (Decimal("93.33") + Decimal("0.00") - Decimal("8.33"), 6)
    assert [(lot.lot_id, lot.quantity) for lot in ledger.lots] == [("b2", 4), ("b3", 30)]
    assert sum(lot.basis_usd for lot in ledger.lots) == 95 + 750 + row.disallowed_usd


def test_a_split_of_one_book_leaves_the_shares_of_another_alone():
    ledger = tax_ledger([bought("b1", 0, 10, 100, book=OTHER), Split(BOOK, "GLD", at(5), Decimal(4))])
    assert ledger.lots[0].quantity == 10


def test_executions_of_one_order_are_one_purchase_and_one_sale():
    pieces = [bought("b1", 0, 5, 100, order_id="entry"), bought("b2", 0, 5, 101, order_id="entry")]
    half = tax_ledger([*pieces, sold("s", 10, 5, 90)])
    assert replaced(half) == []
    recent = [bought("old", 0, 5, 100), bought("new", 45, 5, 101)]
    stop = [sold("s1", 50, 5, 90, order_id="stop"), sold("s2", 50, 5, 90, order_id="stop")]
    assert replaced(tax_ledger([*recent, *stop])) == []
    assert replaced(tax_ledger([*recent, sold("s1", 50, 5, 90), sold("s2", 50, 5, 90)])) == [("new", 5)]


def test_losses_are_matched_in_the_order_of_their_sales_and_each_replacement_once():
    buys = [bought("b1", 0, 10, 100), bought("b2", 1, 10, 90)]
    sales = [sold("s1", 40, 10, 80), sold("s2", 41, 10, 80)]
    ledger = tax_ledger([*buys, *sales, bought("b3", 50, 15, 80)])
    assert [(m.fill_id, m.lot_id, m.quantity) for r in ledger.rows for m in r.matches] == [
        ("s1", "b3", 10), ("s2", "b3", 5),
    ]  # fmt: skip
    assert [lot.basis_usd for lot in ledger.lots] == [1000, 450]


def test_the_holding_period_is_carried_through_a_chain_of_wash_sales():
    ledger = tax_ledger(
        [
            bought("b1", 0, 10, 100), sold("s1", 100, 10, 90), bought("b2", 110, 10, 85),
            sold("s2", 150, 10, 80), bought("b3", 160, 10, 70),
        ]
    )  # fmt: skip
    (lot,) = ledger.lots
    assert lot.basis_usd == 700 + 150 + 0 * lot.wash_usd
    assert lot.acquired_on - lot.holding_starts_on == timedelta(days=140)
    assert sum(r.gain_usd for r in ledger.rows) == 0


def test_symbols_of_one_group_replace_each_other_and_exempt_ones_nothing():
    events = [
        bought("b1", 0, 10, 100, symbol="GOOG"), sold("s", 50, 10, 90, symbol="GOOG"),
        bought("b2", 60, 10, 90, symbol="GOOGL"),
    ]  # fmt: skip
    assert replaced(tax_ledger(events)) == []
    assert replaced(tax_ledger(events, TaxRules(groups={"GOOGL": "GOOG"}))) == [("b2", 10)]
    metal = [bought("b1", 0, 10, 100), sold("s", 50, 10, 90), bought("b2", 60, 10, 90)]
    assert replaced(tax_ledger(metal)) == [("b2", 10)]
    assert replaced(tax_ledger(metal, TaxRules(exempt=frozenset({"GLD"})))) == []


def test_what_a_retirement_account_loses_is_no_loss_to_match():
    events = [bought("b1", 0, 10, 100), sold("s", 50, 10, 90), bought("b2", 60, 10, 90, book=OTHER)]
    assert replaced(tax_ledger(events, TaxRules(iras=frozenset({BOOK})))) == []


def test_one_book_cannot_sell_the_lots_of_another():
    with pytest.raises(InvariantBroken):
        tax_ledger([bought("b1", 0, 10, 100), sold("s", 50, 10, 90, book=OTHER)])


def test_a_loss_says_how_long_a_purchase_would_still_replace_it():
    (row,) = tax_ledger([bought("b1", 0, 10, 100), sold("s", 50, 10, 90)]).rows
    assert (row.open_quantity, row.washable_until) == (10, date(2026, 3, 26))
