"""What `--json` prints: one object whose keys are promised in `lessons`, so that programs may rely on them."""

from __future__ import annotations

import argparse
import json
from typing import Any

from trading.domain.codec import encode
from trading.domain.instruments import BookId
from trading.entrypoints.lessons import LESSONS
from trading.errors import InvariantBroken


def add_json(*parsers: argparse._ActionsContainer) -> None:
    """Give reads the option."""
    for parser in parsers:
        parser.add_argument("--json", action="store_true", help="print JSON, for programs")


def print_json(command: str, **values: Any) -> None:
    """Print what a read found. Money is text, instants and dates are ISO 8601, unknown is null.

    Raises:
        InvariantBroken: the keys are not the ones that the lesson of the command promises.
    """
    if set(values) != set(LESSONS[command].keys):
        raise InvariantBroken(f"--json of {command} prints {', '.join(values)}; write these keys into its lesson")
    print(json.dumps(encode(values), indent=1))


def of_book(book: BookId, badge: str = "") -> dict[str, str]:
    """Return the keys that every answer about a book begins with; `badge` where it says more than the book's own."""
    return {"book": str(book), "badge": badge or book.badge}
