"""Form 8949 and the totals for Schedule D, for one taxpayer and one year. US rules, not advice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trading.accounting.tax.records import TaxLedger, TaxRow, TaxRules
from trading.domain.fills import Term
from trading.domain.instruments import BookId, Symbol
from trading.domain.money import sum_usd


class Reporting(StrEnum):
    """What the broker's Form 1099-B says about a sale."""

    BASIS = "basis"
    NO_BASIS = "no-basis"
    NOTHING = "nothing"


BOXES = {
    (Term.SHORT, Reporting.BASIS): "A", (Term.SHORT, Reporting.NO_BASIS): "B", (Term.SHORT, Reporting.NOTHING): "C",
    (Term.LONG, Reporting.BASIS): "D", (Term.LONG, Reporting.NO_BASIS): "E", (Term.LONG, Reporting.NOTHING): "F",
}  # fmt: skip
"""Instructions for Form 8949; boxes G to L are for digital assets."""
COLLECTIBLES: frozenset[Symbol] = frozenset({"GLD", "SLV"})
"""Trusts that hold metal: a long-term gain is a collectibles gain, 28 % at most (26 U.S.C. §§ 1(h)(5), 408(m))."""


@dataclass(frozen=True, slots=True)
class FormRow:
    """A row of Form 8949, with what our books add to it.

    Attributes:
        part: I for short, II for long. box: A to F.
        f_code: W for a wash sale, else empty. g_adjustment: disallowed loss, positive.
        permanent_usd: the part of it that no other basis has taken over.
        provisional_until: a purchase up to that day would still change the row; None once nothing can.
    """

    part: str
    box: str
    a_description: str
    b_date_acquired: date
    holding_period_start: date
    c_date_sold: date
    d_proceeds: Decimal
    e_cost_basis: Decimal
    f_code: str
    g_adjustment: Decimal
    h_gain_or_loss: Decimal
    collectible: bool
    provisional_until: date | None
    permanent_usd: Decimal
    book: BookId
    sale: str
    lot: str
    replacement_lots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """A line of Schedule D: the rows of one part and box."""

    part: str
    box: str
    rows: int
    proceeds: Decimal
    basis: Decimal
    adjustment: Decimal
    gain_or_loss: Decimal
    collectibles_gain: Decimal


def form_8949(
    ledger: TaxLedger, year: int, rules: TaxRules, *, today: date, reporting: Reporting = Reporting.BASIS
) -> tuple[FormRow, ...]:
    """Return the rows of a year, part I first, each part by disposition; sales in an IRA have none.

    Args:
        today: until when purchases are known.
    """
    rows = [r for r in ledger.rows if r.sold_on.year == year and r.book not in rules.iras]
    made = [_form_row(r, reporting, today) for r in rows]
    return tuple(sorted(made, key=lambda row: (row.part, row.box)))


def _form_row(row: TaxRow, reporting: Reporting, today: date) -> FormRow:
    is_long = row.term is Term.LONG
    is_open = row.open_quantity > 0 and today <= row.washable_until
    return FormRow(
        part="II" if is_long else "I",
        box=BOXES[row.term, reporting],
        a_description=f"{row.quantity.normalize():f} sh {row.symbol}",
        b_date_acquired=row.acquired_on,
        holding_period_start=row.holding_starts_on,
        c_date_sold=row.sold_on,
        d_proceeds=row.proceeds_usd,
        e_cost_basis=row.basis_usd,
        f_code="W" if row.matches else "",
        g_adjustment=row.disallowed_usd,
        h_gain_or_loss=row.gain_usd,
        collectible=is_long and row.symbol in COLLECTIBLES,
        provisional_until=row.washable_until if is_open else None,
        permanent_usd=row.permanent_usd,
        book=row.book,
        sale=row.fill_id,
        lot=row.lot_id,
        replacement_lots=tuple(m.lot_id for m in row.matches),
    )


def schedule_d(rows: Sequence[FormRow]) -> tuple[Total, ...]:
    """Return the totals by part and box, in their order."""
    return tuple(
        _total(key, [r for r in rows if (r.part, r.box) == key]) for key in sorted({(r.part, r.box) for r in rows})
    )


def _total(key: tuple[str, str], rows: Sequence[FormRow]) -> Total:
    return Total(
        *key,
        rows=len(rows),
        proceeds=sum_usd(r.d_proceeds for r in rows),
        basis=sum_usd(r.e_cost_basis for r in rows),
        adjustment=sum_usd(r.g_adjustment for r in rows),
        gain_or_loss=sum_usd(r.h_gain_or_loss for r in rows),
        collectibles_gain=sum_usd(r.h_gain_or_loss for r in rows if r.collectible),
    )
