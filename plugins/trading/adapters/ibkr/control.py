"""Client of the paper gateway's control socket."""

from __future__ import annotations

import json
import socket
from typing import Any

from trading.errors import BrokerRefused, TransientError


def ask(host: str, port: int, command: dict[str, Any], *, timeout_seconds: float) -> dict[str, Any]:
    """Send one command and return the answer.

    Raises:
        TransientError: nobody answered in time.
        BrokerRefused: the gateway answered that it will not.
    """
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
            connection.sendall(json.dumps(command).encode() + b"\n")
            with connection.makefile("rb") as answers:
                line = answers.readline()
    except OSError as lost:
        raise TransientError(f"the paper gateway's control port {port} does not answer; it is retried") from lost
    if not line:
        raise TransientError(f"the paper gateway closed control port {port} without an answer; it is retried")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise BrokerRefused(f"the paper gateway refused {command['cmd']}: {answer['error']}; check the session date")
    return answer
