"""/recon: compare book and broker now."""

from __future__ import annotations

from trading.domain.people import Role
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply
from trading.ports import BrokerRole, ReconciliationKind
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
    verdict = f"{differing} differences" if differing else "Book and broker agree"
    waiting = f"; {older} older breaks are open" if older else ""
    head = f"{verdict} at {now:%Y-%m-%d %H:%M} UTC, {found.counts['positions']} positions{waiting}."
    return Reply.of(head, *found.notes, more="./airdesk reconcile list")


COMMAND = Command("recon", "compare book and broker now", run, Role.OPERATE)
