"""`airdesk messages`: what people were told, what waits and why. `airdesk sender`: the process that sends it."""

from __future__ import annotations

import argparse
import signal
import threading

from rich.console import Console

from trading.bootstrap import services_for
from trading.domain.instruments import BookId
from trading.entrypoints import arguments
from trading.entrypoints.answers import add_json, print_json
from trading.entrypoints.logs import say
from trading.entrypoints.schema import require_current_schema
from trading.errors import ConfigurationError
from trading.reporting.message_tables import messages_table
from trading.settings import load_settings
from trading.tasks.messages import messages_told


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    listing = arguments.book_command(
        subparsers, "messages", _messages, "what people were told, what waits and why, youngest first"
    )
    listing.add_argument("--limit", type=arguments.positive, default=30, help="how many rows")
    add_json(listing)
    text = "send what waits to Telegram until Ctrl-C; ./airdesk up does it by itself"
    subparsers.add_parser("sender", help=text, description=text).set_defaults(run=_sender)


def _messages(options: argparse.Namespace) -> int:
    book = BookId.parse(options.book) if options.book else None
    with services_for(load_settings()).store.snapshot() as tx:
        told = messages_told(tx, book, options.limit)
    if options.json:
        print_json("messages", problem=told.problem, messages=told.rows)
        return 0
    if told.problem:
        print(f"nothing goes out: {told.problem}")
    if told.rows:
        Console().print(messages_table(f"messages of {book or 'every book'}", told.rows))
    else:
        print(f"nothing was told about {book or 'any book'} yet")
    return 0


def _sender(options: argparse.Namespace) -> int:
    """Send until told to stop; one copy at a time."""
    # The client's libraries take half a second to load, and nobody else needs them.
    from trading.adapters.postgres_store.leases import lease
    from trading.adapters.telegram import TelegramMessenger
    from trading.tasks.deliver import Postman

    settings = load_settings()
    telegram = settings.telegram
    if not telegram.token:
        raise ConfigurationError("AIRDESK_TELEGRAM_TOKEN is not set, so nobody is told; put the bot's token into .env")
    require_current_schema(settings.database_url)
    services = services_for(settings)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with (
        lease(settings.database_url, "sender") as held,
        TelegramMessenger(telegram.token, base_url=telegram.base_url) as messenger,
    ):
        postman = Postman(services, messenger, telegram.policy, holder=held.holder, chat_id=telegram.chats[0], say=say)
        postman.begin()
        say(f"{held.holder} sends to chat {telegram.chats[0]}")
        while not ended.is_set():
            held.check()
            ended.wait(postman.round().total_seconds())
    say("stopped")
    return 0
