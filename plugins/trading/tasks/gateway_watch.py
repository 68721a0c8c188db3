"""Whether the gateway answers: told when it stops, when it stays away as one that waits for a login does, and when it
is back; once each per outage, however many tasks knock.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from trading.domain.instruments import BookId
from trading.domain.messages import MessageKind
from trading.errors import AirdeskError, TransientError
from trading.ports import Broker, BrokerGate, BrokerRole, Clock, Store, Transaction
from trading.tasks.telling import tell

LOGIN_AFTER = timedelta(minutes=10)
"""A restart takes a minute; a gateway that is away for longer mostly waits for a password or a second factor."""
DOWN, LOGIN, BACK = MessageKind.GATEWAY_DOWN, MessageKind.GATEWAY_2FA, MessageKind.GATEWAY_BACK


@dataclass(frozen=True, slots=True)
class WatchedGate:
    """A `BrokerGate` that tells people of its outages."""

    gate: BrokerGate
    store: Store
    clock: Clock
    book: BookId

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[Broker]:
        """Open a connection; what goes wrong later is not the gateway's absence."""
        with ExitStack() as open_until_the_end:
            try:
                broker = open_until_the_end.enter_context(self.gate.connect(role))
            except TransientError as away:
                self._note(away)
                raise
            self._note(None)
            yield broker

    def _note(self, away: TransientError | None) -> None:
        # Whoever connects has something more important to do than to fail because of a message.
        with suppress(AirdeskError), self.store.transaction() as tx:
            if away is None:
                _tell_back(tx, self.book)
            else:
                self._tell_away(tx, away)

    def _tell_away(self, tx: Transaction, away: TransientError) -> None:
        newest = tx.outbox.newest_of(self.book, (DOWN, BACK))
        if newest is None or newest.kind == BACK:
            number = newest.message_id if newest else 0
            text = f"{away}; nothing is sent meanwhile, protections rest at the broker"
            tell(tx, self.book, DOWN, f"gateway_down:{self.book}:{number}", text)
        elif self.clock.now() - newest.created_at >= LOGIN_AFTER:
            minutes = LOGIN_AFTER.seconds // 60
            text = f"away for over {minutes} minutes: look whether it waits for a password or a second factor; {away}"
            tell(tx, self.book, LOGIN, f"gateway_2fa:{self.book}:{newest.message_id}", text)


def _tell_back(tx: Transaction, book: BookId) -> None:
    newest = tx.outbox.newest_of(book, (DOWN, BACK))
    if newest is not None and newest.kind == DOWN:
        tell(tx, book, BACK, f"gateway_back:{book}:{newest.message_id}", "it answers again")
