"""Airflow's metadata, as pg_dump and pg_restore make it: its schema is Airflow's own, whatever its version."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import suppress

from psycopg2.extensions import parse_dsn

from trading.adapters.backup.archive import Archive, ArchiveWriter
from trading.adapters.embedded_postgres import program, program_environment
from trading.errors import PermanentError

MEMBER = "airflow/metadata.dump"
SECRET_TABLES = ("connection", "variable", "session", "ab_user", "ab_register_user")
"""Tables that may hold what people typed in as secret: they come back empty."""


def written_metadata(url: str, writer: ArchiveWriter) -> None:
    """Write a dump of Airflow's database without the rows of the tables that may hold secrets.

    Raises:
        PermanentError: pg_dump is not here, or it failed.
    """
    left_out = [f"--exclude-table-data=public.{name}" for name in SECRET_TABLES]
    command, environment = _command("pg_dump", url, "--format=custom", "--no-owner", "--no-privileges", *left_out)
    with (
        writer.member(MEMBER) as target,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as dump,  # noqa: S603
    ):
        assert dump.stdout is not None
        assert dump.stderr is not None
        while block := dump.stdout.read(1 << 20):
            target.write(block)
        said = dump.stderr.read().decode(errors="replace")
    if dump.returncode:
        raise PermanentError(f"pg_dump failed: {_last(said)}; leave --airflow out, or install a newer pg_dump")


def brought_metadata(archive: Archive, url: str) -> None:
    """Fill an empty database with the metadata of a backup.

    Raises:
        PermanentError: pg_restore is not here, or it failed.
    """
    command, environment = _command("pg_restore", url, "--no-owner", "--no-privileges", "--exit-on-error")
    with archive.member(MEMBER) as source, tempfile.TemporaryFile() as said:
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stderr=said) as restore:  # noqa: S603
            assert restore.stdin is not None
            # A program that refuses hears no more of it; why it does is in its words.
            with suppress(BrokenPipeError):
                shutil.copyfileobj(source, restore.stdin)
                restore.stdin.close()
        said.seek(0)
        words = said.read().decode(errors="replace")
    if restore.returncode:
        raise PermanentError(f"pg_restore failed: {_last(words)}; nothing was restored")


def _command(name: str, url: str, *words: str) -> tuple[list[str], dict[str, str]]:
    """Return the command and its environment: the password is in neither the words nor what `ps` shows."""
    parts = parse_dsn(url)
    place = [f"--{key}={parts[given]}" for key, given in _PLACES.items() if parts.get(given)]
    return [str(program(name)), *place, *words], {**program_environment(), "PGPASSWORD": parts.get("password", "")}


_PLACES = {"host": "host", "port": "port", "username": "user", "dbname": "dbname"}


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "no output"
