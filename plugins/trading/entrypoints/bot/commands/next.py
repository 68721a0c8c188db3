"""/next: when the desk decides next, and when the market opens or closes."""

from __future__ import annotations

from datetime import timedelta

from trading.domain.market import session_slots
from trading.entrypoints.bot.command import Ask, Command
from trading.entrypoints.bot.reply import Reply, pairs
from trading.tasks.reports.pieces import age_words


def run(ask: Ask) -> Reply:
    """Say what comes next."""
    now, calendar = ask.services.clock.now(), ask.services.calendar
    delay = timedelta(minutes=ask.services.source_delay_minutes)
    today = calendar.session(now.date())
    session = today if today is not None and now < today.closes_at + delay else calendar.next_session(now.date())
    coming = [s for s in session_slots(session) if s.as_of + delay > now]
    slot = coming[0] if coming else session_slots(calendar.next_session(session.session_on))[0]
    decides_at = slot.as_of + delay
    is_open = session.opens_at <= now < session.closes_at
    rows = [
        ("market", "open" if is_open else "closed"),
        ("closes" if is_open else "opens", f"{session.closes_at if is_open else session.opens_at:%m-%d %H:%M} UTC"),
        ("next decision", f"{decides_at:%m-%d %H:%M} UTC"),
        ("in", age_words(decides_at - now)),
        ("its bars end", f"{slot.as_of:%H:%M} UTC" + (" (close)" if slot.is_closing else "")),
    ]
    return Reply((pairs(rows),))


COMMAND = Command("next", "when the desk decides next", run)
