"""How halt, pause and lock tell what the broker says afterwards."""

from __future__ import annotations

from trading.domain.guards import Guard
from trading.entrypoints.bot.reading import shares
from trading.entrypoints.bot.reply import Reply, say, table
from trading.reporting.wording import counted
from trading.tasks.kill_switch import Change, Sweep


def stopped_reply(change: Change, found: Sweep) -> Reply:
    """Return what a change of state did, and what is left at the broker."""
    blocks = [f"<b>{say(str(change))}</b>"]
    if not change.sends_ended:
        blocks.append(say("A send was under way and did not end; send /halt again in a minute."))
    return Reply((*blocks, *swept_blocks(found)))


def swept_blocks(found: Sweep) -> list[str]:
    """Return what a sweep through the broker's book left behind."""
    if found.problem is not None:
        return [say(f"NOT VERIFIED: {found.problem}. Look at orders in TWS, cancel entries there, then /halt again.")]
    blocks = [say(f"{counted(found.cancelled, 'order')} cancelled, {len(found.working)} still work.")]
    blocks += [say(f"STILL WORKS: {line}; cancel it in TWS") for line in found.working]
    blocks += [say(f"not ours, left alone: {line}") for line in found.foreign]
    if found.guards:
        rows = [(g.symbol, *map(shares, (g.held, g.stop, g.target)), _verdict(g)) for g in found.guards]
        blocks.append(table(rows, ("", "shares", "stop", "target", "")))
    if found.bare is not None:
        blocks.append(say(found.bare))
    return blocks


def _verdict(guard: Guard) -> str:
    return "sells" if guard.is_leaving else "ok" if guard.is_ok else "NO"
