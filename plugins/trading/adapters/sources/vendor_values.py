"""Instants and days as vendors write them: unknown, or a refusal of the reply, where they are none."""

from __future__ import annotations

from datetime import UTC, date, datetime

from trading.errors import DataRejected

SHOWN_CHARACTERS = 40


def instant_or_none(text: object) -> datetime | None:
    """Return an ISO 8601 instant in UTC, which it is where no offset is named; None for what is none."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)


def day_or_none(text: object) -> date | None:
    """Return a date written YYYY-MM-DD; None for what is none."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None


def instant_of(vendor: str, text: object) -> datetime:
    """Return an ISO 8601 instant in UTC.

    Raises:
        DataRejected: it is none, so nothing else of the reply is trusted.
    """
    if (at := instant_or_none(text)) is None:
        raise DataRejected(f"{vendor}: {_shown(text)} is not an instant; nothing of the reply was stored")
    return at


def day_of(vendor: str, text: object) -> date:
    """Return a date written YYYY-MM-DD.

    Raises:
        DataRejected: it is none, so nothing else of the reply is trusted.
    """
    if (on := day_or_none(text)) is None:
        raise DataRejected(f"{vendor}: {_shown(text)} is not a date; nothing of the reply was stored")
    return on


def _shown(text: object) -> str:
    return repr(str(text)[:SHOWN_CHARACTERS])
