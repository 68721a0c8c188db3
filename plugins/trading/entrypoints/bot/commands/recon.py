"""/recon: compare book and broker now."""

from __future__ import annotations

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.ports import BrokerRole, ReconciliationKind
from trading.reporting.wording import counted
from trading.tasks.reconcile import reconcile
from trading.tasks.sync import gate_of, now_of


def run(ask: Ask) -> Reply:
    """Compare, and say what differs."""
    ask.most(0)
    with gate_of(ask.services, ask.book).connect(BrokerRole.OPERATOR) as broker:
        now = now_of(ask.services, broker)
    slot = ask.services.calendar.latest_slot(now)
    found = reconcile(ask.services, ask.desk.spec, ask.book, slot, kind=ReconciliationKind.OPERATOR)
    differing, older = found.counts["differences"], found.counts["older_breaks"]
    verdict = counted(differing, "difference") if differing else "Book and broker agree"
    waiting = f"; {counted(older, 'older break')} still open" if older else ""
    head = f"{verdict} at {now:%Y-%m-%d %H:%M} UTC, {counted(found.counts['positions'], 'position')}{waiting}."
    return Reply.of(head, *found.notes, more="./airdesk reconcile list")


COMMAND = Command("recon", "compare book and broker now", run, Role.OPERATE)
