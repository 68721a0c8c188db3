"""Which book a command is about."""

from __future__ import annotations

from trading.domain.instruments import BookId, BookKind
from trading.errors import PermanentError
from trading.ports import Services
from trading.settings import Settings
from trading.tasks.book_history import no_such_book

KEEPS_NONE = "was replayed in one process, which keeps no orders and positions; see ./airdesk report replay"


def chosen_book(services: Services, settings: Settings, name: str | None) -> BookId:
    """Return the book of that name, or the configured one, which may be without its first hour.

    Raises:
        PermanentError: the ledger has none of that name, so that nobody believes to have seen or stopped another.
    """
    book = BookId.parse(name) if name else settings.book
    if book != settings.book:
        with services.store.snapshot() as tx:
            if book not in tx.ledger.books():
                is_run = book.kind is BookKind.REPLAY and tx.replays.run(book.name) is not None
                raise PermanentError(f"{book} {KEEPS_NONE} {book.name}") if is_run else no_such_book(tx, book)
    return book
