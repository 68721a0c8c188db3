"""Progress bars for long work of a command: on stderr, and only where somebody looks on."""

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
    with _bar("") as progress:
        bar = progress.add_task(what, total=None)
        yield lambda done, count: progress.update(bar, total=count, completed=done)


@contextmanager
def told_of_each(total: int, otherwise: Callable[[str], None]) -> Iterator[Callable[[str], None]]:
    """Yield what hears the name of each piece of the work; `otherwise` hears it where nobody looks on."""
    if not (total and sys.stderr.isatty()):
        yield otherwise
        return
    with _bar(":40") as progress:
        bar = progress.add_task("", total=total)
        yield lambda name: progress.update(bar, advance=1, description=name)


def _bar(width: str) -> Progress:
    columns = (TextColumn("{task.description" + width + "}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
