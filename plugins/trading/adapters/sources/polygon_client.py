"""The official client on our HTTP layer. Its own connection pool, which never times out, is not used.

The package has two names: `polygon-api-client`, and its successor `massive`, which is taken where it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from trading.adapters.http import (
    HttpClient,
    KeyPlace,
    Kind,
    Quota,
    Reply,
    VendorRefused,
    VendorTerms,
    VendorUnavailable,
)
from trading.adapters.sources.polygon_plan import NAME, Plan

try:
    from massive import RESTClient
except ImportError:
    from polygon import RESTClient

BASE_URL = "https://api.polygon.io"
NEWS_ROWS, ACTION_ROWS, MINUTE_ROWS, STATEMENT_ROWS = 1_000, 5_000, 50_000, 100
"""Largest page of each endpoint; for bars it counts the minutes below them."""
MOST_PAGES = 1_000
MANY_CALLS = 600
"""A minute."""
REFUSALS = frozenset({"ERROR", "NOT_AUTHORIZED", "NOT_FOUND"})
PLACEHOLDER = "sent-by-the-desk"
"""What the official client holds in place of the key."""

type _Shape = Callable[[Reply], None]
"""Refuses a reply that is JSON but no answer."""


def polygon_terms(key: str, plan: Plan, *, base_url: str = "", calls_per_minute: int = 0) -> VendorTerms:
    """Return what is agreed with Polygon; `calls_per_minute` 0 takes the plan's own.

    Many calls are spread over the minute: the vendor looks at single seconds.
    """
    calls = calls_per_minute or plan.calls_per_minute
    quota = Quota(calls, 60.0) if calls < MANY_CALLS else Quota(calls // 60, 1.0)
    return VendorTerms(
        name=NAME,
        base_url=base_url or BASE_URL,
        quota=quota,
        key_name="Authorization",
        key_place=KeyPlace.HEADER,
        key_prefix="Bearer ",
        secret=key,
        limit_seconds=60.0,
    )


@dataclass(frozen=True, slots=True)
class _Response:
    """What the official client reads of a response."""

    status: int
    data: bytes
    headers: Mapping[str, str]


class _Transport:
    """Stands where the official client has its connection pool: one request, one call of the ledger.

    The client turns a page that it cannot read into the end of the list; here such a page is an error.
    """

    def __init__(self, http: HttpClient, *, capability: str | None, shape: _Shape | None = None) -> None:
        self._http, self._capability = http, capability
        self._shape = shape or _refuse_empty_words
        self._seen: set[tuple[str, tuple[tuple[str, str], ...]]] = set()

    def request(
        self,
        method: str,
        url: str,
        fields: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Response:
        """Return the reply to one GET. The client's headers are left out: they hold the key, which our layer sends."""
        place = urlsplit(url)
        params = {name: str(value) for name, value in {**dict(parse_qsl(place.query)), **(fields or {})}.items()}
        asked = (place.path, tuple(sorted(params.items())))
        if asked in self._seen or len(self._seen) >= MOST_PAGES:
            raise VendorUnavailable(f"{NAME}: its pages go round in a circle; try again later", vendor=NAME, status=200)
        self._seen.add(asked)
        reply = self._http.get(place.path, params, kind=Kind.JSON, capability=self._capability)
        self._shape(reply)
        return _Response(reply.status, reply.body, reply.headers)


