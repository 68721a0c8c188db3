"""The bot at work: polling, the gate before every handler, commands in threads so that none delays a halt."""

from __future__ import annotations

import asyncio
import io
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.constants import ParseMode
from telegram.error import BadRequest, InvalidToken, NetworkError, TelegramError
from telegram.ext import (
    AIORateLimiter,
    Application,
    ApplicationBuilder,
    ApplicationHandlerStop,
    ContextTypes,
    ExtBot,
    TypeHandler,
)

from trading.adapters.http.redaction import install_redaction, redact, register_secret
from trading.adapters.postgres_store.leases import Lease, lease
from trading.entrypoints.bot.backtests import Backtests
from trading.entrypoints.bot.command import Desk
from trading.entrypoints.bot.conversation import Answer, Conversation
from trading.entrypoints.bot.gate import Heard
from trading.entrypoints.bot.registry import all_commands
from trading.entrypoints.bot.updates import NO_SUCH_BOT, POLL_SECONDS, heard_in, poll
from trading.errors import AirdeskError, PermanentError, TransientError

log = logging.getLogger(__name__)

TELEGRAM = "https://api.telegram.org/bot"
AT_ONCE = 16
"""Commands that may be under way together."""
REMEMBER_DAYS = 30
SENDS = 3
"""How often an answer is tried that the network lost."""


def serve(desk: Desk, *, poll_seconds: int = POLL_SECONDS, stop: asyncio.Event | None = None) -> None:
    """Read updates until told to stop.

    Raises:
        TransientError: another process reads them already, and the text says which one; or the database went away.
        PermanentError: the token is not valid.
    """
    install_redaction()
    # The client tells each outage with a stack trace and the whole reply; what matters of it is told here, in a line.
    logging.getLogger("telegram").setLevel(logging.CRITICAL)
    register_secret(desk.settings.telegram.token)
    register_secret(desk.settings.telegram.token.partition(":")[2])
    with lease(desk.settings.database_url, "bot") as held:
        with desk.services.store.transaction() as tx:
            tx.bot.forget_updates(days=REMEMBER_DAYS)
        asyncio.run(_serve(replace(desk, commands=all_commands()), held, poll_seconds, stop))


async def _serve(desk: Desk, held: Lease, poll_seconds: int, stop: asyncio.Event | None) -> None:
    ended = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    if stop is None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
    application = _application(desk)
    await _logged_in(application, held)
    try:
        await application.start()
        await _tell_menu(application.bot, desk)
        log.info("%s %s: listening as @%s", desk.book.badge, desk.book, application.bot.username)
        await _until_stopped(application, desk, held, poll_seconds, ended)
    finally:
        await application.stop()
        await application.shutdown()


async def _until_stopped(
    application: Application[Any, Any, Any, Any, Any, Any],
    desk: Desk,
    held: Lease,
    poll_seconds: int,
    ended: asyncio.Event,
) -> None:
    take = application.update_queue.put
    work = [
        asyncio.create_task(poll(application.bot, take, check=held.check, poll_seconds=poll_seconds)),
        asyncio.create_task(Backtests(desk, lambda chat, answer: send(application.bot, chat, answer)).work()),
        asyncio.create_task(ended.wait()),
    ]
    try:
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def _application(desk: Desk) -> Application[Any, Any, Any, Any, Any, Any]:
    telegram = desk.settings.telegram
    application = (
        ApplicationBuilder()
        .token(telegram.token)
        .base_url(telegram.base_url or TELEGRAM)
        .rate_limiter(AIORateLimiter(max_retries=SENDS))
        .updater(None)
        .concurrent_updates(AT_ONCE)
        .build()
    )
    box: list[Conversation] = []

    def conversation() -> Conversation:
        if not box:
            box.append(Conversation(desk, bot_id=application.bot.id, username=application.bot.username))
        return box[0]

    application.add_handler(TypeHandler(Update, _gate(conversation)), group=-1)
    application.add_handler(TypeHandler(Update, _main(conversation)))
    application.add_error_handler(_on_error)
    return application


