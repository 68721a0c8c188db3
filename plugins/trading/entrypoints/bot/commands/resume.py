"""/resume: trade again, once the book equals the broker's."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.domain.portfolio import TradingState
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import book_read, usd
from trading.entrypoints.bot.reply import Reply
from trading.errors import PermanentError
from trading.tasks.operating import resume_book


def run(ask: Ask) -> Reply:
    """Show what a resume would let happen."""
    with ask.services.store.snapshot() as tx:
        state, why = tx.controls.trading_state(ask.book), tx.controls.state_reason(ask.book)
        breaks = tx.reconciliations.breaks(ask.book)
    if state is TradingState.ACTIVE:
        raise PermanentError(f"{ask.book} is ACTIVE already; nothing was done")
    if state is TradingState.LOCKED:
        raise PermanentError(f"{ask.book} is LOCKED; /unlock comes first")
    _, exposure = book_read(ask)
    shown = [
        f"{state} → ACTIVE: entries are sent again from the next decision on.",
        f"NAV {usd(exposure.nav_usd)} USD, cash {usd(exposure.cash_usd)} USD, {len(exposure.holdings)} positions.",
    ]
    if why:
        shown.append(f"It was set by {why}.")
    if state is TradingState.HALTED:
        shown.append(f"Book and broker are compared first; {len(breaks)} breaks are open now.")
    return replace(Reply.of(*shown), asks=True)


def act(ask: Ask) -> Reply:
    """Resume."""
    done = resume_book(
        ask.services, ask.desk.spec, ask.book,
        after=TradingState.ACTIVE, reason=ask.reason(0), actor=ask.person.actor,
        halt_file=ask.desk.settings.halt_file,
    )  # fmt: skip
    halted = (f"It was halted by {done.halted_by}.",) if done.halted_by else ()
    return Reply.of(str(done.change), *halted)


COMMAND = Command("resume", "trade again, once book and broker agree", run, Role.OPERATE, "[REASON]", act=act)
