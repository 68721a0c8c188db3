"""/unban: let a symbol be bought again."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.errors import PermanentError


def run(ask: Ask) -> Reply:
    """Show who banned it, and why."""
    symbol = ask.symbol()
    with ask.services.store.snapshot() as tx:
        found = tx.controls.restrictions(ask.book).get(symbol)
    if found is None:
        raise PermanentError(f"{symbol} is not on the restricted list; see /locks")
    cap = ask.desk.spec.sizing.asset_cap_frac
    effect = f"From the next hour on it may be bought again, for up to {cap:.0%} of NAV."
    return replace(Reply.of(f"{symbol} is banned {found.text}.", effect), asks=True)


def act(ask: Ask) -> Reply:
    """Take it off the list."""
    symbol = ask.symbol()
    with ask.services.store.transaction() as tx:
        if symbol not in tx.controls.restrictions(ask.book):
            raise PermanentError(f"{symbol} is not on the restricted list any more; see /locks")
        tx.controls.unrestrict(ask.book, symbol, reason=ask.reason(1), actor=ask.person.actor)
    return Reply.of(f"{symbol} may be bought again.")


COMMAND = Command("unban", "let a symbol be bought again", run, Role.OPERATE, "SYMBOL [REASON]", act=act)
