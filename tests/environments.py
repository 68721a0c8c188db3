"""Environments of their own for programs that cannot share ours, made once per lock. Standard library only."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment(name: str, lock: Path) -> Path:
    """Return the interpreter of an environment under `.airdesk/venvs`, made when its lock or this Python changed.

    Raises:
        subprocess.CalledProcessError: it cannot be installed, e.g. without a network.
    """
    home = Path(os.environ.get("AIRDESK_STATE_DIR") or ROOT / ".airdesk").resolve() / "venvs" / name
    stamp, python = home / "airdesk.stamp", home / "bin" / "python"
    wanted = f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version_info[0]}.{sys.version_info[1]}\n"
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted and os.access(python, os.X_OK):
        return python
    print(f"--- {name}: installing its environment (once)", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    # Compiling all of it takes most of the time; what is imported is compiled then, and kept.
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet", "--no-compile"]
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [*pip, "--require-hashes", "--no-deps", "-r", str(lock)],
    ):
        subprocess.run(command, env=child_environment(), check=True)
    stamp.write_text(wanted, encoding="ascii")
    return python


def child_environment() -> dict[str, str]:
    """Return our environment without what would lead a child to other packages."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "__PYVENV_LAUNCHER__")
    return {name: value for name, value in os.environ.items() if name not in hidden}


def told(failed: subprocess.CalledProcessError) -> str:
    """Return what a person can do about a command that failed."""
    return f"{' '.join(map(str, failed.cmd[:4]))} … failed; check the network and start again"
