"""Alpha Vantage: headlines and earnings surprises at 25 calls a day. It tells its errors with status 200."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from trading.adapters.http import (
    HttpClient,
    KeyPlace,
    NotEntitled,
    Quota,
    QuotaExhausted,
    Reply,
    UnknownSymbol,
    VendorError,
    VendorRateLimited,
    VendorRefused,
    VendorTerms,
)
from trading.adapters.sources.questions import answers, each_once, whose_turn
from trading.adapters.sources.vendor_values import day_or_none
from trading.analysis.earnings import readable_at
from trading.analysis.entities import Entities
from trading.analysis.language import is_english
from trading.analysis.stories import clean_title, first_readable_at, story_id, web_address
from trading.domain.instruments import Symbol
from trading.domain.market import MAX_PRICE, EarningsReport, NewsItem, TimeWindow
from trading.errors import DataRejected, PartlyAnswered
from trading.ports import Clock, MarketCalendar

NAME = "alphavantage"
BASE_URL = "https://www.alphavantage.co"
PATH = "/query"
CALLS_A_DAY = 25
NEWS_AN_HOUR, EARNINGS_AN_HOUR = 2, 1
"""Tickers asked for in an hour: 21 calls in a session of seven hours; the other four are for second tries."""
LOOK_BACK = timedelta(hours=72)
"""Each question reaches back so far, because a ticker's turn comes round within the session, or after a weekend."""
MOST_STORIES = 1_000
"""Of one answer, the newest first: a full one is cut off, and history asks for what came before it."""
MOST_ANSWERS = 10
"""To one question of history; more than that is half of the day's calls."""
RELEVANT = 0.3
"""From here on the vendor's relevance [0–1] makes a story one about the ticker; below, the headline must name it."""
BURST_SECONDS, MINUTE_SECONDS = 2.0, 60.0
FRESH_REPORT = timedelta(days=10)
"""A report this young was first seen when it was stored; older ones are history, known since their day."""
NEWS, EARNINGS = "news", "earnings"

OTHERS = "stories about others, outside the window or not in English"
"""What is left out of an answer, as the log counts it."""

log = logging.getLogger(__name__)


def alphavantage_terms(key: str, *, base_url: str = BASE_URL) -> VendorTerms:
    """Return what is agreed with Alpha Vantage: 25 calls a day and one a second; it takes the key in the query only."""
    return VendorTerms(
        name=NAME,
        base_url=base_url,
        # A little more than the second: the vendor's clock counts when a call arrives.
        quota=Quota(per_window=1, window_seconds=1.1, per_day=CALLS_A_DAY, pause_seconds=1.1),
        key_name="apikey",
        key_place=KeyPlace.QUERY,
        secret=key,
        judge=judge,
    )


def judge(reply: Reply) -> VendorError | None:
    """Return what a reply with status 200 means if it is no data. Nothing of its text is kept: it repeats our key."""
    told = _told(reply)
    if reply.status != 200 or not isinstance(told, dict):
        return None
    if not told:
        return UnknownSymbol(f"{NAME}: an empty answer; check the symbol", vendor=NAME, status=200, code="empty")
    if not told.keys() <= {"Information", "Note", "Error Message"}:
        return None
    words = " ".join(str(text) for text in told.values()).lower()
    if "Error Message" in told:
        return _error_message(words)
    for span, seconds in (("per second", BURST_SECONDS), ("per minute", MINUTE_SECONDS)):
        if span in words:
            text = f"{NAME}: too many calls at once; try again in {seconds:g} s"
            return VendorRateLimited(text, vendor=NAME, status=200, code="burst", retry_after_seconds=seconds)
    if "per day" in words or "daily" in words:
        text = f"{NAME}: the day's calls of this key are used up; it is asked again after midnight UTC"
        return QuotaExhausted(text, vendor=NAME, status=200, code="daily_limit")
    if "premium" in words:
        text = f"{NAME}: the plan does not include this; use another source or change the plan"
        return NotEntitled(text, vendor=NAME, status=200, code="premium")
    if "invalid inputs" in words:
        return UnknownSymbol(f"{NAME}: it does not know this; check the symbol", vendor=NAME, status=200)
    return VendorRefused(f"{NAME}: it answers with a notice instead of data; ask its support", vendor=NAME, status=200)


