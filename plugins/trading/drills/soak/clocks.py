"""The clocks of a soak: the desk's, which goes wrong by plan, and the sender's, which goes on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from trading.adapters.clock import SystemClock

SKEWS: Mapping[str, timedelta] = {
    "two hours ahead": timedelta(hours=2),
    "three days ahead": timedelta(days=3),
    "two hours behind": timedelta(hours=-2),
    "three days behind": timedelta(days=-3),
    "jumps back between attempts": timedelta(minutes=-40),
}


class DeskClock:
    """The clock of the machine that runs the tasks."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.skew = timedelta()

    def now(self) -> datetime:
        """Return the instant that the machine believes."""
        return self.at + self.skew

    def wait(self, pause: timedelta) -> None:
        """Let time pass."""
        self.at += pause


class SenderClock:
    """The present, where Postgres stamps messages, and what a waiting sender let pass beyond it."""

    def __init__(self) -> None:
        self._present, self._passed = SystemClock(), timedelta()

    def now(self) -> datetime:
        """Return the instant that the sender believes."""
        return self._present.now() + self._passed

    def wait(self, pause: timedelta) -> None:
        """Let time pass."""
        self._passed += pause
