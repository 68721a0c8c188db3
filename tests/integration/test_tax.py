"""Taxes from the stored ledger: the night's task, the commands as a person types them, and any history of a book."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trading.accounting.corrections import corrected
from trading.accounting.tax.records import TaxRules
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId, ClientCategory
from trading.domain.market import Slot
from trading.domain.orders import Side
from trading.engine.outlooks import SaleOutlooks
from trading.entrypoints import cli_tax
from trading.entrypoints.cli import main
from trading.errors import PermanentError
from trading.ports import Services, Sources
from trading.ports.tax import Taxpayer
from trading.strategy.catalogue import spec_named
from trading.tasks.booking import booking_of
from trading.tasks.facts import load_state
from trading.tasks.tax import choose_method, read_taxes, tax, tie

from tests.builders import a_fill
from tests.fakes import FixedClock, WeekdayCalendar
from tests.integration.reconcile_desk import answers

BOOK, OTHER = BookId.parse("paper:DU0000001"), BookId.parse("paper:DU0000002")
NOW = datetime(2027, 1, 15, 22, tzinfo=UTC)
OPENED_AT = datetime(2025, 12, 1, 15, tzinfo=UTC)
SLOT = Slot(date(2027, 1, 15), NOW - timedelta(hours=2), NOW - timedelta(hours=1), is_closing=True)
SPEC = spec_named("three_sector")


def a_trade(number, on, shares, price, book=BOOK, **overrides):
    at = datetime.fromisoformat(f"{on}T15:{number:02}+00:00")
    side = Side.BUY if shares > 0 else Side.SELL
    return a_fill(
        fill_id=f"f{number}", book=book, side=side, quantity=Decimal(abs(shares)), price=Decimal(str(price)),
        executed_at=at, **overrides,
    )  # fmt: skip


YEAR_END = (a_trade(1, "2026-08-03", 20, 50), a_trade(2, "2026-12-28", -20, 45), a_trade(3, "2027-01-12", 20, 46))
"""A loss of December that a purchase of January washes."""


def opened(store, *books):
    with store.transaction() as tx:
        for book in books:
            tx.ledger.open_book(book, strategy="s", spec_hash="h", opened_at=OPENED_AT, cash_usd=Decimal(100_000))


def book_all(store, fills):
    for fill in fills:
        with store.transaction() as tx:
            assert tx.ledger.add_booking(booking_of(tx, fill))


@pytest.fixture
def services(store) -> Services:
    opened(store, BOOK, OTHER)
    return Services(store, WeekdayCalendar(), FixedClock(NOW), Sources(), broker=None)


@pytest.fixture
def typed(services, database_url, monkeypatch):
    """Let commands use the services of the test."""
    monkeypatch.setenv("AIRDESK_DATABASE_URL", database_url)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_BOOK", str(BOOK))
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr(cli_tax, "services_for", lambda settings: services)
    return services


def test_the_night_stores_the_wash_sales_it_finds_once_and_everything_ties(store, services, database_url):
    book_all(store, YEAR_END)
    first = tax(services, SPEC, BOOK, SLOT)
    assert (first.counts["wash_rows_stored"], first.counts["differences"], first.notes) == (1, 0, ())
    assert tax(services, SPEC, BOOK, SLOT).counts["wash_rows_stored"] == 0
    rows = answers(database_url)("SELECT lot_id, quantity, disallowed_usd FROM desk.standing_wash_matches")
    assert rows == [("lot.f3", 20, Decimal("102.00"))]


def test_a_wash_sale_that_a_correction_takes_away_gets_a_second_revision(store, services, database_url):
    fills = [replace(f, fill_id=f"{f.fill_id}.x.01") for f in YEAR_END]
    book_all(store, fills)
    tax(services, SPEC, BOOK, SLOT)
    wrong, right = fills[1], replace(fills[1], fill_id="f2.x.02", price=Decimal(55))
    with store.transaction() as tx:
        booking = corrected(wrong, right, tx.ledger.lots(BOOK, "NVDA"), tx.ledger.disposals(BOOK))
        assert tx.ledger.add_correction(booking, wrong)
    report = tax(services, SPEC, BOOK, SLOT)
    assert report.counts["wash_rows_stored"] == 1
    assert "102.00 USD are booked, 0 follow" in report.notes[0]
    ask = answers(database_url)
    assert ask("SELECT revision, quantity FROM desk.wash_matches ORDER BY revision") == [(1, 20), (2, 0)]
    assert ask("SELECT count(*) FROM desk.standing_wash_matches") == [(0,)]
    assert tax(services, SPEC, BOOK, SLOT).notes == ()


def test_stored_wash_sales_cannot_be_changed_or_deleted(store, services, database_url):
    book_all(store, YEAR_END)
    tax(services, SPEC, BOOK, SLOT)
    for statement in ("UPDATE desk.wash_matches SET quantity = 1", "DELETE FROM desk.wash_matches"):
        with pytest.raises(psycopg2.errors.RaiseException, match="append-only"):
            _run(database_url, statement)


def _run(url, statement):
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_lots_that_do_not_follow_from_the_executions_are_told_the_same_night(store, services, database_url):
    book_all(store, YEAR_END)
    _run(database_url, "UPDATE desk.lots SET quantity = 19 WHERE lot_id = 'lot.f3'")
    report = tax(services, SPEC, BOOK, SLOT)
    assert report.notes == ("lot.f3: 19 shares are booked, 20 follow from the executions",)
    told = answers(database_url)("SELECT body FROM ops.outbox WHERE dedupe_key LIKE 'tax:%%'")
    assert "the tax ledger does not tie" in told[0][0]


def test_books_of_one_taxpayer_wash_each_others_losses_and_an_ira_for_good(store, services):
    book_all(store, (*YEAR_END[:2], a_trade(3, "2027-01-12", 20, 46, OTHER)))
    with store.transaction() as tx:
        assert read_taxes(services, tx, BOOK).ledger.rows[0].disallowed_usd == 0
        together = replace(services, taxpayer=Taxpayer((BOOK, OTHER)))
        assert read_taxes(together, tx, BOOK).ledger.rows[0].disallowed_usd == 102
        ira = replace(services, taxpayer=Taxpayer((BOOK, OTHER), TaxRules(iras=frozenset({OTHER}))))
        assert read_taxes(ira, tx, BOOK).ledger.rows[0].permanent_usd == 102


def test_a_chosen_method_holds_from_its_day_on_in_lots_and_in_taxes(store, services):
    book_all(store, (a_trade(1, "2026-01-05", 10, 40), a_trade(2, "2026-01-06", 10, 60)))
    choose_method(services, BOOK, LotMethod.HIFO, date(2026, 3, 1), chosen_by="test")
    book_all(store, (a_trade(3, "2026-02-02", -5, 50), a_trade(4, "2026-03-02", -10, 50)))
    with store.transaction() as tx:
        taxes = read_taxes(services, tx, BOOK)
        assert [(r.fill_id, r.lot_id) for r in taxes.ledger.rows] == [("f3", "lot.f1"), ("f4", "lot.f2")]
        assert tie(taxes, tx) == ()
        slot = replace(SLOT, session_on=date(2026, 3, 3))
        assert (
            load_state(tx, BOOK, slot, client_category=ClientCategory.US, taxpayer=Taxpayer()).lot_method
            is LotMethod.HIFO
        )
    with pytest.raises(PermanentError, match="booked already"):
        choose_method(services, BOOK, LotMethod.FIFO, date(2026, 3, 2), chosen_by="test")


def test_executions_of_one_order_count_as_one_purchase_at_the_next_decision(store, services, database_url):
    book_all(store, (a_trade(1, "2027-01-11", 10, 50), a_trade(2, "2027-01-11", 10, 51)))
    with store.transaction() as tx:
        state = load_state(tx, BOOK, SLOT, client_category=ClientCategory.US, taxpayer=Taxpayer())
    assert SaleOutlooks(state, SLOT.session_on)("NVDA", Decimal(10), 45.0).wash_quantity == 10
    one_order = replace(state, order_of_fill={"f1": "entry", "f2": "entry"})
    assert SaleOutlooks(one_order, SLOT.session_on)("NVDA", Decimal(10), 45.0).wash_quantity == 0


def test_the_rows_of_a_year_come_as_a_table_as_json_and_as_files(store, typed, capsys, tmp_path):
    book_all(store, YEAR_END)
    assert main(["tax", "8949", "2026"]) == 0
    shown = capsys.readouterr().out
    assert "US rules, not advice" in shown.splitlines()[0]
    assert "20 sh NVDA" in shown
    assert "nothing of them is to be filed" in shown
    assert "2026 is provisional until 2027-01-30" in shown
    assert main(["tax", "8949", "2026", "--json", "--reported", "nothing", "--out", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["form_8949"][0]["box"] == "C"
    assert told["schedule_d"][0]["adjustment"] == "102.00"
    with (tmp_path / "form_8949_2026.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["f_code"], row["g_adjustment"], row["replacement_lots"]) == ("W", "102.00", "lot.f3")
    assert "US rules, not advice" in (tmp_path / "notes_2026.txt").read_text()


def test_lots_stand_as_they_did_at_the_end_of_a_year(store, typed, capsys):
    book_all(store, YEAR_END)
    assert main(["tax", "lots", "2026"]) == 0
    assert "lots: none" in capsys.readouterr().out
    assert main(["tax", "lots", "2027", "--json"]) == 0
    (lot,) = json.loads(capsys.readouterr().out)["lots"]
    assert (lot["basis_usd"], lot["wash_usd"], lot["holding_starts_on"]) == ("1023.00", "102.00", "2026-08-18")


def test_wash_sales_and_income_of_a_year_are_listed(store, typed, capsys):
    book_all(store, YEAR_END)
    with store.transaction() as tx:
        tx.ledger.add_cash(BOOK, "dividend.NVDA.x", "dividend", Decimal("3.20"), NOW - timedelta(days=40), "NVDA")
        tx.ledger.add_cash(BOOK, "fee.1", "fee", Decimal("-4.50"), NOW - timedelta(days=39), "market data")
    main(["tax", "wash", "2026"])
    assert "lot.f3" in capsys.readouterr().out
    main(["tax", "income", "2026", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert [(r["kind"], r["amount_usd"]) for r in told["income_totals"]] == [("dividend", "3.20"), ("fee", "-4.50")]


def test_the_exit_code_of_the_tie_out_tells(store, typed, capsys, database_url):
    book_all(store, YEAR_END)
    assert main(["tax", "tie-out", "2026"]) == 0
    assert "differences: none" in capsys.readouterr().out
    _run(database_url, "UPDATE desk.lots SET quantity = 19 WHERE lot_id = 'lot.f3'")
    assert main(["tax", "tie-out", "2026"]) == 1


def test_the_method_is_shown_and_chosen_with_a_word_about_the_broker(typed, capsys):
    assert main(["tax", "method"]) == 0
    assert capsys.readouterr().out == f"PAPER {BOOK}: fifo\n"
    assert main(["tax", "method", "hifo", "--since", "2027-02-01"]) == 0
    assert "Tell the broker" in capsys.readouterr().out
    main(["tax", "method"])
    assert "fifo, hifo from 2027-02-01 on" in capsys.readouterr().out


def test_a_book_that_is_not_opened_is_told_and_no_year_before_the_desk_is_asked_for(typed, capsys):
    assert main(["tax", "8949", "2026", "--book", "paper:nobody"]) == 1
    assert "not opened yet" in capsys.readouterr().err


trades = st.lists(
    st.tuples(st.integers(-40, 40).filter(bool), st.integers(5, 200), st.sampled_from([0, 1, 20, 31])), max_size=10
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(trades=trades, method=st.sampled_from(list(LotMethod)))
def test_any_history_ties_in_the_store_and_booking_it_again_changes_nothing(store, trades, method):
    book = BookId.parse(f"paper:{uuid4()}")
    opened(store, book)
    services = Services(store, WeekdayCalendar(), FixedClock(NOW), Sources(), broker=None)
    choose_method(services, book, method, date(2026, 1, 1), chosen_by="test")
    held, on, fills = 0, date(2026, 1, 2), []
    for place, (shares, price, gap) in enumerate(trades):
        shares, on = max(shares, -held), on + timedelta(days=gap)
        if shares:
            held += shares
            fills.append(a_trade(place, on, shares, price, book))
    book_all(store, fills)
    with store.transaction() as tx:
        assert not any(tx.ledger.add_booking(booking_of(tx, fill)) for fill in fills if fill.side is Side.BUY)
        taxes = read_taxes(services, tx, book)
        assert tie(taxes, tx) == ()
        assert sum((lot.quantity for lot in taxes.ledger.lots), Decimal(0)) == held
    tax(services, SPEC, book, SLOT)
    assert tax(services, SPEC, book, SLOT).counts == {
        "rows": len(taxes.ledger.rows), "wash_rows_stored": 0, "differences": 0,
    }  # fmt: skip
