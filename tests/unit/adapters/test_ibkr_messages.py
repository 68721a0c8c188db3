"""Every message code has one meaning."""

from __future__ import annotations

from itertools import chain

import pytest
from trading.adapters.ibkr.messages import CODES, MessageClass, classify

HARMLESS = (104, 105, 399, 404, 10006, 10147, 10148, 10349)


def test_every_class_but_unknown_has_its_codes() -> None:
    assert set(CODES) == set(MessageClass) - {MessageClass.UNKNOWN}
    assert all(CODES.values())


def test_no_code_is_in_two_classes() -> None:
    listed = list(chain.from_iterable(CODES.values()))
    assert len(listed) == len(set(listed))


def test_any_code_has_a_class() -> None:
    assert {type(classify(code)) for code in range(-1, 11_000)} == {MessageClass}


@pytest.mark.parametrize("code", HARMLESS)
def test_codes_of_live_orders_never_end_one(code: int) -> None:
    assert classify(code) not in (MessageClass.REFUSED, MessageClass.ORDER_ENDED)


def test_a_code_that_nobody_listed_concludes_nothing() -> None:
    assert classify(10_999) is MessageClass.UNKNOWN


def test_loss_and_return_of_the_broker_are_told_apart() -> None:
    assert [classify(code) for code in (1100, 2110, 1101, 1102)] == [
        MessageClass.LOST, MessageClass.LOST, MessageClass.BACK, MessageClass.BACK,
    ]  # fmt: skip
