"""What a named query may not do: ask the server's clock, or take the newest row there is instead of the newest known.

A decision replayed later must read the rows that it read then. `as_of`, `cutoff_at` or another given instant bounds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

CLOCK = re.compile(
    r"\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(\s*\)"
    r"|\b(?:current_timestamp|current_date|current_time|localtimestamp|localtime)\b",
    re.IGNORECASE,
)
NEWEST = re.compile(
    r"\bORDER\s+BY\b[^()]*?\bDESC\b[^()]*?\bLIMIT\b|\bDISTINCT\s+ON\b[^;]*?\bORDER\s+BY\b[^()]*?\bDESC\b",
    re.IGNORECASE | re.DOTALL,
)
BOUND = re.compile(
    r"\b(?:known_at|ends_at|starts_at|as_of|happened_at|executed_at|planned_at|session_on)\s*(?:<=|<|=)\s*%\("
    r"|actions_known\(%\(cutoff_at\)s",
    re.IGNORECASE,
)
FACTS = re.compile(
    r"\b(?:FROM|JOIN)\s+market\.(?:bars|news|filings|earnings|macro|corporate_actions|session_notices|action_states)\b",
    re.IGNORECASE,
)
KNOWN = re.compile(r"\bknown_at\s*<=\s*%\(cutoff_at\)s", re.IGNORECASE)


def clock_reads(text: str) -> Iterator[str]:
    """Yield each place where the statement asks the server's clock."""
    yield from (f"asks {found[0]}; pass the instant as a parameter" for found in CLOCK.finditer(_bare(text)))


def unbounded_newest(text: str) -> Iterator[str]:
    """Yield a finding if the statement takes a newest row and no instant that is given bounds it."""
    if NEWEST.search(_bare(text)) and not BOUND.search(_bare(text)):
        yield "takes the newest row of all; bound it: ... <= %(as_of)s or known_at <= %(cutoff_at)s"


def unbounded_facts(text: str) -> Iterator[str]:
    """Yield a finding if the statement reads facts of the market and no cutoff bounds when they were known."""
    if FACTS.search(_bare(text)) and not KNOWN.search(_bare(text)):
        yield "reads facts without a cutoff; add known_at <= %(cutoff_at)s"


def _bare(text: str) -> str:
    """Return the statement without comments."""
    return re.sub(r"--[^\n]*", "", text)
