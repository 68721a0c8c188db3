"""What `doctor` says of vendors and of the broker. Vendors are asked only where a person says so."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.domain.instruments import VIX
from trading.domain.market import Resolution, TimeWindow
from trading.entrypoints.doctor_machine import clock_line
from trading.entrypoints.findings import Finding, Level
from trading.errors import AirdeskError, PermanentError
from trading.ports import BrokerRole, Sources
from trading.ports.calls import Quota
from trading.settings import Mode, Settings, SourceKind
from trading.tasks.pull_plan import vendor_of

CONNECT_SECONDS = 3.0
ASKED_ABOUT = "SPY"
type Question = Callable[[], Iterable[object]]


def examine_sources(settings: Settings) -> Iterator[Finding]:
    """Yield where facts come from: for vendors a line each. Nothing is asked for it."""
    if settings.sources is SourceKind.SYNTHETIC:
        yield Finding(Level.OK, "sources", f"SYNTHETIC market, seed {settings.synthetic_seed}; nothing of it is real")
    elif settings.sources is SourceKind.STORED:
        yield Finding(
            Level.OK, "sources", "stored rows only; ./airdesk data import brings new ones, AIRDESK_SOURCES=vendors asks"
        )
    else:
        yield from _vendors(settings)


def _vendors(settings: Settings) -> Iterator[Finding]:
    from trading.adapters.sources.combined import vendor_states

    is_running = settings.database_url != "postgresql://"
    calls = PostgresCallLedger(settings.database_url) if is_running else None
    try:
        states = list(vendor_states(settings.vendors, calls, has_broker=settings.has_own_broker))
    except AirdeskError as error:
        yield Finding(Level.FAIL, "sources", str(error))
        return
    for state in states:
        if not state.is_on:
            level = Level.OK if state.is_optional else Level.WARN
            yield Finding(level, state.name, f"off, so no {state.serves}; {state.problem}")
        elif state.problem:
            yield Finding(Level.WARN, state.name, f"on: {state.serves}; {state.problem}")
        else:
            yield Finding(Level.OK, state.name, f"on: {state.serves}")
    if not any(state.is_on for state in states if state.name in ("polygon", "ibkr")):
        yield Finding(Level.FAIL, "sources", "nothing serves prices; set a key in .env, or AIRDESK_SOURCES=stored")


def ask_vendors(settings: Settings) -> Iterator[Finding]:
    """Ask each vendor that is on for one small thing, through the layer and the ledger that the tasks use."""
    from trading.bootstrap import services_for

    if settings.sources is not SourceKind.VENDORS or settings.database_url == "postgresql://":
        yield Finding(Level.WARN, "online", "nobody was asked; that needs AIRDESK_SOURCES=vendors and a database")
        return
    try:
        sources = services_for(settings).sources
    except AirdeskError as error:
        yield Finding(Level.FAIL, "online", str(error))
        return
    for vendor, question in _questions(sources).items():
        if sources.quotas[vendor].unit_cost_usd > 0:
            yield Finding(Level.OK, vendor, "not asked: each question to it costs money")
        else:
            yield _asked(vendor, question)


def _questions(sources: Sources) -> Mapping[str, Question]:
    """Return one question for each vendor, the cheapest kind that it serves first."""
    now = datetime.now(UTC)
    sessions = NyseCalendar().sessions(now.date() - timedelta(days=14), now.date() - timedelta(days=1))
    session = TimeWindow(sessions[-1].opens_at, sessions[-1].closes_at)
    day, month = TimeWindow(now - timedelta(days=1), now), TimeWindow(now - timedelta(days=31), now)
    offered: list[tuple[str, Question]] = []
    for bars in sources.bars:
        symbol = next((s for s in (ASKED_ABOUT, VIX) if bars.served_until(s, Resolution.DAY, session.ends_at)), None)
        if symbol is not None:
            offered.append((bars.name, lambda b=bars, s=symbol: b.bars(s, session, Resolution.DAY)))  # type: ignore[misc]
    offered += [(news.name, lambda n=news: n.news([ASKED_ABOUT], day)) for news in sources.news]  # type: ignore[misc]
    offered += [(macro.name, lambda m=macro: m.macro(month)) for macro in sources.macro]  # type: ignore[misc]
    offered += [(files.name, lambda f=files: f.filings(["AAPL"], month)) for files in sources.filings]  # type: ignore[misc]
    quotas: Mapping[str, Quota] = sources.quotas
    found: dict[str, Question] = {}
    for name, question in offered:
        if (vendor := vendor_of(name, quotas)) in quotas:
            found.setdefault(vendor, question)
    return found


def _asked(vendor: str, question: Question) -> Finding:
    begun_at = time.monotonic()
    try:
        count = len(tuple(question()))
    except PermanentError as error:
        return Finding(Level.FAIL, vendor, str(error))
    except AirdeskError as error:
        return Finding(Level.WARN, vendor, str(error))
    return Finding(Level.OK, vendor, f"answered in {time.monotonic() - begun_at:.1f} s with {count} rows")


def examine_broker(settings: Settings) -> Iterator[Finding]:
    """Yield whether the gateway answers, for whose account, and by whose clock. Nothing is sent."""
    if not settings.broker_port:
        yield Finding(Level.OK, "broker", "none configured; ./airdesk up starts the paper gateway")
        return
    place = f"{settings.broker_host}:{settings.broker_port}"
    try:
        socket.create_connection((settings.broker_host, settings.broker_port), timeout=CONNECT_SECONDS).close()
    except OSError:
        yield Finding(
            Level.FAIL, "broker", f"{place} does not answer; start the gateway or correct AIRDESK_BROKER_PORT"
        )
        return
    yield from _identified(settings, place)


def _identified(settings: Settings, place: str) -> Iterator[Finding]:
    from trading.bootstrap import services_for

    try:
        gate = services_for(settings).broker
        assert gate is not None
        with gate.connect(BrokerRole.OPERATOR) as broker:
            identity, now = broker.identity(), datetime.now(UTC)
    except AirdeskError as error:
        yield Finding(Level.FAIL, "broker", f"{place}: {error}")
        return
    whose = "SIMULATED clock" if identity.is_simulated else "the broker's own clock"
    money = "real money" if settings.mode is Mode.LIVE else "paper"
    yield Finding(
        Level.OK,
        "broker",
        f"{place} serves {', '.join(identity.accounts)} ({money}); {whose} says {identity.server_now:%Y-%m-%d %H:%M}Z; "
        "a read-only API shows only when an order is sent: its box must be empty",
    )
    if not identity.is_simulated:
        yield clock_line(identity.server_now - now, "the broker's")
