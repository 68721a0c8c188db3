"""A whole desk on the invented market: real Airflow and Postgres, the paper gateway, and vendors on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import batched
from multiprocessing.process import BaseProcess
from pathlib import Path

from market import BENCHMARKS, HALF_HOURS_BEFORE, NEWS_BEFORE, WideMarket
from own_desk import own_desk
from trading.adapters.loopback import HOST
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import VIX
from trading.domain.market import Filing, Resolution, Slot, TimeWindow
from trading.drills.gateway_process import GatewayProcess, GatewaySetup
from trading.entrypoints.airflow_api import DagRun
from trading.entrypoints.running_desk import RunningDesk
from trading.gateway.feed import source_feed
from trading.ports import Provenance
from vendors import running_vendors

ACCOUNT, CASH_USD = "DU0000009", Decimal(1_000_000)
DAG = "hourly_trading"
POLYGON, CBOE = "polygon", "cboe"
RUN_SECONDS = 900.0
BATCH = 50


@dataclass(frozen=True, slots=True)
class WideDesk:
    """What a benchmark measures."""

    market: WideMarket
    running: RunningDesk
    vendors: BaseProcess

    def trade(self, slot: Slot) -> DagRun:
        """Run one hour to its end."""
        api = self.running.airflow
        run = api.trigger(DAG, logical_date=None, conf={"as_of": slot.as_of.isoformat()})
        deadline = time.monotonic() + RUN_SECONDS
        while not (found := api.run(DAG, run.run_id)).is_over:
            self.running.supervisor.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{slot.as_of} did not end in {RUN_SECONDS} s: {api.tasks(DAG, run.run_id)}")
            time.sleep(0.5)
        return found


@contextmanager
def wide_desk(folder: Path, count: int, strategy: str, latency: float) -> Iterator[WideDesk]:
    """Start the desk with the past of `count` names stored; every answer of a vendor takes `latency` seconds more."""
    market = WideMarket(count, POLYGON)
    begins_at = market.slots[0].as_of - timedelta(hours=1, minutes=1)
    feed = source_feed(market, (*market.symbols, *BENCHMARKS))
    setup = GatewaySetup(
        ACCOUNT, CASH_USD, begins_at, feed, NyseCalendar(), folder / "gateway.state", folder / "gateway.log"
    )
    with ExitStack() as stack:
        url, vendors = stack.enter_context(running_vendors(market, latency))
        gateway = stack.enter_context(GatewayProcess(setup))
        settings = settings_of(gateway, url, strategy)
        desk = stack.enter_context(own_desk(folder / "state", settings, say=lambda _: None))
        fill(desk.settings.database_url, market)
        desk.wait_until_ready()
        while DAG not in desk.airflow.dag_ids():
            time.sleep(0.5)
        desk.airflow.unpause(DAG)
        yield WideDesk(market, desk, vendors)


def settings_of(gateway: GatewayProcess, url: str, strategy: str) -> dict[str, str]:
    """Return the settings of a paper desk on these vendors."""
    return {
        # Runs are triggered one by one: the market is not of today.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": f"paper:{ACCOUNT}",
        "AIRDESK_SOURCES": "vendors",
        "AIRDESK_STRATEGY": strategy,
        "AIRDESK_IBKR_BARS": "0",
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_HOST": HOST,
        "AIRDESK_BROKER_PORT": str(gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(gateway.control_port),
        # It looks at the clock on the wall and would miss the hours of this day.
        "AIRDESK_WATCHDOG_MINUTES": "1000000",
        "POLYGON_API_KEY": "stub",
        "POLYGON_PLAN": "advanced",
        "POLYGON_BASE_URL": url,
        "CBOE_BASE_URL": url,
        "GPR_BASE_URL": url,
    }


def fill(url: str, market: WideMarket) -> None:
    """Store the past as the vendors would have told it before the first hour."""
    until = market.slots[0].as_of - timedelta(hours=1)
    whole, recent = TimeWindow(market.sessions[0].opens_at, until), TimeWindow(until - HALF_HOURS_BEFORE, until)
    origin, calendar = Provenance(POLYGON, "benchmark", until, "benchmark"), NyseCalendar()
    store = PostgresStore(url)
    for symbols in batched((*market.symbols, *BENCHMARKS), BATCH):
        with store.transaction() as tx:
            for resolution, window in ((Resolution.DAY, whole), (Resolution.HALF_HOUR, recent)):
                rows = [bar for symbol in symbols for bar in market.bars(symbol, window, resolution)]
                tx.market.add_bars(rows, origin, is_long=True)
    with store.transaction() as tx:
        days = list(WideMarket(0, CBOE).bars(VIX, whole, Resolution.DAY))
        tx.market.add_bars(days, Provenance(CBOE, "benchmark", until, "benchmark"))
        tx.market.add_news(list(market.stories(TimeWindow(until - NEWS_BEFORE, until))), origin)
        tx.market.add_filings([
            Filing(s.symbol, s.period_ends_on, 1, s.eps, s.revenue_usd, POLYGON,
                   calendar.next_session(s.filed_on).opens_at, s.filed_on)
            for symbol in market.symbols for s in market.statements(symbol)
        ], origin)  # fmt: skip
