"""Bytes of the TWS protocol."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.gateway import wire
from trading.gateway.records import Refusal


@pytest.mark.parametrize(("client_max", "announced"), [(157, 157), (158, 157), (176, 176), (178, 178), (226, 178)])
def test_the_version_announced_is_one_that_both_sides_read_alike(client_max: int, announced: int) -> None:
    assert wire.negotiate(client_max) == announced


def test_a_stream_cut_anywhere_gives_the_same_messages() -> None:
    stream = wire.frame(1, "a", None) + wire.frame(2, True, Decimal("1.50"))
    whole = list(wire.FrameSplitter().feed(stream))
    assert whole == [["1", "a", ""], ["2", "1", "1.5"]]
    for cut in range(len(stream)):
        splitter = wire.FrameSplitter()
        assert [*splitter.feed(stream[:cut]), *splitter.feed(stream[cut:])] == whole


def test_an_absurd_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        list(wire.FrameSplitter().feed(b"\xff\xff\xff\xff"))


def test_a_request_that_is_too_short_is_refused_and_not_misread() -> None:
    with pytest.raises(Refusal, match="fields"):
        wire.read_ticket(["1", "0", "NVDA"], 176)
