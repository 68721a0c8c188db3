"""What a tie-out lets pass, and what it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Purchase, Sale, TaxRules, WashMatch
from trading.accounting.tax.tie_out import Booked, conserved, matches_of, tie_out
from trading.accounting.tax.trail import trail
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import Side

from tests.builders import AS_OF, BOOK, a_fill


def booked_of(*shares, price="3.3333"):
    """Return what is booked after trades of so many shares, and the ledger worked out anew."""
    lots, disposals, fills, cash = (), [], [], Decimal(0)
    for number, quantity in enumerate(shares):
        fill = a_fill(
            fill_id=f"f{number}", side=Side.BUY if quantity > 0 else Side.SELL, quantity=Decimal(abs(quantity)),
            price=Decimal(price), commission_usd=Decimal(0), executed_at=AS_OF + timedelta(minutes=number),
        )  # fmt: skip
        booking = book_fill(fill, lots)
        lots, cash = booking.lots, cash + booking.cash_usd
        disposals += booking.disposals
        fills.append(fill)
    events = list(trail(fills))
    return Booked(fills, lots, disposals, (), cash), tax_ledger(events), events


def test_a_lot_sold_in_many_pieces_drifts_by_cents_and_loses_none():
    booked, ledger, events = booked_of(100, *[-1] * 60)
    cost = booked.lots[0].quantity * booked.lots[0].cost_per_share
    assert abs(ledger.lots[0].basis_usd - cost) > Decimal("0.01")
    assert tie_out(ledger, booked) == ()
    assert conserved(ledger, events) == ()


def test_another_cost_other_shares_a_missing_disposal_and_other_cash_are_named():
    booked, ledger, _ = booked_of(100, -40)
    (lot,) = booked.lots
    dearer = replace(booked, lots=[replace(lot, cost_per_share=lot.cost_per_share + 1)])
    assert "of cost are booked" in tie_out(ledger, dearer)[0]
    fewer = replace(booked, lots=[replace(lot, quantity=Decimal(59))])
    assert tie_out(ledger, fewer) == ("lot.f0: 59 shares are booked, 60 follow from the executions",)
    lost = replace(booked, disposals=[])
    assert tie_out(ledger, lost) == ("sale f1 of lot.f0: 0 shares are booked, 40 follow from the executions",)
    poorer = replace(booked, traded_usd=booked.traded_usd - 5)
    assert "cash of executions" in tie_out(ledger, poorer)[0]


def test_a_ledger_that_loses_basis_or_proceeds_is_named_with_both_sums():
    _, ledger, events = booked_of(100, -40)
    short = replace(ledger, lots=())
    assert conserved(short, events) == (
        "basis bought, and losses moved onto it, against basis sold and held: 333.33 and 133.33 USD differ by 200.00",
    )
    (row,) = ledger.rows
    poorer = replace(ledger, rows=(replace(row, proceeds_usd=row.proceeds_usd - 1),))
    assert conserved(poorer, events) == (
        "proceeds of the executions against those of the rows: 133.33 and 132.33 USD differ by 1.00",
    )


def test_a_loss_that_a_retirement_account_took_for_good_is_in_no_basis():
    at = [AS_OF + timedelta(days=day) for day in (0, 50, 60)]
    ira = BookId(BookKind.LIVE, "IRA")
    events = [
        Purchase("a", "a", BOOK, "GLD", at[0], Decimal(5), Decimal(500)),
        Sale("s", "s", BOOK, "GLD", at[1], Decimal(5), Decimal(450)),
        Purchase("b", "b", ira, "GLD", at[2], Decimal(5), Decimal(440)),
    ]
    ledger = tax_ledger(events, TaxRules(iras=frozenset({ira})))
    assert ledger.rows[0].permanent_usd == 50
    assert conserved(ledger, events) == ()


def test_a_difference_is_told_with_both_amounts():
    booked, ledger, _ = booked_of(100, -40)
    (lot,) = booked.lots
    dearer = replace(booked, lots=[replace(lot, cost_per_share=Decimal(4))])
    assert tie_out(ledger, dearer) == ("lot.f0: 240.00 USD of cost are booked, 200.00 follow",)
    richer = replace(booked, traded_usd=booked.traded_usd + 5)
    assert tie_out(ledger, richer) == (
        "cash of executions: -195.00 USD are booked, -200.00 follow from the executions",
    )
    assert tie_out(ledger, replace(booked, traded_usd=booked.traded_usd + Decimal("0.009"))) == ()
    assert len(tie_out(ledger, replace(booked, traded_usd=booked.traded_usd + Decimal("0.01")))) == 1


def test_a_lot_and_a_sale_that_only_one_side_knows_are_named():
    booked, ledger, _ = booked_of(100, -40)
    lost = replace(booked, lots=[])
    assert tie_out(ledger, lost) == ("lot.f0: 0 shares are booked, 60 follow from the executions",)
    (disposal,), (lot,) = booked.disposals, booked.lots
    more = replace(booked, lots=[lot, replace(lot, lot_id="lot.x")])
    assert tie_out(ledger, more) == ("lot.x: 60 shares are booked, 0 follow from the executions",)
    twice = replace(booked, disposals=[disposal, disposal])
    assert tie_out(ledger, twice) == ("sale f1 of lot.f0: 80 shares are booked, 40 follow from the executions",)
    unknown = replace(booked, disposals=[disposal, replace(disposal, fill_id="f9")])
    assert tie_out(ledger, unknown) == ("sale f9 of lot.f0: 40 shares are booked, 0 follow from the executions",)


def test_the_cost_of_a_lot_may_be_off_by_a_cent_a_cut_and_by_its_commission_and_no_more():
    for commission, most in (Decimal(0), Decimal("0.02")), (Decimal("0.50"), Decimal("0.52")):
        booked, ledger, _ = booked_of(100, -50, price="3.00")
        booked = replace(booked, fills=[replace(booked.fills[0], commission_usd=commission), *booked.fills[1:]])
        booked = replace(booked, traded_usd=booked.traded_usd - commission)
        (lot,) = booked.lots
        for off, told in (most, 0), (most + Decimal("0.01"), 1):
            for sign in 1, -1:
                moved = replace(lot, cost_per_share=lot.cost_per_share + sign * off / 50)
                assert len(tie_out(ledger, replace(booked, lots=[moved]))) == told


def test_the_lots_and_sales_of_another_book_are_not_ours_to_tell():
    booked, _, events = booked_of(100, -40)
    other = BookId(BookKind.PAPER, "other")
    foreign = [replace(e, book=other) for e in events]
    renamed = [replace(foreign[0], lot_id="lot.o0"), replace(foreign[1], fill_id="o1")]
    assert tie_out(tax_ledger([*events, *renamed]), booked) == ()


def washed():
    """Return a ledger in which both halves of a lot, one of them a replacement itself, were replaced by one other."""
    at = [AS_OF + timedelta(days=day) for day in (0, 50, 60, 150, 160)]
    return tax_ledger(
        [
            Purchase("a", "a", BOOK, "GLD", at[0], Decimal(5), Decimal(500)),
            Sale("s1", "s1", BOOK, "GLD", at[1], Decimal(5), Decimal(450)),
            Purchase("b", "b", BOOK, "GLD", at[2], Decimal(10), Decimal(950)),
            Sale("s2", "s2", BOOK, "GLD", at[3], Decimal(10), Decimal(500)),
            Purchase("c", "c", BOOK, "GLD", at[4], Decimal(10), Decimal(500)),
        ]
    )


def test_wash_sales_of_the_same_three_lots_are_one():
    found = matches_of(washed(), {str(BOOK)})
    assert found == {
        ("s1", "a", "b"): WashMatch("s1", "a", "b", BOOK, "GLD", Decimal(5), Decimal(50), is_permanent=False),
        ("s2", "b", "c"): WashMatch("s2", "b", "c", BOOK, "GLD", Decimal(10), Decimal(500), is_permanent=False),
    }
    assert matches_of(washed(), {"paper/other"}) == {}


def test_a_wash_sale_that_is_found_otherwise_now_is_named_and_a_new_one_is_none():
    fill = a_fill(symbol="GLD")
    booked = Booked([fill], [], [], list(matches_of(washed(), {str(BOOK)}).values()), Decimal(0))
    told = [t for t in tie_out(washed(), booked) if t.startswith("wash sale")]
    assert told == []
    first, second = booked.matches
    told = tie_out(washed(), replace(booked, matches=[replace(second, disallowed_usd=Decimal("480.00"))]))
    assert "wash sale s2 of b, replaced by c: 480.00 USD are booked, 500.00 follow" in told
    told = tie_out(washed(), replace(booked, matches=[replace(first, lot_id="z")]))
    assert "wash sale s1 of a, replaced by z: 50.00 USD are booked, 0 follow" in told
