"""/count: how many positions and orders there are, of how many that may be."""

from __future__ import annotations

from trading.engine.desk_view import limits_of
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import NEW_YORK, book_read
from trading.entrypoints.bot.reply import Reply, pairs


def run(ask: Ask) -> Reply:
    """Count positions and orders."""
    now = ask.services.clock.now()
    midnight = now.astimezone(NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)
    with ask.services.store.snapshot() as tx:
        sent = tx.checks.sent_since(ask.book, midnight)
        working = tx.orders.working(ask.book)
    _, exposure = book_read(ask)
    limits = limits_of(ask.desk.spec)
    rows = [
        ("positions", f"{len(exposure.holdings)} of {len(ask.desk.spec.universe.traded)}"),
        ("orders at work", str(sum(not o.is_protective for o in working))),
        ("orders sent today", f"{sent} of {limits.orders_a_day}"),
    ]
    return Reply((pairs(rows),))


COMMAND = Command("count", "positions and orders of how many", run)
