"""The tax report of a year: gains by term, wash sales, income, and whether all of it ties. US rules, not advice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from trading.accounting.tax.forms import FormRow, Total, form_8949, schedule_d
from trading.accounting.tax.records import TaxRow
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.domain.money import sum_usd
from trading.ports import Services
from trading.ports.tax import CashRow
from trading.reporting.charts import Bar, BarChart
from trading.reporting.document import Part, Report, Rows
from trading.reporting.tax_report import RULES, notes_of
from trading.reporting.wording import counted, gain, whole
from trading.tasks.reports.pieces import cents, gained, name_of, usd
from trading.tasks.tax import Taxes, cash_of_year, read_taxes, tie


def tax_report(services: Services, book: BookId, year: int) -> Report:
    """Return the report of a tax year of the taxpayer whose book this is.

    Raises:
        PermanentError: the book is not opened.
    """
    with services.store.snapshot() as tx:
        taxes = read_taxes(services, tx, book)
        income = cash_of_year(tx, taxes.books, year)
        differences = tie(taxes, tx)
        is_invented = book.kind is BookKind.DEMO or tx.market.has_source(SYNTHETIC)
    rows = form_8949(taxes.ledger, year, taxes.rules, today=taxes.today)
    sold = [r for r in taxes.ledger.rows if r.sold_on.year == year]
    badge = book.badge if not is_invented or book.badge == SYNTHETIC else f"{book.badge} {SYNTHETIC}"
    return Report(
        name=name_of("tax", year, book),
        title=f"Taxes of {year}",
        badge=badge,
        said=f"{', '.join(map(str, taxes.books))}, sales and income of {year}. {RULES}",
        tiles=_tiles(rows, [row for _, row in income]),
        parts=tuple(_parts(taxes, rows, sold, [row for _, row in income], differences)),
        beware=notes_of(taxes.books, taxes.rules.iras, year, rows, taxes.today),
        caption=f"Taxes of {year}: {counted(len(rows), 'row')} of Form 8949, gain or loss "
        f"{usd(sum_usd(r.h_gain_or_loss for r in rows))}. {RULES}.",
    )


def _tiles(rows: Sequence[FormRow], income: Sequence[CashRow]) -> list[tuple[str, str]]:
    def of(part: str) -> Decimal:
        return sum_usd(r.h_gain_or_loss for r in rows if r.part == part)

    dividends = sum_usd(row.amount_usd for row in income if row.kind == "dividend")
    return [
        (usd(of("I")), "short-term"),
        (usd(of("II")), "long-term"),
        (usd(sum_usd(r.g_adjustment for r in rows)), "washed losses"),
        (usd(dividends), "dividends"),
        (str(len(rows)), "rows of Form 8949"),
        (str(sum(r.provisional_until is not None for r in rows)), "of them provisional"),
    ]


def _parts(
    taxes: Taxes, rows: Sequence[FormRow], sold: Sequence[TaxRow], income: Sequence[CashRow], differences: Sequence[str]
) -> Iterator[Part]:
    yield Part("Gain or loss by symbol", (_symbol_bars(sold),), note=_SYMBOLS, is_pictured=True)
    yield Part("Totals for Schedule D", (_total_rows(schedule_d(rows)),), is_pictured=True)
    yield Part("Form 8949", (_form_rows(rows),), note=_FORM)
    yield Part("Wash sales", (_wash_rows(sold),), note=_WASH)
    yield Part("Income and costs", (_income_rows(income),))
    said = "; ".join(differences) or "Lots, sales and cash follow from the executions: everything ties."
    yield Part("Whether it ties", (said,), note=f"Worked out anew as of {taxes.today}.", is_pictured=True)


def _symbol_bars(sold: Sequence[TaxRow]) -> BarChart:
    symbols = sorted({r.symbol for r in sold})
    sums = {s: float(sum_usd(r.gain_usd for r in sold if r.symbol == s)) for s in symbols}
    bars = [Bar(s, value, gained(value)) for s, value in sorted(sums.items(), key=lambda item: -item[1])]
    return BarChart("gain or loss that counts, by symbol", bars)


def _total_rows(totals: Sequence[Total]) -> Rows:
    head = ("part", "box", "rows", "proceeds, USD", "basis, USD", "adjustment, USD", "gain or loss, USD")
    rows = [
        (t.part, t.box, whole(t.rows), cents(t.proceeds), cents(t.basis), cents(t.adjustment),
         cents(t.gain_or_loss))
        for t in totals
    ]  # fmt: skip
    return Rows(head, rows, "Nothing was sold.")


def _form_rows(rows: Sequence[FormRow]) -> Rows:
    head = (
        "(a) what", "(b) acquired", "(c) sold", "(d) proceeds, USD", "(e) basis, USD", "(f)", "(g) adjustment, USD",
        "(h) gain or loss, USD", "part, box", "provisional until",
    )  # fmt: skip
    shown = [
        (
            r.a_description,
            f"{r.b_date_acquired}",
            f"{r.c_date_sold}",
            cents(r.d_proceeds),
            cents(r.e_cost_basis),
            r.f_code,
            cents(r.g_adjustment),
            cents(r.h_gain_or_loss),
            f"{r.part} {r.box}",
            "" if r.provisional_until is None else f"{r.provisional_until}",
        )
        for r in rows
    ]
    return Rows(head, shown, "Nothing was sold.")


def _wash_rows(sold: Sequence[TaxRow]) -> Rows:
    rows = [
        (r.symbol, f"{r.sold_on}", f"{m.quantity.normalize():f}", cents(m.disallowed_usd),
         "an IRA: it is lost for good" if m.is_permanent else m.lot_id)
        for r in sold
        for m in r.matches
    ]  # fmt: skip
    head = ("symbol", "sold", "shares", "disallowed, USD", "taken over by")
    return Rows(head, rows, "No loss of the year is washed.", is_wordy=True)


def _income_rows(income: Sequence[CashRow]) -> Rows:
    kinds = sorted({row.kind for row in income})
    rows = [
        (kind.replace("_", " "), whole(len(of_kind)), gain(float(sum_usd(row.amount_usd for row in of_kind))))
        for kind in kinds
        if (of_kind := [row for row in income if row.kind == kind])
    ]
    return Rows(("kind", "entries", "amount, USD"), rows, "No dividend, interest or fee was booked.")


_SYMBOLS = "After commissions, wash sales taken into account, of all books of the taxpayer."
_FORM = "./airdesk tax 8949 YEAR --out DIR writes the same rows as CSV."
_WASH = "Losses that do not count now, and the lot that carries them on."
