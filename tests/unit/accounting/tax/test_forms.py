"""Form 8949 and Schedule D: files made outside the project, byte for byte, and what our rows add."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from trading.accounting.tax.forms import Reporting, form_8949, schedule_d
from trading.accounting.tax.ledger import tax_ledger
from trading.accounting.tax.records import Purchase, Sale, TaxRules
from trading.domain.instruments import BookId, BookKind
from trading.reporting.tax_report import notes_of, plain, write_csv

from tests.oracles import ORACLES, oracle
from tests.unit.accounting.tax.oracle_events import events_of, rules_of

BOOK = BookId(BookKind.LIVE, "U1")
LATER = date(2030, 1, 1)


def rows_of(case):
    rules = rules_of(case)
    ledger = tax_ledger(events_of(case["events"]), rules)
    years = sorted({row.sold_on.year for row in ledger.rows})
    return [row for year in years for row in form_8949(ledger, year, rules, today=LATER)]


def as_csv(records, columns):
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([str(record[column]) for column in columns] for record in records)
    return file.getvalue()


def cases_of(name):
    wanted = {row["case"] for row in oracle(name)}
    return [case for case in oracle("wash_sale_cases.json")["cases"] if case["id"] in wanted]


def test_the_rows_of_form_8949_are_those_of_the_oracle():
    made = [plain(r) | {"case": case["id"]} for case in cases_of("form8949_expected.csv") for r in rows_of(case)]
    expected = (ORACLES / "form8949_expected.csv").read_text()
    assert as_csv(made, expected.splitlines()[0].split(",")) == expected


def test_the_totals_of_schedule_d_are_those_of_the_oracle():
    made = [
        plain(total) | {"case": case["id"]}
        for case in cases_of("schedule_d_totals_expected.csv")
        for total in schedule_d(rows_of(case))
    ]
    expected = (ORACLES / "schedule_d_totals_expected.csv").read_text()
    assert as_csv(made, expected.splitlines()[0].split(",")) == expected


def trades(symbol, *days_and_prices):
    """Return purchases and sales of ten shares in turn."""
    events = []
    for number, (on, price) in enumerate(days_and_prices):
        at = datetime.combine(date.fromisoformat(on), datetime.min.time(), UTC)
        kind = Sale if number % 2 else Purchase
        events.append(kind(f"e{number}", f"e{number}", BOOK, symbol, at, Decimal(10), Decimal(10 * price)))
    return events


def test_the_box_follows_what_the_broker_reports_and_the_term():
    ledger = tax_ledger(trades("X", ("2024-01-02", 9), ("2025-03-01", 10), ("2025-04-01", 9), ("2025-05-01", 10)))
    boxes = {r: [row.box for row in form_8949(ledger, 2025, TaxRules(), today=LATER, reporting=r)] for r in Reporting}
    assert boxes == {Reporting.BASIS: ["A", "D"], Reporting.NO_BASIS: ["B", "E"], Reporting.NOTHING: ["C", "F"]}


def test_a_loss_of_december_is_provisional_until_thirty_days_have_passed():
    ledger = tax_ledger(trades("X", ("2026-08-03", 50), ("2026-12-28", 45)))
    (row,) = form_8949(ledger, 2026, TaxRules(), today=date(2027, 1, 10))
    assert row.provisional_until == date(2027, 1, 27)
    notes = notes_of((BOOK,), frozenset(), 2026, [row], date(2027, 1, 10))
    assert any("provisional until 2027-01-27" in note for note in notes)
    assert any("provisional until 2027-01-30" in note for note in notes)
    (settled,) = form_8949(ledger, 2026, TaxRules(), today=date(2027, 1, 28))
    assert settled.provisional_until is None


def test_a_row_waits_on_the_last_day_of_the_window_for_a_single_share_and_never_after_a_gain():
    bought, sold = trades("X", ("2026-08-03", 50), ("2026-12-28", 45))
    one = [replace(bought, quantity=Decimal(1)), replace(sold, quantity=Decimal(1))]
    (row,) = form_8949(tax_ledger(one), 2026, TaxRules(), today=date(2027, 1, 27))
    assert row.provisional_until == date(2027, 1, 27)
    gain = tax_ledger(trades("X", ("2026-08-03", 50), ("2026-12-28", 55)))
    assert form_8949(gain, 2026, TaxRules(), today=date(2027, 1, 10))[0].provisional_until is None


def test_a_row_names_its_book_sale_and_lot_what_replaced_it_and_what_is_lost_for_good():
    ira = BookId(BookKind.LIVE, "IRA")
    events = trades("X", ("2026-01-05", 50), ("2026-03-02", 45), ("2026-03-09", 44))
    events[2] = replace(events[2], book=ira, quantity=Decimal(4))
    rules = TaxRules(iras=frozenset({ira}))
    (row,) = rows = form_8949(tax_ledger(events, rules), 2026, rules, today=LATER)
    assert (row.book, row.sale, row.lot, row.replacement_lots) == (BOOK, "e1", "e0", ("e2",))
    assert (row.g_adjustment, row.permanent_usd, row.f_code) == (20, 20, "W")
    assert schedule_d(rows)[0].rows == 1


def test_a_long_term_gain_of_a_metal_trust_is_a_collectibles_gain():
    ledger = tax_ledger(trades("GLD", ("2024-01-02", 90), ("2025-03-01", 100), ("2025-04-01", 90), ("2025-05-01", 95)))
    short, long = schedule_d(rows := form_8949(ledger, 2025, TaxRules(), today=LATER))
    assert (short.collectibles_gain, long.collectibles_gain, long.gain_or_loss) == (0, 100, 100)
    assert any("28 %" in note for note in notes_of((BOOK,), frozenset(), 2025, rows, LATER))


def test_a_retirement_account_has_no_rows_and_the_notes_say_so():
    ledger = tax_ledger(trades("X", ("2025-01-02", 90), ("2025-03-01", 100)))
    iras = frozenset({BOOK})
    assert form_8949(ledger, 2025, TaxRules(iras=iras), today=LATER) == ()
    assert any("retirement account" in note for note in notes_of((BOOK,), iras, 2025, (), LATER))


def test_a_book_without_real_money_says_that_nothing_is_to_be_filed():
    paper = BookId(BookKind.PAPER, "P")
    assert "SIMULATED" in notes_of((paper,), frozenset(), 2025, (), LATER)[0]
    assert not any("SIMULATED" in note for note in notes_of((BOOK,), frozenset(), 2025, (), LATER))


def test_a_csv_file_has_plain_cells(tmp_path):
    write_csv(tmp_path / "x.csv", [{"a": None, "b": True, "c": ["p", "q"], "d": "1.00"}], ["a", "b", "c", "d"])
    assert (tmp_path / "x.csv").read_text() == "a,b,c,d\n,yes,p q,1.00\n"
