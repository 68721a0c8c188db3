"""One reply, and what must be true of it before anybody reads it as data."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

HTML_STARTS = (b"<!doctype html", b"<html")
JSON_TYPES = ("json", "text/plain", "javascript", "octet-stream")
"""Some vendors label their JSON as plain text; a page or an XML document is never data of ours."""


class Kind(StrEnum):
    """What a reply must be."""

    DATA = "data"
    TEXT = "text"
    JSON = "JSON"


class Unreadable(Exception):
    """A reply with status 200 is not what it must be; its text says what it is instead, in a few words."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a vendor answered with status 200.

    Attributes:
        body: unpacked; the key of the request is removed where the vendor repeats it.
        headers: names in lower case.
    """

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        """Return the media type in lower case, or "" where none is given."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


def check(reply: Reply, kind: Kind) -> Reply:
    """Return the reply if it is of that kind.

    Raises:
        Unreadable: it is not.
    """
    if "html" in reply.content_type or reply.body[:200].lstrip().lower().startswith(HTML_STARTS):
        raise Unreadable("a web page")
    if not reply.body:
        raise Unreadable("empty")
    if kind is Kind.TEXT:
        text_of(reply)
    elif kind is Kind.JSON:
        json_of(reply)
    return reply


def text_of(reply: Reply) -> str:
    """Return the body as text; UTF-8, with or without its mark."""
    check(reply, Kind.DATA)
    try:
        return reply.body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None


def json_of(reply: Reply) -> Any:
    """Return the parsed body. NaN and Infinity, which are not JSON, are refused like any other garbage."""
    text = text_of(reply)
    if reply.content_type and not any(word in reply.content_type for word in JSON_TYPES):
        raise Unreadable(f"{printable(reply.content_type)[:40]}, not JSON")
    try:
        return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Unreadable("not JSON") from None


def printable(text: str) -> str:
    """Return a vendor's word as it may stand in a message or a row: ASCII, and nothing that controls a terminal."""
    return "".join(letter for letter in text if letter.isascii() and letter.isprintable())


def _refuse_constant(name: str) -> float:
    raise ValueError(name)


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value
