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
    with pytest.raises(InvariantBroken, match=r"^GLD: s sells 2 shares more than its lots hold; run a reconciliation$"):
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


def test_a_split_of_one_symbol_leaves_another_alone_with_its_waiting_losses():
    ledger = tax_ledger(
        [
            bought("b1", 0, 10, 100, symbol="SLV"), bought("b2", 1, 10, 100, symbol="SLV"),
            sold("s", 50, 10, 90, symbol="SLV"), Split(BOOK, "GLD", at(60), Decimal(4)),
        ]
    )  # fmt: skip
    assert (ledger.rows[0].open_quantity, ledger.lots[0].quantity) == (10, 10)


def reverse_split(old, young, in_lieu_usd):
    """Return the ledger after ten shares became one, of lots of so many shares that cost 100 and 110 USD each."""
    lots = [bought("old", 0, old, 100), bought("young", 1, young, 110)]
    return tax_ledger([*lots, Split(BOOK, "GLD", at(5), Decimal("0.1"), in_lieu_usd)])


def shares_and_basis(ledger):
    return [(lot.lot_id, lot.quantity, lot.basis_usd) for lot in ledger.lots]


def test_cash_for_a_broken_share_is_a_sale_out_of_the_youngest_lot():
    ledger = reverse_split(10, 12, Decimal("230.00"))
    (row,) = ledger.rows
    assert (row.fill_id, row.order_id, row.lot_id) == ("in-lieu.GLD.2026-01-10", "in-lieu.GLD.2026-01-10", "young")
    assert (row.book, row.symbol, row.sold_on) == (BOOK, "GLD", date(2026, 1, 10))
    assert (row.quantity, row.proceeds_usd, row.basis_usd) == (Decimal("0.2"), 230, 220)
    assert shares_and_basis(ledger) == [("old", 1, 1000), ("young", 1, 1100)]


def test_while_the_cash_for_a_broken_share_is_unknown_its_basis_stays_with_the_youngest_lot_that_is_left():
    ledger = reverse_split(10, 12, None)
    assert (ledger.rows, shares_and_basis(ledger)) == ((), [("old", 1, 1000), ("young", 1, 1320)])
    ledger = reverse_split(10, 5, None)
    assert (ledger.rows, shares_and_basis(ledger)) == ((), [("old", 1, 1550)])
    ledger = reverse_split(4, 5, None)
    assert ledger.lots == ()
    assert [(r.lot_id, r.quantity, r.proceeds_usd, r.basis_usd) for r in ledger.rows] == [
        ("young", Decimal("0.5"), 0, 550), ("old", Decimal("0.4"), 0, 400),
    ]  # fmt: skip


def test_a_lot_ranks_with_the_cost_of_the_broken_share_that_it_took_over():
    lots = [bought("old", 0, 10, 100), bought("young", 1, 12, 95), Split(BOOK, "GLD", at(5), Decimal("0.1"))]
    (row,) = tax_ledger([*lots, sold("s", 100, 1, 900, method=LotMethod.HIFO)]).rows
    assert (row.lot_id, row.basis_usd) == ("young", 1140)


def test_the_basis_of_a_broken_share_and_its_disallowed_loss_go_to_each_part_of_the_lot():
    ledger = tax_ledger(
        [
            bought("b1", 0, 10, 100), sold("s", 50, 10, 90), bought("b2", 55, 22, 95),
            Split(BOOK, "GLD", at(60), Decimal("0.1")),
        ]
    )  # fmt: skip
    assert sum(lot.quantity for lot in ledger.lots) == 2
    assert sum(lot.basis_usd for lot in ledger.lots) == 22 * 95 + 100
    assert sum(lot.wash_usd for lot in ledger.lots) == 100
    assert [r.fill_id for r in ledger.rows] == ["s"]


def test_the_disallowed_loss_of_a_broken_share_stays_in_the_basis():
    buys = [bought("b1", 0, 12, 100), sold("s", 50, 12, 90), bought("b2", 55, 12, 95)]
    (lot,) = tax_ledger([*buys, Split(BOOK, "GLD", at(60), Decimal("0.1"))]).lots
    assert (lot.quantity, lot.basis_usd, lot.wash_usd) == (1, 1260, 120)


def test_at_one_instant_a_split_comes_before_purchases_and_those_before_sales():
    events = [
        sold("s", 5, 30, 30), bought("b2", 5, 10, 25), Split(BOOK, "GLD", at(5), Decimal(2)), bought("b1", 0, 10, 50)
    ]  # fmt: skip
    ledger = tax_ledger(events)
    assert [(r.lot_id, r.quantity) for r in ledger.rows] == [("b1", 20), ("b2", 10)]
    assert ledger.lots == ()


def test_a_sale_at_cost_is_no_loss_to_replace():
    ledger = tax_ledger([bought("b1", 0, 10, 100), sold("s", 50, 10, 100), bought("b2", 55, 10, 95)])
    assert (replaced(ledger), ledger.rows[0].open_quantity) == ([], 0)


def test_the_executions_of_an_order_on_two_days_are_two_sales():
    events = [
        bought("b1", 0, 10, 100), bought("b2", 45, 5, 95), sold("s1", 50, 5, 90, order_id="exit"),
        sold("s2", 90, 10, 90, order_id="exit"),
    ]  # fmt: skip
    assert replaced(tax_ledger(events)) == [("b2", 5)]


def test_executions_of_one_order_are_one_purchase_and_one_sale():
    pieces = [bought("b1", 0, 5, 100, order_id="entry"), bought("b2", 0, 5, 101, order_id="entry")]
    half = tax_ledger([*pieces, sold("s", 10, 5, 90)])
    assert replaced(half) == []
    recent = [bought("old", 0, 5, 100), bought("new", 45, 5, 101)]
    stop = [sold("s1", 50, 5, 90, order_id="stop"), sold("s2", 50, 5, 90, order_id="stop")]
    assert replaced(tax_ledger([*recent, *stop])) == []
    assert replaced(tax_ledger([*recent, sold("s1", 50, 5, 90), sold("s2", 50, 5, 90)])) == [("new", 5)]


def test_each_execution_of_an_order_has_its_loss_to_replace():
    stop = [sold("s1", 50, 5, 90, order_id="stop"), sold("s2", 50, 5, 90, order_id="stop")]
    assert replaced(tax_ledger([bought("b1", 0, 10, 100), *stop, bought("b2", 60, 10, 80)])) == [("b2", 5), ("b2", 5)]


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
