"""Control socket: one JSON object per line on loopback. Not part of the TWS protocol; moves the clock, sets faults.

Every answer carries `"label": "SIMULATED"`; a refused command answers with `error`. `commands.py` lists the commands.
"""

from __future__ import annotations

import asyncio
import json
from math import isfinite
from typing import Any

from trading.errors import AirdeskError
from trading.gateway.commands import COMMANDS
from trading.gateway.records import LABEL, Refusal
from trading.gateway.server import LOOPBACK, Gateway


class ControlServer:
    """Answers commands about one gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._server: asyncio.Server | None = None

    async def listen(self, port: int) -> int:
        """Accept connections on a loopback port (0: any free one) and return it."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, port)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await _line(reader):
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the client is gone; nothing is owed to it
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            command = json.loads(line, parse_float=_finite, parse_constant=_finite)
            answer = self._command(command)
        except (Refusal, AirdeskError, ArithmeticError, KeyError, RecursionError, TypeError, ValueError) as refused:
            return {"label": LABEL, "error": f"{type(refused).__name__}: {refused}"}
        return {"label": LABEL, **answer}

    def _command(self, command: dict[str, Any]) -> dict[str, Any]:
        if command["cmd"] not in COMMANDS:
            raise ValueError(f"no command {command['cmd']!r}; there are {', '.join(COMMANDS)}")
        return COMMANDS[command["cmd"]](self._gateway, command)


async def _line(reader: asyncio.StreamReader) -> bytes:
    """Return the next line; of one that is longer than any command only a part, which is no JSON."""
    try:
        return await reader.readline()
    except ValueError:
        return b"a line that is longer than any command"


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not finite")
    return number
