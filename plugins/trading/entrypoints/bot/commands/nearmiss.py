"""/nearmiss: symbols that one rule, or little, kept out."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.decisions import DecisionKind
from trading.domain.signals import Reason
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, say
from trading.errors import PermanentError
from trading.reporting.wording import UNKNOWN, counted, first_hour, number, percent
from trading.strategy.margins import near_misses


def run(ask: Ask) -> Reply:
    """List what nearly got in."""
    days = ask.count(7, 60)
    with ask.services.store.snapshot() as tx:
        newest = tx.decisions.newest(ask.book, DecisionKind.HOURLY)
        if newest is None:
            raise PermanentError(f"{ask.book} has no decision yet; {first_hour(ask.book)}")
        reasons = tx.decisions.reasons_since(ask.book, DecisionKind.HOURLY, newest.as_of - timedelta(days=days))
    found = near_misses(reasons)
    if not found:
        return Reply.of(f"In {counted(days, 'day')} no symbol was kept out by one rule alone, or by little.")
    said = []
    for miss in found:
        nearest = UNKNOWN if miss.frac is None else percent(miss.frac)
        words = ", ".join(map(_seen, miss.closest))
        said.append(say(f"{miss.symbol}: {counted(miss.count, 'hour')}, nearest {nearest}: {words}"))
    return Reply(tuple(said), more=f"./airdesk near-misses --days {days}")


def _seen(reason: Reason) -> str:
    if reason.observed is None:
        return f"{reason.rule} ({reason.why or reason.outcome})"
    return f"{reason.rule} {number(reason.observed)} against {number(reason.threshold)}"


COMMAND = Command("nearmiss", "symbols that little kept out", run, arguments="[DAYS]")
