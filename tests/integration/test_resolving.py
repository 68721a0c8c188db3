"""What an operator does about a break: into the books, out of them, or explained; each leaves a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from trading.domain.market import ActionKind
from trading.domain.orders import OrderEvent, OrderStatus, Side
from trading.domain.portfolio import TradingState
from trading.domain.statements import CashKind
from trading.errors import PermanentError
from trading.ports import BrokerOrder, Services
from trading.tasks.reconcile import reconcile
from trading.tasks.resolving import adopt_break, effects_of, open_break, resolve_break

from tests.builders import an_action, an_origin
from tests.fakes import FakeBroker
from tests.integration.reconcile_desk import (
    BOOK,
    GUARDS,
    NIGHT,
    SLOT,
    SPEC,
    a_stranger,
    answers,
    end_guards,
    open_desk,
    sound_broker,
    state_of,
)

ME = {"reason": "because", "actor": "cli:me"}


@pytest.fixture
def broker() -> FakeBroker:
    return sound_broker()


@pytest.fixture
def desk(store, broker) -> Services:
    return open_desk(store, broker)


@pytest.fixture
def ask(database_url):
    return answers(database_url)


def only_break(desk: Services) -> int:
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        (found,) = tx.reconciliations.breaks(BOOK)
    return found.break_id


def is_clean(desk: Services) -> bool:
    return reconcile(desk, SPEC, BOOK, SLOT).counts["differences"] == 0


def effects(desk: Services, number: int):
    with desk.store.transaction() as tx:
        return effects_of(tx, open_break(tx, BOOK, number))


def test_shares_that_a_person_bought_stay_outside_the_book_and_the_symbol_is_free_again(desk, broker, ask):
    a_stranger(broker, "TSLA", 5, "200")
    number = only_break(desk)
    assert effects(desk, number).adopt.startswith("TSLA: +5 shares and -1,001.00 USD stay outside")
    adopt_break(desk, BOOK, number, **ME)
    assert is_clean(desk)
    broker.fills, broker.at = [], NIGHT + timedelta(days=1)
    assert is_clean(desk)
    with desk.store.transaction() as tx:
        assert tx.controls.holds(BOOK) == {}
        portfolio = tx.ledger.portfolio(BOOK, broker.at)
    assert set(portfolio.positions) == {"GLD"}
    assert portfolio.cash_usd == 98_799
    assert ask("SELECT actor, action, detail ->> 'reason' FROM ops.audit") == [("cli:me", "reconcile.adopt", "because")]


def test_what_is_outside_may_be_sold_again_by_the_person_who_bought_it(desk, broker):
    a_stranger(broker, "TSLA", 5, "200")
    adopt_break(desk, BOOK, only_break(desk), **ME)
    a_stranger(broker, "TSLA", -5, "210", fill_id="hand2")
    adopt_break(desk, BOOK, only_break(desk), **ME)
    assert is_clean(desk)


def test_the_books_own_shares_sold_by_hand_are_a_sale_of_the_book(desk, broker, ask):
    a_stranger(broker, "GLD", -10, "125")
    end_guards(broker)
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        (number,) = [b.break_id for b in tx.reconciliations.breaks(BOOK) if b.difference.kind == "foreign_fill"]
    assert "the sale is booked" in adopt_break(desk, BOOK, number, **ME)
    assert is_clean(desk)
    assert ask("SELECT quantity, proceeds_usd FROM desk.disposals") == [(10, 1249)]
    assert ask("SELECT * FROM ops.externals") == []


def test_a_sale_that_is_neither_outside_nor_the_books_alone_is_refused(desk, broker):
    a_stranger(broker, "GLD", -11, "125")
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        (number,) = [b.break_id for b in tx.reconciliations.breaks(BOOK) if b.difference.kind == "foreign_fill"]
    assert "not possible" in effects(desk, number).adopt
    with pytest.raises(PermanentError, match="neither"):
        adopt_break(desk, BOOK, number, **ME)


def test_an_order_by_hand_that_was_adopted_is_left_alone_and_holds_nothing(desk, broker):
    broker.orders["by hand"] = BrokerOrder(
        None, None, 7001, "TSLA", OrderStatus.SUBMITTED, Decimal(5), Decimal(0), Side.BUY
    )
    adopt_break(desk, BOOK, only_break(desk), **ME)
    assert is_clean(desk)
    with desk.store.transaction() as tx:
        assert tx.controls.holds(BOOK) == {}
    assert broker.orders["by hand"].status is OrderStatus.SUBMITTED


@pytest.mark.parametrize("kind", list(CashKind))
def test_b19_cash_that_nothing_explains_is_booked_as_what_a_person_says_it_is(desk, broker, ask, kind):
    broker.cash_usd -= Decimal("12.5")
    number = only_break(desk)
    assert "-12.50 USD are booked" in effects(desk, number).adopt
    with pytest.raises(PermanentError, match="--as"):
        adopt_break(desk, BOOK, number, **ME)
    adopt_break(desk, BOOK, number, cash_kind=kind, **ME)
    assert ask(f"SELECT kind, amount_usd FROM desk.cash_entries WHERE entry_id = 'operator.{number}'") == [
        (kind.value, Decimal("-12.5"))
    ]
    assert is_clean(desk)


def test_shares_that_were_transferred_in_stay_outside(desk, broker):
    broker.positions["TSLA"] = Decimal(50)
    adopt_break(desk, BOOK, only_break(desk), **ME)
    assert is_clean(desk)


def test_shares_that_are_gone_cannot_be_adopted_away(desk, broker):
    broker.positions["GLD"] = Decimal(4)
    number = only_break(desk)
    with pytest.raises(PermanentError, match="6 shares less"):
        adopt_break(desk, BOOK, number, **ME)
    assert state_of(desk) is TradingState.HALTED


def unknown_stop(desk: Services, broker: FakeBroker) -> int:
    """Leave the fate of the stop unknown and return the number of that break."""
    with desk.store.transaction() as tx:
        tx.orders.record(tx.orders.get("stop"), OrderEvent("stop", OrderStatus.UNKNOWN, NIGHT, detail="no answer"))
    broker.orders.pop("stop")
    reconcile(desk, SPEC, BOOK, SLOT)
    with desk.store.transaction() as tx:
        (number,) = [b.break_id for b in tx.reconciliations.breaks(BOOK) if b.difference.kind == "unknown_order"]
    return number


def test_an_order_of_unknown_fate_is_ended_when_the_broker_shows_nothing_of_it(desk, broker, ask):
    number = unknown_stop(desk, broker)
    resolve_break(desk, BOOK, number, **ME)
    assert ask("SELECT status, detail FROM desk.orders WHERE order_id = 'stop'") == [
        ("cancelled", "never reached the broker or cancelled there, by cli:me: because")
    ]
    assert ask("SELECT resolution, resolved_by FROM ops.breaks WHERE kind = 'unknown_order'") == [
        ("never reached or cancelled: because", "cli:me")
    ]
    assert ask("SELECT action FROM ops.audit") == [("reconcile.resolve",)]


def test_an_order_of_unknown_fate_that_the_broker_shows_is_not_ended_by_a_person(desk, broker):
    stop = broker.orders["stop"]
    number = unknown_stop(desk, broker)
    broker.orders["stop"] = stop
    with pytest.raises(PermanentError, match="the broker shows order stop"):
        resolve_break(desk, BOOK, number, **ME)


def test_an_order_of_unknown_fate_is_not_ended_while_the_position_does_not_tie(desk, broker):
    number = unknown_stop(desk, broker)
    broker.positions = {}
    with pytest.raises(PermanentError, match="may have filled"):
        resolve_break(desk, BOOK, number, **ME)


def test_an_explanation_closes_a_break_and_what_is_still_there_opens_again(desk, broker, ask):
    broker.cash_usd -= 5
    number = only_break(desk)
    resolve_break(desk, BOOK, number, **ME)
    assert ask("SELECT resolution FROM ops.breaks WHERE closed_at IS NOT NULL") == [("explained: because",)]
    assert not is_clean(desk)
    assert ask("SELECT count(*) FROM ops.breaks") == [(2,)]


def test_a_break_is_closed_once_and_belongs_to_its_book(desk, broker):
    broker.cash_usd -= 5
    number = only_break(desk)
    resolve_break(desk, BOOK, number, **ME)
    with pytest.raises(PermanentError, match="is closed since"):
        resolve_break(desk, BOOK, number, **ME)
    with pytest.raises(PermanentError, match="has no break 99"):
        adopt_break(desk, BOOK, 99, **ME)


def test_missing_protection_cannot_be_adopted(desk, broker):
    broker.orders["stop"] = replace(broker.orders["stop"], status=OrderStatus.CANCELLED)
    number = only_break(desk)
    assert effects(desk, number).adopt is None
    with pytest.raises(PermanentError, match="cannot be adopted"):
        adopt_break(desk, BOOK, number, **ME)


def split_two_for_one(desk: Services, symbol: str, ex_on: date) -> None:
    action = an_action(symbol=symbol, kind=ActionKind.SPLIT, ex_on=ex_on, value=2.0)
    with desk.store.transaction() as tx:
        tx.market.add_actions([action], an_origin())


@pytest.mark.parametrize("is_adopted", [True, False])
@pytest.mark.parametrize("shown", [5, 10], ids=["the broker shows it later", "the broker shows it"])
def test_what_is_outside_survives_a_split(desk, broker, is_adopted, shown):
    a_stranger(broker, "TSLA", 5, "200")
    number = only_break(desk)
    if is_adopted:
        adopt_break(desk, BOOK, number, **ME)
    split_two_for_one(desk, "TSLA", date(2019, 6, 4))
    broker.fills, broker.at = [], NIGHT + timedelta(days=1)
    broker.positions["TSLA"] = Decimal(shown)
    assert is_clean(desk)
    broker.at, broker.positions["TSLA"] = NIGHT + timedelta(days=2), Decimal(10)
    assert is_clean(desk)
    assert state_of(desk) is TradingState.ACTIVE


def test_shares_that_came_after_a_split_are_not_split_again(desk, broker):
    split_two_for_one(desk, "TSLA", date(2019, 6, 3))
    a_stranger(broker, "TSLA", 5, "200")
    adopt_break(desk, BOOK, only_break(desk), **ME)
    broker.fills, broker.at = [], NIGHT + timedelta(days=1)
    assert is_clean(desk)


@pytest.mark.parametrize("shown", [15, 30], ids=["the broker shows it later", "the broker shows it"])
def test_a_split_reaches_shares_of_the_book_and_those_outside_alike(desk, broker, shown):
    a_stranger(broker, "GLD", 5, "120")
    adopt_break(desk, BOOK, only_break(desk), **ME)
    split_two_for_one(desk, "GLD", date(2019, 6, 4))
    broker.fills, broker.at, broker.positions["GLD"] = [], NIGHT + timedelta(days=1), Decimal(shown)
    for guard in GUARDS:
        broker.orders[guard] = replace(broker.orders[guard], quantity=Decimal(20))
    assert is_clean(desk)


def test_shares_outside_that_were_split_may_be_sold_by_the_person_who_bought_them(desk, broker):
    a_stranger(broker, "TSLA", 5, "200")
    adopt_break(desk, BOOK, only_break(desk), **ME)
    split_two_for_one(desk, "TSLA", date(2019, 6, 4))
    broker.fills, broker.at, broker.positions["TSLA"] = [], NIGHT + timedelta(days=1), Decimal(10)
    a_stranger(broker, "TSLA", -10, "105", fill_id="hand2")
    broker.fills = [replace(fill, executed_at=broker.at) for fill in broker.fills]
    adopt_break(desk, BOOK, only_break(desk), **ME)
    assert is_clean(desk)
