"""Exit codes of `./airdesk`, in one place; docs/reference/commands.md prints them."""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType


class Exit(IntEnum):
    """What the shell is told."""

    DONE = 0
    ACT = 1
    USAGE = 2
    WAIT = 3
    FOUND = 4
    NOTHING = 5
    INTERRUPTED = 130


MEANINGS = MappingProxyType(
    {
        Exit.DONE: "done, or nothing had to be done",
        Exit.ACT: "a person must act; the sentence on the screen says how",
        Exit.USAGE: "the command line was not understood; nothing was done",
        Exit.WAIT: "waiting helps: a busy database, a gateway that restarts, a vendor that asks for a pause",
        Exit.FOUND: "a check did its work and found something that is not equal, or a promise that was broken",
        Exit.NOTHING: "a comparison had nothing to compare",
        Exit.INTERRUPTED: "stopped by Ctrl-C",
    }
)
"""Each code in words; a test holds it to be total."""
EVERYWHERE = (Exit.DONE, Exit.ACT, Exit.USAGE, Exit.WAIT, Exit.INTERRUPTED)
"""What every command may end with; the others are named beside the commands that give them."""
