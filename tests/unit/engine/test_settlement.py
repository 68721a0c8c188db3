from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.orders import Side
from trading.domain.portfolio import Portfolio
from trading.domain.settlement import sessions_to_settle
from trading.engine.settlement import settled_cash_usd, settlement_days, with_proceeds
from trading.engine.state import BookState
from trading.ports import settlement_day
from trading.tasks.facts import timeline_of

from tests.builders import AS_OF, BOOK, a_fill, a_lot

CALENDAR = NyseCalendar()


@pytest.mark.parametrize(
    ("traded_on", "settles_on"),
    [
        (date(2017, 9, 1), date(2017, 9, 7)),
        (date(2017, 9, 5), date(2017, 9, 7)),
        (date(2019, 6, 3), date(2019, 6, 5)),
        (date(2019, 7, 2), date(2019, 7, 5)),
        (date(2024, 5, 24), date(2024, 5, 29)),
        (date(2024, 5, 28), date(2024, 5, 29)),
        (date(2024, 8, 30), date(2024, 9, 3)),
    ],
)
def test_cash_arrives_as_many_sessions_later_as_the_rule_of_its_day_says(traded_on, settles_on):
    assert settlement_day(CALENDAR, traded_on) == settles_on
    assert settlement_days(timeline_of(CALENDAR, traded_on, date(2024, 9, 6)))[traded_on] == settles_on


def test_the_first_rule_holds_before_it_began():
    assert sessions_to_settle(date(1990, 1, 2)) == 3


def test_proceeds_wait_and_are_then_spendable():
    sale = book_fill(a_fill(side=Side.SELL, commission_usd=Decimal(1), quantity=Decimal(5)), [a_lot()])
    book = BookState(Portfolio(BOOK, AS_OF, Decimal(1_000) + sale.cash_usd), unsettled={})
    monday, wednesday = date(2019, 6, 3), date(2019, 6, 5)
    sold = with_proceeds(book, [sale], {monday: wednesday}, monday)
    assert sold.unsettled == {wednesday: sale.cash_usd}
    assert settled_cash_usd(sold, monday) == settled_cash_usd(sold, date(2019, 6, 4)) == 1_000
    assert settled_cash_usd(sold, wednesday) == sold.portfolio.cash_usd
    assert with_proceeds(sold, [], {}, wednesday).unsettled == {}


def test_a_purchase_leaves_nothing_on_its_way_and_a_margin_account_knows_no_waiting():
    purchase = book_fill(a_fill(), [])
    book = BookState(Portfolio(BOOK, AS_OF, Decimal(1_000)), unsettled={})
    assert with_proceeds(book, [purchase], {}, date(2019, 6, 3)) == book
    margin = replace(book, unsettled=None)
    assert with_proceeds(margin, [purchase], {}, date(2019, 6, 3)) is margin
    assert settled_cash_usd(margin, date(2019, 6, 3)) is None
