"""One desk for one stretch of a drill: a database, a gateway process, services, and a script of decisions."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from trading.adapters.clock import SystemClock
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.library import client_library
from trading.adapters.ibkr.session import Patience
from trading.adapters.loopback import HOST
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import Session, Slot, session_slots
from trading.domain.orders import Order
from trading.drills.databases import DrillDatabases
from trading.drills.gateway_process import GatewayProcess, GatewaySetup
from trading.drills.market import DrillMarket
from trading.drills.records import DeskRows, GatewayLog, read_desk, read_gateway
from trading.drills.script import Script
from trading.ports import Services, Sources
from trading.strategy.spec import StrategySpec
from trading.strategy.three_sector import technical_core
from trading.tasks.execute import execute
from trading.tasks.sync import sync_broker

ACCOUNT = "DU0000009"
BOOK = BookId(BookKind.PAPER, ACCOUNT)
CASH_USD = Decimal(100_000)
WRITER_ID = 11
FIRST_ON = date(2019, 6, 3)
SESSION_COUNT = 3

type Task = Callable[[Services, StrategySpec, BookId, Slot], object]
"""A task function; the tests of the checker bring a naive one."""

# Long enough for a busy machine, short enough that a swallowed placement does not cost ten seconds.
PATIENCE = Patience(client_id_seconds=15.0, acknowledgement_seconds=2.0)
IMPATIENCE = Patience(client_id_seconds=0.4, acknowledgement_seconds=2.0)


@dataclass(frozen=True, slots=True)
class World:
    """A desk that may be disturbed.

    Attributes:
        services: for an ordinary attempt.
        impatient: for a second copy, which gives up soon when the first one holds lock or connection.
        sync, execute: the tasks under test.
        log_file: what the attempts and the gateway say.
    """

    url: str
    log_file: Path
    gateway: GatewayProcess
    services: Services
    impatient: Services
    script: Script
    sync: Task = sync_broker
    execute: Task = execute

    def decide(self, slot: Slot) -> tuple[Order, ...]:
        """Let the script decide, in a market that is thin here and there."""
        for symbol, shares in self.script.thin_symbols().items():
            self.gateway.tell("partial", symbol=symbol, shares=shares)
        return self.script.decide(self.services.store, slot)

    def log(self) -> GatewayLog:
        """Return what the gateway did."""
        return read_gateway(self.gateway)

    def rows(self, slot: Slot) -> DeskRows:
        """Return what the desk believes."""
        return read_desk(self.services.store, self.url, BOOK, slot.as_of)


def slots() -> tuple[Slot, ...]:
    """Return the hours of a world, the first session's first one at the start."""
    return tuple(slot for session in _calendar_sessions() for slot in session_slots(session))


def spec() -> StrategySpec:
    """Return the strategy whose universe and limits the drills use."""
    return technical_core()


@contextmanager
def running_world(databases: DrillDatabases, seed: int, *, log_file: Path, execute: Task = execute) -> Iterator[World]:
    """Run a world of its own for the length of a `with` block."""
    calendar, sessions = NyseCalendar(), _calendar_sessions()
    market = DrillMarket(spec().universe.traded, sessions, seed)
    with databases.fresh() as url, tempfile.TemporaryDirectory(prefix="airdesk-drill-") as folder:
        state_file = Path(folder) / "gateway.state"
        opening = sessions[0].opens_at - timedelta(minutes=1)
        setup = GatewaySetup(ACCOUNT, CASH_USD, opening, market.feed(), calendar, state_file, log_file)
        with GatewayProcess(setup) as gateway:
            yield World(
                url=url,
                log_file=log_file,
                gateway=gateway,
                services=_services(url, gateway, PATIENCE, writer_wait_seconds=30.0),
                impatient=_services(url, gateway, IMPATIENCE, writer_wait_seconds=0.4),
                script=Script(spec(), BOOK, market, seed),
                execute=execute,
            )


def import_everything() -> None:
    """Import what the attempts need, so that each fork starts warm."""
    client_library()
    NyseCalendar().session(FIRST_ON)


def _calendar_sessions() -> tuple[Session, ...]:
    return NyseCalendar().sessions(FIRST_ON, FIRST_ON + timedelta(days=SESSION_COUNT - 1))


def _services(url: str, gateway: GatewayProcess, patience: Patience, *, writer_wait_seconds: float) -> Services:
    gate = IbkrGate(HOST, gateway.port, WRITER_ID, ACCOUNT, gateway.control_port, patience=patience)
    store = PostgresStore(url, writer_wait_seconds=writer_wait_seconds)
    return Services(store, NyseCalendar(), SystemClock(), Sources(), gate)
