"""The broker's statement on a real database: what it adds to the ledger, once, and what it does not explain."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from trading.adapters.flex_statement import read_statement
from trading.domain.orders import OrderEvent, OrderStatus
from trading.domain.portfolio import TradingState
from trading.ports import Services
from trading.tasks.reconcile import reconcile
from trading.tasks.statements import import_statement

from tests.fakes import FakeBroker
from tests.flex_service import ACCOUNT, cash, position, statement, trade, trades
from tests.integration.reconcile_desk import (
    AS_OF,
    BOOK,
    NIGHT,
    SLOT,
    SPEC,
    answers,
    end_guards,
    open_desk,
    sound_broker,
    state_of,
)


@dataclass
class FixedStatements:
    """A source that has one statement."""

    text: str

    def fetch(self):
        body = self.text.encode()
        return body, read_statement(body, account=ACCOUNT)


@pytest.fixture
def broker() -> FakeBroker:
    return sound_broker()


@pytest.fixture
def desk(store, broker) -> Services:
    return open_desk(store, broker)


@pytest.fixture
def ask(database_url):
    return answers(database_url)


def take(desk: Services, *sections: str):
    return import_statement(replace(desk, statements=FixedStatements(statement(*sections))), SPEC, BOOK, SLOT)


BOUGHT = trade("x1", "GLD", 10, "120", orderReference="entry", ibOrderID="1001")


def test_without_a_statement_the_night_goes_on_and_says_so(desk):
    found = import_statement(desk, SPEC, BOOK, SLOT)
    assert not found.degraded
    assert "AIRDESK_FLEX_URL" in found.notes[0]


def test_an_equal_statement_adds_nothing_and_is_kept_as_received_once(desk, ask):
    take(desk, trades(BOUGHT), position("GLD", 10, "120.1"))
    again = take(desk, trades(BOUGHT), position("GLD", 10, "120.1"))
    assert again.notes == ("this statement was imported before",)
    ((account, body),) = ask("SELECT account, body_gzip FROM staging.statements")
    assert account == ACCOUNT
    assert b'ibExecID="x1"' in gzip.decompress(bytes(body))
    assert ask("SELECT count(*) FROM desk.fills") == [(1,)]
    assert ask("SELECT * FROM ops.breaks") == []


@pytest.mark.parametrize(
    "named",
    [{"orderReference": "stop"}, {"orderReference": None, "ibOrderID": "1002"}],
    ids=["by its reference", "by its permanent id"],
)
def test_an_execution_that_the_broker_forgot_before_we_saw_it_is_booked_once(desk, broker, ask, named):
    sold = trade("x2", "GLD", -10, "110", **named)
    broker.fills, broker.positions, broker.cash_usd = [], {}, broker.cash_usd + 1099
    broker.at = NIGHT + timedelta(days=1)
    end_guards(broker)
    del broker.orders["stop"]
    with desk.store.transaction() as tx:
        tx.orders.record(tx.orders.get("stop"), OrderEvent("stop", OrderStatus.UNKNOWN, NIGHT, detail="no answer"))
    for note in ("first", "second"):
        take(desk, trades(BOUGHT, sold), position(note, 1, "1"))
    assert ask("SELECT fill_id, order_id FROM desk.fills ORDER BY fill_id") == [("x1", "entry"), ("x2", "stop")]
    assert ask("SELECT status FROM desk.orders WHERE order_id = 'stop'") == [("filled",)]
    assert not reconcile(desk, SPEC, BOOK, SLOT).degraded
    assert "1 executions" in ask("SELECT body FROM ops.outbox")[0][0]


def test_more_shares_than_our_order_asked_for_halt_instead_of_being_booked(desk, ask):
    take(desk, trades(BOUGHT, trade("x9", "GLD", 10, "120", orderReference="entry")))
    assert ask("SELECT count(*) FROM desk.fills") == [(1,)]
    assert ask("SELECT kind FROM ops.breaks") == [("fill_terms",)]
    assert state_of(desk) is TradingState.HALTED


@pytest.mark.parametrize(
    ("changes", "kind", "state"),
    [
        ({"tradePrice": "120.01"}, "fill_terms", TradingState.HALTED),
        ({"quantity": "9"}, "fill_terms", TradingState.HALTED),
        ({"buySell": "BUY (Ca.)"}, "fill_terms", TradingState.HALTED),
        ({"ibCommission": "-1.25"}, "commission_terms", TradingState.ACTIVE),
    ],
)
def test_an_execution_that_the_statement_tells_differently_is_a_break(desk, ask, changes, kind, state):
    terms = {"orderReference": "entry", "ibOrderID": "1001"} | changes
    found = take(desk, trades(trade("x1", "GLD", 10, "120", **terms)))
    assert found.degraded
    assert ask("SELECT kind FROM ops.breaks") == [(kind,)]
    assert state_of(desk) is state


def test_a_price_is_compared_on_the_ledgers_four_decimals(desk, ask):
    take(desk, trades(trade("x1", "GLD", 10, "120.00004", orderReference="entry")))
    assert ask("SELECT * FROM ops.breaks") == []


def test_a_commission_that_the_api_never_sent_is_filled_in(desk, ask):
    from trading.accounting.lots import book_fill
    from trading.domain.fills import Fill
    from trading.domain.orders import Side

    with desk.store.transaction() as tx:
        late = Fill("x2", None, BOOK, "SLV", Side.BUY, Decimal(5), Decimal(14), None, AS_OF)
        tx.ledger.add_booking(book_fill(late, ()))
    found = take(desk, trades(BOUGHT, trade("x2", "SLV", 5, "14")))
    assert found.counts["commissions"] == 1
    assert ask("SELECT commission_usd FROM desk.fills WHERE fill_id = 'x2'") == [(1,)]


@pytest.mark.parametrize(
    ("words", "amount", "kind"),
    [
        ("Dividends", "37.5", "dividend"),
        ("Other Fees", "-10", "fee"),
        ("Broker Interest Paid", "-1.2", "interest"),
        ("Deposits &amp; Withdrawals", "5000", "deposit"),
    ],
)
def test_b19_a_dividend_fee_interest_or_deposit_becomes_a_cash_entry_once(desk, broker, ask, words, amount, kind):
    broker.cash_usd += Decimal(amount)
    for note in ("first", "second"):
        take(desk, cash("77", words, amount), position(note, 1, "1"))
    entries = ask("SELECT entry_id, kind, amount_usd FROM desk.cash_entries WHERE entry_id LIKE 'statement.%'")
    assert entries == [("statement.77", kind, Decimal(amount))]
    assert not reconcile(desk, SPEC, BOOK, SLOT).degraded


def test_cash_of_before_the_opening_is_in_the_opening_cash_already(desk, ask):
    take(desk, cash("77", "Deposits &amp; Withdrawals", "100000", dateTime="2019-05-20;12:00:00"))
    assert ask("SELECT * FROM desk.cash_entries WHERE entry_id LIKE 'statement.%'") == []


def test_a_dividend_that_was_counted_on_its_ex_date_is_under_way_until_the_statement_pays_it(desk, broker, ask):
    with desk.store.transaction() as tx:
        tx.ledger.add_cash(BOOK, "dividend.GLD.2019-06-03", "dividend", Decimal("37.50"), AS_OF, "GLD")
    assert not reconcile(desk, SPEC, BOOK, SLOT).degraded
    broker.cash_usd += Decimal("37.50")
    take(desk, cash("77", "Dividends", "37.5", symbol="GLD"))
    assert not reconcile(desk, SPEC, BOOK, SLOT).degraded
    assert ask("SELECT sum(amount_usd) FROM desk.cash_entries WHERE kind = 'dividend'") == [(Decimal("37.50"),)]
    broker.cash_usd -= Decimal("37.50")
    assert reconcile(desk, SPEC, BOOK, SLOT).degraded


def test_a_trade_by_hand_on_the_statement_holds_its_symbol(desk, broker, ask):
    broker.fills, broker.at = [], NIGHT + timedelta(days=1)
    broker.positions["TSLA"], broker.cash_usd = Decimal(5), broker.cash_usd - 1001
    take(desk, trades(BOUGHT, trade("hand1", "TSLA", 5, "200")))
    assert not reconcile(desk, SPEC, BOOK, SLOT).counts["differences"]
    assert ask("SELECT kind, symbol FROM ops.breaks WHERE closed_at IS NULL") == [("foreign_fill", "TSLA")]
    assert state_of(desk) is TradingState.ACTIVE


def test_the_brokers_own_average_cost_is_told_and_changes_nothing(desk, ask):
    found = take(desk, trades(BOUGHT), position("GLD", 10, "125.00"))
    assert found.notes == ("GLD: average cost 120.1000 here, 125.0000 at the broker",)
    assert not found.degraded
    assert ask("SELECT cost_per_share FROM desk.lots") == [(Decimal("120.1"),)]


def test_a_statement_proves_nothing_about_now(desk):
    take(desk, trades(BOUGHT))
    with desk.store.transaction() as tx:
        assert tx.reconciliations.last_clean_at(BOOK) is None
        assert tx.reconciliations.clean_sessions(BOOK, "") == 0


def test_what_an_operator_explained_is_not_asked_again_by_the_next_statement(desk, ask):
    dear = trade("x1", "GLD", 10, "120", orderReference="entry", ibCommission="-1.25")
    take(desk, trades(dear))
    ((number,),) = ask("SELECT break_id FROM ops.breaks")
    with desk.store.transaction() as tx:
        tx.reconciliations.close_break(number, resolution="exchange fee", actor="cli:me")
    assert not take(desk, trades(dear), position("GLD", 10, "120.1")).degraded
    assert ask("SELECT count(*) FROM ops.breaks") == [(1,)]
