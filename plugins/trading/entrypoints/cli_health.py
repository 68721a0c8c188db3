"""`airdesk health`: how the desk stands now. `airdesk watchdog`: the process outside Airflow that tells of silence."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from trading.adapters.loopback import HOST
from trading.domain.codec import encode
from trading.domain.letters import Letter
from trading.entrypoints.airflow_watch import watch_airflow
from trading.entrypoints.answers import add_json, print_json
from trading.entrypoints.arguments import positive
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import settings_now
from trading.entrypoints.findings import Level, as_line
from trading.entrypoints.health import Health, health_of
from trading.entrypoints.logs import say
from trading.entrypoints.run_record import RunRecord, is_running
from trading.entrypoints.watchdog import Watchdog, direct
from trading.ports.messages import Outcome
from trading.settings import Settings, TelegramSettings

if TYPE_CHECKING:
    from trading.adapters.telegram import TelegramMessenger


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    health = subparsers.add_parser(
        "health",
        help="how the desk stands now",
        description="Look at database, clock, disk, newest decision, messages, sender, bot, Airflow and gateway of a "
        "desk that runs. Starts and changes nothing.",
    )
    add_json(health)
    health.set_defaults(run=run_health, needs_database=False)
    watchdog = subparsers.add_parser(
        "watchdog",
        help="tell when the desk is silent in session; ./airdesk up does it by itself",
        description="Look whether the decision of each session hour is there, and database and Airflow alive. Tell "
        "once when not and once when it is over: through the outbox, or straight to Telegram. Serves /health on "
        "AIRDESK_HEALTH_PORT.",
    )
    watchdog.add_argument("--once", action="store_true", help="look once and end, for cron or a timer")
    watchdog.add_argument("--seconds", type=positive, default=30, help="between two looks (default: 30)")
    watchdog.set_defaults(run=run_watchdog, needs_database=False)


def run_health(options: argparse.Namespace) -> int:
    """Print how the desk stands; exit code 1 when something fails."""
    checkout = Checkout.from_environment(os.environ)
    found = health_of(checkout, _settings(checkout), datetime.now(UTC))
    if options.json:
        print_json("health", **found.values())
    else:
        print("\n".join(map(as_line, found.findings)))
    return 1 if found.level is Level.FAIL else 0


def run_watchdog(options: argparse.Namespace) -> int:
    """Watch until told to stop, or look once; exit code 1 when that look found something to tell."""
    checkout, now = Checkout.from_environment(os.environ), datetime.now(UTC)
    checkout.make_folders()
    settings = _settings(checkout)
    dog = Watchdog(
        settings=lambda: _settings(checkout),
        airflow=lambda: watch_airflow(checkout),
        messenger=_direct_way(settings.telegram),
        say=say,
        started_at=None if options.once else now,
    )
    if options.once:
        return 1 if any(not alert.is_over for alert in dog.round(now)) else 0
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with health_server(settings.health_port, lambda: health_of(checkout, _settings(checkout), datetime.now(UTC))):
        say(f"watches {settings.book}")
        while not ended.wait(options.seconds):
            dog.round(datetime.now(UTC))
    return 0


@contextmanager
def health_server(port: int, look: Callable[[], Health]) -> Iterator[None]:
    """Serve GET /health on loopback: 200, or 503 when something fails. Port 0 serves nothing."""
    if not port:
        yield
        return
    server = ThreadingHTTPServer((HOST, port), _handler(look))
    thread = threading.Thread(target=server.serve_forever, name="health", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _handler(look: Callable[[], Health]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/health":
                self.send_error(404)
                return
            found = look()
            body = json.dumps(encode(found.values()), indent=1).encode()
            self.send_response(503 if found.level is Level.FAIL else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: it is asked every half minute."""

    return Handler


def _settings(checkout: Checkout) -> Settings:
    return settings_now(checkout, RunRecord.read(checkout.state) if is_running(checkout.state) else RunRecord())


def _direct_way(telegram: TelegramSettings) -> Callable[[Letter], Outcome] | None:
    if not telegram.token:
        return None

    def opened() -> TelegramMessenger:
        # The client's libraries take half a second to load, and only an alarm past the desk needs them.
        from trading.adapters.telegram import TelegramMessenger

        return TelegramMessenger(telegram.token, base_url=telegram.base_url)

    return direct(opened, telegram.chats[0])
