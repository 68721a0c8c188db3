"""What `doctor` says of messages: whether they go out, and the next action if not. Telegram is not asked."""

from __future__ import annotations

from datetime import timedelta

from trading.bootstrap import services_for
from trading.domain.message_policy import MessagePolicy
from trading.entrypoints.findings import Finding, Level
from trading.settings import Settings

NAME = "messages"
SILENT = timedelta(minutes=5)
"""A sender gives a sign of life each minute."""


def messages_line(settings: Settings) -> Finding:
    """Return the line about messages."""
    telegram = settings.telegram
    if not telegram.token:
        return Finding(
            Level.OK,
            NAME,
            "nobody is told; set AIRDESK_TELEGRAM_TOKEN, or look at ./airdesk messages from time to time",
        )
    place = f"to chat {telegram.chats[0]}; {_policy_text(telegram.policy)}"
    if settings.database_url == "postgresql://":
        return Finding(Level.OK, NAME, f"go {place}")
    services = services_for(settings)
    with services.store.transaction() as tx:
        sender = tx.outbox.sender()
    if sender is None:
        return Finding(Level.OK, NAME, f"go {place}; none went yet, ./airdesk up starts the sender")
    if sender.problem:
        return Finding(Level.WARN, NAME, f"do not go out: {sender.problem}")
    if services.clock.now() - sender.seen_at > SILENT:
        seen = f"{sender.seen_at:%Y-%m-%d %H:%M} UTC"
        return Finding(Level.WARN, NAME, f"no sender since {seen}; ./airdesk up starts one")
    return Finding(Level.OK, NAME, f"go {place}")


def _policy_text(policy: MessagePolicy) -> str:
    quiet = policy.quiet
    hours = f"quiet {quiet.starts_at:%H:%M}-{quiet.ends_at:%H:%M} {quiet.zone}" if quiet else "no quiet hours"
    changed = ", ".join(f"{kind} {delivery}" for kind, delivery in policy.kinds.items())
    return f"{hours}; {changed}" if changed else hours
