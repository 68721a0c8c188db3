"""Replays that people asked for: one after the other, in a process of its own that gives way to everything else."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from trading.adapters.http.redaction import redact
from trading.domain.instruments import BookId, BookKind
from trading.entrypoints.bot.command import Desk
from trading.entrypoints.bot.conversation import Answer
from trading.entrypoints.bot.reply import Reply, messages, pairs, say
from trading.errors import AirdeskError
from trading.ports.bot import Backtest
from trading.reporting.wording import change, fall, percent, whole
from trading.tasks.standing import read_history, statistics_of

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SHOWN_LINES = 20
type Send = Callable[[int, Answer], Awaitable[None]]


class Backtests:
    """Works the queue of `/backtest`."""

    def __init__(self, desk: Desk, send: Send) -> None:
        self._desk, self._send = desk, send

    async def work(self) -> None:
        """Replay what is queued, for ever; a stop cuts a replay off, and the next start begins it again."""
        while True:
            try:
                found = await asyncio.to_thread(self._next)
            except AirdeskError as error:
                log.warning("the queue of replays could not be read: %s", redact(str(error)))
                found = None
            if found is None:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                await self._replay(found)

    def _next(self) -> Backtest | None:
        with self._desk.services.store.transaction() as tx:
            return tx.bot.next_backtest()

    async def _replay(self, asked: Backtest) -> None:
        with tempfile.TemporaryDirectory(prefix="airdesk-backtest-") as folder:
            code, said = await _run(asked, Path(folder))
            page = next(iter(sorted(Path(folder).rglob("*.html"))), None)
            document = None if page is None else (page.name, page.read_bytes())
        with self._desk.services.store.transaction() as tx:
            tx.bot.end_backtest(asked.backtest_id, is_done=code == 0, detail=said[-500:])
        badge, blocks = await asyncio.to_thread(self._told, asked, code, said)
        title = f"<b>{badge}</b> asked by {asked.asked_by}"
        reply = Reply(blocks, document=document, more="./airdesk replay list")
        await self._send(asked.chat_id, Answer(messages(title, reply), document=document))

    def _told(self, asked: Backtest, code: int, said: str) -> tuple[str, tuple[str, ...]]:
        """Return what badge a replay carries, and what came of it: figures, or the last words of a failure."""
        span = f"replay {asked.first_on} to {asked.last_on}"
        if code:
            tail = "\n".join(said.strip().splitlines()[-SHOWN_LINES:])
            return "REPLAY", (say(f"{span} failed"), f"<pre>{say(tail)}</pre>")
        with self._desk.services.store.snapshot() as tx:
            history = read_history(tx, self._desk.services.calendar, BookId(BookKind.REPLAY, _name(asked)))
        points, trades = history.equity.points, statistics_of(history).trades
        rows = [
            ("sessions", str(len(points))),
            ("closed trades", str(trades.count)),
            ("gained", percent(trades.hit_frac)),
        ]
        if points:
            rows = [
                ("NAV", f"{whole(points[-1].mark.nav_usd)} USD"),
                ("growth", change(points[-1].growth - 1.0)),
                ("deepest fall", fall(max(p.drawdown_frac for p in points))),
                *rows,
            ]
        kept = f"Stored as {_name(asked)}; the report is attached."
        return history.badge, (say(f"{span} is done"), pairs(rows), say(kept))


def _name(asked: Backtest) -> str:
    return f"bot-{asked.backtest_id}"


async def _run(asked: Backtest, folder: Path) -> tuple[int, str]:
    """Return the exit code of a replay, and what it said."""
    words = [
        "-m", "trading.entrypoints.cli", "replay", "run", "--from", str(asked.first_on), "--to", str(asked.last_on),
        "--name", _name(asked), "--replace", "--report", str(folder),
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words,
        env={**os.environ, "COLUMNS": "60"}, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, preexec_fn=_give_way,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    return process.returncode or 0, redact(said.decode(errors="replace"))


def _give_way() -> None:
    os.nice(10)
