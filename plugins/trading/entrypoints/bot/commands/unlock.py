"""/unlock: turn a locked book into a halted one, with a code that only the desk's own machine shows."""

from __future__ import annotations

from trading.domain.people import Role
from trading.domain.portfolio import TradingState
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.unlocking import unlock_with, write_unlock_code
from trading.errors import PermanentError
from trading.tasks.confirmation import VALID_SECONDS


def run(ask: Ask) -> Reply:
    """Write a code on the machine, or use one up."""
    desk = ask.desk
    if not ask.words:
        with ask.services.store.snapshot() as tx:
            state = tx.controls.trading_state(ask.book)
        if state is not TradingState.LOCKED:
            raise PermanentError(f"{ask.book} is {state}, not LOCKED; what keeps a symbol out is in /locks and /unban")
        path = write_unlock_code(desk.settings, desk.services, desk.book, actor=ask.person.actor)
        return Reply.of(
            f"A code was written into {path.name} in the state folder of the desk's machine.",
            f"Within {VALID_SECONDS} s send /unlock CODE; the book is HALTED then, and /resume follows.",
        )
    change = unlock_with(
        desk.settings, desk.services, desk.book, ask.words[0], reason=ask.reason(1), actor=ask.person.actor
    )
    return Reply.of(str(change))


COMMAND = Command("unlock", "turn a locked book into a halted one", run, Role.ADMIN, "[CODE [REASON]]")
