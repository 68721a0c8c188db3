"""Thins out the state folder: logs that grew, logs of old runs, backups that newer ones replace. No file of a book."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trading.domain.retention import RETENTION, Kept


@dataclass(frozen=True, slots=True)
class StateTidying:
    """`Tidying` on one state folder."""

    folder: Path

    def trim_logs(self) -> int:
        """Move what a program's log holds into one older part once it is too long; logs trimmed.

        The program writes on at the end of the same file, which is emptied under it: lines of that instant may be lost.
        """
        count = 0
        for log in (self.folder / "logs").glob("*.log"):
            if log.stat().st_size > RETENTION[Kept.PROGRAM_LOGS].amount:
                shutil.copyfile(log, log.with_name(log.name + ".1"))
                with log.open("r+b") as file:
                    file.truncate()
                count += 1
        return count

    def drop_task_logs(self, before: datetime) -> int:
        """Remove Airflow's logs of runs that wrote nothing since an instant; runs whose logs went."""
        count = 0
        for run in (self.folder / "airflow" / "logs").glob("dag_id=*/run_id=*"):
            if all(path.stat().st_mtime < before.timestamp() for path in (run, *run.rglob("*"))):
                shutil.rmtree(run)
                count += 1
        return count

    def drop_backups(self) -> int:
        """Remove the oldest backups that a migration took by itself; those of a person stay."""
        taken = sorted((self.folder / "backups").glob("before-*.zip*"), key=lambda path: path.stat().st_mtime)
        old = taken[: -RETENTION[Kept.BACKUPS].amount]
        for path in old:
            path.unlink()
        return len(old)
