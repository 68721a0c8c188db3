"""Control lines that make no sense: each gets an answer, and the gateway serves on."""

from __future__ import annotations

import json
import socket

import pytest

from tests.fakes import RunningGateway


def answer_to(gateway: RunningGateway, line: bytes) -> dict:
    """Return what the control port answers to raw bytes."""
    with socket.create_connection(("127.0.0.1", gateway.control_port), timeout=10) as connection:
        connection.sendall(line + b"\n")
        with connection.makefile("rb") as answers:
            return json.loads(answers.readline())


LINES = {
    "not JSON": b"\xff\xfe",
    "no object": b"3",
    "no name": b'{"cmd": []}',
    "far too long": b'{"cmd": "' + b"x" * 100_000 + b'"}',
    "nested without end": b"[" * 50_000,
    "cash beyond all sums": b'{"cmd": "cash", "kind": "fee", "amount_usd": 1e300}',
    "an exponent that would fill the memory": b'{"cmd": "quote", "symbol": "NVDA", "bid": "1e999999999"}',
    "a number too small to write down": b'{"cmd": "partial", "symbol": "NVDA", "shares": "1e-999999999"}',
    "no number": b'{"cmd": "cash", "kind": "fee", "amount_usd": NaN}',
    "times without end": b'{"cmd": "reject", "code": 110, "text": "x", "times": 1e999}',
    "times beyond all memory": b'{"cmd": "reject", "code": 110, "text": "x", "times": 10000000000000000000000000}',
    "seconds without end": b'{"cmd": "fault", "message_id": -53, "fault": "delay", "seconds": 1e999}',
    "seconds in words": b'{"cmd": "behave", "hold_orders_seconds": "soon"}',
    "the end of all days": b'{"cmd": "advance", "to": "9999-12-31T23:59:59+00:00"}',
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_nonsense_is_refused_and_changes_nothing(gateway: RunningGateway, line: bytes) -> None:
    before = gateway.tell("state")
    refused = answer_to(gateway, line)
    assert refused["label"] == "SIMULATED"
    assert refused["error"]
    assert gateway.tell("state") == before
    assert gateway.tell("foreign_order", symbol="NVDA", side="BUY", quantity=1)["perm_id"]
