"""What is kept for how long. Ledgers are not in this table: nothing of a book is ever deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Kept(StrEnum):
    """What the night thins out."""

    REPLIES = "vendors' replies"
    EVIDENCE = "evidence of bars (staging.bars)"
    MESSAGES = "messages that were told"
    PICTURES = "pictures of messages"
    UPDATES = "numbers of Telegram's updates"
    PLACES = "where rounds of questions stood"
    TASK_LOGS = "logs of tasks"
    PROGRAM_LOGS = "logs of programs"
    BACKUPS = "backups before a migration"
    REPORTS = "reports of the night"


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long, in the unit that fits; `told` says it to people and is what docs/operations.md prints."""

    amount: int
    told: str


RETENTION: Mapping[Kept, Keeping] = {
    Kept.REPLIES: Keeping(90, "`AIRDESK_KEEP_REPLIES_DAYS` (90 days)"),
    Kept.EVIDENCE: Keeping(3, "3 calendar years after the year of the fetch"),
    Kept.MESSAGES: Keeping(400, "400 days"),
    Kept.PICTURES: Keeping(30, "30 days"),
    Kept.UPDATES: Keeping(30, "30 days"),
    Kept.PLACES: Keeping(60, "60 days"),
    Kept.TASK_LOGS: Keeping(30, "30 days"),
    Kept.PROGRAM_LOGS: Keeping(20_000_000, "20 MB each, and one older part of that size"),
    Kept.BACKUPS: Keeping(5, "the newest 5"),
    # A tax year, and the month after it in which a purchase can still change it.
    Kept.REPORTS: Keeping(400, "400 days"),
}
"""One place: the housekeeping reads it, and a test compares the page with it."""
