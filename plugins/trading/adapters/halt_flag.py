"""The dumb switch: a file whose presence halts every live, paper and demo book, whatever Postgres says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HaltFlag:
    """One file. What cannot be looked at counts as raised."""

    path: Path

    def is_raised(self) -> bool:
        """Return whether the file is there, or cannot be told to be absent."""
        try:
            self.path.lstat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return True
