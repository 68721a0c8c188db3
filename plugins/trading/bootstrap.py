"""Picks adapters for the settings; the only reader of Mode besides `settings` itself."""

from __future__ import annotations

from trading.adapters.clock import SystemClock
from trading.adapters.code_hash import code_hash
from trading.adapters.halt_flag import HaltFlag
from trading.adapters.ibkr import IbkrGate
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store import PostgresStore
from trading.domain.instruments import BookKind
from trading.ports import BrokerGate, Services, Sources
from trading.settings import Mode, Settings, SourceKind
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource


def services_for(settings: Settings) -> Services:
    """Return what tasks may use under `settings`; a replay book gets no broker and no source."""
    is_replay = settings.book.kind is BookKind.REPLAY
    calendar = NyseCalendar()
    return Services(
        store=PostgresStore(settings.database_url, halt_flag=HaltFlag(settings.halt_file)),
        calendar=calendar,
        clock=SystemClock(),
        sources=Sources() if is_replay else _sources(settings, calendar),
        broker=None if is_replay else _broker(settings),
        source_delay_minutes=settings.source_delay_minutes,
        daily_pricing=settings.daily_pricing,
        code_hash=code_hash(),
    )


def _sources(settings: Settings, calendar: NyseCalendar) -> Sources:
    if settings.sources is not SourceKind.SYNTHETIC:
        return Sources()
    market = SyntheticMarket(settings.synthetic_seed, calendar)
    return Sources(
        bars=SyntheticBarSource(market),
        news=SyntheticNewsSource(market),
        fundamentals=SyntheticFundamentalsSource(market),
    )


def _broker(settings: Settings) -> BrokerGate | None:
    if not settings.broker_port or settings.mode is Mode.LIVE:
        return None
    return IbkrGate(
        host=settings.broker_host,
        port=settings.broker_port,
        client_id=settings.broker_client_id,
        account=settings.broker_account,
        control_port=settings.gateway_control_port or None,
    )
