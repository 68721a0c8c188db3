"""From Telegram's client to our words, and the one loop that asks for updates."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from telegram import Message, Update
from telegram.error import Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError, TimedOut
from telegram.ext import ExtBot

from trading.adapters.http.redaction import redact
from trading.entrypoints.bot.gate import Heard
from trading.errors import PermanentError, TransientError

log = logging.getLogger(__name__)

POLL_SECONDS = 20
LONGEST_PAUSE = 30.0
NO_SUCH_BOT = "Telegram does not know AIRDESK_TELEGRAM_TOKEN; copy it from BotFather again"
WANTED = ["message", "edited_message", "channel_post", "callback_query"]
"""Edited messages and posts are asked for to be refused, with a row about it."""
type Take = Callable[[Update], Awaitable[None]]


def heard_in(update: Update) -> Heard:
    """Return an update in our words."""
    message, query = update.effective_message, update.callback_query
    user, chat = update.effective_user, update.effective_chat
    if query is not None:
        place = query.message
        return Heard(
            update.update_id, user.id if user else None, chat.id if chat else None,
            data=query.data or "", tap_id=query.id,
            message_id=place.message_id if place else 0, html=place.text_html if isinstance(place, Message) else "",
        )  # fmt: skip
    is_channel = update.channel_post is not None or update.edited_channel_post is not None
    sender = message.sender_chat if message else None
    return Heard(
        update_id=update.update_id,
        user_id=None if is_channel or sender is not None or user is None else user.id,
        chat_id=chat.id if chat else None,
        sent_at=message.date if message else None,
        text=(message.text or message.caption or "") if message else "",
        is_private=chat is not None and chat.type == "private",
        is_edited=update.edited_message is not None,
        is_forwarded=message is not None and (message.forward_origin is not None or message.via_bot is not None),
        is_channel=is_channel,
    )


async def poll(bot: ExtBot[None], take: Take, *, check: Callable[[], None], poll_seconds: int = POLL_SECONDS) -> None:
    """Ask for updates for ever and hand each one on; what was sent while nobody listened is dropped.

    Args:
        check: called before each question; raises if this process may not ask any more.

    Raises:
        TransientError: another process asks for the updates of this bot (409).
        PermanentError: Telegram does not know the token.
    """
    await _lasting(lambda: bot.delete_webhook(drop_pending_updates=True), check)
    offset = 0
    while True:

        async def ask(begin: int = offset) -> tuple[Update, ...]:
            return await bot.get_updates(offset=begin, timeout=poll_seconds, allowed_updates=WANTED)

        for update in await _lasting(ask, check):
            offset = update.update_id + 1
            await take(update)


async def _lasting[Said](ask: Callable[[], Awaitable[Said]], check: Callable[[], None]) -> Said:
    """Return what Telegram says once it does; an outage is waited for, the longer the more there were in a row."""
    pause = 1.0
    while True:
        await asyncio.to_thread(check)
        try:
            return await ask()
        except Conflict:
            raise TransientError(
                "another process reads the updates of this bot (409); stop that one, or give it a bot of its own"
            ) from None
        except InvalidToken:
            raise PermanentError(NO_SUCH_BOT) from None
        except RetryAfter as flood:
            log.warning("Telegram asks for a pause")
            await asyncio.sleep(_seconds(flood) + 0.1)
        except TimedOut:
            continue
        except Forbidden as refusal:
            log.warning("Telegram refuses updates: %s", redact(str(refusal)))
            await asyncio.sleep(pause)
        except TelegramError as error:
            log.warning("no updates for now: %s", redact(str(error)))
            await asyncio.sleep(pause)
        pause = min(LONGEST_PAUSE, pause * 1.5)


def _seconds(flood: RetryAfter) -> float:
    wait = flood.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
