"""A statement becomes records as a whole or not at all: what is unknown is an error, never skipped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from ibflex import enums
from trading.adapters import flex_statement
from trading.adapters.flex_statement import read_statement
from trading.domain.orders import Side
from trading.domain.statements import CashKind
from trading.errors import DataRejected, PermanentError, TransientError

from tests.flex_service import ACCOUNT, cash, position, statement, trade, trades


def read(*sections: str, account: str = ACCOUNT):
    return read_statement(statement(*sections).encode(), account=account)


def test_an_execution_is_read_with_reference_commission_and_new_york_time():
    (found,) = read(trades(trade("e1", "GLD", 10, "120.5", orderReference="entry", ibOrderID="1001"))).trades
    assert (found.execution_id, found.order_ref, found.perm_id) == ("e1", "entry", 1001)
    assert (found.symbol, found.side, found.quantity, found.price) == ("GLD", Side.BUY, 10, Decimal("120.5"))
    assert found.commission_usd == 1
    assert found.executed_at == datetime(2019, 6, 3, 14, 30, tzinfo=UTC)


def test_a_sale_has_positive_shares_and_no_reference_when_it_carried_none():
    (found,) = read(trades(trade("e1", "GLD", -10, "120.5", orderReference=""))).trades
    assert (found.side, found.quantity, found.order_ref) == (Side.SELL, 10, None)


def test_an_execution_that_the_broker_took_back_says_so():
    (found,) = read(trades(trade("e1", "GLD", 10, "120.5", buySell="BUY (Ca.)"))).trades
    assert found.is_cancelled


def test_closed_lots_beside_the_executions_are_no_executions():
    lot = '<Lot accountId="DU0000001" currency="USD" symbol="GLD" quantity="10" levelOfDetail="CLOSED_LOT" />'
    assert len(read(trades(trade("e1", "GLD", 10, "120.5"), lot)).trades) == 1


@pytest.mark.parametrize(
    ("words", "kind", "amount"),
    [
        ("Dividends", CashKind.DIVIDEND, "37.5"),
        ("Withholding Tax", CashKind.FEE, "-5.63"),
        ("Broker Interest Paid", CashKind.INTEREST, "-1.2"),
        ("Broker Interest Received", CashKind.INTEREST, "3.1"),
        ("Other Fees", CashKind.FEE, "-10"),
        ("Deposits & Withdrawals", CashKind.DEPOSIT, "5000"),
    ],
)
def test_cash_that_moved_without_a_trade_has_one_of_our_kinds(words, kind, amount):
    (found,) = read(cash("77", words.replace("&", "&amp;"), amount)).cash_items
    assert (found.item_id, found.kind, found.amount_usd) == ("77", kind, Decimal(amount))
    assert found.happened_at == datetime(2019, 6, 4, 0, 20, tzinfo=UTC)


def test_every_kind_of_cash_that_the_broker_knows_has_one_of_ours():
    assert set(flex_statement._CASH_KINDS) == set(enums.CashAction)


def test_sums_beside_the_details_are_not_counted_twice():
    both = cash("", "Dividends", "37.5", levelOfDetail="SUMMARY")
    assert read(both).cash_items == ()


def test_positions_and_the_period_are_read():
    found = read(position("GLD", 10, "120.1"))
    assert (found.positions["GLD"].quantity, found.positions["GLD"].average_cost) == (10, Decimal("120.1"))
    assert (found.account, found.from_on, found.to_on) == (ACCOUNT, date(2019, 6, 3), date(2019, 6, 3))


def test_an_unknown_element_is_an_error_and_not_a_hole_in_the_books():
    with pytest.raises(DataRejected, match="unknown elements: WashSale"):
        read(trades(trade("e1", "GLD", 10, "120.5"), '<WashSale symbol="GLD" />'))


def test_an_unknown_attribute_is_an_error():
    with pytest.raises(DataRejected, match="shoeSize"):
        read(trades(trade("e1", "GLD", 10, "120.5", shoeSize="44")))


def test_an_unknown_word_for_cash_is_an_error():
    with pytest.raises(DataRejected, match="Lottery"):
        read(cash("77", "Lottery", "1000000"))


def test_an_execution_without_its_commission_is_an_error():
    with pytest.raises(DataRejected, match="lacks ibCommission"):
        read(trades(trade("e1", "GLD", 10, "120.5", ibCommission="")))


def test_another_currency_is_an_error():
    with pytest.raises(DataRejected, match="is in EUR"):
        read(trades(trade("e1", "GLD", 10, "120.5", currency="EUR")))


def test_an_option_is_an_error():
    with pytest.raises(DataRejected, match="no stock"):
        read(trades(trade("e1", "GLD", 10, "120.5", assetCategory="OPT")))


def test_a_statement_that_is_cut_off_is_asked_for_again():
    whole = statement(trades(trade("e1", "GLD", 10, "120.5"))).encode()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        with pytest.raises(TransientError, match="cut off"):
            read_statement(whole[:length])


def test_a_statement_with_a_missing_account_is_refused():
    with pytest.raises(PermanentError, match="not of 'DU9'"):
        read(account="DU9")


def test_an_answer_that_declares_entities_is_refused_before_it_is_read():
    with pytest.raises(DataRejected, match="entities"):
        read_statement(b'<!DOCTYPE a [<!ENTITY b "c">]>' + statement().encode())


def test_a_count_that_does_not_fit_is_an_error():
    with pytest.raises(DataRejected):
        read_statement(statement().replace('count="1"', 'count="2"').encode())
