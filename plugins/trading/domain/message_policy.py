"""When a message goes, with which, and whether it makes a sound: what people set, and what no setting touches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from trading.domain.instruments import BookId
from trading.domain.messages import KINDS, Buttons, Delivery, MessageKind, Severity

STORM = 5
"""More messages of one kind about one book within a minute are put together."""
STORM_SPAN = timedelta(minutes=1)
TOO_OLD = timedelta(hours=24)
"""Good news that nobody could be told for so long is not told any more."""

type SessionEnd = Callable[[datetime], datetime]
"""Returns the end of the first session that ends after an instant."""
type Topic = tuple[BookId | None, MessageKind]


@dataclass(frozen=True, slots=True)
class Message:
    """A row of the outbox that waits to be sent.

    Attributes:
        reference: of the letter in which it went before, where nobody confirmed that; None for one that never went.
        has_picture: whether a picture is stored with it.
    """

    message_id: int
    book: BookId | None
    badge: str
    kind: MessageKind
    severity: Severity
    body: str
    created_at: datetime
    next_try_at: datetime
    reference: str | None = None
    buttons: Buttons = ()
    has_picture: bool = False

    @property
    def is_urgent(self) -> bool:
        """Whether it is never held back, put together with others, or switched off."""
        return KINDS[self.kind].is_urgent

    @property
    def stands_alone(self) -> bool:
        """Whether it can only be sent as a message of its own."""
        return self.is_urgent or bool(self.buttons) or self.has_picture

    @property
    def topic(self) -> Topic:
        """What storms are counted by."""
        return self.book, self.kind


@dataclass(frozen=True, slots=True)
class QuietHours:
    """The hours of the day, by the clock of `zone`, in which only grave messages arrive; they may span midnight."""

    starts_at: time
    ends_at: time
    zone: ZoneInfo

    def end_of(self, at: datetime) -> datetime | None:
        """Return when the quiet hours around `at` end; None outside of them."""
        here = at.astimezone(self.zone)
        now = here.time()
        spans_midnight = self.ends_at < self.starts_at
        is_evening = now >= self.starts_at and (spans_midnight or now < self.ends_at)
        is_morning = spans_midnight and now < self.ends_at
        if not (is_evening or is_morning):
            return None
        day = here.date() + timedelta(days=is_evening and spans_midnight)
        return datetime.combine(day, self.ends_at, self.zone).astimezone(at.tzinfo)


@dataclass(frozen=True, slots=True)
class MessagePolicy:
    """What people set about messages.

    Attributes:
        quiet: None where no hour is quiet.
        kinds: deliveries that differ from the kind's own.
        muted_until: what is not grave makes no sound until then; None for never muted.
    """

    quiet: QuietHours | None = None
    kinds: Mapping[MessageKind, Delivery] = field(default_factory=dict)
    muted_until: datetime | None = None

    def hushed(self, step: Step, at: datetime) -> Step:
        """Return a step without its sound while people muted what is not grave."""
        if self.muted_until is None or at >= self.muted_until or not isinstance(step, Send):
            return step
        return step if any(map(is_grave, step.messages)) else replace(step, is_silent=True)

    def delivery_of(self, message: Message) -> Delivery:
        """Return how a message arrives; an urgent one may lose its sound, and nothing else."""
        wanted = self.kinds.get(message.kind, KINDS[message.kind].delivery)
        return Delivery.ON if message.is_urgent and wanted in (Delivery.OFF, Delivery.DIGEST) else wanted


@dataclass(frozen=True, slots=True)
class Send:
    """Send these as one message.

    Attributes:
        is_digest: they are of several kinds, and the session is over.
        is_repeat: they went already, and nobody confirmed it.
    """

    messages: tuple[Message, ...]
    is_silent: bool = False
    is_digest: bool = False
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """Leave a message until an instant."""

    message: Message
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Never send a message."""

    message: Message
    why: str


type Step = Send | Hold | Drop


