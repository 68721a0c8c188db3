"""What a tie-out lets pass, and what it names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from trading.accounting.lots import book_fill
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.tie_out import Booked, conserved, tie_out
from trading.accounting.tax.trail import trail
from trading.domain.orders import Side

from tests.builders import AS_OF, a_fill


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


def test_a_ledger_that_loses_basis_is_named():
    _, ledger, events = booked_of(100, -40)
    short = replace(ledger, lots=())
    assert "basis bought" in conserved(short, events)[0]
