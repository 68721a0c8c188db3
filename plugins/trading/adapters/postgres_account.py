"""As whom the embedded Postgres runs: it refuses to be root, so root hands it to an unprivileged account."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trading.errors import ConfigurationError

UNPRIVILEGED = ("postgres", "nobody")
UNMAPPED_UID = 65534


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a Postgres program.

    Attributes:
        owner: (uid, gid) that must own the data directory; None to leave it to the caller.
        drops_to: (uid, gid) to become before the program starts; None to stay who we are.
        prefix: command in front of the program.
    """

    owner: tuple[int, int] | None = None
    drops_to: tuple[int, int] | None = None
    prefix: tuple[str, ...] = ()


def account_for(data: Path, programs: Path) -> Account:
    """Return the account that owns `data`, or for a new directory the first one that can reach it and `programs`.

    Raises:
        ConfigurationError: we are root and no account can reach the directories.
    """
    if os.geteuid() != 0:
        return Account()
    if data.exists() and (uid := data.stat().st_uid) != 0:
        return _named(uid, data.stat().st_gid)
    if not data.exists():
        for name in UNPRIVILEGED:
            entry = _entry(name)
            if entry and _can_reach(entry.pw_uid, (data.parent, programs)):
                return _named(entry.pw_uid, entry.pw_gid)
    return _namespace(data.parent, programs)


def _named(uid: int, gid: int) -> Account:
    return Account(owner=(uid, gid), drops_to=(uid, gid))


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _can_reach(uid: int, paths: Iterable[Path]) -> bool:
    """Whether an account without groups may enter every directory down to `paths`."""
    for path in paths:
        for directory in (path, *path.parents):
            status = directory.stat()
            needed = stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH
            if not status.st_mode & needed:
                return False
    return True


def _namespace(home: Path, programs: Path) -> Account:
    """Return root under another number: a user namespace keeps root's file access and Postgres sees 65534."""
    if unshare := shutil.which("unshare"):
        prefix = (unshare, "--user", f"--map-user={UNMAPPED_UID}", f"--map-group={UNMAPPED_UID}")
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:  # noqa: S603
            return Account(prefix=prefix)
    raise ConfigurationError(
        f"Postgres does not run as root, and no unprivileged account can reach both {home} and {programs}; "
        "run as an ordinary user, or move them to directories that others may enter"
    )
