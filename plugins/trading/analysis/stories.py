"""What a headline is as data: its text, which ones are the same story, and when one may first be read.

Every source of news, the ingest and the score use these rules, so that a story means the same everywhere.
"""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from operator import attrgetter

from trading.domain.market import NewsItem

TITLE_CHARACTERS = 2_000
FRESH = timedelta(days=1)
PROMPT = timedelta(minutes=5)
ASSUMED_DELAY = timedelta(minutes=15)
VERSION_MARK = "~"
"""Between a story's id and what tells a later version of its headline from the first one."""

PUBLISHERS = frozenset(
    {
        "ap", "ap news", "associated press", "axios", "barrons", "bbc", "bbc news", "benzinga", "bloomberg",
        "business insider", "business wire", "cnbc", "cnn", "cnn business", "engadget", "financial times", "forbes",
        "fortune", "fox business", "ft", "globe newswire", "globenewswire", "guardian", "insider monkey",
        "investing com", "investopedia", "investors business daily", "investors com", "kitco", "kitco news",
        "marketbeat", "marketwatch", "mining com", "morningstar", "motley fool", "nasdaq", "new york times", "npr",
        "pr newswire", "quartz", "reuters", "reuters com", "seeking alpha", "techcrunch", "the associated press",
        "the guardian", "the motley fool", "the new york times", "the verge", "the wall street journal", "thestreet",
        "thestreet com", "tipranks", "usa today", "wall street journal", "washington post", "wired", "wsj",
        "yahoo finance", "zacks", "zacks com",
    }
)  # fmt: skip
"""Who signs a headline: "… - Reuters" and "… (Reuters)" are the same story. Without punctuation."""

_SIGNED = re.compile(r"(?P<said>.+?) ?(?: [-–—|]{1,2} ?(?P<by>[^-–—|()]{2,40})|\((?P<of>[^()]{2,40})\))")
MOST_SIGNATURES = 3
_VERSION = re.compile(rf"(?P<story>.+){VERSION_MARK}\d+")
MOST_ADDRESS = 2_000
_NO_WORD = re.compile(r"[\W_]+")
_APOSTROPHES = re.compile(r"['’‘`´]")


def clean_title(text: object) -> str:
    """Return a headline as data: one line, at most 2,000 characters, nothing that is invisible or controls anything.

    Control, format (bidirectional, zero-width), surrogate and private characters go; what is no text is "".
    """
    if not isinstance(text, str):
        return ""
    # The cut comes first: what follows takes time in proportion to the text.
    visible = "".join(_visible(letter) for letter in text[: 2 * TITLE_CHARACTERS])
    return " ".join(visible.split())[:TITLE_CHARACTERS].rstrip()


def _visible(letter: str) -> str:
    if letter.isprintable():
        return letter
    # A break or a tab parts words; the other ones stand within them.
    return " " if letter.isspace() else ""


def web_address(text: object) -> str | None:
    """Return the address of a story, or None for what is no plain address of the web."""
    if not isinstance(text, str) or len(text) > MOST_ADDRESS or not text.startswith(("https://", "http://")):
        return None
    return text if text.isascii() and text.isprintable() and " " not in text else None


def story_id(source: str, address: str | None, title: str, published_on: date) -> str:
    """Return the id of a story whose source gives none: of its address; without one, of its headline and day."""
    identity = address or f"{published_on}\n{title_key(title)}"
    return f"{source}:{hashlib.sha256(identity.encode()).hexdigest()[:24]}"


@functools.lru_cache(maxsize=65_536)
def title_key(title: str) -> str:
    """Return the key under which tellings of one story are the same: words in small letters, without who signed it.

    Applied to a key it returns that key.
    """
    text = " ".join(title[:TITLE_CHARACTERS].split())
    for _ in range(MOST_SIGNATURES):
        signed = _SIGNED.fullmatch(text)
        if signed is None or _words(signed["by"] or signed["of"]) not in PUBLISHERS:
            break
        text = signed["said"]
    return _words(text)


def _words(text: str) -> str:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _NO_WORD.sub(" ", _APOSTROPHES.sub("", bare)).strip()


def ordered(items: Iterable[NewsItem]) -> list[NewsItem]:
    """Return stories as they became known; ties by id, so that the order of delivery never matters."""
    return sorted(items, key=attrgetter("known_at", "item_id"))


def repeats(items: Sequence[NewsItem]) -> list[int]:
    """Return for each of `ordered` stories the index of the last one before it with the same headline; −1 for none."""
    newest: dict[str, int] = {}
    before = []
    for number, item in enumerate(items):
        key = title_key(item.title)
        before.append(newest.get(key, -1))
        newest[key] = number
    return before


def replaced_at(items: Sequence[NewsItem]) -> list[datetime | None]:
    """Return for each of `ordered` stories when a later version of its headline became known; None for the last one."""
    newest: dict[str, int] = {}
    until: list[datetime | None] = [None] * len(items)
    if not any(VERSION_MARK in item.item_id for item in items):
        return until
    for number, item in enumerate(items):
        story = _story_of(item)
        if story in newest:
            until[newest[story]] = item.known_at
        newest[story] = number
    return until


def _story_of(item: NewsItem) -> str:
    """Return the id that all versions of a story begin with."""
    version = _VERSION.fullmatch(item.item_id)
    return version["story"] if version else item.item_id


def distinct(items: Iterable[NewsItem]) -> list[NewsItem]:
    """Return each story once, as first told by whichever source, in its newest version; ascending by `known_at`."""
    told = ordered(items)
    standing = zip(told, repeats(told), replaced_at(told), strict=True)
    return [item for item, before, until in standing if before < 0 and until is None]


def new_versions(items: Iterable[NewsItem], stored: Iterable[NewsItem], *, seen_at: datetime) -> list[NewsItem]:
    """Return what of a delivery is new: stories not stored yet, and stored ones whose headline was changed since.

    A changed headline is a version of its own, known from now on, whatever the story's date.
    """
    by_story: dict[str, list[NewsItem]] = {}
    for item in stored:
        by_story.setdefault(_story_of(item), []).append(item)
    new = []
    for item in items:
        versions = by_story.setdefault(item.item_id, [])
        if title_key(item.title) in {title_key(version.title) for version in versions}:
            continue
        if versions:
            version_id = f"{item.item_id}{VERSION_MARK}{len(versions) + 1}"
            item = replace(item, item_id=version_id, known_at=max(item.known_at, seen_at))
        versions.append(item)
        new.append(item)
    return new


def first_readable_at(
    published_at: datetime, *, now: datetime, window_ends_at: datetime, delay: timedelta = timedelta()
) -> datetime:
    """Return when a decision may first read a story that is seen `now`.

    What is fresh was seen now, or at the window's end, where the decision stands, if it was asked for within minutes
    of it. What is older is history, and counts from when the source showed it: 15 minutes after its
    publication, or `delay` where the plan keeps stories back for longer.
    """
    if published_at + delay < now - FRESH:
        return published_at + max(delay, ASSUMED_DELAY)
    return max(published_at + delay, first_seen_at(now, window_ends_at))


def first_seen_at(now: datetime, window_ends_at: datetime) -> datetime:
    """Return the instant at which what is seen `now` counts as seen: the cutoff, if it was asked for promptly."""
    cutoff_at = window_ends_at - timedelta(microseconds=1)
    return cutoff_at if timedelta(0) <= now - cutoff_at <= PROMPT else now
