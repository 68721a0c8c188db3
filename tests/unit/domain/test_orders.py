from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product

import pytest
from trading.domain.instruments import BookId, BookKind
from trading.domain.orders import LATE, MOVES, OrderPurpose, OrderStatus, advance, order_ref_for, purpose_in
from trading.errors import InvariantBroken

from tests.builders import an_event, an_order


@pytest.mark.parametrize(("status", "news"), product(OrderStatus, OrderStatus))
def test_every_state_answers_every_event(status, news):
    order = an_order(status=status)
    event = an_event(order, news)
    if news in LATE.get(status, ()):
        assert advance(order, event) is order
    elif news in MOVES[status]:
        assert advance(order, event).status is news
    else:
        with pytest.raises(InvariantBroken, match="cannot become"):
            advance(order, event)


def test_a_fill_after_a_cancel_counts():
    cancelled = an_order(status=OrderStatus.CANCELLED)
    filled = advance(cancelled, an_event(cancelled, OrderStatus.FILLED, filled_quantity=Decimal(10)))
    assert (filled.status, filled.filled_quantity) == (OrderStatus.FILLED, 10)


@pytest.mark.parametrize("over", [OrderStatus.CANCELLED, OrderStatus.EXPIRED, OrderStatus.REJECTED])
@pytest.mark.parametrize("seen", [OrderStatus.SUBMITTED, OrderStatus.UNKNOWN])
def test_only_an_end_that_was_inferred_gives_way_to_the_brokers_word_that_it_works(over, seen):
    believed = an_order(status=over, is_inferred=True)
    back = advance(believed, an_event(believed, seen, broker_order_id=7))
    assert (back.status, back.is_inferred, back.broker_order_id) == (seen, False, 7)
    assert advance(believed, an_event(believed, seen, is_inferred=True)) is believed, "two guesses are no word"
    heard = an_order(status=over)
    assert advance(heard, an_event(heard, seen)) is heard


def test_the_filled_quantity_never_falls_and_never_exceeds_the_order():
    order = an_order(status=OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal(6))
    late = advance(order, an_event(order, OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal(4)))
    assert late.filled_quantity == 6
    with pytest.raises(InvariantBroken, match="11 of 10"):
        advance(order, an_event(order, OrderStatus.FILLED, filled_quantity=Decimal(11)))


def test_an_order_has_one_name_for_ever_and_books_do_not_share_it():
    order = an_order()
    assert an_order().order_id == order.order_id
    other = order_ref_for(BookId(BookKind.PAPER, "DU1"), order.decision_id, "NVDA", OrderPurpose.ENTRY, 0)
    assert other != order.order_id
    assert len(order_ref_for(order.book, "d" * 200, "ABCDEFGHIJKL", OrderPurpose.TARGET, 2)) <= 40


def test_news_of_another_order_is_refused():
    order = an_order()
    with pytest.raises(InvariantBroken, match="applied to"):
        advance(order, replace(an_event(order, OrderStatus.RESERVED), order_id="x"))


@pytest.mark.parametrize("purpose", OrderPurpose)
def test_a_reference_of_ours_tells_its_purpose_and_a_foreign_one_none(purpose):
    ours = order_ref_for(BookId(BookKind.PAPER, "DU1"), "hourly.20240612T1430.paper:DU1", "BRK.B", purpose, 0)
    assert purpose_in(ours) is purpose
    assert purpose_in(order_ref_for(BookId(BookKind.PAPER, "DU1"), "d", "NVDA", purpose, 3)) is purpose
    for foreign in (None, "", "manual", f"{purpose}", f"{purpose}.0.ab", f"NVDA.0.{purpose}.ab", "NVDA.hedge.0.ab"):
        assert purpose_in(foreign) is None, foreign
