"""A one-time code between what an operator asks for and its effect: shown with the effect, good once, for a minute."""

from __future__ import annotations

from trading.domain.instruments import BookId
from trading.errors import PermanentError
from trading.ports import Store

VALID_SECONDS = 60


def ask_for_code(store: Store, book: BookId, action: str, *, actor: str) -> str:
    """Return a code that lets `action` happen once; an earlier one is void."""
    with store.transaction() as tx:
        return tx.controls.issue_code(book, action=action, actor=actor, valid_seconds=VALID_SECONDS)


def redeem(store: Store, book: BookId, action: str, code: str) -> None:
    """Use up the code of `action`.

    Raises:
        PermanentError: it is wrong, used, or older than a minute; nothing happens.
    """
    with store.transaction() as tx:
        is_good = tx.controls.use_code(book, action=action, code=code.strip())
    if not is_good:
        raise PermanentError(
            f"this code does not fit {action} of {book}, or it is older than {VALID_SECONDS} s; nothing was done, run "
            "the command without --code for a new one"
        )
