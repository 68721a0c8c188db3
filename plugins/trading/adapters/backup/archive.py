"""One file: a zip of tables and files, and a manifest with their SHA-256; the zip's comment is the manifest's own.

It is written beside its place and moved there whole, so that a half one never looks like a backup.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any

from trading.adapters.backup.sealing import Unsealed, is_sealed, sealing
from trading.errors import PermanentError

FORMAT = 1
"""Raised when an older Airdesk could not read what is written."""
MANIFEST = "manifest.json"
_BLOCK = 1 << 20
_UNREADABLE = (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
"""What `zipfile` says of a file with changed bits."""


@dataclass(frozen=True, slots=True)
class TableEntry:
    """One table. `columns` are those that are stored, in the order of the member's rows."""

    schema: str
    name: str
    columns: tuple[str, ...]
    row_count: int

    @property
    def member(self) -> str:
        """Return the name of its rows in the archive."""
        return f"tables/{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup is of, and how it was made.

    Attributes:
        made_at: UTC, ISO. The rows are of this instant or a moment later.
        version, code_hash: of the code that made it.
        mode: whose money.
        schema: checksum of each applied migration.
        partitions: (parent, name, bound); sequences: (table, column, last value).
        airflow: version of Airflow whose metadata is in it; "" for none.
        bring: secrets that are not in it, and where they were.
        sums: SHA-256 of every member.
    """

    made_at: str
    version: str
    code_hash: str
    mode: str
    schema: dict[str, str]
    tables: tuple[TableEntry, ...]
    partitions: tuple[tuple[str, str, str], ...]
    sequences: tuple[tuple[str, str, int], ...]
    airflow: str = ""
    bring: tuple[str, ...] = ()
    sums: dict[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        """Return it as JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def of(cls, told: dict[str, Any]) -> Manifest:
        """Return it from JSON; names that this code does not know are passed over."""
        known = {name.name: told[name.name] for name in fields(cls) if name.name in told}
        tables = tuple(TableEntry(**row | {"columns": tuple(row["columns"])}) for row in known.pop("tables"))
        partitions, sequences = map(_pairs, (known.pop("partitions"), known.pop("sequences")))
        return cls(
            **known | {"bring": tuple(known["bring"])}, tables=tables, partitions=partitions, sequences=sequences
        )


def _pairs(rows: list[list[Any]]) -> tuple[Any, ...]:
    return tuple(map(tuple, rows))


class ArchiveWriter:
    """Takes members one after the other."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._zip = file
        self.sums: dict[str, str] = {}

    @contextmanager
    def member(self, name: str) -> Iterator[SummedStream]:
        """Yield what the member's content is written to."""
        with self._zip.open(name, "w", force_zip64=True) as stream:
            summed = SummedStream(stream)
            yield summed
        self.sums[name] = summed.digest.hexdigest()

    def close(self, manifest: Manifest) -> None:
        """Write the manifest."""
        told = manifest.as_bytes()
        self._zip.writestr(MANIFEST, told)
        self._zip.comment = hashlib.sha256(told).hexdigest().encode()


class SummedStream:
    """A stream that remembers what went through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def write(self, block: bytes) -> int:
        """Pass a block on."""
        self.digest.update(block)
        return self._stream.write(block)


@contextmanager
def new_archive(path: Path, *, key: str = "") -> Iterator[ArchiveWriter]:
    """Yield the writer of an archive that stands at `path`, readable by its owner only, once the block ends well.

    Args:
        path: where.
        key: what it is encrypted with; "" for not at all.

    Raises:
        PermanentError: there is such a file already, or it cannot be written.
    """
    if path.exists():
        raise PermanentError(f"{path} exists; name another file with --out")
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            with (
                sealing(file, key) as target,
                zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=2) as opened,
            ):
                yield ArchiveWriter(opened)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise PermanentError(f"{path} cannot be written ({error.strerror}); name another place with --out") from error
    finally:
        part.unlink(missing_ok=True)


class Archive:
    """A backup that is read, encrypted or not."""

    def __init__(self, path: Path, *, key: str = "") -> None:
        """Open it.

        Args:
            path: where it is.
            key: for an encrypted one; another one does not need it.

        Raises:
            PermanentError: it is not there or no backup, was changed or cut off, was made by a newer Airdesk, or with
                another key.
        """
        self.path = path
        if not path.is_file():
            raise PermanentError(f"there is no file {path}; name the backup")
        try:
            self.is_encrypted = is_sealed(path)
            self._zip = zipfile.ZipFile(io.BufferedReader(Unsealed(path, key)) if self.is_encrypted else path)
            told = self._zip.read(MANIFEST)
        except (*_UNREADABLE, KeyError) as error:
            raise PermanentError(f"{path} is no backup, or it was cut off; take another one") from error
        if hashlib.sha256(told).hexdigest().encode() != self._zip.comment:
            raise self._damaged(MANIFEST)
        stored = json.loads(told)
        if stored["format"] > FORMAT:
            raise PermanentError(
                f"{path} has format {stored['format']}, this Airdesk reads {FORMAT} and older; update the checkout"
            )
        self.manifest = Manifest.of(stored)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()

    def verify(self) -> None:
        """Read every member once.

        Raises:
            PermanentError: one is missing or is not what was written.
        """
        if {name for name in self._zip.namelist() if name != MANIFEST} != set(self.manifest.sums):
            raise self._damaged("the list of its parts")
        for name, wanted in self.manifest.sums.items():
            digest = hashlib.sha256()
            try:
                with self._zip.open(name) as stream:
                    while block := stream.read(_BLOCK):
                        digest.update(block)
            except _UNREADABLE as error:
                raise self._damaged(name) from error
            if digest.hexdigest() != wanted:
                raise self._damaged(name)

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """Yield the content of a member."""
        with self._zip.open(name) as stream:
            yield stream

    def files(self, folder: str) -> tuple[str, ...]:
        """Return the names of the members below a folder, without the folder."""
        start = f"{folder}/"
        return tuple(sorted(name.removeprefix(start) for name in self.manifest.sums if name.startswith(start)))

    def _damaged(self, what: str) -> PermanentError:
        return PermanentError(f"{self.path} is damaged: {what} is not what was written; take another backup")
