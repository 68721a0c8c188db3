"""NewsAPI: headlines of many publishers. Its free plan is for development only and shows them a day late."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from trading.adapters.http import (
    CircuitOpen,
    HttpClient,
    NotEntitled,
    Quota,
    QuotaExhausted,
    Reply,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorTerms,
)
from trading.adapters.sources.questions import answers, each_once
from trading.adapters.sources.vendor_values import instant_or_none
from trading.analysis.entities import Entities
from trading.analysis.language import is_english
from trading.analysis.stories import clean_title, first_readable_at, story_id, web_address
from trading.domain.instruments import Naming, Symbol, Universe
from trading.domain.market import NewsItem, TimeWindow
from trading.errors import ConfigurationError, DataRejected
from trading.ports import Clock

NAME = "newsapi"
BASE_URL = "https://newsapi.org"
PATH = "/v2/everything"
PAGE_ROWS = 100
QUERY_CHARACTERS = 500
MOST_PAGES = 10
QUESTIONS = 5
"""An hour: 35 in a session, of the 50 that the free plan allows in twelve hours."""
LONGEST_WAIT_SECONDS = 900.0
"""A window of the plan that stays full for longer is a quota, not a pause."""
TOO_MANY, TOO_FAR = "maximumResultsReached", "parameterInvalid"
REMOVED = "[Removed]"
EVERYTHING = "everything"

OTHERS = "articles removed, without a headline, about others or not in English"
"""What is left out of an answer, as the log counts it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewsPlan:
    """What a plan of NewsAPI allows.

    Attributes:
        delay: how long it keeps a story back. reach: how far back it may be asked; None where it does not matter.
        pages: most pages of 100 results for one question.
    """

    name: str
    quota: Quota
    delay: timedelta
    reach: timedelta | None
    pages: int


PLANS = {
    "developer": NewsPlan(
        "developer",
        Quota(per_window=50, window_seconds=12 * 3600.0, per_day=100),
        delay=timedelta(hours=24),
        reach=timedelta(days=29),
        pages=1,
    ),
    "business": NewsPlan(
        "business", Quota(per_window=60, window_seconds=60.0), delay=timedelta(), reach=None, pages=MOST_PAGES
    ),
}


def newsapi_plan(name: str) -> NewsPlan:
    """Return the plan called `name`.

    Raises:
        ConfigurationError: there is none of that name.
    """
    if name not in PLANS:
        raise ConfigurationError(f"NEWSAPI_PLAN={name!r} is not one of {', '.join(PLANS)}; correct it in .env")
    return PLANS[name]


