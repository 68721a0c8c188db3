"""The paper gateway as a process of its own, on ports that stay: killed, and started again from its state file."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from trading.adapters.ibkr.control import ask
from trading.adapters.loopback import HOST
from trading.drills.speech import speak_into
from trading.errors import TransientError
from trading.execution.costs import CostModel
from trading.gateway import persistence
from trading.gateway.broker import PaperBroker
from trading.gateway.control import ControlServer
from trading.gateway.feed import BarFeed
from trading.gateway.records import BrokerState
from trading.gateway.server import Gateway
from trading.ports import MarketCalendar

START_SECONDS = 20.0
ANSWER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class GatewaySetup:
    """What a gateway is started with; its state file wins over cash and clock."""

    account: str
    cash_usd: Decimal
    at: datetime
    feed: BarFeed
    calendar: MarketCalendar
    state_file: Path
    log_file: Path


class GatewayProcess:
    """One paper gateway. `with` starts it and ends it.

    Attributes:
        port, control_port: loopback ports; the same after a restart.
    """

    def __init__(self, setup: GatewaySetup) -> None:
        self.port = self.control_port = 0
        self._setup = setup
        self._process: BaseProcess | None = None
        self._manners: dict[str, Any] = {}

    def __enter__(self) -> GatewayProcess:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.end(hard=True)

    def tell(self, cmd: str, **arguments: object) -> dict[str, Any]:
        """Send a command to the control socket and return the answer."""
        return ask(HOST, self.control_port, {"cmd": cmd, **arguments}, timeout_seconds=ANSWER_SECONDS)

    def behave(self, **manners: object) -> None:
        """Let the gateway misbehave like this, and only like this, from now on, also after a restart."""
        self._manners = manners
        self.tell("behave", **manners)

    def restart(self, *, hard: bool) -> None:
        """End the process (SIGKILL if `hard`, else SIGTERM) and start it again: what is in the pipe is lost."""
        self.end(hard=hard)
        self.start()

    def start(self) -> None:
        """Start the process, on the ports that it had."""
        forking = multiprocessing.get_context("fork")
        ready, told = forking.Pipe(duplex=False)
        self._process = forking.Process(
            target=_serve, args=(self._setup, self.port, self.control_port, told), daemon=True
        )
        self._process.start()
        told.close()
        if not ready.poll(START_SECONDS):
            raise TransientError("the drill's gateway did not start; look at its output and run the drill again")
        self.port, self.control_port = ready.recv()
        ready.close()
        if self._manners:
            self.tell("behave", **self._manners)

    def end(self, *, hard: bool) -> None:
        """End the process: SIGKILL if `hard`, else SIGTERM; nothing happens when it does not run."""
        if self._process is None:
            return
        (self._process.kill if hard else self._process.terminate)()
        self._process.join()
        self._process.close()
        self._process = None


def _serve(setup: GatewaySetup, port: int, control_port: int, ready: Connection) -> None:
    """Be the gateway process until SIGTERM."""
    speak_into(setup.log_file)
    state = persistence.load(setup.state_file, account=setup.account)
    state = state or BrokerState(setup.account, setup.cash_usd, setup.at)
    broker = PaperBroker(state, setup.feed, setup.calendar, CostModel())
    asyncio.run(_until_terminated(Gateway(broker, setup.state_file), port, control_port, ready.send))


async def _until_terminated(
    gateway: Gateway, port: int, control_port: int, tell_ports: Callable[[tuple[int, int]], None]
) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    control = ControlServer(gateway)
    tell_ports((await gateway.listen(port), await control.listen(control_port)))
    await stop.wait()
    control.close()
    gateway.close()
