"""`Messenger` over the Bot API: one bot on one event loop for the life of the sender."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError
from telegram.ext import AIORateLimiter, ExtBot
from telegram.request import HTTPXRequest

from trading.adapters.http.redaction import install_redaction, register_secret
from trading.adapters.telegram.faults import UNREACHABLE, outcome_of
from trading.adapters.telegram.text import Part, caption_of, parts_of, title_only
from trading.domain.letters import Letter
from trading.domain.messages import Buttons
from trading.ports.messages import Fate, Outcome

PATIENCE_SECONDS = 10.0
"""How long an answer is waited for."""
TELEGRAM_URL = "https://api.telegram.org/bot"
TOO_LONG = "too long"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramMessenger:
    """Sends letters; a context manager.

    The rate limiter keeps below Telegram's limits (30 a second, 20 a minute to a group). A pause that Telegram asks for
    is left to the caller, so that people see why a message waits.

    Args:
        token: of the bot; from here on no log line and no text of an error holds it.
        base_url: another address, for tests; "" takes Telegram's own.
        patience_seconds: how long an answer is waited for.
    """

    def __init__(self, token: str, *, base_url: str = "", patience_seconds: float = PATIENCE_SECONDS) -> None:
        register_secret(token)
        install_redaction()
        # They would log each pause and each page of a proxy as an error, with a trace; the sender says it in a line.
        for name in ("telegram.ext.AIORateLimiter", "telegram.request.BaseRequest"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._runner = asyncio.Runner()
        self._is_ready = False
        request = HTTPXRequest(
            connect_timeout=patience_seconds, read_timeout=patience_seconds, write_timeout=patience_seconds
        )
        self._bot = ExtBot(token, base_url=base_url or TELEGRAM_URL, request=request, rate_limiter=AIORateLimiter())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ready:
            self._runner.run(self._bot.shutdown())
        self._runner.close()

    def probe(self) -> Outcome:
        """Ask Telegram who the bot is."""
        return self._runner.run(self._answered(self._bot.get_me))

    def send(self, letter: Letter, chat_id: int) -> Outcome:
        """Send a letter: as HTML, and once as plain text if Telegram does not take that."""
        return self._runner.run(self._answered(lambda: self._send(letter, chat_id), chat_id))

    async def _answered(self, ask: Callable[[], Awaitable[Any]], chat_id: int | None = None) -> Outcome:
        try:
            if not self._is_ready:
                await self._bot.initialize()
                self._is_ready = True
        except TelegramError as error:
            outcome = outcome_of(error)
            # The bot only introduced itself: of the letter nothing left.
            return Outcome(Fate.LATER, UNREACHABLE) if outcome.fate is Fate.UNCERTAIN else outcome
        try:
            said = await ask()
        except TelegramError as error:
            return outcome_of(error)
        return Outcome(Fate.SENT, chat_id=chat_id, telegram_id=getattr(said, "message_id", None))

    async def _send(self, letter: Letter, chat_id: int) -> Any:
        how = {"chat_id": chat_id, "disable_notification": letter.is_silent}
        parts = parts_of(letter)
        if letter.picture is not None:
            caption = caption_of(letter)
            shown = await self._picture(letter.picture, caption or title_only(letter), how, _keyboard(letter.buttons))
            if shown is not None and caption is not None:
                return shown
        said = None
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            said = await self._text(part, how, _keyboard(letter.buttons) if is_last else None)
        return said

    async def _picture(self, picture: bytes, below: Part, how: dict[str, Any], keys: Any) -> Any:
        """Send a picture; None if Telegram does not take it, and the text goes without."""
        try:
            return await self._bot.send_photo(
                photo=picture, caption=below.html, parse_mode=ParseMode.HTML, reply_markup=keys, **how
            )
        except BadRequest:
            return None

    async def _text(self, part: Part, how: dict[str, Any], keys: Any) -> Any:
        more = {"reply_markup": keys, "link_preview_options": NO_PREVIEW, **how}
        try:
            return await self._bot.send_message(text=part.html, parse_mode=ParseMode.HTML, **more)
        except BadRequest as refusal:
            if TOO_LONG not in str(refusal).lower():
                return await self._bot.send_message(text=part.plain, **more)
        half = len(part.plain) // 2
        await self._bot.send_message(text=part.plain[:half], **how)
        return await self._bot.send_message(text=part.plain[half:], **more)


def _keyboard(buttons: Buttons) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(text, callback_data=data) for text, data in row] for row in buttons]
    )
