"""Run the week and print its transcript.

    python tests/week/run.py [--days N] [--out FILE]

Everything but the market is real: Airflow's scheduler, the tasks, the gateway's protocol, the vendors' and Telegram's
clients, the sender and the bot. Five sessions take about a quarter of an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "plugins")]

from trading.adapters.loopback import HOST, free_port  # noqa: E402
from trading.domain.market import Session, session_slots  # noqa: E402
from trading.entrypoints.airflow_api import DagRun  # noqa: E402
from trading.entrypoints.checkout import Checkout  # noqa: E402
from trading.entrypoints.run_record import run_lock  # noqa: E402
from trading.entrypoints.running_desk import SIMULATED_QUERY, RunningDesk, running_desk  # noqa: E402
from trading.gateway.feed import source_feed  # noqa: E402
from trading.gateway.flex_server import FLEX_TOKEN, PATH  # noqa: E402

from tests.dags.desk import rows_of  # noqa: E402
from tests.fakes import ACCOUNT, NEW_YORK, RunningGateway, running_gateway  # noqa: E402
from tests.integration.parity_world import CALENDAR, SPEC, scenario  # noqa: E402
from tests.telegram_stub import Shown, TelegramStub, telegram_stub  # noqa: E402
from tests.week.expected import problems  # noqa: E402
from tests.week.script import SCENES  # noqa: E402
from tests.week.transcript import Line, Who, as_markdown, lines_of  # noqa: E402
from tests.week.vendors import Vendors, running_vendors  # noqa: E402

FIRST_ON, LAST_ON = date(2020, 11, 30), date(2020, 12, 4)
RUN_SECONDS = 600
SLOWLY = 15.0
"""Seconds that an hour takes at least: more than five messages of a kind within a minute are put together."""
LIVE_DAGS = ("hourly_trading", "nightly_reconciliation", "quarterly_rebalance")


PERSON = 42
WAITING = "SELECT count(*) FROM ops.outbox WHERE state IN ('pending', 'sending') AND next_try_at <= clock_timestamp()"
TOLD = (
    "SELECT state, kind, dedupe_key, detail FROM ops.outbox WHERE state NOT IN ('sent', 'dropped') ORDER BY message_id"
)


@dataclass
class Week:
    """The running parts, and what was said so far.

    Attributes:
        when: the hour that runs, as the transcript names it.
        refused: symbols whose order the person turned down; each is turned down once.
    """

    desk: RunningDesk
    gateway: RunningGateway
    vendors: Vendors
    telegram: TelegramStub
    when: str = ""
    lines: list[Line] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    _shown: dict[int, str] = field(default_factory=dict)
    _answered: set[int] = field(default_factory=set)

    # --- what the script may do -------------------------------------------------------------------

    def types(self, text: str) -> None:
        """Let the person type, and wait for the answer."""
        self._say(Who.PERSON, text)
        before = len(self.telegram.messages)
        self.telegram.types(text, user=PERSON)
        until(self.desk, lambda: len(self.telegram.messages) > before)
        self.collect()

    def taps(self, label: str) -> None:
        """Let the person tap the newest button with this label, and wait for what comes of it."""
        message = next(m for m in reversed(self.telegram.messages) if label in _labels(m))
        self._tap(message, label)

    def gateway_does(self, command: str, **arguments: Any) -> None:
        """Give the paper gateway a control command."""
        self.gateway.tell(command, **arguments)

    def commands(self, *words: str) -> None:
        """Run `./airdesk` with these words; what it prints goes into the transcript."""
        self._say(Who.PERSON, " ".join(("./airdesk", *words)))
        command = [sys.executable, "-m", "trading.entrypoints.cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "plugins"), "COLUMNS": "100"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        self._say(Who.TERMINAL, done.stdout + done.stderr)

    def vendor_loses(self, *symbols: str) -> None:
        """Let the vendor of bars fail for these symbols from now on; for none: it is whole again."""
        self.vendors.without = set(symbols)

    # --- the week ---------------------------------------------------------------------------------

    def session(self, day: int, session: Session) -> None:
        """Run the hours of a session with what happens in them, and its night."""
        for number, slot in enumerate(session_slots(session)):
            self.when = f"{slot.as_of.astimezone(NEW_YORK):%a %d %b %H:%M}"
            for scene in SCENES:
                if (scene.day, scene.hour) == (day, number):
                    self._say(Who.WORLD, scene.told)
                    scene.act(self)
            self._run("hourly_trading", slot.as_of)
        self.when = f"{session.closes_at.astimezone(NEW_YORK):%a %d %b} night"
        self._run("nightly_reconciliation", session.closes_at)

    def _run(self, dag_id: str, as_of: datetime) -> None:
        ends_at = time.monotonic() + SLOWLY
        run = self.desk.airflow.trigger(dag_id, logical_date=None, conf={"as_of": as_of.isoformat()})
        until(self.desk, lambda: self._is_over(dag_id, run) and time.monotonic() > ends_at)
        url = self.desk.settings.database_url
        until(self.desk, lambda: rows_of(url, WAITING) == [(0,)])
        self.collect()
        print(self.when, dag_id, self.desk.airflow.run(dag_id, run.run_id).state, flush=True)

    def _is_over(self, dag_id: str, run: DagRun) -> bool:
        self.collect()
        for message in list(self.telegram.messages):
            if "Approve" in _labels(message) and message.message_id not in self._answered:
                self._answer(message)
        return self.desk.airflow.run(dag_id, run.run_id).is_over

    def _answer(self, message: Shown) -> None:
        """Turn down the first wish for MSFT, and approve all else."""
        self._answered.add(message.message_id)
        is_refused = "MSFT" in message.plain and "MSFT" not in self.refused
        self.refused |= {"MSFT"} if is_refused else set()
        # Airflow may lose an answer that comes within seconds of the question.
        time.sleep(11)
        self._tap(message, "Reject" if is_refused else "Approve")

    def _tap(self, message: Shown, label: str) -> None:
        self._say(Who.PERSON, f"[{label}]")
        said = len(self.telegram.messages), message.text
        self.telegram.taps(message.data_of(label), user=PERSON, message_id=message.message_id)
        until(self.desk, lambda: (len(self.telegram.messages), message.text) != said)
        self.collect()

    def _say(self, who: Who, text: str) -> None:
        self.collect()
        self.lines.append(Line(self.when, who, text))

    def collect(self) -> None:
        """Take into the transcript what the desk sent or changed since the last look."""
        for message in list(self.telegram.messages):
            before = self._shown.get(message.message_id)
            if before == message.text:
                continue
            self._shown[message.message_id] = message.text
            line = lines_of(message, self.when)
            self.lines.append(line if before is None else replace(line, is_edit=True))


def _labels(message: Shown) -> set[str]:
    return {text for row in message.buttons for text, _ in row}


def until(desk: RunningDesk, look: Callable[[], Any]) -> Any:
    """Return what `look` returns once it is something."""
    deadline = time.monotonic() + RUN_SECONDS
    while not (found := look()):
        desk.supervisor.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing after {RUN_SECONDS} s; the logs are in {desk.checkout.logs}")
        time.sleep(0.3)
    return found


@contextmanager
def running_week(folder: Path) -> Iterator[Week]:
    """Start everything, with the clock of the gateway before the first session."""
    opens_at = CALENDAR.session(FIRST_ON).opens_at
    sources = scenario()
    feed = source_feed(sources.bars[0], SPEC.universe.data, sources.actions[0])
    with ExitStack() as stack:
        gateway = stack.enter_context(running_gateway(feed, opens_at))
        vendors = stack.enter_context(running_vendors())
        telegram = stack.enter_context(telegram_stub())
        stack.enter_context(only_environment(settings(folder, gateway, vendors, telegram)))
        checkout = Checkout.from_environment(os.environ)
        checkout.make_folders()
        assert stack.enter_context(run_lock(checkout.state))
        desk = stack.enter_context(running_desk(checkout, say=print))
        desk.wait_until_ready()
        until(desk, lambda: desk.airflow.dag_ids().issuperset(LIVE_DAGS))
        for dag_id in LIVE_DAGS:
            desk.airflow.unpause(dag_id)
        yield Week(desk, gateway, vendors, telegram)


def settings(folder: Path, gateway: RunningGateway, vendors: Vendors, telegram: TelegramStub) -> dict[str, str]:
    """Return the settings of a paper desk on these parts."""
    url = vendors.stub.url
    return {
        # Runs are triggered one by one: the market of the week is not of today.
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        "AIRDESK_STATE_DIR": str(folder),
        "AIRDESK_UI_PORT": str(free_port()),
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": f"paper:{ACCOUNT}",
        "AIRDESK_SOURCES": "vendors",
        "AIRDESK_STRATEGY": SPEC.name,
        "AIRDESK_IBKR_BARS": "0",
        "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        "AIRDESK_BROKER_PORT": str(gateway.port),
        "AIRDESK_GATEWAY_CONTROL_PORT": str(gateway.control_port),
        "AIRDESK_FLEX_URL": f"http://{HOST}:{gateway.flex_port}{PATH}",
        "AIRDESK_FLEX_TOKEN": FLEX_TOKEN,
        "AIRDESK_FLEX_QUERY": SIMULATED_QUERY,
        "AIRDESK_APPROVAL_ABOVE_USD": "9700",
        "AIRDESK_TELEGRAM_TOKEN": telegram.token,
        "AIRDESK_TELEGRAM_CHATS": str(PERSON),
        "AIRDESK_TELEGRAM_PEOPLE": f"{PERSON}:admin",
        "AIRDESK_TELEGRAM_BASE_URL": telegram.base_url,
        # Digests come by the clock on the wall, which is not that of this market.
        "AIRDESK_TELEGRAM_KINDS": "quiet_hour:off,stop_moved:off",
        # It looks at the clock on the wall too, and would miss the hours of this day.
        "AIRDESK_WATCHDOG_MINUTES": "1000000",
        "POLYGON_API_KEY": "stub",
        "POLYGON_PLAN": "advanced",
        "POLYGON_BASE_URL": url,
        "SEC_BASE_URL": url,
        "CBOE_BASE_URL": url,
        "GPR_BASE_URL": url,
    }


@contextmanager
def only_environment(wanted: Mapping[str, str]) -> Iterator[None]:
    """Replace every setting of ours and of Airflow for the length of a `with` block."""
    ours = ("AIRFLOW", "AIRDESK", "POLYGON")
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(ours)}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name in wanted:
            del os.environ[name]
        os.environ.update(before)


def main(arguments: list[str]) -> int:
    """Run the week; 0 if it told what a person would expect."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args(arguments)
    sessions = CALENDAR.sessions(FIRST_ON, LAST_ON)[: options.days]
    with tempfile.TemporaryDirectory(prefix="airdesk-week-", ignore_cleanup_errors=True) as folder:
        # As root the server runs under another account, which must be able to enter.
        Path(folder).chmod(0o711)
        with running_week(Path(folder)) as week:
            for day, session in enumerate(sessions):
                week.session(day, session)
                if options.out:
                    options.out.write_text(as_markdown(week.lines), encoding="utf-8")
            left = rows_of(week.desk.settings.database_url, TOLD)
    if not options.out:
        print(as_markdown(week.lines))
    found = [f"not sent: {' '.join(map(str, row))}" for row in left]
    found += problems(week.lines, week.when.rpartition(" ")[0])
    print(*found or ["every message came, in order, once"], sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
