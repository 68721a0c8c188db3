"""/close: sell one position, or with "all" every one."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.commands import flatten
from trading.entrypoints.bot.reply import Reply, say
from trading.entrypoints.bot.stopping import swept_blocks
from trading.tasks.flatten import holdings
from trading.tasks.selling import close_symbol

ALL = "all"


def run(ask: Ask) -> Reply:
    """Show the position that would be sold, in shares and dollars."""
    if _is_all(ask):
        return flatten.run(ask)
    symbol = ask.symbol()
    found = [h for h in holdings(ask.services, ask.book) if h.symbol == symbol]
    if not found:
        return Reply.of(f"{symbol} is not held, so there is nothing to sell.")
    again = f"The next hour may buy it again if every rule passes; /ban {symbol} keeps it out."
    return replace(Reply.of(f"sells {found[0]}", again), asks=True)


def act(ask: Ask) -> Reply:
    """Sell it."""
    if _is_all(ask):
        return flatten.act(ask.with_words(*ask.words[1:]))
    done = close_symbol(
        ask.services, ask.desk.spec, ask.book, ask.symbol(), reason=f"{ask.reason(1)} ({ask.person.actor})"
    )
    blocks = [say(line) for line in done.lines]
    if done.sweep.problem is not None or done.sweep.working:
        blocks += swept_blocks(done.sweep)
    return Reply(tuple(blocks), is_failure=not done.is_done)


def _is_all(ask: Ask) -> bool:
    return bool(ask.words) and ask.words[0].lower() == ALL


COMMAND = Command(
    "close", "sell one position, or all", run, Role.ADMIN, "SYMBOL|all [REASON]", ("forceexit", "fx"), act
)
