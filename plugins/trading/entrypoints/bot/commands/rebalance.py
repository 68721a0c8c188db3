"""/rebalance: what a rebalance would change now."""

from __future__ import annotations

from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reading import shares, usd
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.wording import percent
from trading.tasks.rebalance import shown


def run(ask: Ask) -> Reply:
    """Preview a rebalance; nothing is stored or sent."""
    if ask.words not in ((), ("preview",)):
        ask.refuse("there is only a preview")
    preview, _ = shown(ask.services, ask.desk.spec, ask.book, None)
    if preview.nav_usd is None:
        return Reply.of("NAV is unknown, because a held symbol has no price: nothing would be traded.")
    names = [(n.symbol, percent(n.before_frac), percent(n.target_frac), percent(n.after_frac)) for n in preview.names]
    blocks = [
        say(f"As it would be now ({preview.reason}); nothing is sent."),
        table(names, ("", "now", "target", "after")),
    ]
    for t in preview.trades:
        denied = f"; DENIED {t.denied}" if t.denied else ""
        blocks.append(say(f"{t.side} {shares(t.quantity)} {t.symbol}, {t.worth_usd:,.2f} USD{denied}"))
    if not preview.trades:
        blocks.append(say("No gap is worth a trade."))
    blocks.append(say(f"cash {usd(preview.cash_before_usd)} → {usd(preview.cash_after_usd)} USD"))
    return Reply(tuple(blocks), more="./airdesk rebalance preview")


COMMAND = Command("rebalance", "what a rebalance would change", run, arguments="[preview]")
