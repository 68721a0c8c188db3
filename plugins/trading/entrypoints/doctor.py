"""`airdesk doctor`: what works here, what does not, and what to do about it. It starts and changes nothing."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.loopback import is_free
from trading.adapters.migrations import pending
from trading.adapters.postgres_store.calls import PostgresCallLedger
from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import ADMIN, admin_password
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.cli_live import print_conditions
from trading.entrypoints.databases import command_database, settings_of
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import AirdeskError
from trading.settings import Settings, SourceKind, load_settings, ui_port


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `text` ends with the next action unless all is well."""

    level: Level
    subject: str
    text: str


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this installation",
        description="Check Python, the installation, settings, Postgres, Airflow, sources and broker. Changes nothing.",
    )
    parser.add_argument("--live", action="store_true", help="print the eight conditions of real money instead")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Print every finding; exit code 1 if one of them is a failure."""
    checkout = Checkout.from_environment(os.environ)
    if options.live:
        with command_database(checkout, os.environ):
            return 0 if print_conditions(load_settings()) else 1
    found = list(examine(checkout))
    for finding in found:
        print(f"{finding.level:<5} {finding.subject:<11} {finding.text}")
    return 1 if any(finding.level is Level.FAIL for finding in found) else 0


def examine(checkout: Checkout) -> Iterator[Finding]:
    """Yield the findings, from the ground up."""
    yield _python()
    yield _installation(checkout.root)
    record = RunRecord.read(checkout.state) if is_running(checkout.state) else RunRecord()
    try:
        settings = _settings(checkout, record)
    except AirdeskError as error:
        yield Finding(Level.FAIL, "settings", str(error))
        return
    yield Finding(Level.OK, "settings", f"mode {settings.mode}, book {settings.book}, strategy {settings.strategy}")
    yield _guarded("postgres", lambda: _postgres(settings))
    yield _guarded("airflow", lambda: _airflow(checkout, record))
    yield from _sources(settings)
    yield _broker(settings)


def _python() -> Finding:
    return Finding(Level.OK, "python", f"{platform.python_version()} in {sys.prefix}")


def _installation(root: Path) -> Finding:
    stamp = Path(sys.prefix) / "airdesk.stamp"
    digest = hashlib.sha256((root / "requirements.txt").read_bytes()).hexdigest()
    if not stamp.is_file():
        return Finding(
            Level.WARN, "packages", "this Python was not made by ./airdesk; keep it equal to requirements.txt"
        )
    if stamp.read_text(encoding="ascii").split()[0] != digest:
        return Finding(Level.WARN, "packages", "older than requirements.txt; ./airdesk down, then start again")
    return Finding(Level.OK, "packages", "as in requirements.txt")


def _settings(checkout: Checkout, record: RunRecord) -> Settings:
    url = os.environ.get("AIRDESK_DATABASE_URL", "")
    server = EmbeddedPostgres(checkout.state / "postgres")
    if not url and server.is_running():
        url = server.start().url_for(checkout.database_name)
    # Without a server there is no URL, and the rest of the settings can still be checked.
    return load_settings({**os.environ, **settings_of(checkout, url or "postgresql://"), **record.exports})


def _guarded(subject: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except AirdeskError as error:
        return Finding(Level.FAIL, subject, str(error))


def _postgres(settings: Settings) -> Finding:
    if settings.database_url == "postgresql://":
        return Finding(Level.OK, "postgres", "embedded, not running; every command starts it")
    if names := pending(settings.database_url):
        return Finding(Level.WARN, "postgres", f"{len(names)} migrations pending; run ./airdesk migrate")
    return Finding(Level.OK, "postgres", "running, no migration pending")


def _airflow(checkout: Checkout, record: RunRecord) -> Finding:
    if not record.url:
        port = ui_port()
        if is_free(port):
            return Finding(Level.OK, "airflow", f"not running; ./airdesk up serves it on port {port}")
        return Finding(Level.WARN, "airflow", f"not running, and port {port} is taken; ./airdesk up picks another")
    api = AirflowApi(record.url, ADMIN, admin_password(checkout))
    if not api.is_healthy():
        return Finding(Level.FAIL, "airflow", f"{record.url} is not healthy; read {checkout.logs}")
    if broken := api.import_errors():
        return Finding(Level.FAIL, "airflow", f"cannot import {', '.join(broken)}; run ./airdesk test tests/dags")
    return Finding(Level.OK, "airflow", f"healthy at {record.url}")


def _sources(settings: Settings) -> Iterator[Finding]:
    if settings.sources is SourceKind.SYNTHETIC:
        yield Finding(Level.OK, "sources", f"SYNTHETIC market, seed {settings.synthetic_seed}; nothing of it is real")
    elif settings.sources is SourceKind.STORED:
        yield Finding(
            Level.OK, "sources", "stored rows only; ./airdesk data import brings new ones, AIRDESK_SOURCES=vendors asks"
        )
    else:
        yield from _vendors(settings)


def _vendors(settings: Settings) -> Iterator[Finding]:
    """Yield one line for each vendor: whether it is asked, what for, and what to do. Nothing is asked for it."""
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


def _broker(settings: Settings) -> Finding:
    if not settings.broker_port:
        return Finding(Level.OK, "broker", "none configured; ./airdesk up starts the paper gateway")
    place = f"{settings.broker_host}:{settings.broker_port}"
    try:
        socket.create_connection((settings.broker_host, settings.broker_port), timeout=3).close()
    except OSError:
        return Finding(
            Level.FAIL, "broker", f"{place} does not answer; start the gateway or correct AIRDESK_BROKER_PORT"
        )
    return Finding(Level.OK, "broker", f"{place} answers")
