"""The SEC's feed of current 8-K reports → stories."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from trading.adapters.http.redaction import cause_of
from trading.analysis.stories import clean_title, web_address
from trading.domain.instruments import Symbol
from trading.domain.market import NewsItem
from trading.errors import DataRejected

PAGE_ENTRIES = 100
_ATOM = "{http://www.w3.org/2005/Atom}"
_TITLE = re.compile(r"8-K(?:/A)? - (?P<company>.+) \((?P<cik>\d{10})\) \((?:Filer|Subject)\)\s*")
_ACCESSION = re.compile(r"accession-number=(\d{10}-\d{2}-\d{6})$")
_ITEM = re.compile(r"Item (\d+\.\d+): ([^<\n]+)")
_LEAST_TELLING = "9.01"
"""Financial Statements and Exhibits: said by nearly every report, so it stands only where nothing else does."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One page of the feed: the stories of our companies, how many entries it has, and the oldest one's time."""

    items: tuple[NewsItem, ...]
    entries: int
    oldest_at: datetime | None


def stories_of(body: bytes, companies: Mapping[int, Symbol], *, source: str) -> Feed:
    """Return the reports of `companies` (Central Index Key → ticker). A report of several of them is one story.

    Each is known at the SEC's own instant; who asks says from when it was seen.

    Raises:
        DataRejected: it is no such feed, or it declares entities.
    """
    # UTF-16 could hide a declaration from the search; the SEC writes ISO-8859-1.
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body or b"\0" in body:
        raise DataRejected("the 8-K feed declares entities, which the SEC never does; check its address")
    try:
        entries = _entries(body)
        times = [_instant(_text(entry, "updated")) for entry in entries]
        items: dict[str, NewsItem] = {}
        for entry, published_at in zip(entries, times, strict=True):
            item = _story(entry, published_at, companies, source)
            if item is None:
                continue
            first = items.get(item.item_id, item)
            items[item.item_id] = replace(first, symbols=tuple(dict.fromkeys((*first.symbols, *item.symbols))))
    except (ET.ParseError, ValueError) as error:
        raise DataRejected(
            f"the 8-K feed is not as expected ({cause_of(error)}); nothing was stored, look for an update of Airdesk"
        ) from None
    return Feed(tuple(items.values()), len(entries), min(times, default=None))


def _entries(body: bytes) -> list[ET.Element]:
    root = ET.fromstring(body)  # noqa: S314 - nothing is declared, so nothing can expand
    if root.tag != f"{_ATOM}feed":
        raise ValueError(f"it begins with {root.tag}")
    return root.findall(f"{_ATOM}entry")


def _story(entry: ET.Element, published_at: datetime, companies: Mapping[int, Symbol], source: str) -> NewsItem | None:
    """Return the story, or None when the entry is of no company of ours or of another form."""
    named = _TITLE.fullmatch(_text(entry, "title"))
    symbol = companies.get(int(named["cik"])) if named else None
    if named is None or symbol is None:
        return None
    if (accession := _ACCESSION.search(_text(entry, "id"))) is None:
        raise ValueError("an entry has no accession number")
    headings = dict(_ITEM.findall(_text(entry, "summary")))
    telling = [text.strip() for number, text in headings.items() if number != _LEAST_TELLING]
    said = "; ".join(telling or headings.values()) or "report"
    link = entry.find(f"{_ATOM}link")
    return NewsItem(
        item_id=f"{source}:{accession[1]}",
        symbols=(symbol,),
        published_at=published_at,
        known_at=published_at,
        title=clean_title(f"{named['company'].strip()} 8-K: {said}"),
        source=source,
        url=None if link is None else web_address(link.get("href")),
    )


def _text(entry: ET.Element, name: str) -> str:
    if not (text := entry.findtext(f"{_ATOM}{name}")):
        raise ValueError(f"an entry has no {name}")
    return text.strip()


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} names no offset")
    return at.astimezone(UTC)
