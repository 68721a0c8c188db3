"""What a status means, and who acts: the vendors' error tables in one place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trading.adapters.http.redaction import redact
from trading.adapters.http.reply import Reply, printable
from trading.adapters.http.terms import VendorTerms
from trading.errors import NotEntitled, UnknownSymbol, VendorError, VendorRateLimited, VendorRefused, VendorUnavailable

EXCERPT_CHARACTERS = 2_000
CODE_CHARACTERS = 60
CAP_SECONDS = 60.0
"""Longest pause inside a task; a vendor that asks for more is asked again by the task's own retry."""
DAY_SECONDS = 86_400.0

OK = 200
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TOO_MANY, BUSY = 401, 403, 404, 429, 503
WORTH_ANOTHER_TRY = frozenset({408, 425})
SERVER_ERRORS = 500


def excerpt_of(body: bytes) -> str:
    """Return the beginning of a body for the audit, secrets removed."""
    return redact(body[: 4 * EXCERPT_CHARACTERS].decode("utf-8", "replace")).replace("\0", "")[:EXCERPT_CHARACTERS]


def refusal(terms: VendorTerms, reply: Reply) -> VendorError:
    """Return the error for a reply whose status is not 200."""
    vendor, status, code, excerpt = terms.name, reply.status, code_of(reply.body), excerpt_of(reply.body)
    said = f"{vendor} answered {status}" + (f" ({code})" if code else "")
    if status == TOO_MANY or (status == BUSY and "retry-after" in reply.headers):
        usual = terms.limit_seconds or terms.quota.window_seconds
        wait = retry_after_seconds(reply, default=min(usual, CAP_SECONDS))
        return VendorRateLimited(
            f"{said}: too many calls; try again in {wait:g} s",
            vendor=vendor, status=status, code=code, excerpt=excerpt, retry_after_seconds=wait,
        )  # fmt: skip
    kind, action = _permanent(terms, status)
    return kind(f"{said}: {action}", vendor=vendor, status=status, code=code, excerpt=excerpt)


def _permanent(terms: VendorTerms, status: int) -> tuple[type[VendorError], str]:
    if status == UNAUTHORIZED:
        return VendorRefused, f"the key is not accepted; correct the key of {terms.name}"
    if status == FORBIDDEN:
        return NotEntitled, "the plan or the account does not allow this; use another source or change the plan"
    if status == NOT_FOUND:
        return UnknownSymbol, "it does not know this; check the symbol or the address"
    if status in WORTH_ANOTHER_TRY or status >= SERVER_ERRORS or status < 300:
        return VendorUnavailable, "an outage; try again later"
    return VendorRefused, "it does not accept the request; see the excerpt in ops.api_calls"


def retry_after_seconds(reply: Reply, *, default: float) -> float:
    """Return the pause that the vendor asks for, in seconds or as a date; `default` where it names none."""
    asked = reply.headers.get("retry-after", "").strip()
    try:
        if asked.isascii() and asked.isdigit():
            return min(float(asked), DAY_SECONDS)
        until = parsedate_to_datetime(asked)
        wait = (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return default
    return min(max(0.0, wait), DAY_SECONDS)


def code_of(body: bytes) -> str | None:
    """Return the vendor's own word for an error in a JSON body, or None."""
    try:
        told = json.loads(body[:100_000])
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    word = next((told[name] for name in ("code", "error_code", "status", "error") if _is_word(told.get(name))), None)
    return None if word is None else printable(redact(str(word)))[:CODE_CHARACTERS]


def _is_word(value: object) -> bool:
    return isinstance(value, str | int) and bool(value)
