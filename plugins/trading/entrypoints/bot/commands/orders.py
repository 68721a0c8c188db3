"""/orders: the newest orders, and what stood against them."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import at, shares
from trading.entrypoints.bot.reply import Reply, say, table


def run(ask: Ask) -> Reply:
    """List the newest orders."""
    count = ask.count(10, 50)
    with ask.services.store.snapshot() as tx:
        orders = tx.orders.recent(ask.book, count)
        denials = tx.checks.denials([o.order_id for o in orders])
    if not orders:
        return Reply.of("There is no order yet.")
    rows = [(f"{o.symbol} {o.purpose}", shares(o.quantity), o.status.value, at(o.planned_at)[-5:]) for o in orders]
    named = {o.order_id: o for o in orders}
    said = [say(f"{named[d.order_id].symbol} {d.stage}: {d.denial.code}: {d.denial.detail}") for d in denials]
    return Reply((table(rows, ("order", "shares", "status", "UTC")), *said), more="./airdesk orders")


COMMAND = Command("orders", "newest orders", run, arguments="[COUNT]")
