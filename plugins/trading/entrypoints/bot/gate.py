"""Who gets in: a listed person in a listed chat, with a fresh message of their own. Pure: it only judges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from trading.domain.people import Role
from trading.settings import TelegramSettings

OLDEST = timedelta(seconds=60)
"""A command that is older was typed for a market that is gone."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One update, in our words.

    Attributes:
        user_id: None for a channel's post. chat_id: None where there is no chat.
        sent_at: of a message; None for a tap, whose intent has a time of its own.
        text: of a message. data: of a button; None for anything but a tap.
        tap_id: of a tap, to answer it. message_id, html: of the message under which the button stands.
        is_private: whether the chat is with the bot alone.
    """

    update_id: int
    user_id: int | None
    chat_id: int | None
    sent_at: datetime | None = None
    text: str = ""
    data: str | None = None
    tap_id: str = ""
    message_id: int = 0
    html: str = ""
    is_private: bool = False
    is_edited: bool = False
    is_forwarded: bool = False
    is_channel: bool = False

    @property
    def is_tap(self) -> bool:
        """Return whether somebody tapped a button."""
        return self.data is not None

    @property
    def is_meant(self) -> bool:
        """Return whether it is for the bot: chatter of a group is not."""
        return self.is_tap or self.is_private or self.is_channel or self.text.startswith("/")


class Refusal(StrEnum):
    """Why an update goes no further. The first three are strangers, who get no answer."""

    STRANGER = "stranger"
    CHAT = "chat_not_listed"
    CHANNEL = "channel"
    CHATTER = "chatter"
    EDITED = "edited"
    FORWARDED = "forwarded"
    OLD = "too_old"
    REPLAYED = "replayed"


STRANGE = frozenset({Refusal.STRANGER, Refusal.CHAT, Refusal.CHANNEL})
ANSWERS: Mapping[Refusal, str] = {
    Refusal.EDITED: "An edited message is not carried out; send it again.",
    Refusal.FORWARDED: "A forwarded message is not carried out; type it yourself.",
    Refusal.OLD: f"Too old: it was sent over {OLDEST.seconds} s ago, so nothing was done; send it again.",
}
"""What a listed person is told; nothing about what is not here."""


def judge(heard: Heard, people: TelegramSettings, now: datetime) -> Refusal | None:
    """Return why an update goes no further; None if it may."""
    if not heard.is_meant:
        return Refusal.CHATTER
    if heard.is_channel or heard.user_id is None:
        return Refusal.CHANNEL
    if role_of(heard, people) is None:
        return Refusal.STRANGER
    if heard.chat_id not in people.chats:
        return Refusal.CHAT
    if heard.is_edited:
        return Refusal.EDITED
    if heard.is_forwarded:
        return Refusal.FORWARDED
    if heard.sent_at is not None and now - heard.sent_at > OLDEST:
        return Refusal.OLD
    return None


def role_of(heard: Heard, people: TelegramSettings) -> Role | None:
    """Return the role of who sent it; None for a person who is not listed."""
    return None if heard.user_id is None else people.people.get(heard.user_id)
