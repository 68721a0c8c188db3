"""What the night may throw away."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class HousekeepingRows(Protocol):
    """Rows that nobody decides by."""

    def delete_messages(self, before: datetime) -> int:
        """Forget messages that went, or never will, and were written before an instant; messages deleted."""
        ...

    def drop_pictures(self, before: datetime) -> int:
        """Forget the pictures of such messages; pictures dropped."""
        ...

    def delete_updates(self, before: datetime) -> int:
        """Forget the numbers of Telegram's updates seen before an instant; numbers deleted."""
        ...

    def drop_evidence(self, before_year: int) -> int:
        """Drop the evidence of bars that were fetched before a year; years dropped.

        Raises:
            InvariantBroken: the year is one of the last two.
        """
        ...


class Tidying(Protocol):
    """Files of the state folder that nobody decides by."""

    def trim_logs(self) -> int:
        """Shorten the logs of programs that grew too long; logs trimmed."""
        ...

    def drop_task_logs(self, before: datetime) -> int:
        """Remove the logs of runs that wrote nothing since an instant; runs whose logs went."""
        ...

    def drop_backups(self) -> int:
        """Remove the oldest backups that a migration took by itself; backups removed."""
        ...
