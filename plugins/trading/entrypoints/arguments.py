"""What people type after an option, read with a sentence for what cannot be meant."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from trading.errors import ConfigurationError, PermanentError

MOST_CASH_USD = 10**9
"""Nobody replays with more by intention."""
TAX_YEARS = range(1990, 2101)


def book_command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    """Return the parser of a command about one book, which `run` carries out."""
    parser = subparsers.add_parser(name, help=text, description=text)
    parser.add_argument("--book", help="kind:name; default: the configured book")
    parser.set_defaults(run=run)
    return parser


def without_separator(words: Sequence[str]) -> list[str]:
    """Return what another program is told, without the `--` that only parted it from what we are told."""
    return list(words[1:] if words[:1] == ["--"] else words)


def day(text: str) -> date:
    """Return a date."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-06-01")


def instant(text: str) -> datetime:
    """Return an instant, in UTC; it is written with its time zone."""
    with suppress(ValueError):
        if (at := datetime.fromisoformat(text)).tzinfo is not None:
            return at.astimezone(UTC)
        if not _is_day(text):
            raise argparse.ArgumentTypeError(f"{text!r} has no time zone; end it with +00:00 for UTC")
    raise argparse.ArgumentTypeError(f"{text!r} is no instant; write it as 2026-06-01T14:30+00:00")


def _is_day(text: str) -> bool:
    with suppress(ValueError):
        return bool(date.fromisoformat(text))
    return False


def whole_from(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number from `least` on, and up to `most` where there is one."""
    wanted = f"from {least:,} to {most:,}" if most is not None else f"of {least:,} or more"

    def read(text: str) -> int:
        with suppress(ValueError):
            if (number := int(text)) >= least and (most is None or number <= most):
                return number
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number {wanted}")

    return read


natural, positive = whole_from(0), whole_from(1)
cash_usd = whole_from(1, MOST_CASH_USD)
"""Reads a starting cash in whole USD."""


def tax_year(text: str) -> int:
    """Return a year, written without a comma."""
    with suppress(ValueError):
        if (year := int(text)) in TAX_YEARS:
            return year
    raise argparse.ArgumentTypeError(f"{text!r} is no year from {TAX_YEARS[0]} to {TAX_YEARS[-1]}")


def reason(text: str) -> str:
    """Return why a person does something: words, because nobody can explain a blank line later."""
    if stripped := text.strip():
        return stripped
    raise argparse.ArgumentTypeError("it is empty; say why in a few words")


def check_span(first_on: date, last_on: date) -> None:
    """Refuse a stretch that ends before it begins.

    Raises:
        PermanentError: with what to do.
    """
    if last_on < first_on:
        raise PermanentError(f"--to {last_on} is before --from {first_on}; turn them round")


def check_report(folder: Path | None, *, with_png: bool) -> None:
    """Refuse early what would fail after minutes: pictures without a folder, and a folder that cannot be made.

    Raises:
        ConfigurationError: with what to do.
    """
    if folder is None:
        if with_png:
            raise ConfigurationError("--png adds pictures to a report; name its folder with --report DIR")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--report {folder}: {error.strerror or error}; name a folder to write in") from None
