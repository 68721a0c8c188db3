"""Frames, fields, versions and time stamps: what every message is made of."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from trading.gateway.records import Refusal

MIN_VERSION, MAX_VERSION = 157, 178
AMBIGUOUS_VERSION = 158
"""ib_insync and IB's client disagree about one openOrder field at this version, so it is never announced."""
MAX_FRAME_BYTES = 0xFFFFFF
UNSET_DOUBLE = "1.7976931348623157E308"
UNSET_INT = "2147483647"
MAX_MAGNITUDE = 30
"""Powers of ten in a number that is read; a larger one would cost memory before it was refused."""
EASTERN = ZoneInfo("America/New_York")


def negotiate(client_max: int) -> int:
    """Return the server version to announce to a client that understands up to `client_max`."""
    version = min(client_max, MAX_VERSION)
    return MIN_VERSION if version == AMBIGUOUS_VERSION else version


def frame(*fields: object) -> bytes:
    """Return one message."""
    body = "".join(f"{_text(field)}\0" for field in fields).encode("ascii", "backslashreplace")
    return struct.pack(">I", len(body)) + body


def message_id(message: bytes) -> int:
    """Return the id of a framed message."""
    return int(message[4:].split(b"\0", 1)[0])


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return str(value)


def stamp(at: datetime) -> str:
    """Return `at` as the broker writes times; readers need a tz database with legacy names."""
    return at.astimezone(EASTERN).strftime("%Y%m%d %H:%M:%S US/Eastern")


class FrameSplitter:
    """Cuts a byte stream into messages."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[list[str]]:
        """Yield the fields of each complete message in `data` and what was left of earlier calls."""
        self._buffer += data
        while len(self._buffer) >= 4:
            size = int.from_bytes(self._buffer[:4], "big")
            if size > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {size} bytes; the client does not speak the TWS protocol")
            if len(self._buffer) < 4 + size:
                return
            body, self._buffer = self._buffer[4 : 4 + size], self._buffer[4 + size :]
            yield body.decode("utf-8", "replace").split("\0")[:-1]


class Request:
    """The fields of one request, read in order. Each reader raises `Refusal` 320 where the request is malformed."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields = fields
        self._next = 0

    @property
    def left(self) -> int:
        """How many fields were not read yet."""
        return len(self._fields) - self._next

    def text(self) -> str:
        """Return the next field."""
        if not self.left:
            raise Refusal(320, f"Error reading request: it ends after {len(self._fields)} fields")
        self._next += 1
        return self._fields[self._next - 1]

    def whole(self) -> int:
        """Return the next field as a whole number; empty and unset are 0."""
        return int(self.number() or 0)

    def number(self) -> Decimal | None:
        """Return the next field as a number; empty and unset are None."""
        return number(self.text())

    def flag(self) -> bool:
        """Return the next field as a truth value."""
        return self.text() not in ("", "0", "false", "False")

    def skip(self, count: int = 1) -> None:
        """Pass over fields that mean nothing here."""
        for _ in range(count):
            self.text()

    def named(self, names: Sequence[str]) -> dict[str, str]:
        """Return the next fields by name."""
        return {name: self.text() for name in names}


def number(text: str) -> Decimal | None:
    """Return a number of sane size; None for an empty field and for the protocol's "unset"."""
    if text in ("", UNSET_INT) or text.lower().startswith("1.797693134862315"):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise Refusal(320, f"Error reading request: {text!r} is not a number") from None
    if not value.is_finite() or (value and abs(value.adjusted()) > MAX_MAGNITUDE):
        raise Refusal(320, f"Error reading request: {text!r} is no number of this market")
    return value
