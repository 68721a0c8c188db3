"""/ban: buy nothing of a symbol; what is held is sold as ever."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.tasks.locks import check_restriction


def run(ask: Ask) -> Reply:
    """Put a symbol on the restricted list."""
    symbol, until = ask.symbol(), _until(ask)
    check_restriction(ask.services, ask.desk.spec, symbol, book=ask.book, until=until)
    reason = ask.reason(1 if until is None else 2)
    with ask.services.store.transaction() as tx:
        tx.controls.restrict(ask.book, symbol, until=until, reason=reason, actor=ask.person.actor)
    end = f"until {until}" if until else "until /unban"
    return Reply.of(f"{symbol} is not bought {end}; an entry that works now still may fill.")


def _until(ask: Ask) -> date | None:
    if len(ask.words) > 1:
        with suppress(ValueError):
            return date.fromisoformat(ask.words[1])
    return None


COMMAND = Command("ban", "buy nothing of a symbol", run, Role.OPERATE, "SYMBOL [LAST-DAY] [REASON]", ("blacklist",))
