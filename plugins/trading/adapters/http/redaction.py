"""Keeps secrets out of text: whatever is logged, raised or stored passes through `redact`.

The HTTP libraries write whole addresses into their log lines and exceptions, and vendors repeat our key in replies.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Callable
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST_SECRET = 6
"""Shorter ones are placeholders; removing them would tear ordinary words apart."""
CAUSE_CHARACTERS = 200
QUIET_LEVELS = {"httpx": logging.WARNING, "urllib3": logging.INFO}

_NAMED = re.compile(r"(?i)(?:(?<![a-z0-9])|(?<=%3F)|(?<=%26))(api_?key|token)(=|%3D)[^\s&\"'<>,;)]+")
_BOT = re.compile(r"/bot\d+:[^\s/\"'<>]+")
_secrets: set[str] = set()


def register_secret(secret: str) -> None:
    """Remove a secret from all text from now on, also where it is encoded."""
    if len(secret) >= SHORTEST_SECRET:
        _secrets.update(forms_of(secret))


def forms_of(secret: str) -> tuple[str, ...]:
    """Return the ways in which a secret may be written, the longest first: in an address, in JSON, in base64."""
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    lowered = {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in quoted}
    written = {json.dumps(secret)[1:-1], secret.replace("/", "\\/")}
    raw = secret.encode()
    packed = {encode(raw).decode().rstrip("=") for encode in (base64.b64encode, base64.urlsafe_b64encode)}
    return tuple(sorted({secret} | quoted | lowered | written | packed, key=len, reverse=True))


def redact(text: str) -> str:
    """Return the text with every registered secret, key parameter and bot token replaced by ***."""
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _BOT.sub(f"/bot{MASK}", _NAMED.sub(rf"\1\2{MASK}", text))


def cause_of(error: Exception) -> str:
    """Return why a reply could not be read, as it may stand in a message: it may repeat a piece of the reply."""
    return redact(f"{type(error).__name__}: {error}")[:CAUSE_CHARACTERS]


def redact_body(body: bytes) -> bytes:
    """Return a reply without any registered secret, as it may be kept."""
    for secret in sorted(_secrets, key=len, reverse=True):
        body = body.replace(secret.encode(), MASK.encode())
    return body


def redact_bytes(body: bytes, secret: str) -> bytes:
    """Return a reply without the key that the request carried; some vendors repeat it."""
    if len(secret) >= SHORTEST_SECRET:
        for form in forms_of(secret):
            body = body.replace(form.encode(), MASK.encode())
    return body


class _CleanRecords:
    """A log record factory: what a library logs is clean before any handler or formatter sees it."""

    def __init__(self, make: Callable[..., logging.LogRecord]) -> None:
        self._make = make
        self._formatter = logging.Formatter()

    def __call__(self, *arguments: object, **named: object) -> logging.LogRecord:
        record = self._make(*arguments, **named)
        try:
            said = record.getMessage()
        except (TypeError, ValueError):
            # A caller's broken format string is the logging module's to report.
            return record
        if (clean := redact(said)) != said:
            record.msg, record.args = clean, ()
        if record.exc_info:
            told = self._formatter.formatException(record.exc_info)
            if (clean := redact(told)) != told:
                record.exc_info, record.exc_text = None, clean
        return record


def install_redaction() -> None:
    """Clean all log records of this process, and silence what writes an address per request; once is enough."""
    for name, level in QUIET_LEVELS.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, level))
    make = logging.getLogRecordFactory()
    if not isinstance(make, _CleanRecords):
        logging.setLogRecordFactory(_CleanRecords(make))
