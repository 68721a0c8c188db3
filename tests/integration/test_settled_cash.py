"""The cash of a cash account as the ledger knows it: what was sold is on its way until it settles."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from trading.accounting.lots import book_fill
from trading.adapters.clock import SystemClock
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.instruments import ClientCategory
from trading.domain.orders import Side
from trading.domain.portfolio import AccountType
from trading.engine.settlement import settled_cash_usd
from trading.ports import Services, Sources
from trading.ports.tax import Taxpayer
from trading.tasks.facts import load_state, unsettled_of

from tests.builders import AS_OF, BOOK, a_fill
from tests.fakes import ny

CALENDAR = NyseCalendar()


@pytest.fixture
def services(store) -> Services:
    """A book that bought ten shares for 1,001 USD and sold five for 499 on Monday, 3 June 2019."""
    fills = (
        a_fill(),
        a_fill(fill_id="f2", side=Side.SELL, quantity=Decimal(5), executed_at=AS_OF + timedelta(hours=1)),
    )
    with store.transaction() as tx:
        tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AS_OF, cash_usd=Decimal(2_000))
        for fill in fills:
            tx.ledger.add_booking(book_fill(fill, tx.ledger.lots(BOOK, fill.symbol)))
    return Services(store, CALENDAR, SystemClock(), Sources(), None, account_type=AccountType.CASH)


@pytest.mark.parametrize(
    ("at", "waiting_usd", "settled_usd"),
    [("2019-06-03 15:30", [499], 999), ("2019-06-04 10:30", [499], 999), ("2019-06-05 10:30", [], 1_498)],
)
def test_a_sale_may_be_spent_two_sessions_later_in_2019(services, at, waiting_usd, settled_usd):
    slot = CALENDAR.slot_at(ny(at))
    with services.store.transaction() as tx:
        waiting = unsettled_of(services, tx, BOOK, slot)
        state = load_state(tx, BOOK, slot, unsettled=waiting, client_category=ClientCategory.US, taxpayer=Taxpayer())
    assert list(waiting.values()) == waiting_usd
    assert settled_cash_usd(state, slot.session_on) == settled_usd
    assert state.portfolio.cash_usd == 1_498


def test_in_a_margin_account_nothing_waits(store, services):
    margin = Services(store, CALENDAR, SystemClock(), Sources(), None)
    with store.transaction() as tx:
        assert unsettled_of(margin, tx, BOOK, CALENDAR.slot_at(ny("2019-06-03 15:30"))) is None
