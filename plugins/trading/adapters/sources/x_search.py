"""X's recent search: posts about the traded names. Every post that is read costs money, so it is off by default."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from trading.adapters.http import HttpClient, Quota, Reply, VendorError, VendorRateLimited, VendorTerms
from trading.adapters.sources.newsapi import joined
from trading.adapters.sources.questions import SESSION_HOURS, answers, each_once
from trading.adapters.sources.vendor_values import instant_or_none
from trading.analysis.entities import Entities
from trading.analysis.language import is_english
from trading.analysis.stories import clean_title, first_readable_at
from trading.domain.instruments import Symbol
from trading.domain.market import NewsItem, TimeWindow
from trading.errors import AccountCapped, DataRejected
from trading.ports import Clock

NAME = "x"
BASE_URL = "https://api.x.com"
PATH = "/2/tweets/search/recent"
POST_USD = Decimal("0.005")
FEWEST_POSTS, MOST_POSTS = 10, 100
QUERY_CHARACTERS = 512
SUFFIX = " lang:en -is:retweet"
REACH = timedelta(days=7) - timedelta(minutes=5)
NOT_YET = timedelta(seconds=30)
"""The vendor refuses a search that ends less than ten seconds ago."""
SESSIONS_A_MONTH = 21
RECENT = "recent search"
DAY_SECONDS = 86_400.0

OTHERS = "posts about others, outside the window or not in English"
"""What is left out of an answer, as the log counts it."""

log = logging.getLogger(__name__)


def x_terms(token: str, budget_usd: int, *, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with X: 450 calls in 15 minutes, each post paid, and no more than the budget in a month."""
    quota = Quota(per_window=450, window_seconds=900.0, unit_cost_usd=POST_USD, budget_usd=Decimal(budget_usd))
    return VendorTerms(NAME, base_url, quota, key_name="Authorization", key_prefix="Bearer ", secret=token, judge=judge)


def judge(reply: Reply) -> VendorError | None:
    """Return what a 429 means: a pause until the window ends, or an account that is closed for the month."""
    if reply.status != 429:
        return None
    if _problem(reply).endswith("/usage-capped"):
        text = (
            f"{NAME}: the account has read all that it may in this month; raise its cap at X or wait for the next one"
        )
        return AccountCapped(text, vendor=NAME, status=429, code="usage-capped")
    wait = _seconds_until(reply.headers.get("x-rate-limit-reset", ""))
    text = f"{NAME} answered 429: too many calls; try again in {wait:.0f} s"
    return VendorRateLimited(text, vendor=NAME, status=429, retry_after_seconds=wait)


def _problem(reply: Reply) -> str:
    try:
        told = json.loads(reply.body)
    except (ValueError, RecursionError):
        return ""
    return str(told.get("type")) if isinstance(told, dict) else ""


def _seconds_until(epoch: str) -> float:
    """Return how long it is until an instant in seconds since 1970, within a day; a minute where it is none."""
    if not (epoch.isascii() and epoch.isdigit() and len(epoch) < 12):
        return 60.0
    # One second more: the header is cut to whole ones.
    return min(max(float(epoch) - datetime.now(UTC).timestamp() + 1.0, 1.0), DAY_SECONDS)


def posts_a_call(budget_usd: int, calls_an_hour: int) -> int:
    """Return how many posts one call may ask for, so that the budget lasts for a month of sessions [10–100]."""
    calls = max(1, calls_an_hour) * SESSION_HOURS * SESSIONS_A_MONTH
    return min(max(int(budget_usd / POST_USD / calls), FEWEST_POSTS), MOST_POSTS)


class XSearch:
    """`NewsSource` on recent search, by cashtags; the newest posts of the window, one page a question.

    Args:
        budget_usd: for a UTC month; the ledger refuses a call that would pass it.
    """

    name = NAME

    def __init__(self, http: HttpClient, entities: Entities, clock: Clock, *, budget_usd: int) -> None:
        self._http, self._entities, self._clock, self._budget_usd = http, entities, clock, budget_usd

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return the newest posts of `window` about any of `symbols`, each once, not further back than seven days."""
        since = max(window.starts_at, self._clock.now() - REACH)
        if since >= window.ends_at:
            return
        queries = [f"({cashtags}){SUFFIX}" for cashtags in cashtag_queries(symbols)]
        count = posts_a_call(self._budget_usd, len(queries))
        rows = answers(NAME, [partial(self._posts, query, since, window.ends_at, count) for query in queries])
        item_of = partial(self._item, symbols=symbols, window=window)
        yield from each_once(NAME, rows, item_of, since=since, until=window.ends_at, others=OTHERS)

    def _posts(self, query: str, since: datetime, until: datetime, count: int) -> list[Any]:
        question: dict[str, object] = {
            "query": query, "max_results": count, "start_time": _second(since), "tweet.fields": "created_at,lang",
        }  # fmt: skip
        if until < self._clock.now() - NOT_YET:
            question["end_time"] = _second(until)
        told = self._http.get_json(PATH, question, capability=RECENT, units=count)
        if not isinstance(told, dict):
            raise DataRejected(f"{NAME}: the posts have another shape than expected; nothing was stored")
        rows, errors = told.get("data", []), told.get("errors")
        if not isinstance(rows, list) or (errors and not rows):
            raise DataRejected(f"{NAME}: the search brought errors and no posts; nothing was stored")
        if errors:
            log.info("%s: %d posts could not be shown", NAME, len(errors) if isinstance(errors, list) else 1)
        return rows

    def _item(self, row: object, symbols: Sequence[Symbol], window: TimeWindow) -> NewsItem | None:
        if not isinstance(row, dict) or row.get("lang", "en") != "en":
            return None
        title, published_at, post_id = (
            clean_title(row.get("text")),
            instant_or_none(row.get("created_at")),
            row.get("id"),
        )
        about = self._entities.about(title, symbols)
        if published_at is None or not about or not is_english(title):
            return None
        if not (isinstance(post_id, str) and post_id.isascii() and post_id.isdigit()):
            return None
        known_at = first_readable_at(published_at, now=self._clock.now(), window_ends_at=window.ends_at)
        url = f"https://x.com/i/web/status/{post_id}"
        return NewsItem(f"{NAME}:{post_id}", about, published_at, known_at, title, NAME, url)


def cashtag_queries(symbols: Sequence[Symbol]) -> list[str]:
    """Return as few questions as hold every cashtag, each short enough with what all of them end in."""
    return joined([f"${symbol}" for symbol in symbols], QUERY_CHARACTERS - len(SUFFIX) - len("()"))


def _second(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
