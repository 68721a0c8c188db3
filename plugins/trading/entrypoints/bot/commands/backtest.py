"""/backtest: queue a replay; its report comes when it is done."""

from __future__ import annotations

from trading.domain.people import Role
from trading.entrypoints.arguments import check_span
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.errors import PermanentError

MOST_QUEUED = 5


def run(ask: Ask) -> Reply:
    """Queue it."""
    ask.most(2)
    first_on, last_on = ask.day(0), ask.day(1)
    if last_on < first_on:
        check_span(first_on, last_on)
    if last_on >= ask.services.clock.now().date():
        raise PermanentError(f"{last_on} is not over yet; name a last day before today")
    with ask.services.store.transaction() as tx:
        place = tx.bot.queue_backtest(
            first_on, last_on, chat_id=ask.person.chat_id, asked_by=ask.person.actor, most=MOST_QUEUED
        )
    if place is None:
        raise PermanentError(f"{MOST_QUEUED} replays wait already; ask again when one is done")
    before = "It begins now." if place == 1 else f"{place - 1} come before it."
    return Reply.of(f"Queued: {first_on} to {last_on}. {before} The report comes here when it is done.")


COMMAND = Command("backtest", "queue a replay, the report comes here", run, Role.OPERATE, "FROM TO")
