"""One desk for the length of a soak: a Postgres server of its own, a gateway process, an invented market."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random

import numpy as np

from trading.adapters.database_roles import DESK, make_login
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.ibkr import IbkrGate
from trading.adapters.ibkr.session import Patience
from trading.adapters.loopback import HOST
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import ensure_database
from trading.domain.instruments import VIX, BookId, BookKind
from trading.domain.market import SYNTHETIC, Session, Slot, session_slots
from trading.drills.gateway_process import GatewayProcess, GatewaySetup
from trading.drills.soak.clocks import DeskClock
from trading.drills.soak.kept_connections import end_kept_connections, kept_connection
from trading.drills.soak.striking_store import StrikingStore
from trading.drills.soak.vendors import Weather, unreliable
from trading.errors import TransientError
from trading.gateway.feed import source_feed
from trading.ports import Provenance, Services, Sources, Store
from trading.strategy.spec import StrategySpec
from trading.strategy.three_sector import technical_core, three_sector
from trading.synthetic.market import History, SyntheticMarket
from trading.synthetic.past import store_past, synthetic_sources
from trading.synthetic.source import SyntheticFundamentalsSource

ACCOUNT = "DU0000058"
BOOK = BookId(BookKind.DEMO, "soak")
CASH_USD = Decimal(100_000)
WRITER_ID = 11
DATABASE = "airdesk_soak"
FIRST_ON, LAST_ON = date(2021, 1, 4), date(2024, 9, 30)
"""Between these a soak begins: a year of history lies before, and quarters, half days and clock changes within."""
DRAWN_DAYS, LOOKED_AHEAD, CALM_VIX = 12, 20, 20.0
SINCE, RECENT = datetime(2020, 1, 1, tzinfo=UTC), timedelta(days=10)
PATIENCE = Patience(
    handshake_seconds=5.0, request_seconds=3.0, client_id_seconds=5.0, acknowledgement_seconds=1.5,
    commission_seconds=0.5, quote_seconds=3.0,
)  # fmt: skip
WRITER_WAIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class SoakWorld:
    """A desk that is to be disturbed.

    Attributes:
        sessions: that it trades.
        services: what the tasks get; sources, store and clock fail by plan.
        market: the truth about prices and news.
        plain: the store without strikes.
        url: of the desk's login. owner_url: of the database's owner.
    """

    seed: int
    sessions: tuple[Session, ...]
    spec: StrategySpec
    server: EmbeddedPostgres
    url: str
    owner_url: str
    gateway: GatewayProcess
    services: Services
    market: Sources
    plain: Store
    store: StrikingStore
    clock: DeskClock
    weather: Weather
    folder: Path
    log_file: Path

    def start_postgres(self) -> None:
        """Start the server where it was; the tasks know its address."""
        if self.server.start().moved:
            raise TransientError("another program took the soak's port meanwhile; run the soak again")

    @property
    def slots(self) -> tuple[tuple[Slot, ...], ...]:
        """The hours of each session."""
        return tuple(tuple(session_slots(session)) for session in self.sessions)


def spec_for(seed: int) -> StrategySpec:
    """Return the strategy of a soak: every fourth one has the full one, the others that which trades more often."""
    return three_sector() if seed % 4 == 0 else technical_core()


def sessions_for(seed: int, count: int) -> tuple[Session, ...]:
    """Return the sessions of a soak; another seed begins on another day, of some drawn the one with most to buy."""
    calendar, draw = NyseCalendar(), Random(f"{seed}.begins")
    history = SyntheticMarket(seed, calendar).through(LAST_ON)
    days = (LAST_ON - FIRST_ON).days
    drawn = [FIRST_ON + timedelta(days=draw.randrange(days)) for _ in range(DRAWN_DAYS)]
    first_on = max(drawn, key=lambda on: _to_buy(history, spec_for(seed), on))
    return calendar.sessions(first_on, first_on + timedelta(days=10 + 2 * count))[:count]


def _to_buy(history: History, spec: StrategySpec, on: date) -> float:
    """Return how many names rise before a day; less than 0 while a fright keeps everything out."""
    row = int(np.searchsorted(history.days, np.datetime64(on, "D")))
    fright = float(history.path(VIX).last_close[row : row + LOOKED_AHEAD].mean())
    paths = [history.path(symbol) for symbol in spec.universe.traded]
    shown = [path.last_close * path.share_ratio for path in paths]
    rising = sum(float(c[row - 50 : row].mean() > c[row - 200 : row].mean()) for c in shown)
    return rising - max(0.0, fright - CALM_VIX)


@contextmanager
def running_world(seed: int, count: int, *, home: Path, log_file: Path) -> Iterator[SoakWorld]:
    """Run a desk of its own for the length of a `with` block.

    Args:
        home: where its Postgres lives; made here, and left behind stopped.
    """
    calendar, spec, sessions = NyseCalendar(), spec_for(seed), sessions_for(seed, count)
    market = synthetic_sources(_invented(seed))
    weather, clock = Weather(spec.universe.traded), DeskClock(sessions[0].opens_at)
    server = EmbeddedPostgres(home / "postgres")
    try:
        url, owner_url = _database(server)
        with tempfile.TemporaryDirectory(prefix="airdesk-soak-") as folder:
            feed = source_feed(market.bars[0], spec.universe.data, SyntheticFundamentalsSource(_invented(seed)))
            opening = sessions[0].opens_at - timedelta(minutes=1)
            state_file = Path(folder) / "gateway.state"
            setup = GatewaySetup(ACCOUNT, CASH_USD, opening, feed, calendar, state_file, log_file)
            with GatewayProcess(setup) as gateway:
                plain = PostgresStore(url, writer_wait_seconds=WRITER_WAIT_SECONDS, connect_with=kept_connection)
                until = _close_before(sessions[0])
                origin = Provenance(SYNTHETIC, "soak", until, "soak")
                store_past(plain, market, spec.universe, origin, since=SINCE, until=until, recent=RECENT)
                store = StrikingStore(plain)
                gate = IbkrGate(HOST, gateway.port, WRITER_ID, ACCOUNT, gateway.control_port, patience=PATIENCE)
                yield SoakWorld(
                    seed=seed, sessions=sessions, spec=spec, server=server, url=url, owner_url=owner_url,
                    gateway=gateway, market=market, plain=plain, store=store, clock=clock, weather=weather,
                    services=Services(store, calendar, clock, unreliable(market, weather), gate),
                    folder=Path(folder), log_file=log_file,
                )  # fmt: skip
    finally:
        end_kept_connections()
        server.stop()


def _database(server: EmbeddedPostgres) -> tuple[str, str]:
    info = server.start()
    owner_url, url = info.url_for(DATABASE), info.desk_url_for(DATABASE)
    ensure_database(owner_url)
    migrate(owner_url)
    make_login(owner_url, url, member_of=DESK)
    return url, owner_url


def _invented(seed: int) -> SyntheticMarket:
    return SyntheticMarket(seed, NyseCalendar())


def _close_before(session: Session) -> datetime:
    calendar = NyseCalendar()
    return calendar.sessions(session.session_on - timedelta(days=7), session.session_on - timedelta(days=1))[
        -1
    ].closes_at
