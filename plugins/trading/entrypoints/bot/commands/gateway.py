"""/gateway: whether the broker answers, for whose account, and by whose clock."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs
from trading.ports import BrokerRole
from trading.tasks.sync import gate_of


def run(ask: Ask) -> Reply:
    """Connect and look."""
    settings = ask.desk.settings
    with gate_of(ask.services, ask.book).connect(BrokerRole.OPERATOR) as broker:
        who = broker.identity()
        snapshot = broker.snapshot(ask.book)
    rows = [
        ("answers", "yes"),
        ("account", ", ".join(who.accounts)),
        ("clock", "SIMULATED" if who.is_simulated else "its own"),
        ("its time", f"{who.server_now:%m-%d %H:%M} UTC"),
        ("cash", f"{snapshot.cash_usd:,.2f} USD"),
        ("positions", str(len(snapshot.positions))),
        ("orders listed", str(len(snapshot.orders))),
        ("restarts daily", f"{settings.gateway_restart_at:%H:%M} New York"),
    ]
    return Reply((pairs(rows),))


COMMAND = Command("gateway", "whether the broker answers", run)
