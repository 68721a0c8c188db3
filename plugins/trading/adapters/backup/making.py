"""Make a backup while the desk runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from trading import __version__
from trading.adapters.backup import metadata, rows, state_files
from trading.adapters.backup.archive import Manifest, new_archive
from trading.adapters.code_hash import code_hash


@dataclass(frozen=True, slots=True)
class BackupPlan:
    """What is backed up.

    Attributes:
        database_url: of our database. airflow_url: of Airflow's, with its version; None leaves it out.
        state: state folder.
        mode: whose money.
        bring: secrets that are not in it, and where they are.
        key: what it is encrypted with; "" for not at all.
    """

    database_url: str
    state: Path
    mode: str
    bring: tuple[str, ...] = ()
    airflow_url: str | None = None
    airflow_version: str = ""
    key: str = field(default="", repr=False)


def make_backup(plan: BackupPlan, path: Path, *, at: datetime, say: Callable[[str], None]) -> Manifest:
    """Write a backup to `path` and return what is in it.

    The rows are of one instant. The paper gateway's book is read after them: a broker that knows more than the book is
    what every start meets, a broker that knows less would be a lie.

    Raises:
        PermanentError: the file exists or cannot be written, or a database cannot be read.
        TransientError: a database does not answer.
    """
    with new_archive(path, key=plan.key) as writer, rows.snapshot_of(plan.database_url) as connection:
        tables = rows.copied_tables(connection, writer)
        say(f"{sum(t.row_count for t in tables):,} rows of {len(tables)} tables")
        if plan.airflow_url is not None:
            metadata.written_metadata(plan.airflow_url, writer)
            say(f"Airflow's metadata ({plan.airflow_version})")
        say(f"{state_files.written_files(plan.state, writer)} files of the state folder")
        manifest = Manifest(
            made_at=at.isoformat(timespec="seconds"),
            version=__version__,
            code_hash=code_hash(),
            mode=plan.mode,
            schema=rows.applied_migrations(connection),
            tables=tables,
            partitions=rows.partitions_of(connection),
            sequences=rows.sequences_of(connection),
            airflow=plan.airflow_version if plan.airflow_url is not None else "",
            bring=plan.bring,
            sums=writer.sums,
        )
        writer.close(manifest)
    return manifest
