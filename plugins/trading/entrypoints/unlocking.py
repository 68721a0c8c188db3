"""The second factor of an unlock: a code in a file that only the desk's own machine shows."""

from __future__ import annotations

from pathlib import Path

from trading.domain.instruments import BookId
from trading.entrypoints.checkout import write_private
from trading.ports import Services
from trading.settings import Settings
from trading.tasks.confirmation import ask_for_code, redeem
from trading.tasks.kill_switch import Change
from trading.tasks.operating import unlock_book


def write_unlock_code(settings: Settings, services: Services, book: BookId, *, actor: str) -> Path:
    """Write a new code that is good for a minute; returns its file."""
    path = settings.state_dir / "unlock.code"
    write_private(path, ask_for_code(services.store, book, "unlock", actor=actor) + "\n")
    return path


def unlock_with(settings: Settings, services: Services, book: BookId, code: str, *, reason: str, actor: str) -> Change:
    """Turn a locked book into a halted one.

    Raises:
        PermanentError: the code is wrong, used or too old, or the book is not LOCKED.
    """
    redeem(services.store, book, "unlock", code)
    (settings.state_dir / "unlock.code").unlink(missing_ok=True)
    return unlock_book(services, book, reason=reason, actor=actor)
