"""What the page reads from: settings, services and strategy, made at the first request and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from trading.domain.instruments import BookId, BookKind
from trading.domain.market import SYNTHETIC
from trading.engine.verdict_book import VerdictBook
from trading.errors import PermanentError
from trading.ports import Services, Transaction
from trading.settings import Settings, SourceKind
from trading.strategy.spec import StrategySpec

MOST_RUNS = 50
"""In-process replays in the list of books; an older one is still found by its address."""


class NoSuchBook(PermanentError):
    """A book that is not stored was asked for."""


@dataclass(frozen=True, slots=True)
class BookChoice:
    """A book that may be looked at.

    Attributes:
        is_own: whether it is the one that this desk trades. is_run: whether it is an in-process replay.
    """

    book: BookId
    is_own: bool
    is_run: bool


def _built(settings: Settings) -> Services:
    from trading.bootstrap import services_for

    return services_for(settings)


@dataclass
class Desk:
    """The desk behind the page.

    Attributes:
        read_settings, build: called once, at the first request: the api-server must start before the database is there.
    """

    read_settings: Callable[[], Settings]
    build: Callable[[Settings], Services] = _built
    _files: dict[tuple[Path, int], VerdictBook] = field(default_factory=dict)

    @cached_property
    def settings(self) -> Settings:
        """The settings of this process."""
        return self.read_settings()

    @cached_property
    def services(self) -> Services:
        """What the page may use. It reads; only the switches reach the broker."""
        return self.build(self.settings)

    @cached_property
    def spec(self) -> StrategySpec:
        """The strategy that this desk trades."""
        from trading.bootstrap import strategy_of

        return strategy_of(self.settings)

    def badge_of(self, book: BookId) -> str:
        """Return the word that stands beside everything about a book: PAPER, LIVE, SYNTHETIC or REPLAY."""
        is_invented = self.settings.sources is SourceKind.SYNTHETIC and book.kind is BookKind.REPLAY
        return f"{SYNTHETIC} {book.badge}" if is_invented else book.badge

    def choices(self, tx: Transaction) -> tuple[BookChoice, ...]:
        """Return the desk's own book, the other books of the ledger, and the youngest in-process replays."""
        own, ledger = self.settings.book, tx.ledger.books()
        runs = [BookId(BookKind.REPLAY, name) for name in tx.replays.run_names(MOST_RUNS)]
        return (
            BookChoice(own, is_own=True, is_run=False),
            *(BookChoice(book, is_own=False, is_run=False) for book in ledger if book != own),
            *(BookChoice(book, is_own=False, is_run=True) for book in runs if book not in ledger),
        )

    def choice(self, tx: Transaction, name: str) -> BookChoice:
        """Return the book of that name; the desk's own for "".

        Raises:
            NoSuchBook: there is none.
        """
        own = self.settings.book
        if name in ("", str(own)):
            return BookChoice(own, is_own=True, is_run=False)
        if (book := next((b for b in tx.ledger.books() if str(b) == name), None)) is not None:
            return BookChoice(book, is_own=False, is_run=False)
        kind, _, run = name.partition(":")
        if kind != BookKind.REPLAY or not tx.replays.is_taken(run):
            raise NoSuchBook(f"there is no book {name[:60]!r} here; choose one from the list")
        return BookChoice(BookId(BookKind.REPLAY, run), is_own=False, is_run=True)

    def kept(self, book: BookId) -> VerdictBook | None:
        """Return the hours of an in-process replay; None where its file is gone. The last one read is remembered."""
        from trading.bootstrap import verdict_files_of

        files = verdict_files_of(self.settings)
        stamp = files.stamp(book)
        if stamp is None:
            return None
        if stamp not in self._files:
            read = files.read(book)
            self._files.clear()
            if read is None:
                return None
            self._files[stamp] = read
        return self._files[stamp]