def _error_message(words: str) -> VendorError:
    if "apikey" in words or "api key" in words:
        text = f"{NAME}: the key is not accepted; correct ALPHAVANTAGE_API_KEY"
        return VendorRefused(text, vendor=NAME, status=200, code="key")
    text = f"{NAME}: it calls the question invalid; check the symbol"
    return UnknownSymbol(text, vendor=NAME, status=200, code="error_message")


def _told(reply: Reply) -> object:
    try:
        return json.loads(reply.body)
    except (ValueError, RecursionError):
        return None


class AlphaVantageNews:
    """`NewsSource` on NEWS_SENTIMENT. The vendor's own sentiment is not read: its scale is not ours.

    Args:
        is_history: ask for every symbol and exactly for the window, whatever it costs of the day's calls.
    """

    name = NAME

    def __init__(self, http: HttpClient, entities: Entities, clock: Clock, *, is_history: bool = False) -> None:
        self._http, self._entities, self._clock, self._is_history = http, entities, clock, is_history

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return stories published before the window's end about the symbols whose turn it is, each once."""
        turn = symbols if self._is_history else whose_turn(symbols, window.ends_at, per_hour=NEWS_AN_HOUR)
        since = window.starts_at if self._is_history else min(window.starts_at, window.ends_at - LOOK_BACK)
        rows = answers(NAME, [partial(self._feed, symbol, since, window.ends_at) for symbol in turn])
        item_of = partial(self._item, symbols=symbols, window=window)
        yield from each_once(NAME, rows, item_of, since=since, until=window.ends_at, others=OTHERS)

    def _feed(self, symbol: Symbol, since: datetime, until: datetime) -> list[Any]:
        """Return all rows of a window; the hourly run is content with the newest ones.

        Raises:
            DataRejected: there are more than can be asked for, so that what is absent would pass for not existing.
        """
        rows: list[Any] = []
        for _ in range(MOST_ANSWERS):
            page = self._page(symbol, since, until)
            rows += page
            if len(page) < MOST_STORIES:
                return rows
            if not self._is_history:
                log.warning("%s: only the newest %d stories about %s since %s came", NAME, len(page), symbol, since)
                return rows
            oldest = min((at for row in page if (at := _told_at(row)) is not None), default=until)
            # Within its minute there may be more, so that minute is asked for again.
            if (reached := oldest.replace(second=0, microsecond=0)) >= until:
                break
            until = reached
        raise DataRejected(
            f"{NAME}: more stories about {symbol} before {until:%Y-%m-%d %H:%M}Z than can be asked for; "
            "nothing was stored, load a shorter span"
        )

    def _page(self, symbol: Symbol, since: datetime, until: datetime) -> list[Any]:
        question = {
            "function": "NEWS_SENTIMENT", "tickers": symbol, "time_from": _minute(since),
            "time_to": _minute(until + timedelta(minutes=1)), "sort": "LATEST", "limit": MOST_STORIES,
        }  # fmt: skip
        told = self._http.get_json(PATH, question, capability=NEWS)
        feed = told.get("feed") if isinstance(told, dict) else None
        if not isinstance(feed, list):
            raise DataRejected(f"{NAME}: its news of {symbol} have another shape than expected; nothing was stored")
        return feed

    def _item(self, row: object, symbols: Sequence[Symbol], window: TimeWindow) -> NewsItem | None:
        if not isinstance(row, dict):
            return None
        title, published_at = clean_title(row.get("title")), _instant(row.get("time_published"))
        if published_at is None or not is_english(title):
            return None
        about = self._about(row.get("ticker_sentiment"), title, symbols)
        if not about:
            return None
        url = web_address(row.get("url"))
        known_at = first_readable_at(published_at, now=self._clock.now(), window_ends_at=window.ends_at)
        item_id = story_id(NAME, url, title, published_at.date())
        return NewsItem(item_id, about, published_at, known_at, title, NAME, url)

    def _about(self, listed: object, title: str, symbols: Sequence[Symbol]) -> tuple[Symbol, ...]:
        """Return our symbols among the tickers listed that are relevant enough, or that the headline names."""
        rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
        relevance = {str(row.get("ticker")): _number(row.get("relevance_score")) or 0.0 for row in rows}
        named = self._entities.about(title, [symbol for symbol in symbols if symbol in relevance])
        return tuple(s for s in symbols if s in named or relevance.get(s, 0.0) >= RELEVANT)


