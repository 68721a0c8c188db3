"""Bytes of the TWS protocol."""

from __future__ import annotations

from decimal import Decimal

import pytest
from trading.gateway.records import Refusal
from trading.gateway.wire import frames
from trading.gateway.wire.frames import Request
from trading.gateway.wire.tickets import read_instant, read_ticket

from tests.fakes import ny


@pytest.mark.parametrize(("client_max", "announced"), [(157, 157), (158, 157), (176, 176), (178, 178), (226, 178)])
def test_the_version_announced_is_one_that_both_sides_read_alike(client_max: int, announced: int) -> None:
    assert frames.negotiate(client_max) == announced


def test_a_stream_cut_anywhere_gives_the_same_messages() -> None:
    stream = frames.frame(1, "a", None) + frames.frame(2, True, Decimal("1.50"))
    whole = list(frames.FrameSplitter().feed(stream))
    assert whole == [["1", "a", ""], ["2", "1", "1.5"]]
    for cut in range(len(stream)):
        splitter = frames.FrameSplitter()
        assert [*splitter.feed(stream[:cut]), *splitter.feed(stream[cut:])] == whole


def test_numbers_are_written_without_an_exponent() -> None:
    [fields] = frames.FrameSplitter().feed(frames.frame(1e-05, Decimal("1E+3"), 0.1, -1.0))
    assert fields == ["0.00001", "1000", "0.1", "-1"]


def test_an_absurd_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes"):
        list(frames.FrameSplitter().feed(b"\xff\xff\xff\xff"))


def test_a_request_that_is_too_short_is_refused_and_not_misread() -> None:
    with pytest.raises(Refusal, match="ends after"):
        read_ticket(1, Request(["0", "NVDA"]), 176)


@pytest.mark.parametrize("text", ["nan", "Infinity", "12,5", "abc", "1e999999999", "1e-999999999"])
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        frames.number(text)
    assert refused.value.code == 320


@pytest.mark.parametrize(
    "text",
    [
        "20190603-14:30:00",
        "20190603 14:30:00",
        "20190603 10:30:00 US/Eastern",
        "20190603-14:30:00 UTC",
        "20190603 10:30:00 America/New_York",
    ],
)
def test_instants_are_read_in_each_form_that_clients_write(text: str) -> None:
    assert read_instant(text) == ny("2019-06-03 10:30")


@pytest.mark.parametrize("text", ["tomorrow", "20190603 10:30:00 Mars/Olympus", "2019-06-03T10:30:00"])
def test_an_instant_in_another_form_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(Refusal) as refused:
        read_instant(text)
    assert refused.value.code == 391