def newsapi_terms(key: str, plan: NewsPlan, *, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with NewsAPI."""
    return VendorTerms(NAME, base_url, plan.quota, key_name="X-Api-Key", secret=key, judge=judge)


def judge(reply: Reply) -> VendorError | None:
    """Return that a quota is used up: here 429 is no burst but the calls of twelve hours."""
    if reply.status != 429:
        return None
    text = f"{NAME}: the plan's calls are used up; it is asked again after midnight UTC"
    return QuotaExhausted(text, vendor=NAME, status=429, code="rateLimited")


class NewsApi:
    """`NewsSource` on /v2/everything. It knows no tickers: what a story is about, its headline must say.

    Args:
        universe, names: how the instruments are called.
    """

    name = NAME

    def __init__(
        self, http: HttpClient, plan: NewsPlan, universe: Universe, names: Mapping[Symbol, Naming], clock: Clock
    ) -> None:
        self._http, self._plan, self._clock = http, plan, clock
        self._called = {i.symbol: names.get(i.symbol, Naming((i.name,))).names for i in universe}
        self._entities = Entities(universe, names)

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories of `window` whose headline is about one of `symbols`, each once, as far as the plan shows."""
        shown_until = min(window.ends_at, self._clock.now() - self._plan.delay)
        since = window.starts_at
        if self._plan.reach is not None:
            since = max(since, self._clock.now() - self._plan.reach)
        if since >= shown_until:
            return
        questions = [partial(self._articles, query, since, shown_until) for query in self._queries(symbols)]
        rows = answers(NAME, questions)
        item_of = partial(self._item, symbols=symbols, window=window)
        yield from each_once(NAME, rows, item_of, since=since, until=window.ends_at, others=OTHERS)

    def _queries(self, symbols: Sequence[Symbol]) -> list[str]:
        """Return questions that hold every name of the symbols: several, because each shows 100 results at most."""
        symbols = [symbol for symbol in symbols if symbol in self._called]
        size = max(1, -(-len(symbols) // QUESTIONS))
        queries: list[str] = []
        for first in range(0, len(symbols), size):
            group = symbols[first : first + size]
            names = [name for symbol in group for name in self._called[symbol]]
            queries += joined([f'"{name}"' for name in names if not _is_longer(name, names)], QUERY_CHARACTERS)
        return queries

    def _articles(self, query: str, since: datetime, until: datetime) -> Iterator[Any]:
        for page in range(1, self._plan.pages + 1):
            try:
                rows, total = self._page(query, since, until, page)
            except VendorRefused as error:
                if error.code == TOO_MANY and page > 1:
                    return
                raise _in_our_words(error) from None
            yield from rows
            if not rows or page * PAGE_ROWS >= total:
                return
        if total > self._plan.pages * PAGE_ROWS:
            log.info("%s: the newest %d of %d results are shown by the plan", NAME, self._plan.pages * PAGE_ROWS, total)

    def _page(self, query: str, since: datetime, until: datetime, page: int) -> tuple[list[Any], int]:
        question = {
            "q": query, "searchIn": "title", "language": "en", "from": _second(since), "to": _second(until),
            "sortBy": "publishedAt", "pageSize": PAGE_ROWS, "page": page,
        }  # fmt: skip
        try:
            told = self._http.get_json(PATH, question, capability=EVERYTHING)
        except CircuitOpen:
            raise
        except VendorRateLimited as error:
            if error.retry_after_seconds <= LONGEST_WAIT_SECONDS:
                raise
            text = f"{NAME}: the plan's calls of twelve hours are used up; it is asked again later"
            raise QuotaExhausted(text, vendor=NAME) from None
        rows, total = (told.get("articles"), told.get("totalResults")) if isinstance(told, dict) else (None, None)
        if not isinstance(rows, list) or not isinstance(total, int):
            raise DataRejected(f"{NAME}: the articles have another shape than expected; nothing was stored")
        return rows, total

    def _item(self, row: object, symbols: Sequence[Symbol], window: TimeWindow) -> NewsItem | None:
        if not isinstance(row, dict):
            return None
        title, published_at = clean_title(row.get("title")), instant_or_none(row.get("publishedAt"))
        if published_at is None or title == REMOVED or not is_english(title):
            return None
        about = self._entities.about(title, symbols)
        if not about:
            return None
        url = web_address(row.get("url"))
        now, ends_at = self._clock.now(), window.ends_at
        known_at = first_readable_at(published_at, now=now, window_ends_at=ends_at, delay=self._plan.delay)
        item_id = story_id(NAME, url, title, published_at.date())
        return NewsItem(item_id, about, published_at, known_at, title, NAME, url)


def joined(words: Sequence[str], limit: int) -> list[str]:
    """Return queries "a OR b OR c" of at most `limit` characters that hold every word once."""
    queries: list[str] = []
    for word in words:
        longer = f"{queries[-1]} OR {word}" if queries else word
        if queries and len(longer) <= limit:
            queries[-1] = longer
        else:
            queries.append(word)
    return queries


def _is_longer(name: str, names: Sequence[str]) -> bool:
    """Whether another of the names stands within this one, so that asking for that one finds both."""
    return any(other != name and other.casefold() in name.casefold() for other in names)


def _in_our_words(error: VendorRefused) -> VendorRefused:
    if error.code != TOO_FAR:
        return error
    text = f"{NAME}: the plan does not reach back so far; ask for the last 29 days"
    return NotEntitled(text, vendor=NAME, status=error.status, code=error.code, excerpt=error.excerpt)


def _second(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
