"""`airdesk gateway`: the paper gateway as a process. SIMULATED: no order leaves this machine.

Settings come from the environment; the options override them. When it serves, it prints one line of JSON with its
ports. SIGTERM and Ctrl-C end it; a kill loses nothing, because each change is on disk before it is acknowledged.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from trading.bootstrap import costs_of
from trading.domain.instruments import Symbol
from trading.domain.market import Bar, CorporateAction, Resolution
from trading.domain.portfolio import AccountType
from trading.domain.series import BarSeries
from trading.entrypoints import arguments
from trading.errors import ConfigurationError
from trading.gateway import persistence
from trading.gateway.account import AccountTerms
from trading.gateway.broker import PaperBroker
from trading.gateway.control import ControlServer
from trading.gateway.feed import ActionReader, DailyFeed, DayReader, source_feed
from trading.gateway.flex_server import FlexServer
from trading.gateway.records import LABEL, BrokerState
from trading.gateway.server import Gateway
from trading.ports import Store
from trading.settings import Settings, SourceKind, load_settings
from trading.strategy.catalogue import spec_named

PORT = arguments.whole_from(0, 65_535)
DEFAULT_ACCOUNT = "DU0000001"
DESCRIPTION = """Serve the paper gateway: a SIMULATED Interactive Brokers TWS on loopback, for anything that speaks its
protocol (ib_insync, ib_async, IB's own client). No order leaves this machine. Prices come from the synthetic market or
from stored bars; its clock stands still until the control port moves it. It prints its ports as one line of JSON: TWS,
control (one JSON command a line, e.g. {"cmd": "advance", "to": "2019-06-03T14:30:00+00:00"}) and Flex statements."""
BEFORE_HISTORY = datetime(2000, 1, 3, tzinfo=UTC)
"""Where a new gateway's clock stands: the first hour that is traded moves it forward to wherever that is."""
FINEST_FIRST = (Resolution.HALF_HOUR, Resolution.HOUR, Resolution.DAY)
ALL_KNOWN = datetime(9999, 1, 1, tzinfo=UTC)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("gateway", help="serve the paper gateway (SIMULATED)", description=DESCRIPTION)
    parser.add_argument("--port", type=PORT, help="TWS port, 0 for any free one (default: AIRDESK_BROKER_PORT)")
    parser.add_argument(
        "--control-port", type=PORT, help="control port, 0 for any free one (default: AIRDESK_GATEWAY_CONTROL_PORT)"
    )
    parser.add_argument("--flex-port", type=PORT, default=0, help="port of Flex statements (default: any free one)")
    parser.add_argument("--account", help=f"account id (default: AIRDESK_BROKER_ACCOUNT, else {DEFAULT_ACCOUNT})")
    parser.add_argument(
        "--cash", type=arguments.cash_usd, help="starting cash [USD] (default: AIRDESK_STARTING_CASH_USD)"
    )
    parser.add_argument("--state", type=Path, help="state file (default: gateway-ACCOUNT.sqlite in AIRDESK_STATE_DIR)")
    parser.add_argument(
        "--clock", type=arguments.instant, help="where a new gateway's clock stands, ISO 8601 with offset"
    )
    parser.add_argument(
        "--account-type",
        type=AccountType,
        choices=list(AccountType),
        help="cash: spend settled cash only and never sell short; margin: settled at once, nothing is lent "
        "(default: AIRDESK_ACCOUNT_TYPE)",
    )
    parser.add_argument(
        "--precaution-percent",
        type=_percent,
        help="refuse limits further than this through the market, as a user's TWS precaution does (default: off)",
    )
    parser.add_argument(
        "--no-permission", nargs="+", default=[], metavar="SYMBOL", help="symbols that the account may not trade"
    )
    parser.add_argument(
        "--database-url-env", default="AIRDESK_DATABASE_URL", help="variable that holds the database URL"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    url = os.environ.get(options.database_url_env, "")
    settings = load_settings({**os.environ, "AIRDESK_DATABASE_URL": url, "AIRDESK_READ_DATABASE_URL": ""})
    account = options.account or settings.broker_account or DEFAULT_ACCOUNT
    state_file = options.state or settings.state_dir / f"gateway-{account}.sqlite"
    state_file.parent.mkdir(parents=True, exist_ok=True)
    cash = settings.starting_cash_usd if options.cash is None else options.cash
    state = persistence.load(state_file, account=account) or BrokerState(
        account, Decimal(cash), options.clock or BEFORE_HISTORY
    )
    instruments = spec_named(settings.strategy).universe
    gateway = Gateway(build_broker(state, settings, terms_of(options, settings)), state_file, instruments)
    port = settings.broker_port if options.port is None else options.port
    control_port = settings.gateway_control_port if options.control_port is None else options.control_port
    asyncio.run(_serve(gateway, port, control_port, options.flex_port))
    return 0


def terms_of(options: argparse.Namespace, settings: Settings) -> AccountTerms:
    """Return what the options, and the settings where they are silent, say about the account."""
    percent = options.precaution_percent
    return AccountTerms(
        account_type=options.account_type or settings.account_type,
        precaution_frac=None if percent is None else percent / 100,
        not_permitted=frozenset(options.no_permission),
    )


def build_broker(state: BrokerState, settings: Settings, terms: AccountTerms) -> PaperBroker:
    """Return a broker on the feed that the settings name: the synthetic market, or the stored bars."""
    from trading.adapters.market_calendar import NyseCalendar

    calendar = NyseCalendar()
    symbols = spec_named(settings.strategy).universe.data
    if settings.sources is SourceKind.SYNTHETIC:
        from trading.synthetic.market import SyntheticMarket
        from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource

        market = SyntheticMarket(settings.synthetic_seed, calendar)
        feed = source_feed(SyntheticBarSource(market), symbols, SyntheticFundamentalsSource(market))
    else:
        from trading.adapters.postgres_store import PostgresStore

        store = PostgresStore(settings.database_url)
        feed = DailyFeed(symbols, stored_days(store), stored_actions(store))
    return PaperBroker(state, feed, calendar, costs_of(settings), terms)


def stored_days(store: Store) -> DayReader:
    """Return a reader of stored bars: of each day the finest resolution that is there."""

    def read(symbol: Symbol, on: date) -> Sequence[Bar]:
        midnight = datetime.combine(on, time(), UTC)
        with store.transaction() as tx:
            found = tx.market.bars(
                [symbol],
                FINEST_FIRST,
                as_of=midnight + timedelta(days=1),
                cutoff_at=ALL_KNOWN,
                since=midnight,
            )
        series = next((found[symbol, r] for r in FINEST_FIRST if len(found.get((symbol, r), ()))), None)
        return () if series is None else _bars_of(series)

    return read


def stored_actions(store: Store) -> ActionReader:
    """Return a reader of stored splits and dividends."""

    def read(symbols: Sequence[Symbol], first_on: date, last_on: date) -> Sequence[CorporateAction]:
        with store.transaction() as tx:
            known = tx.market.actions(cutoff_at=ALL_KNOWN)
        return [a for a in known if a.symbol in symbols and first_on <= a.ex_on <= last_on]

    return read


def _bars_of(series: BarSeries) -> list[Bar]:
    columns = (series.starts_at, series.ends_at, series.open, series.high, series.low, series.close, series.volume)
    return [
        Bar(
            symbol=series.symbol,
            resolution=series.resolution,
            starts_at=starts_at.replace(tzinfo=UTC),
            ends_at=ends_at.replace(tzinfo=UTC),
            open=opened,
            high=high,
            low=low,
            close=close,
            volume=volume,
            source="stored",
            known_at=ends_at.replace(tzinfo=UTC),
        )
        for starts_at, ends_at, opened, high, low, close, volume in zip(*(c.tolist() for c in columns), strict=True)
    ]


async def _serve(gateway: Gateway, port: int, control_port: int, flex_port: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    control, flex = ControlServer(gateway), FlexServer(gateway)
    try:
        ports = {
            "port": await gateway.listen(port),
            "control_port": await control.listen(control_port),
            "flex_port": await flex.listen(flex_port),
        }
    except OSError as busy:
        raise ConfigurationError(f"port {port or control_port} is taken ({busy.strerror}); use --port 0") from busy
    print(json.dumps({**ports, "label": LABEL}), flush=True)
    await stop.wait()
    flex.close()
    control.close()
    gateway.close()


def _percent(text: str) -> Decimal:
    try:
        percent = Decimal(text)
    except InvalidOperation:
        percent = Decimal(0)
    if not 0 < percent < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a percentage between 0 and 100, e.g. 3")
    return percent
