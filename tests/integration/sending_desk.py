"""An outbox on a real store, the real Telegram client on the stub, and short words for both."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trading.adapters.postgres_store.connection import connect
from trading.adapters.telegram import TelegramMessenger
from trading.domain.instruments import BookId
from trading.domain.message_policy import MessagePolicy
from trading.domain.messages import MessageKind
from trading.ports import Services, Sources
from trading.tasks.deliver import Postman

from tests.fakes import FixedClock, WeekdayCalendar, ny
from tests.telegram_stub import TelegramStub, telegram_stub

BOOK = BookId.parse("paper:DU1")
CHAT = 42
NOON = ny("2019-06-03 12:00")
PATIENCE_SECONDS = 1.0


@dataclass
class SendingDesk:
    """One sender that a test drives round by round, by a clock that the test moves."""

    url: str
    services: Services
    telegram: TelegramStub
    messenger: TelegramMessenger
    clock: FixedClock
    policy: MessagePolicy = field(default_factory=MessagePolicy)
    chat: int = CHAT
    said: list[str] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self, policy: MessagePolicy | None = None) -> None:
        """Start a sender anew, as after a restart."""
        self.policy = policy or self.policy
        self.postman = Postman(
            self.services, self.messenger, self.policy, holder="sender", chat_id=self.chat, say=self.said.append
        )
        self.postman.begin()

    def tell(self, body: str, kind: MessageKind = MessageKind.ORDER_REJECTED, *, book: BookId = BOOK, **more) -> None:
        """Put a message into the outbox, by the test's clock."""
        self.count += 1
        with self.services.store.transaction() as tx:
            text = f"{book.badge} {book}: {body}"
            tx.controls.notify(dedupe_key=f"k{self.count}", book=book, kind=kind, body=text, **more)
        stamp = "created_at = %s, next_try_at = %s WHERE dedupe_key = %s"
        self.run(f"UPDATE ops.outbox SET {stamp}", self.clock.at, self.clock.at, f"k{self.count}")

    def rounds(self, count: int = 1, *, every: timedelta = timedelta(seconds=1)) -> list[str]:
        """Let the sender look so often, and return what people have read so far, tags aside."""
        for _ in range(count):
            self.postman.round()
            self.clock.at += every
        return self.read()

    def read(self) -> list[str]:
        return [message.plain for message in self.telegram.messages]

    def rows(self) -> list[tuple[str, str | None]]:
        return self.run("SELECT state, detail FROM ops.outbox ORDER BY message_id")

    def states(self) -> list[str]:
        return [state for state, _ in self.rows()]

    def run(self, statement: str, *values) -> list[tuple]:
        with closing(connect(self.url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def sending_desk(store, url: str, at: datetime = NOON, **options):
    clock = FixedClock(at)
    services = Services(store, WeekdayCalendar(), clock, Sources(), None)
    with telegram_stub() as telegram:
        messenger = TelegramMessenger(telegram.token, base_url=telegram.base_url, patience_seconds=PATIENCE_SECONDS)
        with messenger:
            yield SendingDesk(url, services, telegram, messenger, clock, **options)