class PolygonClient:
    """The calls that the desk makes, each a list that is complete or an error."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def bars(self, ticker: str, minutes: int | None, from_ms: int, to_ms: int) -> list[Any]:
        """Return raw bars that start in [from_ms, to_ms] (milliseconds, UTC), of so many minutes; None for days.

        A refusal switches nothing off: it may be about the days asked for, which the caller can tell.
        """
        multiplier, timespan = (1, "day") if minutes is None else (minutes, "minute")
        client = self._client(None)
        return list(
            client.list_aggs(
                ticker, multiplier, timespan, from_ms, to_ms, adjusted=False, sort="asc", limit=MINUTE_ROWS
            )
        )

    def day(self, on: date) -> list[Any]:
        """Return the raw daily bars of every US ticker on a day, without OTC; each is stamped with the day's close."""
        return list(self._client(None).get_grouped_daily_aggs(on.isoformat(), adjusted=False))

    def statements(self, ticker: str, filed_since: date) -> list[Any]:
        """Return the quarterly income statements of a ticker that were filed from a day on, oldest first."""
        client = self._client("financials")
        return list(
            client.list_financials_income_statements(
                # The method's first parameter is another one: by position a ticker would be a CIK.
                tickers=ticker,
                timeframe="quarterly",
                filing_date_gte=filed_since.isoformat(),
                sort="period_end.asc",
                limit=STATEMENT_ROWS,
            )
        )

    def holidays(self) -> list[Any]:
        """Return the coming days on which an exchange does not keep its usual hours."""
        return list(_modelled(self._client("market status", _refuse_other_than(list)).get_market_holidays))

    def status(self) -> Any:
        """Return which exchanges are open now."""
        return _modelled(self._client("market status", _refuse_other_than(dict)).get_market_status)

    def previous_close(self, ticker: str) -> list[Any]:
        """Return the last full day of a ticker, which every plan includes."""
        return list(self._client(None).get_previous_close_agg(ticker, adjusted=False))

    def snapshot(self, ticker: str) -> Any:
        """Return what a ticker shows now."""
        client = self._client(None, _refuse_other_than(dict))
        return _modelled(lambda: client.get_snapshot_ticker("stocks", ticker))

    def ratios(self, ticker: str) -> list[Any]:
        """Return the newest ratios of a ticker."""
        return list(self._client(None).list_financials_ratios(ticker=ticker, limit=1))

    def news(self, ticker: str | None, since: str, until: str) -> list[Any]:
        """Return the stories of [since, until) (ISO instants) that list a ticker; None for those of every ticker."""
        client = self._client("news")
        return list(
            client.list_ticker_news(
                ticker,
                published_utc_gte=since,
                published_utc_lt=until,
                order="asc",
                sort="published_utc",
                limit=NEWS_ROWS,
            )
        )

    def actions(self, path: str, params: Mapping[str, object]) -> list[dict[str, Any]]:
        """Return the rows of a corporate actions endpoint, for which the older package has no method."""
        return list(self._pages(path, {**params, "limit": ACTION_ROWS}))

    def _pages(self, path: str, params: Mapping[str, object]) -> Iterator[dict[str, Any]]:
        transport = _Transport(self._http, capability="actions")
        fields: Mapping[str, object] | None = params
        url = path
        while url:
            told = json.loads(transport.request("GET", url, fields=fields).data)
            yield from told.get("results") or []
            url, fields = told.get("next_url") or "", None

    def _client(self, capability: str | None, shape: _Shape | None = None) -> Any:
        """Return a client for one list, so that its pages can be told from those of another."""
        client = RESTClient(PLACEHOLDER, retries=0, base="")
        client.client = _Transport(self._http, capability=capability, shape=shape)
        return client


def _modelled[Model](ask: Callable[[], Model]) -> Model:
    """Return what the official client reads of a reply; fields of another shape are no answer."""
    try:
        return ask()
    except (AttributeError, TypeError):
        what = f"{NAME}: the reply has fields of another shape; look for an update of Airdesk"
    raise VendorRefused(what, vendor=NAME, status=200)


def _refuse_other_than(kind: type) -> _Shape:
    """Return a check that a reply is a list or an object, and not an error told with status 200."""

    def check(reply: Reply) -> None:
        told = json.loads(reply.body)
        if not isinstance(told, kind) or (isinstance(told, dict) and told.get("status") in REFUSALS):
            raise VendorUnavailable(f"{NAME}: the reply has another shape; try again later", vendor=NAME, status=200)

    return check


def _refuse_empty_words(reply: Reply) -> None:
    """Refuse what is JSON but no answer: another shape, or an error told with status 200."""
    told = json.loads(reply.body)
    rows = told.get("results", []) if isinstance(told, dict) else None
    if rows is None and isinstance(told, dict):
        rows = []
    if not isinstance(rows, list) or told.get("status") in REFUSALS:
        raise VendorUnavailable(f"{NAME}: the reply holds no list of results; try again later", vendor=NAME, status=200)
