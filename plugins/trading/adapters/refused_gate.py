"""A way to the broker that stays closed because the settings contradict one another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trading.errors import BrokerRefused
from trading.ports import Broker, BrokerRole


@dataclass(frozen=True, slots=True)
class RefusedGate:
    """`BrokerGate` that refuses every connection and says why."""

    reason: str

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[Broker]:
        """Refuse.

        Raises:
            BrokerRefused: always.
        """
        raise BrokerRefused(self.reason)
        yield
