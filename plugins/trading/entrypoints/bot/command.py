"""What a command of the bot is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NoReturn

from trading.domain.instruments import BookId, Symbol
from trading.domain.people import Role
from trading.entrypoints.airflow_api import AirflowApi
from trading.entrypoints.bot.reply import Reply
from trading.entrypoints.checkout import Checkout
from trading.errors import PermanentError
from trading.ports import Services
from trading.settings import Settings
from trading.strategy.spec import StrategySpec

LONGEST_REASON = 200


@dataclass(frozen=True, slots=True)
class Desk:
    """The desk that the bot speaks for.

    Attributes:
        airflow: returns a client of the running desk's Airflow; raises `PermanentError` where none runs.
        commands: every command of the bot, for its help.
    """

    settings: Settings
    services: Services
    spec: StrategySpec
    book: BookId
    checkout: Checkout
    airflow: Callable[[], AirflowApi]
    commands: Sequence[Command] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks, and where."""

    user_id: int
    chat_id: int
    role: Role

    @property
    def actor(self) -> str:
        """Return the name under which the desk keeps what this person does."""
        return f"telegram:{self.user_id}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One command as a person gave it. `words`: what follows its name."""

    command: Command
    desk: Desk
    person: Person
    words: tuple[str, ...] = ()

    @property
    def book(self) -> BookId:
        """Return the book that the desk trades."""
        return self.desk.book

    @property
    def services(self) -> Services:
        """Return what the desk may use."""
        return self.desk.services

    def with_words(self, *words: str) -> Ask:
        """Return the same command with other words."""
        return replace(self, words=words)

    def most(self, count: int) -> None:
        """Refuse more words than the command takes."""
        if len(self.words) > count:
            self.refuse(f"{' '.join(self.words[count:])!r} is too much")

    def symbol(self) -> Symbol:
        """Return the first word as a symbol of the strategy."""
        if not self.words:
            self.refuse("a symbol is missing")
        symbol = self.words[0].upper()
        if symbol not in self.desk.spec.universe.traded:
            traded = ", ".join(self.desk.spec.universe.traded)
            raise PermanentError(f"{self.desk.spec.name} does not trade {symbol[:12]}; it trades {traded}")
        return symbol

    def count(self, default: int, most: int) -> int:
        """Return the first word as a count from 1 on."""
        self.most(1)
        if not self.words:
            return default
        text = self.words[0]
        if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= most):
            self.refuse(f"{text[:20]!r} is no number from 1 to {most}")
        return int(text)

    def day(self, place: int) -> date:
        """Return a word as a date."""
        if len(self.words) <= place:
            self.refuse("a date is missing")
        try:
            return date.fromisoformat(self.words[place])
        except ValueError:
            self.refuse(f"{self.words[place][:20]!r} is no date like 2024-01-02")

    def reason(self, place: int) -> str:
        """Return the words from a place on as the reason that is kept, or that there was none."""
        return " ".join(self.words[place:])[:LONGEST_REASON] or f"{self.command.name} by Telegram"

    def refuse(self, what: str) -> NoReturn:
        """Raise `PermanentError` with how the command is written."""
        raise PermanentError(f"{what}; write {self.command.usage}")


type Act = Callable[[Ask], Reply]


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: without the slash: small letters, digits and underscores. aliases: other names of it.
        help: one line for `/help` and for Telegram's menu. arguments: e.g. "SYMBOL [DAYS]".
        run: answers. Where `act` is given and the answer `asks`, it shows the effect first, and `act` follows a yes.
        decline: what a no does; None for nothing.
        may_retry: whether the buttons work again after an act that failed.
    """

    name: str
    help: str
    run: Act
    role: Role = Role.VIEW
    arguments: str = ""
    aliases: tuple[str, ...] = ()
    act: Act | None = None
    decline: Act | None = None
    may_retry: bool = False

    @property
    def usage(self) -> str:
        """Return how it is written, e.g. "/why SYMBOL"."""
        return f"/{self.name} {self.arguments}".rstrip()
