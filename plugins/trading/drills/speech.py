"""Where the drill's processes say what they have to say: a file, not the terminal of the person who runs the drill."""

from __future__ import annotations

import os
from pathlib import Path


def speak_into(log_file: Path) -> None:
    """Append what this process writes to stderr, tracebacks and libraries' own words included, to `log_file`."""
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 2)
    os.close(descriptor)
