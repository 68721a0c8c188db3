"""What people write about messages in the settings, as the policy that it means."""

from __future__ import annotations

import re
from datetime import time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trading.domain.message_policy import MessagePolicy, QuietHours
from trading.domain.messages import Delivery, MessageKind
from trading.errors import ConfigurationError

_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SPAN = re.compile(rf"({_CLOCK})-({_CLOCK})")


def policy_of(*, quiet: str, zone: str, kinds: str) -> MessagePolicy:
    """Return the policy of three settings.

    Args:
        quiet: e.g. "22:00-07:00"; "" for none.
        zone: of those hours, e.g. "Europe/Berlin".
        kinds: e.g. "order_sent:off,stop_moved:on".

    Raises:
        ConfigurationError: one of them is not understood.
    """
    parts = (part.strip() for part in kinds.split(",") if part.strip())
    return MessagePolicy(_quiet_hours(quiet, zone), dict(_delivery(part) for part in parts))


def _quiet_hours(text: str, zone: str) -> QuietHours | None:
    try:
        there = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigurationError(
            f"AIRDESK_TELEGRAM_ZONE={zone!r} is no time zone; write it as America/New_York"
        ) from None
    if not text.strip():
        return None
    found = _SPAN.fullmatch(text.strip())
    if found is None or found[1] == found[2]:
        raise ConfigurationError(f"AIRDESK_TELEGRAM_QUIET={text!r} is no span of hours; write it as 22:00-07:00")
    return QuietHours(time.fromisoformat(found[1]), time.fromisoformat(found[2]), there)


def _delivery(text: str) -> tuple[MessageKind, Delivery]:
    kind, _, delivery = (part.strip() for part in text.partition(":"))
    if kind not in set(MessageKind) or delivery not in set(Delivery):
        raise ConfigurationError(
            f"AIRDESK_TELEGRAM_KINDS names {text!r}; write KIND:{'|'.join(Delivery)} with a kind of "
            f"{', '.join(MessageKind)}"
        )
    return MessageKind(kind), Delivery(delivery)
