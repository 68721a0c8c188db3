"""Files of the state folder that a backup holds. Only what is named here: a secret that is not named stays out."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from trading.adapters.backup.archive import Archive, ArchiveWriter
from trading.errors import PermanentError, TransientError

FOLDERS = ("models", "text_models", "replays", "reports")
"""Trained models, verdicts of in-process replays, and reports."""
FLAG = "HALT"
BROKERS = "gateway-*.sqlite"
"""The paper gateway's own books: a broker that lives in the state folder."""
MEMBERS = "state"
_TRIES = 40


def written_files(state: Path, writer: ArchiveWriter) -> int:
    """Write the files of a state folder and return how many there were."""
    count = 0
    for name, path in _files(state):
        _write(writer, name, path)
        count += 1
    for path in sorted(state.glob(BROKERS)):
        with _settled(path) as copy:
            _write(writer, path.name, copy)
        count += 1
    return count


def _files(state: Path) -> Iterator[tuple[str, Path]]:
    for folder in FOLDERS:
        for path in sorted((state / folder).rglob("*")):
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(state).as_posix(), path
    if (state / FLAG).is_file():
        yield FLAG, state / FLAG


def _write(writer: ArchiveWriter, name: str, path: Path) -> None:
    with writer.member(f"{MEMBERS}/{name}") as target, path.open("rb") as source:
        while block := source.read(1 << 20):
            target.write(block)


@contextmanager
def _settled(path: Path) -> Iterator[Path]:
    """Yield a whole copy of a book that a gateway may hold open: it lets nobody in, but it can be read past it.

    Raises:
        TransientError: it changes without a pause.
    """
    log = path.with_name(path.name + "-wal")
    with tempfile.TemporaryDirectory(prefix="airdesk-backup-") as folder:
        copy = Path(folder) / path.name
        for _ in range(_TRIES):
            before = _stand(path), _stand(log)
            shutil.copyfile(path, copy)
            if log.exists():
                shutil.copyfile(log, copy.with_name(log.name))
            if before == (_stand(path), _stand(log)) and _is_whole(copy):
                yield copy
                return
            copy.with_name(log.name).unlink(missing_ok=True)
            time.sleep(0.05)
    raise TransientError(f"{path} is being written without a pause; stop the gateway or try again")


def _stand(path: Path) -> tuple[int, int] | None:
    return (path.stat().st_mtime_ns, path.stat().st_size) if path.exists() else None


def _is_whole(copy: Path) -> bool:
    try:
        with closing(sqlite3.connect(copy, isolation_level=None)) as rows:
            rows.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            rows.execute("PRAGMA journal_mode = DELETE")
            return bool(rows.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def conflicts(archive: Archive, state: Path) -> tuple[str, ...]:
    """Return the files of a backup that the state folder has already; a gateway's book is kept and is no conflict."""
    return tuple(n for n in archive.files(MEMBERS) if not _is_broker(n) and (state / n).exists())


def brought_files(archive: Archive, state: Path) -> tuple[str, ...]:
    """Bring the files back and return those that were kept as they are: a broker's book never goes back in time."""
    kept = []
    for name in archive.files(MEMBERS):
        target = _inside(state, name)
        if _is_broker(name) and target.exists():
            kept.append(name)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        with archive.member(f"{MEMBERS}/{name}") as source, fresh.open("wb") as file:
            shutil.copyfileobj(source, file)
        fresh.chmod(0o600)
        fresh.replace(target)
    return tuple(kept)


def _inside(state: Path, name: str) -> Path:
    """Return where a file belongs; a backup that somebody made up may not write elsewhere."""
    parts = Path(name).parts
    is_ours = name == FLAG or (parts[0] in FOLDERS and len(parts) > 1) or (len(parts) == 1 and _is_broker(name))
    if not is_ours or ".." in parts:
        raise PermanentError(f"the backup names a file {name!r} that no backup holds; take another one")
    return state / name


def _is_broker(name: str) -> bool:
    return Path(name).match(BROKERS) and "/" not in name
