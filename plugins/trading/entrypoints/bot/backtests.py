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
from trading.entrypoints.bot.command import Desk
from trading.entrypoints.bot.conversation import Answer
from trading.entrypoints.bot.reply import Reply, messages, say
from trading.errors import AirdeskError
from trading.ports.bot import Backtest

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SHOWN_LINES = 40
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
        is_done = code == 0
        with self._desk.services.store.transaction() as tx:
            tx.bot.end_backtest(asked.backtest_id, is_done=is_done, detail=said[-500:])
        head = f"replay {asked.first_on} to {asked.last_on} " + ("is done" if is_done else "failed")
        tail = "\n".join(said.strip().splitlines()[-SHOWN_LINES:])
        reply = Reply((say(head), f"<pre>{say(tail)}</pre>"), document=document, more="./airdesk replay list")
        title = f"<b>REPLAY</b> asked by {asked.asked_by}"
        await self._send(asked.chat_id, Answer(messages(title, reply), document=document))


async def _run(asked: Backtest, folder: Path) -> tuple[int, str]:
    """Return the exit code of a replay, and what it said."""
    words = [
        "-m", "trading.entrypoints.cli", "replay", "run", "--from", str(asked.first_on), "--to", str(asked.last_on),
        "--name", f"bot-{asked.backtest_id}", "--replace", "--report", str(folder),
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
