"""/cancel: take back the orders in a symbol that still work; protection stays."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.bot.stopping import swept_blocks
from trading.errors import PermanentError
from trading.tasks.selling import cancel_orders, cancellable


def run(ask: Ask) -> Reply:
    """Show the orders that would be taken back, in shares and dollars."""
    ask.most(1)
    symbol = ask.symbol()
    found = cancellable(ask.services, ask.book, symbol)
    if not found:
        raise PermanentError(f"no entry and no exit of {symbol} works at the broker; protection is not taken back")
    with ask.services.store.snapshot() as tx:
        ours = {o.order_id: o for o in tx.orders.working(ask.book)}
    lines = []
    for order in found:
        left = order.quantity - order.filled_quantity
        known = ours.get(order.order_ref or "")
        price = None if known is None else known.limit_price
        worth = "at the market" if price is None else f"at {price:,.2f} USD, {left * price:,.2f} USD"
        lines.append(f"cancels {order.side} {left.normalize():f} {order.symbol} {worth}")
    return replace(Reply.of(*lines), asks=True)


def act(ask: Ask) -> Reply:
    """Take them back."""
    found = cancel_orders(ask.services, ask.book, ask.symbol())
    return Reply(tuple(swept_blocks(found)), is_failure=found.problem is not None or bool(found.working))


COMMAND = Command(
    "cancel",
    "take back the orders of a symbol that work",
    run,
    Role.OPERATE,
    "SYMBOL",
    ("cancel_open_order", "coo"),
    act,
)
