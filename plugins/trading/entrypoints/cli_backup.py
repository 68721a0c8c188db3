"""`airdesk backup` and `airdesk restore`: the desk in one file, and back."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from trading.adapters.backup import SUFFIX, Archive, BackupPlan, Manifest, make_backup, restore_backup
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import backups_of, desk_databases, say_aside
from trading.entrypoints.run_record import is_running
from trading.errors import PermanentError
from trading.settings import backup_key

_SECRET = re.compile(r"(?:KEY|TOKEN|PASSWORD|SECRET|DATABASE_URL)(?:_FILE)?$")
_LISTED = re.compile(r"^#?([A-Z][A-Z0-9_]+)=", re.MULTILINE)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands."""
    backup = subparsers.add_parser(
        "backup",
        help="write the desk into one file while it runs",
        description="Write database and state files into one file with checksums, while the desk runs, encrypted "
        "where AIRDESK_BACKUP_KEY_FILE names a key. Secrets are not in it; it lists which ones to bring.",
    )
    backup.add_argument("--out", type=Path, help="the file (default: backups/ in the state folder, named by the time)")
    backup.add_argument("--airflow", action="store_true", help="with Airflow's runs and switches; its secrets are not")
    backup.set_defaults(run=run_backup, needs_database=False)
    restore = subparsers.add_parser(
        "restore",
        help="bring a backup back; every book starts halted",
        description="Bring a backup back into an empty desk that does not run. Every book starts HALTED: what was "
        "sent since the backup only the broker knows, so ./airdesk resume compares with it first.",
    )
    restore.add_argument("file", type=Path, help="the backup")
    restore.add_argument("--check", action="store_true", help="only read it through and say what is in it")
    restore.add_argument(
        "--replace", action="store_true", help="also onto a desk that is not empty; its database is kept"
    )
    restore.add_argument("--no-airflow", action="store_true", help="leave Airflow's runs and switches as they are")
    restore.set_defaults(run=run_restore, needs_database=False)


def run_backup(options: argparse.Namespace) -> int:
    """Write a backup."""
    checkout, at = Checkout.from_environment(os.environ), datetime.now(UTC)
    key = backup_key()
    path = options.out or backups_of(checkout) / f"airdesk-{checkout.mode}-{at:%Y%m%dT%H%M%SZ}.zip{SUFFIX * bool(key)}"
    with desk_databases(checkout, os.environ) as urls:
        plan = BackupPlan(
            urls.owner,
            checkout.state,
            str(checkout.mode),
            bring=tuple(_secrets_to_bring(checkout)),
            airflow_url=urls.airflow if options.airflow else None,
            airflow_version=version("apache-airflow"),
            key=key,
        )
        manifest = make_backup(plan, path, at=at, say=say_aside)
    print(path)
    if not key:
        say_aside("not encrypted: whoever gets the file reads every trade; AIRDESK_BACKUP_KEY_FILE names a key")
    _say_what_to_bring(manifest)
    return 0


def run_restore(options: argparse.Namespace) -> int:
    """Bring a backup back, or look into it."""
    checkout = Checkout.from_environment(os.environ)
    with Archive(options.file, key=backup_key()) as archive:
        manifest = archive.manifest
        _describe(manifest, is_encrypted=archive.is_encrypted)
        if options.check:
            archive.verify()
            print("every part is what was written")
            return 0
        _refuse_unfit(manifest, checkout)
        with_airflow = bool(manifest.airflow) and not options.no_airflow
        with desk_databases(checkout, os.environ) as urls:
            done = restore_backup(
                archive,
                urls.owner,
                checkout.state,
                at=datetime.now(UTC),
                replaces=options.replace,
                airflow_url=urls.airflow if with_airflow else None,
            )
            urls.prepare()
    for name in done.kept_databases:
        print(f"the database that was there is kept as {name}; drop it once you do not need it")
    for name in done.kept_files:
        print(f"{name} was kept as it is: a broker does not go back in time")
    for name in done.migrated:
        print(f"applied {name}")
    for book in done.halted:
        print(f'{book} is HALTED; ./airdesk resume --reason "…" compares it with the broker first')
    _say_what_to_bring(manifest)
    return 0


def _refuse_unfit(manifest: Manifest, checkout: Checkout) -> None:
    if is_running(checkout.state):
        raise PermanentError("the desk of this state folder runs; stop it with ./airdesk down, then restore")
    if manifest.mode != checkout.mode:
        raise PermanentError(
            f"the backup is of a {manifest.mode} desk, this is a {checkout.mode} desk; set AIRDESK_MODE={manifest.mode}"
        )
    ours = version("apache-airflow")
    if _numbers(manifest.airflow) > _numbers(ours):
        raise PermanentError(
            f"the backup holds the metadata of Airflow {manifest.airflow}, here is {ours}; update, or give --no-airflow"
        )


def _numbers(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)]


def _describe(manifest: Manifest, *, is_encrypted: bool) -> None:
    rows = sum(table.row_count for table in manifest.tables)
    files = sum(name.startswith("state/") for name in manifest.sums)
    kind = "encrypted" if is_encrypted else "not encrypted"
    print(f"{manifest.mode} desk of {manifest.made_at}, {kind}, Airdesk {manifest.version} ({manifest.code_hash[:12]})")
    print(f"{rows:,} rows of {len(manifest.tables)} tables at migration {max(manifest.schema, default='none')}")
    print(f"{files} files of the state folder; Airflow's metadata: {manifest.airflow or 'not in it'}")


def _say_what_to_bring(manifest: Manifest) -> None:
    print("not in it, bring them yourself:")
    for line in manifest.bring or ("nothing that was set when it was made",):
        print(f"  {line}")


def _secrets_to_bring(checkout: Checkout) -> Iterator[str]:
    """Yield where each secret of this desk is, never what it is."""
    example = checkout.root / ".env.example"
    known = _LISTED.findall(example.read_text(encoding="utf-8")) if example.is_file() else []
    for name in known:
        if _SECRET.search(name) and (value := os.environ.get(name)):
            yield f"{name} ({value})" if name.endswith("_FILE") else f"{name} (in .env or the environment)"
    for name, told in (("secrets.json", "Airflow's keys"), ("passwords.json", "the login of the UI")):
        if (path := checkout.airflow_home / name).exists():
            yield f"{path} ({told}; made anew where it is missing)"
