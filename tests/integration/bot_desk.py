"""A desk with a position at the paper gateway, its bot in a process of its own, and Telegram on loopback."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect
from trading.analysis.facts import utc64
from trading.domain.panel import panel_of
from trading.tasks.decide import decide

from tests.fakes import ACCOUNT, flat_bars, ny
from tests.integration.order_desk import BOOK, MONDAY, SPEC, Desk, desk_on, slot
from tests.telegram_stub import Shown, TelegramStub, telegram_stub

ROOT = Path(__file__).parents[2]
ADMIN, OPERATOR, VIEWER, STRANGER, GROUP = 42, 43, 44, 999, -100500
PEOPLE = f"{ADMIN}:admin,{OPERATOR}:operate,{VIEWER}:view"
HOUR, NEXT = "2019-06-03 10:30", "2019-06-03 11:30"


@dataclass
class Bot:
    """A running bot, and what a test does with it."""

    process: subprocess.Popen[bytes]
    telegram: TelegramStub
    log: Path

    def ask(self, text: str, *, user: int = ADMIN, chat: int | None = None, seconds: float = 20) -> Shown:
        """Send a command and return the message that comes back."""
        before = len(self.telegram.messages)
        self.telegram.types(text, user=user, chat=chat)
        self.telegram.wait_for(lambda: self.telegram.messages[before:], seconds=seconds)
        return self.telegram.messages[before]

    def tap(
        self, message: Shown, label: str, *, user: int = ADMIN, chat: int | None = None, seconds: float = 20
    ) -> str:
        """Tap a button and return the word that comes back at once."""
        return self.tap_data(message.data_of(label), message.message_id, user=user, chat=chat, seconds=seconds)

    def tap_data(
        self, data: str, message_id: int = 1, *, user: int = ADMIN, chat: int | None = None, seconds: float = 20
    ) -> str:
        before = len(self.telegram.answers)
        self.telegram.taps(data, user=user, chat=chat, message_id=message_id)
        self.telegram.wait_for(lambda: self.telegram.answers[before:], seconds=seconds)
        return str(self.telegram.answers[before].parameters.get("text", ""))

    def settle(self) -> None:
        """Return when everything that was sent before is answered, or was refused without a word."""
        self.ask("/whoami")

    def end(self) -> int:
        """Stop it as the supervisor does; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@dataclass(frozen=True)
class BotWorld:
    """What a bot needs: a database, its paper desk, Telegram, and what its process is told."""

    url: str
    desk: Desk
    telegram: TelegramStub
    environment: dict[str, str]


@contextmanager
def bot_world_on(url: str, folder: Path) -> Iterator[BotWorld]:
    """Run a paper desk on a new database: NVDA is held under protection, the last hour is judged."""
    migrate(url)
    bars = [bar for symbol in ("NVDA", "AAPL", "MSFT") for bar in flat_bars(symbol, MONDAY, 5)]
    with telegram_stub() as telegram, desk_on(PostgresStore(url), bars) as desk:
        buy_and_decide(desk)
        yield BotWorld(url, desk, telegram, environment_of(desk, url, folder, telegram))


def environment_of(desk: Desk, database_url: str, folder: Path, telegram: TelegramStub) -> dict[str, str]:
    """Return what the bot's process is told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRDESK", "AIRFLOW"))}
    return kept | {
        "PYTHONPATH": str(ROOT / "plugins"),
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": str(BOOK),
        "AIRDESK_STRATEGY": "technical_core",
        "AIRDESK_STATE_DIR": str(folder),
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(desk.gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(desk.gateway.control_port),
        "AIRDESK_TELEGRAM_TOKEN": telegram.token,
        "AIRDESK_TELEGRAM_CHATS": f"{ADMIN},{OPERATOR},{VIEWER},{GROUP}",
        "AIRDESK_TELEGRAM_PEOPLE": PEOPLE,
        "AIRDESK_TELEGRAM_BASE_URL": telegram.base_url,
    }


@contextmanager
def running_bot(environment: Mapping[str, str], telegram: TelegramStub, *, listens: bool = True) -> Iterator[Bot]:
    """Run `./airdesk bot` for the length of a block; with `listens` it is entered once the bot asks for updates."""
    folder = Path(environment["AIRDESK_STATE_DIR"])
    log = folder / f"bot-{time.monotonic_ns()}.log"
    asked = len(telegram.called("getUpdates"))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trading.entrypoints.cli", "bot"],
            env=dict(environment), stdout=output, stderr=subprocess.STDOUT, cwd=folder,
        )  # fmt: skip
    bot = Bot(process, telegram, log)
    try:
        if listens:
            telegram.wait_for(
                lambda: len(telegram.called("getUpdates")) > asked or process.poll() is not None, seconds=40
            )
            assert process.poll() is None, log.read_text()
        yield bot
    finally:
        bot.end()


def buy_and_decide(desk: Desk) -> None:
    """Hold 99 NVDA with stop and target, and judge the hour by the rules."""
    desk.sync(HOUR)
    desk.enter(HOUR)
    desk.execute(HOUR)
    desk.sync(NEXT)
    passing = {"price": 100.0, "sma_50": 110.0, "sma_200": 90.0, "rsi_14": 55.0, "volatility_frac": 0.2, "atr_14": 2.0}
    judge(desk, NEXT, **passing)


def judge(desk: Desk, at: str, **values: float) -> None:
    """Store the same inputs for every symbol, and the decision that follows from them."""
    hour, symbols = slot(at), SPEC.universe.traded
    columns: dict[str, Any] = {name: np.full((1, len(symbols)), value) for name, value in values.items()}
    # NVDA alone is held, AAPL alone may be bought: for the others the averages have not crossed.
    for place, symbol in enumerate(symbols):
        if symbol not in ("NVDA", "AAPL"):
            columns["sma_50"][0, place] = 80.0
    panel = panel_of(np.array([utc64(hour.as_of)]), symbols, vix=np.array([[15.0]]), **columns)
    with desk.services.store.transaction() as tx:
        for group in ("technicals", "risk"):
            tx.analysis.write(group, panel, hour.as_of)
    decide(desk.services, SPEC, BOOK, hour)


def rows(database_url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return what a statement selects."""
    with closing(connect(database_url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def outcomes(database_url: str, actor: int) -> list[tuple[str, str]]:
    """Return (action, outcome) of what the audit holds about a person, oldest first."""
    found = rows(
        database_url,
        f"SELECT action, detail->>'outcome' FROM ops.audit WHERE actor = 'telegram:{actor}' ORDER BY audit_id",
    )
    return [(str(action), str(outcome)) for action, outcome in found]


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text."""
    return re.findall(r"\d[\d,.]*", text)


NOW = ny(NEXT)
