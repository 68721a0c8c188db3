"""Files of models in the state folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trading.adapters.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class StateModelFiles:
    """`ModelFiles` in one folder, which is made with the first file."""

    folder: Path

    def read(self, file_name: str) -> bytes | None:
        """Return what stands in a file; None if there is none, it cannot be read, or its name is a path."""
        if Path(file_name).name != file_name:
            return None
        try:
            return (self.folder / file_name).read_bytes()
        except OSError:
            return None

    def write(self, file_name: str, content: bytes) -> None:
        """Write a file as a whole: under another name first, so that nobody reads half of it."""
        write_whole(self.folder / file_name, content)
