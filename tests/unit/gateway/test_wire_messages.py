"""Which fields a message has at which version: one too many or too few and a reader loses it, or misreads it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.gateway.listings import listing_of
from trading.gateway.records import Execution, GatewayOrder, Status, Ticket
from trading.gateway.wire import account, contracts, frames, market, orders

from tests.fakes import ACCOUNT, ny

NOW = ny("2019-06-03 10:30")
NVDA = listing_of("NVDA")
TICKET = Ticket(7, "NVDA", "SELL", Decimal(10), "TRAIL", "GTC", ACCOUNT, trail_percent=Decimal(12))
ORDER = GatewayOrder(TICKET, 11, 99, None, Status.CANCELLED, stop_price=Decimal(88), done_at=NOW, done_text="why")
DONE = Execution("x.1", 99, Decimal(10), Decimal(100), Decimal(10), Decimal(100), Decimal(1), NOW)
ITEM = account.PortfolioItem(NVDA, Decimal(10), Decimal(110), Decimal(100), Decimal(0))
ALL = range(frames.MIN_VERSION, frames.MAX_VERSION + 1)


def fields(message: bytes) -> list[str]:
    [found] = frames.FrameSplitter().feed(message)
    return found


def lengths(make, versions=ALL) -> dict[int, int]:
    """Return how the number of fields differs from the oldest version, at each version where it changes."""
    first = len(fields(make(versions[0])))
    sizes = {version: len(fields(make(version))) - first for version in versions}
    return {v: size for v, size in sizes.items() if v > versions[0] and size != sizes[v - 1]}


def test_messages_that_readers_unpack_exactly_have_that_many_fields() -> None:
    assert len(fields(account.portfolio(ITEM, ACCOUNT))) == 20
    assert len(fields(account.position(ITEM, ACCOUNT))) == 16
    assert len(fields(account.position_multi(1, ITEM, ACCOUNT))) == 18
    assert len(fields(orders.commission(DONE))) == 8
    assert len(fields(market.tick(1, market.Tick.BID, Decimal(1), is_delayed=False))) == 7


def test_executions_have_31_fields_until_version_178_adds_one() -> None:
    sizes = {v: len(fields(orders.execution(ORDER, DONE, NVDA, -1, v))) for v in ALL}
    assert {v: n for v, n in sizes.items() if n != 31} == {178: 32}


def test_open_orders_grow_at_159_160_162_and_170_and_lose_a_field_at_177() -> None:
    assert lengths(lambda v: orders.open_order(ORDER, NVDA, v)) == {159: 1, 160: 2, 162: 3, 170: 8, 177: 7}


def test_completed_orders_grow_at_170_and_lose_a_field_at_177() -> None:
    assert lengths(lambda v: orders.completed_order(ORDER, NVDA, 0, v)) == {170: 5, 177: 4}


def test_errors_carry_a_reject_reason_from_166() -> None:
    assert lengths(lambda v: orders.error(v, 1, 200, "none")) == {166: 1}


def test_contract_details_tell_one_size_at_163_and_from_164_three_and_no_message_version() -> None:
    old, middle, new = (fields(contracts.contract_details(1, NVDA, "", "", v)) for v in (162, 163, 164))
    assert old[1] == middle[1] == "8"
    assert middle == [*old, "100"]
    assert new[1] == "1"
    assert new[-3:] == ["0.0001", "0.0001", "100"]
    assert len(new) == len(old) - 2 + 3


def test_matching_symbols_describe_themselves_from_176() -> None:
    assert lengths(lambda v: contracts.symbol_samples(1, [NVDA], v)) == {176: 2}


def test_the_delta_neutral_word_is_none_with_eight_fields_in_open_and_four_in_completed_orders() -> None:
    opened, completed = (
        fields(orders.open_order(ORDER, NVDA, 176)),
        fields(orders.completed_order(ORDER, NVDA, 0, 176)),
    )
    assert opened[opened.index("None") + 2 :][:8] == ["0", "", "", "", "?", "0", "0", ""]
    assert completed[completed.index("None") + 2 :][:4] == ["0", "0", "0", ""]


def test_a_trailing_stop_stands_twice_in_an_open_order() -> None:
    assert fields(orders.open_order(ORDER, NVDA, 176)).count("88") == 2


def test_a_price_that_is_not_shown_is_minus_one_and_never_zero() -> None:
    assert fields(market.tick(1, market.Tick.BID, None, is_delayed=False))[4:6] == ["-1", "0"]


@pytest.mark.parametrize("tick", market.Tick)
def test_every_tick_has_a_delayed_number_of_its_own(tick: market.Tick) -> None:
    value = "1" if tick is market.Tick.LAST_TIMESTAMP else 1
    live, delayed = (fields(market.tick(1, tick, value, is_delayed=d))[3] for d in (False, True))
    assert int(live) == tick
    assert int(delayed) in (*range(66, 77), 88, 90)
