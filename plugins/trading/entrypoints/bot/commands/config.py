"""/config: the settings that matter for trading; no secret is among them."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs


def run(ask: Ask) -> Reply:
    """Show the settings of the running desk."""
    given, spec = ask.desk.settings, ask.desk.spec
    rows = [
        ("mode", given.mode.value),
        ("book", str(given.book)),
        ("strategy", spec.name),
        ("sources", given.sources.value),
        ("source delay", f"{given.source_delay_minutes} min"),
        ("account type", given.account_type.value),
        ("client", given.client_category.value),
        ("commission", given.commission.value),
        ("half spread", f"{given.half_spread_bps} bps"),
        ("approval over", "off" if given.approval_above_usd is None else f"{given.approval_above_usd:,} USD"),
        ("statements", "on" if given.flex_url else "off"),
        ("chats", str(len(given.telegram.chats))),
        ("people", str(len(given.telegram.people))),
    ]
    return Reply((pairs(rows),))


COMMAND = Command("config", "the settings of the desk", run, aliases=("show_config",))
