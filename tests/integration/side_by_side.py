"""Processes of their own that start each of their turns at the same moment."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence


def run_side_by_side(
    what: Callable[..., None], *each: Sequence[object], patience_seconds: float = 180
) -> list[int | None]:
    """Run `what` once for each tuple of arguments, a barrier for all of them last, and return the exit codes."""
    spawning = multiprocessing.get_context("spawn")
    meeting = spawning.Barrier(len(each))
    copies = [spawning.Process(target=what, args=(*arguments, meeting)) for arguments in each]
    try:
        for copy in copies:
            copy.start()
        for copy in copies:
            copy.join(patience_seconds)
        return [copy.exitcode for copy in copies]
    finally:
        for copy in copies:
            copy.kill()
            copy.join()
