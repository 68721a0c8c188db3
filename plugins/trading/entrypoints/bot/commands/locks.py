"""/locks: what keeps entries out now."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.tasks.locks import locks_now


def run(ask: Ask) -> Reply:
    """List the locks, those of the whole book first."""
    found = locks_now(ask.services, ask.desk.spec, ask.book)
    if not found:
        return Reply.of("Nothing is locked.")
    said = []
    for lock in found:
        until = "" if lock.until is None else f", until {lock.until}"
        said.append(say(f"{lock.symbol or 'the book'}: {lock.code}{until}: {lock.reason}"))
    return Reply(tuple(said), more="./airdesk locks")


COMMAND = Command("locks", "what keeps entries out now", run)
