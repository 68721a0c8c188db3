"""What Telegram answers when it does not take a letter, as what becomes of the letter.

Whether it may have arrived is decided by how far the request came: without a connection it did not; once it was sent
and no answer came, it may have.
"""

from __future__ import annotations

import httpx
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError, TimedOut

from trading.adapters.http.redaction import redact
from trading.ports.messages import Fate, Outcome

NEVER_LEFT = (httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ConnectError, httpx.ProxyError, httpx.UnsupportedProtocol)
LOST = (httpx.TimeoutException, httpx.NetworkError, httpx.ProtocolError)
SPARE_SECONDS = 0.1
UNREACHABLE = "Telegram cannot be reached"
NO_CHAT = "chat not found"
FIX_TOKEN = "give AIRDESK_TELEGRAM_TOKEN the token that BotFather shows, then start the desk again"  # noqa: S105
FIX_CHAT = "let the bot into the chat again and write to it once, or correct AIRDESK_TELEGRAM_CHATS"


def outcome_of(error: TelegramError) -> Outcome:
    """Return what became of a letter whose sending ended with `error`."""
    said = redact(str(error))
    if isinstance(error, RetryAfter):
        # The attribute changes its type with a later version; this one does not warn of it.
        seconds = float(error._retry_after.total_seconds()) + SPARE_SECONDS
        return Outcome(Fate.LATER, f"Telegram asks for a pause of {seconds:.0f} s", seconds)
    if isinstance(error, ChatMigrated):
        return Outcome(Fate.MOVED, "the group has a new id", chat_id=error.new_chat_id)
    if isinstance(error, InvalidToken):
        return Outcome(Fate.STOPPED, f"Telegram does not know the bot; {FIX_TOKEN}")
    if isinstance(error, Forbidden):
        return Outcome(Fate.STOPPED, f"Telegram does not let the bot write ({said}); {FIX_CHAT}")
    if isinstance(error, BadRequest):
        if NO_CHAT in said.lower():
            return Outcome(Fate.STOPPED, f"Telegram does not know the chat; {FIX_CHAT}")
        return Outcome(Fate.REFUSED, f"Telegram refuses it ({said})")
    cause = error.__cause__
    if isinstance(cause, NEVER_LEFT):
        return Outcome(Fate.LATER, UNREACHABLE)
    if isinstance(error, TimedOut) or isinstance(cause, LOST):
        return Outcome(Fate.UNCERTAIN, "Telegram did not answer, so it may have arrived or not")
    return Outcome(Fate.LATER, f"Telegram does not work ({said[:80]})")
