"""Backup and restore: our tables as COPY text, Airflow's metadata as pg_dump makes it, and files that are no secrets.

Ours are not dumped with their schema: a restore builds the schema from the migrations that the backup names, so that
roles and grants are there, any server of any version will do, and what the code knows is what it gets.
"""

from trading.adapters.backup.archive import Archive, Manifest
from trading.adapters.backup.making import BackupPlan, make_backup
from trading.adapters.backup.restoring import Restored, restore_backup
from trading.adapters.backup.sealing import SUFFIX

__all__ = ["SUFFIX", "Archive", "BackupPlan", "Manifest", "Restored", "make_backup", "restore_backup"]
