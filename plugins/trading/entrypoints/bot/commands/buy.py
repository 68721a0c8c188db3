"""/buy: buy a name now, if every rule and every check of the newest hour lets it; the strategy says how much."""

from __future__ import annotations

from dataclasses import replace

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.tasks.buying import buy, weigh_purchase


def run(ask: Ask) -> Reply:
    """Show what would be bought, in shares and dollars, or what stands against it."""
    symbol = ask.symbol()
    found = weigh_purchase(ask.services, ask.desk.spec, ask.book, symbol)
    if not found.found.orders:
        return Reply.of(f"{symbol} is not bought, because:", *found.lines)
    limit_usd = ask.services.approval_above_usd
    approval = () if limit_usd is None else (f"Your tap is the approval of an order over {limit_usd:,} USD.",)
    return replace(Reply.of(*found.lines, *approval, "Every check is made again at sending."), asks=True)


def act(ask: Ask) -> Reply:
    """Buy it."""
    symbol = ask.symbol()
    found, report = buy(
        ask.services, ask.desk.spec, ask.book, symbol,
        reason=f"{ask.reason(1)} ({ask.person.actor})", actor=ask.person.actor,
    )  # fmt: skip
    if report is None:
        return replace(Reply.of(f"{symbol} is not bought any more, because:", *found.lines), is_failure=True)
    sent = report.counts.get("sent", 0)
    with ask.services.store.snapshot() as tx:
        orders = tx.orders.of_decision(found.decision_id)
    said = [f"{o.purpose} {o.quantity.normalize():f} {o.symbol}: {o.status} {o.detail or ''}".rstrip() for o in orders]
    return replace(Reply.of(f"{found.decision_id}: {sent} sent", *said, *report.notes), is_failure=not sent)


COMMAND = Command(
    "buy", "buy a name now, if every rule lets it", run, Role.ADMIN, "SYMBOL [REASON]", ("forceenter",), act
)
