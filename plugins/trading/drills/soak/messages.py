"""The sender of a soak: it drains the outbox after each hour, dies now and then, and is started again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trading.domain.message_policy import MessagePolicy
from trading.drills.soak.clocks import SenderClock
from trading.drills.soak.plan import Fault
from trading.drills.soak.telegram import SenderDied, SoakTelegram
from trading.ports import Services, Store
from trading.tasks.deliver import Postman

CHAT = 58
A_WHILE = timedelta(minutes=10)
EVER = datetime(2100, 1, 1, tzinfo=UTC)
ROUNDS_AN_HOUR, MOST_ROUNDS = 3, 2000


class Sender:
    """A `Postman`, its Telegram, and whoever starts it again."""

    def __init__(self, services: Services, store: Store) -> None:
        self.telegram, self.clock = SoakTelegram(), SenderClock()
        self._services = replace(services, store=store, clock=self.clock)
        self._copies = 0
        self._postman = self._started()

    def after_hour(self, faults: Sequence[Fault]) -> None:
        """Send what is due, as far as Telegram lets it; longer while it fails, so that each outage ends."""
        for fault in faults:
            self.telegram.expect(fault)
        for number in range(MOST_ROUNDS):
            if number >= ROUNDS_AN_HOUR and (self.telegram.is_healthy or not self._backlog()):
                return
            self._round()

    def drain(self) -> None:
        """Send everything, also what waits for the end of a session."""
        for _ in range(MOST_ROUNDS):
            if self._backlog(EVER) is None:
                return
            handed = len(self.telegram.handed)
            self._round()
            if len(self.telegram.handed) == handed:
                self.clock.wait(A_WHILE)

    def _round(self) -> None:
        try:
            self.clock.wait(self._postman.round())
        except SenderDied:
            self._postman = self._started()

    def _started(self) -> Postman:
        self._copies += 1
        name = f"soak {self._copies}"
        postman = Postman(
            self._services, self.telegram, MessagePolicy(None), holder=name, chat_id=CHAT, say=lambda _: None
        )
        postman.begin()
        return postman

    def _backlog(self, at: datetime | None = None) -> datetime | None:
        with self._services.store.transaction() as tx:
            return tx.outbox.backlog(at or self.clock.now())[1]
