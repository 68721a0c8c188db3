"""Where reports are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ReportFiles(Protocol):
    """The reports/ folder of the state folder."""

    def write(self, file_name: str, content: bytes) -> str:
        """Write a file as a whole, replacing an older one; return where it is."""
        ...

    def prune(self, before: datetime) -> int:
        """Delete the files written before an instant; return how many."""
        ...
