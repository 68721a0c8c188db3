"""The sender of messages: it drains the outbox in order, one letter after the other, and forgets none.

A letter is noted as under way before it is handed over, so that a sender that dies leaves a doubt and no silence. What
nobody confirmed goes once more, under the same number. Nothing here touches an order, and no task waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from trading.domain.letters import letter_of
from trading.domain.message_policy import STORM_SPAN, Drop, Hold, MessagePolicy, Send, plan
from trading.ports import Services
from trading.ports.messages import Fate, Messenger, Outcome, SenderState

PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=5)
"""How long an outage lets the next try wait at most."""
STOPPED_PAUSE = timedelta(minutes=5)
"""How often it is tried again after Telegram refused the bot: a person may have let it in again."""
CLOSING_RUN = timedelta(minutes=15)
"""A digest waits so long after the close, because the closing hour has something to say too."""
SIGN_OF_LIFE = timedelta(minutes=1)
"""How often a sender says that it is there."""
AT_ONCE = 2000
"""Messages looked at in one round."""


class Postman:
    """Sends what waits. One of them works at a time; the caller holds the lease.

    Args:
        holder: this process, as a second copy would name it.
        chat_id: where messages go, as the settings say.
        say: takes a line for the log.
    """

    def __init__(
        self,
        services: Services,
        messenger: Messenger,
        policy: MessagePolicy,
        *,
        holder: str,
        chat_id: int,
        say: Callable[[str], None],
    ) -> None:
        self._services, self._messenger, self._policy = services, messenger, policy
        self._chat_id, self._say = chat_id, say
        self._failures = 0
        self._rest_until: datetime | None = None
        self._state = SenderState(holder, services.clock.now())

    def begin(self) -> None:
        """Take over from a sender that may have died while it handed a letter over."""
        with self._services.store.transaction() as tx:
            before = tx.outbox.sender()
            if before is not None and before.moved_from == self._chat_id:
                self._state = replace(self._state, chat_id=before.chat_id, moved_from=before.moved_from)
            tx.outbox.set_sender(self._state)
            doubtful = tx.outbox.recover()
        if doubtful:
            self._say(f"{doubtful} messages were under way when the last sender ended; each goes once more")

    def round(self) -> timedelta:
        """Send what is due, and return how long to wait before the next round."""
        now = self._services.clock.now()
        if now - self._state.seen_at >= SIGN_OF_LIFE:
            self._keep(replace(self._state, seen_at=now))
        if self._rest_until is not None and now < self._rest_until:
            return min(self._rest_until - now, PAUSE)
        for step in self._plan(now):
            if isinstance(step, Send) and not self._carry(step):
                break
        return PAUSE

    def _plan(self, now: datetime) -> list[Send]:
        """Store what is held and dropped, and return what is to be sent."""
        with self._services.store.transaction() as tx:
            waiting = tx.outbox.waiting(now, AT_ONCE)
            if not waiting:
                return []
            lately, counts = tx.outbox.sent_since(now - STORM_SPAN)
            policy = replace(self._policy, muted_until=tx.bot.muted_until())
            steps = plan(waiting, lately, counts, policy, now, self._session_end)
            for step in steps:
                if isinstance(step, Hold):
                    tx.outbox.hold([step.message.message_id], step.until, step.why)
                elif isinstance(step, Drop):
                    tx.outbox.drop(step.message.message_id, step.why)
        return [step for step in steps if isinstance(step, Send)]

    def _session_end(self, at: datetime) -> datetime:
        calendar = self._services.calendar
        session = calendar.session(at.date())
        if session is None or session.closes_at + CLOSING_RUN <= at:
            session = calendar.next_session(at.date())
        return session.closes_at + CLOSING_RUN

    def _carry(self, step: Send) -> bool:
        """Hand one letter over and store what became of it; False if the next one has to wait."""
        ids = [message.message_id for message in step.messages]
        if step.is_repeat and not self._is_answered():
            return False
        with self._services.store.transaction() as tx:
            letter = letter_of(step, self._services.clock.now(), tx.outbox.picture(ids[0]))
            tx.outbox.begin(ids, letter.reference, is_repeat=step.is_repeat)
        outcome = self._messenger.send(letter, self._state.chat_id or self._chat_id)
        if outcome.fate is Fate.MOVED and outcome.chat_id is not None:
            self._move(outcome.chat_id)
            outcome = self._messenger.send(letter, outcome.chat_id)
        return self._settle(ids, letter.reference, outcome, is_silent=step.is_silent)

    def _is_answered(self) -> bool:
        """Whether Telegram answers at all: a doubt is cleared once, so not while nothing can come of it."""
        outcome = self._messenger.probe()
        if outcome.fate is not Fate.SENT:
            self._rest(outcome)
        return outcome.fate is Fate.SENT

    def _move(self, chat_id: int) -> None:
        self._keep(replace(self._state, chat_id=chat_id, moved_from=self._chat_id))
        self._say(f"the chat {self._chat_id} has the id {chat_id} now; put that into AIRDESK_TELEGRAM_CHATS")

    def _settle(self, ids: list[int], reference: str, outcome: Outcome, *, is_silent: bool) -> bool:
        now = self._services.clock.now()
        if outcome.fate in (Fate.SENT, Fate.REFUSED):
            with self._services.store.transaction() as tx:
                tx.outbox.end(ids, outcome, at=now, is_silent=is_silent)
            if outcome.fate is Fate.REFUSED:
                self._say(f"{reference} cannot be sent: {outcome.detail}")
            self._well()
            return True
        self._rest(outcome)
        with self._services.store.transaction() as tx:
            if outcome.fate is Fate.UNCERTAIN:
                tx.outbox.doubt(ids, now, outcome.detail)
            else:
                # Not later than the rest ends: what waits behind it must not overtake it.
                tx.outbox.hold(ids, now, outcome.detail)
        return False

    def _rest(self, outcome: Outcome) -> None:
        """Leave Telegram alone for as long as it asks, or longer after each failure; and say why, once."""
        self._failures += 1
        pause = min(LONGEST_PAUSE, PAUSE * 2 ** min(self._failures, 10))
        if outcome.fate is Fate.STOPPED:
            pause = STOPPED_PAUSE
        elif outcome.wait_seconds is not None:
            pause = timedelta(seconds=outcome.wait_seconds)
        self._rest_until = self._services.clock.now() + pause
        self._note(outcome.detail or outcome.fate.value)

    def _well(self) -> None:
        self._failures, self._rest_until = 0, None
        self._note(None)

    def _note(self, problem: str | None) -> None:
        if problem == self._state.problem:
            return
        self._say(problem or "messages go out again")
        self._keep(replace(self._state, problem=problem, seen_at=self._services.clock.now()))

    def _keep(self, state: SenderState) -> None:
        self._state = state
        with self._services.store.transaction() as tx:
            tx.outbox.set_sender(state)
