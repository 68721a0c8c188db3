"""What `doctor` finds: one line each, for people or for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from trading.errors import AirdeskError


class Level(StrEnum):
    """How bad a finding is: ok; warn: it works, and something is missing; fail: it does not work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


_COLOURS = {Level.OK: "32", Level.WARN: "33", Level.FAIL: "31"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `text` ends with the next action unless all is well."""

    level: Level
    subject: str
    text: str


def guarded(subject: str, check: Callable[[], Finding]) -> Finding:
    """Return what a check finds; what it raises on purpose is a failure."""
    try:
        return check()
    except AirdeskError as error:
        return Finding(Level.FAIL, subject, str(error))


def as_json(found: Sequence[Finding]) -> str:
    """Return the findings for a program."""
    return json.dumps([{"level": f.level, "subject": f.subject, "text": f.text} for f in found], indent=2)


def as_line(finding: Finding) -> str:
    """Return a finding for people, its level in green, yellow or red on a terminal."""
    level = f"{finding.level:<5}"
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        level = f"\033[{_COLOURS[finding.level]}m{level}\033[0m"
    return f"{level} {finding.subject:<11} {finding.text}"
