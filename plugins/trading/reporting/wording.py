"""Numbers as people read them: thousands separators, a real minus, and a dash for what is not known."""

from __future__ import annotations

import math
from collections.abc import Callable

from trading.domain.instruments import BookId, BookKind

MINUS, UNKNOWN = "\u2212", "\u2013"
PERCENT = "\u00a0%"
"""With a space at which no line breaks."""

type Wording = Callable[[float | None], str]


def _worded(value: float | None, pattern: str) -> str:
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = format(value, pattern)
    # What rounds to nothing has no sign.
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("+-")
    return text.replace("-", MINUS)


def percent(value: float | None) -> str:
    """Return a fraction as percent, e.g. "12.3 %"."""
    return _with_sign(value, "")


def change(value: float | None) -> str:
    """Return a fraction as a change in percent, with its sign, e.g. "+12.3 %"."""
    return _with_sign(value, "+")


def fall(value: float | None) -> str:
    """Return a drawdown, given as a positive fraction, as people write it: "−12.3 %"."""
    return change(None if value is None else -value)


def points(value: float | None) -> str:
    """Return a fraction as percent with its sign and without the word, for a table that says it on top."""
    return change(value).removesuffix(PERCENT)


def _with_sign(value: float | None, sign: str) -> str:
    worded = _worded(None if value is None else value * 100.0, f"{sign},.1f")
    return worded if worded == UNKNOWN else f"{worded}{PERCENT}"


def ratio(value: float | None) -> str:
    """Return a plain number of two places, e.g. "1.17"."""
    return _worded(value, ",.2f")


def tick(value: float | None) -> str:
    """Return a round number as an axis words it, e.g. "0.5", "20"."""
    return _worded(value, ",.6g")


def tick_percent(value: float | None) -> str:
    """Return a round fraction as an axis words it, e.g. "−20 %"."""
    return _worded(None if value is None else value * 100.0, ",.6g") + PERCENT


def probability(value: float | None) -> str:
    """Return a probability [0–1] of three places."""
    return _worded(value, ".3f")


def whole(value: float | None) -> str:
    """Return a count or an amount without decimals, e.g. "12,345"."""
    return _worded(value, ",.0f")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, e.g. "1 trial", "1,200 trials"."""
    return f"{whole(count)} {noun}{'' if count == 1 else 's'}"


def gain(value: float | None) -> str:
    """Return an amount of USD with its sign, e.g. "+1,234"."""
    return _worded(value, "+,.0f")


def days(value: float | None) -> str:
    """Return a length of time in days of one place."""
    return _worded(value, ",.1f")


def number(value: float | None) -> str:
    """Return a value on four digits where it is small, and with cents where it is not; unknown is a dash."""
    return UNKNOWN if value is None else f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.2f}"


def first_hour(book: BookId) -> str:
    """Return what a person does so that a book without any decision gets its first one."""
    if book.kind is BookKind.REPLAY:
        return "replay it again"
    start = "start ./airdesk up and unpause hourly_trading, which decides when an hour of the session has ended"
    return f"run ./airdesk demo, or {start}" if book.kind is BookKind.DEMO else start