class AlphaVantageEarnings:
    """`EarningsSource` on EARNINGS: what was reported, and what had been expected as the vendor tells it now.

    Args:
        is_history: ask for every symbol at once, and count every report as known since its day.
    """

    name = NAME

    def __init__(self, http: HttpClient, calendar: MarketCalendar, clock: Clock, *, is_history: bool = False) -> None:
        self._http, self._calendar, self._clock, self._is_history = http, calendar, clock, is_history

    def earnings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[EarningsReport]:
        """Return the reports since the window's start by the symbols whose turn it is, oldest first."""
        turn = symbols if self._is_history else self._turn(symbols, window.ends_at)
        found: list[EarningsReport] = []
        cut: PartlyAnswered | None = None
        try:
            for report in answers(NAME, [partial(self._reports, symbol) for symbol in turn]):
                found.append(report)  # noqa: PERF402 - what came before the quota ended is kept.
        except PartlyAnswered as error:
            cut = error
        # The day, not the instant: what was reported tonight is stored now and counts from the next open.
        kept = [r for r in found if window.starts_at.date() <= r.reported_on <= window.ends_at.date()]
        yield from sorted(kept, key=lambda report: (report.known_at, report.symbol))
        if cut is not None:
            raise cut

    @staticmethod
    def _turn(symbols: Sequence[Symbol], at: datetime) -> Sequence[Symbol]:
        return whose_turn(symbols, at, per_hour=EARNINGS_AN_HOUR, is_daily=True)

    def _reports(self, symbol: Symbol) -> list[EarningsReport]:
        told = self._http.get_json(PATH, {"function": "EARNINGS", "symbol": symbol}, capability=EARNINGS)
        rows = told.get("quarterlyEarnings") if isinstance(told, dict) else None
        if not isinstance(rows, list) or told.get("symbol") != symbol:
            raise DataRejected(f"{NAME}: the earnings of {symbol} have another shape than expected; nothing was stored")
        reports = [report for row in rows if isinstance(row, dict) and (report := self._report(symbol, row))]
        if len(reports) < len(rows):
            log.info("%s: %d quarters of %s without a reported figure", NAME, len(rows) - len(reports), symbol)
        return reports

    def _report(self, symbol: Symbol, row: Mapping[str, object]) -> EarningsReport | None:
        """Return one quarter, or None where nothing was reported: "None" is how the vendor says so."""
        period, reported_on = day_or_none(row.get("fiscalDateEnding")), day_or_none(row.get("reportedDate"))
        eps = _number(row.get("reportedEPS"))
        if period is None or reported_on is None or eps is None or reported_on < period:
            return None
        release = row.get("reportTime")
        day = self._calendar.session(reported_on)
        known_at = readable_at(
            reported_on,
            release if isinstance(release, str) else None,
            None if day is None else day.opens_at,
            self._calendar.next_session(reported_on).opens_at,
        )
        now = self._clock.now()
        if not self._is_history and known_at > now - FRESH_REPORT:
            known_at = max(known_at, now)
        return EarningsReport(symbol, period, reported_on, eps, _number(row.get("estimatedEPS")), NAME, known_at)


def _minute(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M}"


def _told_at(row: object) -> datetime | None:
    return _instant(row.get("time_published")) if isinstance(row, dict) else None


def _instant(text: object) -> datetime | None:
    """Return the vendor's compact instant, which is UTC; None where it is none."""
    try:
        return datetime.strptime(str(text), "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _number(text: object) -> float | None:
    """Return a number that the vendor sends as a string; None for "None" and for what is no amount of money."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if abs(value) < MAX_PRICE else None
