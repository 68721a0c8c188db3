"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """`Clock` of a desk whose broker has no clock of its own to ask."""

    def now(self) -> datetime:
        """Return the current instant."""
        return datetime.now(UTC)
