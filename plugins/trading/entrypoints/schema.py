"""The schema that the code expects is there, or nothing is traded."""

from __future__ import annotations

from trading.adapters.migrations import pending
from trading.errors import PermanentError


def require_current_schema(database_url: str) -> None:
    """Refuse to work on a database that lacks a migration.

    Raises:
        PermanentError: a migration is missing; the text names it and what to do.
    """
    if names := pending(database_url):
        raise PermanentError(
            f"the database lacks {len(names)} migrations ({', '.join(names)}), so nothing is traded; run ./airdesk "
            "migrate"
        )
