"""Control socket: one JSON object per line on loopback. Not part of the TWS protocol; moves the clock, sets faults.

Every answer carries `"label": "SIMULATED"`; a refused command answers with `error`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from trading.errors import AirdeskError
from trading.gateway import persistence
from trading.gateway.behaviour import Behaviour, CommissionTiming
from trading.gateway.faults import Fault, Rule
from trading.gateway.records import LABEL, Refusal
from trading.gateway.server import LOOPBACK, Gateway

type Command = dict[str, Any]


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
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # the client is gone; nothing is owed to it
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            command = json.loads(line)
            answer = COMMANDS[command["cmd"]](self._gateway, command)
        except (Refusal, AirdeskError, KeyError, TypeError, ValueError) as refused:
            return {"label": LABEL, "error": f"{type(refused).__name__}: {refused}"}
        return {"label": LABEL, **answer}


def _state(gateway: Gateway, command: Command) -> dict[str, Any]:
    return {
        "state": persistence.as_json(gateway.broker.state),
        "clients": [s.client_id for s in gateway.sessions if s.client_id is not None],
    }


def _advance(gateway: Gateway, command: Command) -> dict[str, Any]:
    to = datetime.fromisoformat(command["to"])
    if to.tzinfo is None:
        raise ValueError("`to` needs a UTC offset")
    return {"bars": gateway.advance(to), "clock": gateway.broker.state.clock.isoformat()}


def _halt(gateway: Gateway, command: Command) -> dict[str, Any]:
    gateway.halt(command["symbol"], is_halted=bool(command["is_halted"]))
    return {}


def _fault(gateway: Gateway, command: Command) -> dict[str, Any]:
    rule = Rule(
        message_id=int(command["message_id"]),
        fault=Fault(command["fault"]),
        skip=int(command.get("skip", 0)),
        times=int(command.get("times", 1)),
        seconds=float(command.get("seconds", 0)),
    )
    gateway.faults.rules.append(rule)
    return {}


def _behave(gateway: Gateway, command: Command) -> dict[str, Any]:
    wanted = {name: value for name, value in command.items() if name != "cmd"}
    if "commission" in wanted:
        wanted["commission"] = CommissionTiming(wanted["commission"])
    gateway.behave(Behaviour(**wanted))
    return {}


def _commission_delay(gateway: Gateway, command: Command) -> dict[str, Any]:
    seconds = float(command["seconds"])
    timing = CommissionTiming.LATE if seconds else CommissionTiming.ON_TIME
    gateway.behave(replace(gateway.behaviour, commission=timing, commission_delay_seconds=seconds))
    return {}


def _restart(gateway: Gateway, command: Command) -> dict[str, Any]:
    gateway.restart(float(command.get("down_seconds", 0)))
    return {}


def _read_only(gateway: Gateway, command: Command) -> dict[str, Any]:
    gateway.is_read_only = bool(command["is_read_only"])
    return {}


def _connectivity(gateway: Gateway, command: Command) -> dict[str, Any]:
    gateway.connectivity(int(command["code"]))
    return {}


def _drop_clients(gateway: Gateway, command: Command) -> dict[str, Any]:
    gateway.drop_clients()
    return {}


COMMANDS: dict[str, Callable[[Gateway, Command], dict[str, Any]]] = {
    "state": _state,
    "advance": _advance,
    "halt": _halt,
    "fault": _fault,
    "behave": _behave,
    "commission_delay": _commission_delay,
    "restart": _restart,
    "read_only": _read_only,
    "connectivity": _connectivity,
    "drop_clients": _drop_clients,
}
