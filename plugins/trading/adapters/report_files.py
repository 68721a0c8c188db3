"""Reports in the state folder."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading.adapters.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class StateReportFiles:
    """`ReportFiles` in one folder, which is made with the first file."""

    folder: Path

    def write(self, file_name: str, content: bytes) -> str:
        """Write a file as a whole, replacing an older one; return where it is."""
        path = self.folder / Path(file_name).name
        write_whole(path, content)
        # A temporary file is for its owner only, and a report is for everybody who may enter the folder.
        path.chmod(0o644)
        return str(path)

    def prune(self, before: datetime) -> int:
        """Delete the files written before an instant; return how many."""
        old = [p for p in self.folder.glob("*.*") if p.is_file() and p.stat().st_mtime < before.timestamp()]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)
