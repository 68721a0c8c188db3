"""Wash sales before they happen, in several books of one taxpayer and in shares that are substantially identical."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from trading.accounting.lots import book_fill
from trading.accounting.tax.records import TaxRules
from trading.accounting.wash_sales import Related, sale_now, sale_outlook, washing
from trading.domain.instruments import BookId
from trading.domain.orders import Side

from tests.builders import BOOK, a_fill

OTHER = BookId.parse("paper:DU0000002")
BOUGHT_ON = date(2026, 1, 5)
ALIKE = TaxRules(groups={"GOOGL": "GOOG"})


def a_day(number):
    return BOUGHT_ON + timedelta(days=number)


def traded(name, bought_on, sold_on=None, sold=10, price=45, *, book=BOOK, symbol="NVDA"):
    """Return what is left of ten shares bought at 50, and the disposal of what was sold of them; no commissions."""
    lots, disposals = (), ()
    for side, on, shares, paid in ((Side.BUY, bought_on, 10, 50), (Side.SELL, sold_on, sold, price)):
        if on is None:
            continue
        fill = a_fill(
            fill_id=f"{name}.{side}", side=side, quantity=Decimal(shares), price=Decimal(paid), book=book,
            symbol=symbol, commission_usd=Decimal(0),
            executed_at=datetime(on.year, on.month, on.day, 16, tzinfo=UTC),
        )  # fmt: skip
        booking = book_fill(fill, lots)
        lots, disposals = booking.lots, booking.disposals
    return lots, disposals


def test_a_loss_of_another_book_keeps_this_one_from_buying_until_shares_replace_it():
    _, lost = traded("a", a_day(0), a_day(60), book=OTHER)
    assert washing((), {}, related=Related((), lost)) == {"NVDA": a_day(90)}
    bought, _ = traded("b", a_day(70))
    assert washing((), {"NVDA": bought}, related=Related((), lost)) == {}
    third, _ = traded("c", a_day(70), book=BookId.parse("paper:DU0000003"))
    assert washing((), {}, related=Related(third, lost)) == {}


def test_a_loss_keeps_every_identical_symbol_closed_and_no_other():
    _, lost = traded("a", a_day(0), a_day(60), symbol="GOOGL")
    assert washing(lost, {}) == {"GOOGL": a_day(90)}
    assert washing(lost, {}, related=Related(rules=ALIKE)) == {"GOOG": a_day(90), "GOOGL": a_day(90)}


def test_an_exempt_loss_and_one_of_an_ira_close_nothing_but_an_ira_may_not_buy_what_another_book_lost():
    _, lost = traded("a", a_day(0), a_day(60), book=OTHER)
    assert washing((), {}, related=Related((), lost, rules=TaxRules(exempt=frozenset({"NVDA"})))) == {}
    assert washing((), {}, related=Related((), lost, rules=TaxRules(iras=frozenset({OTHER})))) == {}
    mine_is_ira = TaxRules(iras=frozenset({BOOK}))
    assert washing((), {}, related=Related((), lost, rules=mine_is_ira)) == {"NVDA": a_day(90)}


def test_shares_that_another_book_bought_lately_replace_what_is_sold_here_at_a_loss():
    lots, _ = traded("a", a_day(0))
    others, _ = traded("b", a_day(50), book=OTHER)
    sale = sale_now(BOOK, "NVDA", Decimal(10), Decimal(45), a_day(60))
    assert sale_outlook(sale, lots, ()).wash_quantity == 0
    outlook = sale_outlook(sale, lots, (), related=Related(others))
    assert (outlook.wash_quantity, outlook.disallowed_usd, outlook.clean_on) == (10, 50, a_day(81))


def test_lots_of_two_books_that_have_one_name_are_two_lots():
    lots, _ = traded("a", a_day(0))
    others, _ = traded("a", a_day(50), book=OTHER)
    sale = sale_now(BOOK, "NVDA", Decimal(10), Decimal(45), a_day(60))
    assert sale_outlook(sale, lots, (), related=Related(others)).clean_on == a_day(81)


@st.composite
def holdings(draw):
    """Lots of which some were sold, each with the book and the symbol that it might as well have."""
    found = []
    for number in range(draw(st.integers(1, 6))):
        bought = draw(st.integers(0, 60))
        sold = draw(st.none() | st.integers(bought + 1, 90))
        terms = {"sold": draw(st.integers(1, 10)), "price": draw(st.sampled_from((40, 45, 60)))}
        place = draw(st.sampled_from(((BOOK, "GOOG"), (BOOK, "GOOGL"), (OTHER, "GOOG"), (OTHER, "GOOGL"))))
        found.append((f"f{number}", a_day(bought), None if sold is None else a_day(sold), terms, place))
    return found


@given(holdings())
def test_in_which_book_and_under_which_name_shares_lie_changes_nothing(given_lots):
    """Shares of one book and symbol are judged alike if some lie in another book or are of the other class."""
    at_one_place, apart = ([], []), ([], [], [], [])
    for name, bought_on, sold_on, terms, (book, symbol) in given_lots:
        lots, sold = traded(name, bought_on, sold_on, **terms, symbol="GOOG")
        at_one_place[0].extend(lots)
        at_one_place[1].extend(sold)
        moved = [[replace(row, book=book, symbol=symbol) for row in rows] for rows in (lots, sold)]
        for rows, kept in zip(moved, apart[:2] if book == BOOK else apart[2:], strict=True):
            kept.extend(rows)
    whole = washing(at_one_place[1], {"GOOG": at_one_place[0]}, related=Related(rules=ALIKE))
    lots_of = {s: tuple(lot for lot in apart[0] if lot.symbol == s) for s in ("GOOG", "GOOGL")}
    related = Related(tuple(apart[2]), tuple(apart[3]), rules=ALIKE)
    assert washing(apart[1], lots_of, related=related) == whole
