"""TA-Lib without what it would load for frames: it is handed arrays only.

Where pandas or polars is installed, `talib` loads it so as to accept its series: a third of a second of each task and
command. Hidden while `talib` loads, they are what they are where nobody installed them, which it allows for. Who has
loaded one of them before keeps it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Let packages that are not loaded yet seem not to be installed."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None is Python's word for "do not look"
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)


with hidden("pandas", "polars"):
    import talib

__all__ = ["talib"]