async def _logged_in(application: Application[Any, Any, Any, Any, Any, Any], held: Lease) -> None:
    """Log in, waiting for a network that is away.

    Raises:
        PermanentError: Telegram does not know the token.
    """
    pause = 1.0
    while True:
        held.check()
        try:
            await application.initialize()
        except InvalidToken:
            raise PermanentError(NO_SUCH_BOT) from None
        except TelegramError as error:
            log.warning("Telegram does not answer yet: %s", redact(str(error)))
            await asyncio.sleep(pause)
            pause = min(30.0, pause * 1.5)
        else:
            return


async def _tell_menu(bot: ExtBot[Any], desk: Desk) -> None:
    """Register the commands, so that Telegram completes them; a refusal of that stops nothing."""
    try:
        await bot.set_my_commands([BotCommand(c.name, c.help[:256]) for c in desk.commands])
    except TelegramError as error:
        log.warning("the list of commands could not be registered: %s", redact(str(error)))


# --- handlers -----------------------------------------------------------------------------------


def _gate(conversation: Callable[[], Conversation]) -> Any:
    async def gate(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        heard = heard_in(update)
        try:
            refused = await asyncio.to_thread(conversation().admit, heard)
        except AirdeskError as error:
            # Without a row about it nothing is carried out, but for a halt.
            log.warning("update %d was not looked at: %s", heard.update_id, redact(str(error)))
            refused = await asyncio.to_thread(conversation().halt_without_database, heard) or Answer()
        if refused is not None:
            await _say(context.bot, heard, refused)
            raise ApplicationHandlerStop

    return gate


def _main(conversation: Callable[[], Conversation]) -> Any:
    async def main(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        heard = heard_in(update)
        try:
            answer = await asyncio.to_thread(conversation().hear, heard)
        except TransientError as error:
            answer = Answer((f"It did not work: {redact(str(error))}",))
        await _say(context.bot, heard, answer)

    return main


async def _on_error(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    log.error("an update could not be answered: %s", redact(f"{type(context.error).__name__}: {context.error}"))


# --- sending ------------------------------------------------------------------------------------


async def _say(bot: ExtBot[Any], heard: Heard, answer: Answer) -> None:
    if heard.is_tap:
        await _quietly(lambda: bot.answer_callback_query(heard.tap_id, text=answer.toast[:200] or None))
        if answer.edited:
            await _quietly(lambda: _edit(bot, heard, answer.edited))
    if heard.chat_id is not None:
        await send(bot, heard.chat_id, answer)


async def _edit(bot: ExtBot[Any], heard: Heard, text: str) -> None:
    await bot.edit_message_text(
        text, chat_id=heard.chat_id, message_id=heard.message_id, parse_mode=ParseMode.HTML, reply_markup=None
    )


async def send(bot: ExtBot[Any], chat_id: int, answer: Answer) -> None:
    """Send an answer; a text that Telegram cannot read as HTML goes as it is."""
    for place, text in enumerate(answer.texts, start=1):
        rows = answer.buttons if place == len(answer.texts) else ()
        await _sent(bot, chat_id, text, _keyboard(rows))
    if answer.picture is not None:
        picture = answer.picture
        await _quietly(lambda: bot.send_photo(chat_id, io.BytesIO(picture)))
    if answer.document is not None:
        name, content = answer.document
        await _quietly(lambda: bot.send_document(chat_id, io.BytesIO(content), filename=name))


async def _sent(bot: ExtBot[Any], chat_id: int, text: str, keyboard: InlineKeyboardMarkup | None) -> None:
    for attempt in range(SENDS):
        try:
            await bot.send_message(chat_id, text, parse_mode=ParseMode.HTML, reply_markup=keyboard)
        except BadRequest as refusal:
            log.warning("an answer was not understood and goes as plain text: %s", redact(str(refusal)))
            await _quietly(lambda: bot.send_message(chat_id, text[:4096], reply_markup=keyboard))
            return
        except NetworkError as error:
            # It may have arrived; reading an answer twice harms nobody.
            log.warning("an answer may be lost: %s", redact(str(error)))
            await asyncio.sleep(attempt + 0.5)
        except TelegramError as error:
            log.warning("an answer was refused: %s", redact(str(error)))
            return
        else:
            return


async def _quietly(call: Callable[[], Any]) -> None:
    try:
        await call()
    except TelegramError as error:
        log.warning("Telegram refused a part of an answer: %s", redact(str(error)))


def _keyboard(rows: tuple[tuple[tuple[str, str], ...], ...]) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(text, callback_data=data) for text, data in row] for row in rows]
    )
