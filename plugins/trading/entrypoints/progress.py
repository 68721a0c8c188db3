"""A progress bar for long work of a command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def told(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what hears how far the work is; a bar where somebody looks on, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda done, count: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, count: progress.update(bar, total=count, completed=done)
