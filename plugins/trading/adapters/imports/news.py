"""Headlines of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

from trading.adapters.imports.rows import Column, ImportFile, Kind, rows
from trading.adapters.imports.tally import RowErrors, Tally
from trading.adapters.imports.values import Cell, day, instant, is_day, named, symbols, text, written_day
from trading.domain.market import NewsItem
from trading.ports import MarketCalendar

TITLE_LIMIT = 2000
"""Characters of a headline that are kept; a longer text is an attack or a body, not a headline."""

STORIES_AT_ONCE = 20_000
_COLUMNS = (
    Column("ts", Kind.MOMENT),
    Column("headline", Kind.TEXT),
    Column("source", Kind.TEXT),
    Column("symbols", Kind.SYMBOLS),
    Column("url", Kind.TEXT, is_required=False),
)


def read_news(file: ImportFile, calendar: MarketCalendar, tally: Tally, *, now: datetime) -> Iterator[list[NewsItem]]:
    """Yield deliveries of stories that name a symbol; one with a date only is known at the next session's open.

    The text is kept as written, cut to 2,000 characters, without NUL. What is yielded may be stored only in a
    transaction that an error undoes: a refusal comes at the end.

    Args:
        now: a story published later is refused.

    Raises:
        DataRejected: the file cannot be read, or a row is not usable; the text lists the first 20.
    """
    errors = RowErrors(file.path, tally)
    times = _Times(calendar, now)
    seen: set[str] = set()
    delivery: list[NewsItem] = []
    for line, row in rows(file, _COLUMNS, dated_by="ts", tally=tally, errors=errors):
        title = text(row["headline"])[:TITLE_LIMIT]
        try:
            names = symbols(row["symbols"])
            if not names or not title:
                tally.without_symbol += not names
                tally.without_headline += bool(names)
                continue
            published_at, known_at = times.of(row["ts"])
            source = named(row["source"], "source")
        except ValueError as error:
            errors.add(line, str(error))
            continue
        item_id = hashlib.sha256(f"{source}\n{written_day(row['ts'])}\n{title}".encode()).hexdigest()[:24]
        if item_id in seen:
            tally.repeated += 1
            continue
        seen.add(item_id)
        delivery.append(NewsItem(item_id, names, published_at, known_at, title, source, text(row["url"]) or None))
        if len(delivery) >= STORIES_AT_ONCE and not errors:
            yield delivery
            delivery = []
    errors.refuse_if_any()
    yield delivery


class _Times:
    """When a story was published and known; remembers the opens that follow days."""

    def __init__(self, calendar: MarketCalendar, now: datetime) -> None:
        self._calendar, self._now = calendar, now
        self._opens: dict[date, datetime] = {}

    def of(self, cell: Cell) -> tuple[datetime, datetime]:
        """Return both instants of a story dated `cell`.

        Raises:
            ValueError: it is neither a date nor an instant with an offset, or lies in the future.
        """
        if not is_day(cell):
            published_at = known_at = instant(cell)
        else:
            on = day(cell)
            published_at = datetime.combine(on, time(0), UTC)
            if on not in self._opens:
                self._opens[on] = self._calendar.next_session(on).opens_at
            known_at = self._opens[on]
        if published_at > self._now:
            raise ValueError(f"{text(cell)} has not come yet")
        return published_at, known_at
