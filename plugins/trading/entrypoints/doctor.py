"""`airdesk doctor`: what works here, what does not, and what to do about it. It starts and changes nothing."""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from trading.adapters.loopback import is_free
from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.airflow_environment import ADMIN, admin_password, known_environment
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.cli_live import print_conditions
from trading.entrypoints.databases import command_database, settings_now
from trading.entrypoints.doctor_machine import examine_machine
from trading.entrypoints.doctor_messages import messages_line
from trading.entrypoints.doctor_names import unread_names
from trading.entrypoints.doctor_outside import ask_vendors, examine_broker, examine_sources
from trading.entrypoints.doctor_parity import examine_parity
from trading.entrypoints.doctor_security import examine_security
from trading.entrypoints.findings import Finding, Level, as_json, as_line, guarded
from trading.entrypoints.run_record import RunRecord, is_running
from trading.errors import AirdeskError
from trading.settings import Settings, load_settings, ui_port
from trading.strategy.catalogue import spec_named


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this installation",
        description="Check Python, the installation, settings, Postgres, disk, clock, calendar, Airflow, sources and "
        "broker. Changes nothing; exit code 1 when one of them fails.",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.add_argument("--online", action="store_true", help="also ask each vendor that is on for one small thing")
    parser.add_argument("--security", action="store_true", help="only what is too open: settings, keys, files, logins")
    parser.add_argument("--live", action="store_true", help="print the eight conditions of real money instead")
    parser.set_defaults(run=run, needs_database=False)


def run(options: argparse.Namespace) -> int:
    """Print every finding; exit code 1 if one of them is a failure."""
    checkout = Checkout.from_environment(os.environ)
    if options.live:
        with command_database(checkout, os.environ):
            return 0 if print_conditions(load_settings(), as_json=options.json) else 1
    found = []
    lines = security_lines(checkout) if options.security else examine(checkout, is_online=options.online)
    for finding in lines:
        found.append(finding)
        if not options.json:
            print(as_line(finding), flush=True)
    if options.json:
        print(as_json(found))
    return 1 if any(finding.level is Level.FAIL for finding in found) else 0


def examine(checkout: Checkout, *, is_online: bool = False) -> Iterator[Finding]:
    """Yield the findings, from the ground up; with `is_online` each vendor is asked for one small thing."""
    yield _python()
    yield _installation(checkout.root)
    record = RunRecord.read(checkout.state) if is_running(checkout.state) else RunRecord()
    try:
        settings = settings_now(checkout, record)
    except AirdeskError as error:
        yield Finding(Level.FAIL, "settings", str(error))
        return
    yield Finding(Level.OK, "settings", f"mode {settings.mode}, book {settings.book}, strategy {settings.strategy}")
    yield from unread_names(checkout.root)
    yield guarded("client", lambda: _client(settings))
    yield from examine_machine(settings)
    yield from examine_security(known_environment(checkout), checkout, settings)
    yield guarded("airflow", lambda: _airflow(checkout, record))
    yield from examine_sources(settings)
    yield from examine_parity(settings)
    yield guarded("messages", lambda: messages_line(settings))
    if is_online:
        yield from ask_vendors(settings)
    yield from examine_broker(settings)


def security_lines(checkout: Checkout) -> Iterator[Finding]:
    """Yield the lines about security only."""
    try:
        settings = settings_now(checkout, RunRecord.read(checkout.state) if is_running(checkout.state) else RunRecord())
    except AirdeskError as error:
        yield Finding(Level.FAIL, "settings", str(error))
        return
    yield from examine_security(known_environment(checkout), checkout, settings)


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


def _client(settings: Settings) -> Finding:
    """Say what this client may not buy; the broker has the last word, which `preflight` asks for."""
    barred = sorted(spec_named(settings.strategy).universe.signal_only(settings.client_category))
    if not barred:
        return Finding(
            Level.OK, "client", f"{settings.client_category}: everything of {settings.strategy} may be bought"
        )
    names = ", ".join(barred)
    return Finding(Level.WARN, "client", f"{settings.client_category}: signal only, for want of a KID: {names}")


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
