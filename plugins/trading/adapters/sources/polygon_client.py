"""The official client on our HTTP layer. Its own connection pool, which never times out, is not used.

The package has two names: `polygon-api-client`, and its successor `massive`, which is taken where it is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from trading.adapters.http import HttpClient, KeyPlace, Kind, Quota, Reply, VendorTerms, VendorUnavailable
from trading.adapters.sources.polygon_plan import NAME, Plan

try:
    from massive import RESTClient
except ImportError:
    from polygon import RESTClient

BASE_URL = "https://api.polygon.io"
NEWS_ROWS, ACTION_ROWS, MINUTE_ROWS = 1_000, 5_000, 50_000
"""Largest page of each endpoint; for bars it counts the minutes below them."""
MOST_PAGES = 1_000
PLACEHOLDER = "sent-by-the-desk"
"""What the official client holds in place of the key."""


def polygon_terms(key: str, plan: Plan, *, base_url: str = "", calls_per_minute: int = 0) -> VendorTerms:
    """Return what is agreed with Polygon; `calls_per_minute` 0 takes the plan's own."""
    return VendorTerms(
        name=NAME,
        base_url=base_url or BASE_URL,
        quota=Quota(per_window=calls_per_minute or plan.calls_per_minute, window_seconds=60.0),
        key_name="Authorization",
        key_place=KeyPlace.HEADER,
        key_prefix="Bearer ",
        secret=key,
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

    def __init__(self, http: HttpClient, *, capability: str | None) -> None:
        self._http, self._capability = http, capability
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
        _refuse_empty_words(reply)
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

    def _client(self, capability: str | None) -> Any:
        """Return a client for one list, so that its pages can be told from those of another."""
        client = RESTClient(PLACEHOLDER, retries=0, base="")
        client.client = _Transport(self._http, capability=capability)
        return client


def _refuse_empty_words(reply: Reply) -> None:
    """Refuse what is JSON but no answer: another shape, or an error told with status 200."""
    told = json.loads(reply.body)
    rows = told.get("results", []) if isinstance(told, dict) else None
    if rows is None and isinstance(told, dict):
        rows = []
    if not isinstance(rows, list) or told.get("status") in {"ERROR", "NOT_AUTHORIZED", "NOT_FOUND"}:
        raise VendorUnavailable(f"{NAME}: the reply holds no list of results; try again later", vendor=NAME, status=200)
