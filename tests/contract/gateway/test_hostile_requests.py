"""A client that sends nonsense is answered or dropped, and everybody else is served. No client library is needed."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator

import pytest
from trading.gateway.session import HANDLERS
from trading.gateway.wire.frames import MAX_FRAME_BYTES, FrameSplitter, frame

from tests.fakes import RunningGateway

START_API, CURRENT_TIME, PLACE_ORDER = 71, 49, 3
ODDITIES = ("", "0", "1", "-1", "NVDA", "1e999999999", "nan", "2147483648", "\x7f", "ü", "20190603 10:30:00", "9" * 400)


class RawClient:
    """A socket with the handshake done."""

    def __init__(self, port: int, client_id: int = 11) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._frames = FrameSplitter()
        self._socket.sendall(b"API\0" + struct.pack(">I", 9) + b"v157..178")
        self.send(START_API, 2, client_id, "")
        self.settle()

    def send(self, *fields: object) -> None:
        self._socket.sendall(frame(*fields))

    def send_bytes(self, data: bytes) -> None:
        self._socket.sendall(data)

    def settle(self) -> list[list[str]]:
        """Return the answers up to that of a question for the time."""
        self.send(CURRENT_TIME, 1)
        heard: list[list[str]] = []
        while not heard or heard[-1][0] != str(CURRENT_TIME):
            data = self._socket.recv(65536)
            assert data, "the gateway hung up"
            heard += self._frames.feed(data)
        return heard

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def raw(gateway: RunningGateway) -> Iterator[RawClient]:
    client = RawClient(gateway.port)
    yield client
    client.close()


@pytest.mark.parametrize("message_id", sorted(HANDLERS))
def test_fields_of_any_kind_and_number_end_no_connection(gateway, raw: RawClient, message_id: int) -> None:
    chance = random.Random(message_id)
    for count in (0, 1, 2, 3, 5, 8, 13, 21, 40, 120):
        raw.send(message_id, *(chance.choice(ODDITIES) for _ in range(count)))
        if message_id == START_API:
            return
    raw.settle()
    assert gateway.orders() == []


def test_a_number_of_absurd_size_is_refused_before_it_is_computed(raw: RawClient) -> None:
    raw.send(PLACE_ORDER, "1e999999999")
    assert ["4", "2", "-1", "320"] in [answer[:4] for answer in raw.settle()]


@pytest.mark.parametrize("message", [b"\0", b"\0\0\0", b"x\0", b"-3\0", b"99999999999\0"])
def test_a_message_without_a_sensible_id_is_answered_with_320(raw: RawClient, message: bytes) -> None:
    raw.send_bytes(struct.pack(">I", len(message)) + message)
    assert "320" in [answer[3] for answer in raw.settle() if answer[0] == "4"]


def test_an_empty_message_is_answered_with_320(raw: RawClient) -> None:
    raw.send_bytes(struct.pack(">I", 0))
    assert "320" in [answer[3] for answer in raw.settle() if answer[0] == "4"]


def test_a_frame_of_absurd_length_ends_that_connection_only(gateway: RunningGateway, raw: RawClient) -> None:
    other = RawClient(gateway.port, 12)
    raw.send_bytes(struct.pack(">I", MAX_FRAME_BYTES + 1))
    with pytest.raises((AssertionError, ConnectionError)):
        raw.settle()
    other.settle()
    other.close()


def test_requests_before_start_api_are_refused(gateway: RunningGateway) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as early:
        early.sendall(b"API\0" + struct.pack(">I", 9) + b"v157..178" + frame(8, 1, 1))
        heard: list[list[str]] = []
        splitter = FrameSplitter()
        while len(heard) < 2:
            heard += splitter.feed(early.recv(4096))
    assert heard[1][:4] == ["4", "2", "-1", "320"]


@pytest.mark.parametrize("hello", [b"API\0" + struct.pack(">I", 8) + b"v100..10", b"\x16\x03\x01\x02\x00", b"API\1"])
def test_a_handshake_of_another_kind_is_dropped(gateway: RunningGateway, hello: bytes) -> None:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as stranger:
        stranger.sendall(hello)
        assert stranger.recv(1) == b""
