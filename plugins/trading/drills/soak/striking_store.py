"""A store that is struck at a chosen transaction: before it, before its commit, or after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import StrEnum

from trading.domain.instruments import BookId
from trading.domain.portfolio import TradingState
from trading.ports import Store, Transaction


class Moment(StrEnum):
    """Where in a transaction something happens."""

    BEFORE = "before a transaction"
    COMMIT = "before a commit"
    AFTER = "after a commit"


@dataclass(frozen=True, slots=True)
class Strike:
    """What happens at the `number`-th transaction [1…] from now on."""

    number: int
    moment: Moment
    act: Callable[[], None]


class StrikingStore:
    """`Store` over another one."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._strikes: list[Strike] = []
        self._count = 0

    def arm(self, *strikes: Strike) -> None:
        """Count from here, and strike so; without arguments no more."""
        self._strikes, self._count = list(strikes), 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Open a transaction that may be struck."""
        self._count += 1
        number = self._count
        self._act(number, Moment.BEFORE)
        with self._store.transaction() as tx:
            yield tx
            self._act(number, Moment.COMMIT)
        self._act(number, Moment.AFTER)

    def snapshot(self) -> AbstractContextManager[Transaction]:
        """Open a reading transaction."""
        return self._store.snapshot()

    def order_writer(self, book: BookId) -> AbstractContextManager[int]:
        """Hold the writer's lock."""
        return self._store.order_writer(book)

    def send_gate(self, book: BookId, *, epoch: int) -> AbstractContextManager[TradingState]:
        """Hold the way to the broker open."""
        return self._store.send_gate(book, epoch=epoch)

    def close_gate(self, book: BookId, *, wait_seconds: float) -> AbstractContextManager[bool]:
        """Keep every send out."""
        return self._store.close_gate(book, wait_seconds=wait_seconds)

    def _act(self, number: int, moment: Moment) -> None:
        for strike in self._strikes:
            if (strike.number, strike.moment) == (number, moment):
                strike.act()
