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
    newest_on = at(orders[0].planned_at)[:5]
    rows = [
        (f"{o.symbol} {o.purpose}", shares(o.quantity), o.status.value, _since(at(o.planned_at), newest_on))
        for o in orders
    ]
    named = {o.order_id: o for o in orders}
    said = [say(f"{named[d.order_id].symbol} {d.stage}: {d.denial.code}: {d.denial.detail}") for d in denials]
    head = ("order", "shares", "status", "UTC")
    return Reply((say(f"newest of {newest_on}"), table(rows, head), *said), more="./airdesk orders")


def _since(instant: str, newest_on: str) -> str:
    """Return the time of an order of the newest day, and the day of an older one: both are too wide for a phone."""
    day, time = instant.split()
    return time if day == newest_on else day


COMMAND = Command("orders", "newest orders", run, arguments="[COUNT]")