def plan(
    waiting: Sequence[Message],
    lately: Mapping[Topic, datetime],
    sent_count: Counter[Topic],
    policy: MessagePolicy,
    at: datetime,
    session_end: SessionEnd,
) -> list[Step]:
    """Return what to do with each message that waits, in the order in which they were written.

    Args:
        waiting: ascending by id.
        lately: when the newest message of a topic went, of those within the last `STORM_SPAN`.
        sent_count: how many of a topic went in that span.
        session_end: where a digest waits for.
    """
    repeats, fresh = [m for m in waiting if m.reference], [m for m in waiting if not m.reference]
    steps: list[Step] = list(_repeats(repeats))
    due: list[Message] = []
    digests: dict[BookId | None, list[Message]] = {}
    for message in fresh:
        delivery = policy.delivery_of(message)
        judged = _judge(message, delivery, policy.quiet, at, session_end)
        if judged is not None:
            steps.append(judged)
        elif delivery is Delivery.DIGEST and not message.stands_alone:
            digests.setdefault(message.book, []).append(message)
        else:
            due.append(message)
    steps += [Send(tuple(group), is_silent=True, is_digest=len(group) > 1) for group in digests.values()]
    steps += _calmed(due, lately, sent_count, policy)
    return sorted((policy.hushed(step, at) for step in steps), key=_first_id)


def is_grave(message: Message) -> bool:
    """Return whether quiet hours and a mute leave a message its sound."""
    return message.is_urgent or message.severity is Severity.ERROR


def _judge(
    message: Message, delivery: Delivery, quiet: QuietHours | None, at: datetime, session_end: SessionEnd
) -> Hold | Drop | None:
    """Return why a message does not go now, or None."""
    if delivery is Delivery.OFF:
        return Drop(message, f"{message.kind} is switched off (AIRDESK_TELEGRAM_KINDS)")
    due_at = message.created_at
    why = ""
    if delivery is Delivery.DIGEST:
        due_at, why = session_end(due_at), "goes with the digest at the end of the session"
    if quiet is not None and not is_grave(message) and (ends_at := quiet.end_of(max(at, due_at))) is not None:
        due_at, why = ends_at, "quiet hours"
    if at < due_at:
        return Hold(message, due_at, why)
    if message.severity is Severity.INFO and not message.is_urgent and at - max(due_at, message.created_at) > TOO_OLD:
        return Drop(message, "it could not be sent for more than 24 hours, and is no news any more")
    return None


def _repeats(unconfirmed: Sequence[Message]) -> Iterator[Send]:
    """Yield the letters that nobody confirmed, each with the very messages that it had."""
    letters: dict[str | None, list[Message]] = {}
    for message in unconfirmed:
        letters.setdefault(message.reference, []).append(message)
    for group in letters.values():
        kinds = {message.kind for message in group}
        yield Send(tuple(group), is_digest=len(kinds) > 1, is_repeat=True)


def _calmed(
    due: Sequence[Message], lately: Mapping[Topic, datetime], sent_count: Counter[Topic], policy: MessagePolicy
) -> Iterator[Send | Hold]:
    """Yield what is due, with storms of a topic put together; while one is blowing the rest of it is held."""
    storms: dict[Topic, list[Message]] = {}
    for message in due:
        is_silent = policy.delivery_of(message) is not Delivery.ON
        if message.stands_alone:
            yield Send((message,), is_silent)
        else:
            storms.setdefault(message.topic, []).append(message)
    for topic, group in storms.items():
        is_silent = policy.delivery_of(group[0]) is not Delivery.ON
        if len(group) + sent_count[topic] <= STORM:
            yield from (Send((message,), is_silent) for message in group)
        elif topic in lately:
            until = lately[topic] + STORM_SPAN
            yield from (Hold(message, until, "many of its kind: they go together") for message in group)
        else:
            yield Send(tuple(group), is_silent)


def _first_id(step: Step) -> int:
    return step.messages[0].message_id if isinstance(step, Send) else step.message.message_id
