"""`./airdesk bot`: listen to Telegram. `./airdesk up` starts it where a token is set."""

from __future__ import annotations

import argparse
import logging
import os

from trading.entrypoints.checkout import Checkout
from trading.errors import ConfigurationError
from trading.settings import load_settings


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "bot",
        help="listen to Telegram; ./airdesk up starts it where a token is set",
        description="Answer the commands of listed people on Telegram until Ctrl-C. One process reads them: a second "
        "one says who does and ends with exit code 3. docs/telegram.md sets it up.",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    # Telegram's client takes half a second to load.
    from trading.entrypoints.bot.service import serve
    from trading.entrypoints.bot.wiring import desk_of

    settings = load_settings()
    if not settings.telegram.token:
        raise ConfigurationError("AIRDESK_TELEGRAM_TOKEN is not set, so there is no bot; docs/telegram.md says how")
    if not settings.telegram.people:
        raise ConfigurationError("AIRDESK_TELEGRAM_PEOPLE is empty, so the bot would answer nobody; add USERID:ROLE")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # The state folder is that of the settings: whoever started this process has told the mode's own already.
    root = Checkout.from_environment(os.environ).root
    serve(desk_of(settings, Checkout(root, settings.state_dir.resolve(), settings.mode)))
    return 0
