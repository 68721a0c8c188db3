"""/logs: the last lines of a program's log, without secrets."""

from __future__ import annotations

from pathlib import Path

from trading.adapters.http.redaction import redact
from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.errors import PermanentError

SHOWN, MOST_BYTES = 20, 40_000


def run(ask: Ask) -> Reply:
    """Show the end of a log, or which ones there are."""
    ask.most(1)
    found = {path.stem: path for path in sorted(ask.desk.checkout.logs.glob("*.log"))}
    if not found:
        raise PermanentError("there is no log here; ./airdesk up writes them")
    if not ask.words:
        return Reply.of(f"There are {', '.join(found)}; write {ask.command.usage}.")
    path = found.get(ask.words[0].lower())
    if path is None:
        raise PermanentError(f"there is no log {ask.words[0][:32]!r}; there are {', '.join(found)}")
    lines = _tail(path)
    return Reply((say(path.name), f"<pre>{say(chr(10).join(lines))}</pre>"), more=f"the file {path.name}")


def _tail(path: Path) -> list[str]:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MOST_BYTES))
        text = file.read().decode(errors="replace")
    return [redact(line)[:300] for line in text.splitlines()[-SHOWN:]] or ["(empty)"]


COMMAND = Command("logs", "the end of a program's log", run, Role.OPERATE, "[PROGRAM]")
