"""Several questions to one vendor that counts every one of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from trading.domain.market import NewsItem
from trading.errors import NotEntitled, PartlyAnswered, QuotaExhausted, UnknownSymbol

log = logging.getLogger(__name__)

SESSION_HOURS = 7
"""Decisions of a whole session: 10:30 to 15:30, and the close."""


def answers[Row](source: str, questions: Iterable[Callable[[], Iterable[Row]]]) -> Iterator[Row]:
    """Yield what the questions bring, one after the other.

    A symbol that the vendor does not know costs its own answer only, unless it knows none. A quota that ends after the
    first answer ends the questions.

    Raises:
        PartlyAnswered: after the last answer, where more questions were left: what came is paid for and kept.
    """
    is_answered, unknown = False, None
    for ask in questions:
        try:
            rows = tuple(ask())
        except UnknownSymbol as error:
            unknown = error
            log.info("%s: %s", source, error)
            continue
        except (QuotaExhausted, NotEntitled) as error:
            if not is_answered:
                raise
            raise PartlyAnswered(error) from error
        is_answered = True
        yield from rows
    if unknown is not None and not is_answered:
        raise unknown


def each_once(
    source: str,
    rows: Iterable[object],
    item_of: Callable[[object], NewsItem | None],
    *,
    since: datetime,
    until: datetime,
    others: str,
) -> Iterator[NewsItem]:
    """Yield the stories among `rows` that were published in [since, until), each once.

    Args:
        item_of: None for what is no story of ours.
        others: what is left out, as the log counts it.
    """
    told: set[str] = set()
    left_out = 0
    for row in rows:
        item = item_of(row)
        if item is None or not since <= item.published_at < until:
            left_out += 1
        elif item.item_id not in told:
            told.add(item.item_id)
            yield item
    if left_out:
        log.info("%s: %d %s were left out", source, left_out, others)


def whose_turn[Item](items: Sequence[Item], at: datetime, *, per_hour: int, is_daily: bool = False) -> Sequence[Item]:
    """Return those whose turn it is in the hour of `at`: the hours of a session, and its days, go round among them.

    Args:
        is_daily: nothing has two turns in one session, even where hours are left over.
    """
    hour = at.hour % SESSION_HOURS
    if is_daily and len(items) <= SESSION_HOURS * per_hour:
        return items[hour * per_hour : (hour + 1) * per_hour]
    first = (at.date().toordinal() * SESSION_HOURS + hour) * per_hour
    return [items[(first + number) % len(items)] for number in range(min(per_hour, len(items)))]
