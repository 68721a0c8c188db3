"""Reads an HTML page as a browser's parser sees it, and holds it to be whole and to load nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

VOID = {"meta", "line", "path", "rect", "br"}
LOADS = {"script", "link", "img", "iframe", "object", "base", "form"}


class Reader(HTMLParser):
    """Collects tags, attributes and text, and fails on tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        """All words of the page, the style left out."""
        return " ".join(" ".join(word for word in self.words if "{" not in word).split())


def read(page: str) -> Reader:
    """Return what a page holds, once every tag is closed."""
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def assert_loads_nothing(page: str) -> None:
    """Hold a page to have no script, no link and no address."""
    reader = read(page)
    assert not reader.tags & LOADS
    assert not [
        name for name, _ in reader.attributes if name in {"src", "href", "srcset", "action"} or name[:2] == "on"
    ]
    assert not re.search(r"https?:|//\w|url\(|@import", page.replace("<!doctype html>", ""))
