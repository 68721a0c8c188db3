"""What goes over the wire to Telegram: the little HTML that it takes, and the two ways of sending a form."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from email.message import Message as Head
from email.parser import BytesParser
from email.policy import HTTP
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

TAGS = {"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote", "tg-spoiler"}


class Words(HTMLParser):
    """Reads the little HTML that Telegram takes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.words: list[str] = []
        self.problem = ""

    @classmethod
    def of(cls, text: str) -> str:
        return "".join(cls._read(text).words)

    @classmethod
    def problem_of(cls, text: str) -> str:
        found = cls._read(text)
        if re.search(r"<(?![a-z/])|&(?!(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);)", text):
            return "Unsupported start tag or entity"
        if found.problem or not found.open:
            return found.problem
        return f'Can\'t find end tag corresponding to start tag "{found.open[-1]}"'

    @classmethod
    def _read(cls, text: str) -> Words:
        reader = cls()
        reader.feed(text)
        reader.close()
        return reader

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in TAGS:
            self.problem = self.problem or f'Unsupported start tag "{tag}"'
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problem = self.problem or "Unmatched end tag"

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def decoded(text: str) -> Any:
    """Return JSON where it is an object, a list or a flag; a text stays what it is, also "007"."""
    if text in ("true", "false") or text[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(text)
    return text


_TEXTS = {"text", "caption", "data"}


def read_body(head: Head, body: bytes) -> tuple[dict[str, Any], dict[str, bytes]]:
    kind = str(head.get("Content-Type", ""))
    if not kind.startswith("multipart/"):
        pairs = {name: values[-1] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
        return {name: text if name in _TEXTS else decoded(text) for name, text in pairs.items()}, {}
    whole = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parameters: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for part in whole.iter_parts():  # type: ignore[attr-defined]
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if part.get_filename():
            files[name] = content
        else:
            parameters[name] = content.decode() if name in _TEXTS else decoded(content.decode())
    return parameters, files
