"""/flatten: sell every position."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import usd
from trading.entrypoints.bot.reply import Reply, say
from trading.entrypoints.bot.stopping import swept_blocks
from trading.tasks.flatten import Holding, holdings
from trading.tasks.selling import flatten_book


def run(ask: Ask) -> Reply:
    """Show every position that would be sold, in shares and dollars."""
    found = holdings(ask.services, ask.book)
    if not found:
        return Reply.of("Nothing is held, so there is nothing to sell.")
    lines = [f"sells {holding}" for holding in found]
    return replace(Reply.of(*lines, f"In all about {usd(worth(found))} USD. Afterwards: exits only."), asks=True)


def worth(found: tuple[Holding, ...]) -> float:
    """Return what holdings are worth now, at their cost where no price is shown [USD]."""
    return float(sum(h.cost_usd if h.price is None else h.quantity * h.price for h in found))


def act(ask: Ask) -> Reply:
    """Sell all of it."""
    done = flatten_book(
        ask.services, ask.desk.spec, ask.book,
        reason=ask.reason(0), actor=ask.person.actor, halt_file=ask.desk.settings.halt_file,
    )  # fmt: skip
    return Reply((*map(say, done.lines), *swept_blocks(done.sweep)), is_failure=not done.is_done)


COMMAND = Command("flatten", "sell every position", run, Role.ADMIN, "[REASON]", act=act)
