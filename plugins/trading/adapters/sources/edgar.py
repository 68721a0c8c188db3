"""SEC EDGAR: filings and 8-K headlines, free; the SEC asks every caller to name itself and a way to reach it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from trading.adapters.http import HttpClient, Quota, VendorTerms
from trading.adapters.http.redaction import cause_of
from trading.adapters.sources.edgar_8k import PAGE_ENTRIES, stories_of
from trading.adapters.sources.edgar_companies import CIKS
from trading.adapters.sources.edgar_facts import EPS_TAGS, SOURCE, filings_of
from trading.analysis.stories import first_readable_at
from trading.domain.instruments import Symbol
from trading.domain.market import Filing, NewsItem, TimeWindow
from trading.errors import ConfigurationError, DataRejected, NotEntitled, UnknownSymbol, VendorRateLimited
from trading.ports import Clock, MarketCalendar

DATA_URL, SITE_URL = "https://data.sec.gov", "https://www.sec.gov"
BLOCKED_SECONDS = 600.0
"""The SEC blocks an address that asks too fast, or namelessly, for ten minutes; asking meanwhile prolongs it."""
MOST_PAGES = 10


def edgar_terms(user_agent: str, *, base_url: str) -> VendorTerms:
    """Return what is agreed with the SEC for one of its hosts: 10 calls a second, of which we take half.

    Args:
        user_agent: who asks and an e-mail address, e.g. "Jane Doe jane@example.com".
        base_url: `DATA_URL` or `SITE_URL`.
    """
    if "@" not in user_agent:
        raise ConfigurationError("SEC_USER_AGENT names no e-mail address, and the SEC refuses such calls; add one")
    return VendorTerms("edgar", base_url, Quota(per_window=5, window_seconds=1), user_agent=user_agent)


class EdgarSource:
    """`FilingSource`: diluted earnings and revenue as filed with 10-Q and 10-K.

    Args:
        data: client for `DATA_URL`.
        site: client for `SITE_URL`; asked only for tickers that `CIKS` does not list.
    """

    name = SOURCE

    def __init__(self, data: HttpClient, site: HttpClient, calendar: MarketCalendar) -> None:
        self._data, self._calendar = data, calendar
        self._companies = _Companies(site)

    def filings(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[Filing]:
        """Return filings that became known in `window`."""
        for symbol, cik in self._companies.ciks(symbols):
            if not self._has_filed(symbol, cik, window):
                continue
            facts = _asked(self._data, f"/api/xbrl/companyfacts/CIK{cik:010d}.json")
            for filing in filings_of(facts, symbol=symbol, cik=cik, calendar=self._calendar):
                if window.starts_at <= filing.known_at < window.ends_at:
                    yield filing

    def _has_filed(self, symbol: Symbol, cik: int, window: TimeWindow) -> bool:
        """Whether a filing of earnings became known in `window`: a small page says so, all facts are megabytes."""
        for tag in EPS_TAGS:
            try:
                concept = _asked(self._data, f"/api/xbrl/companyconcept/CIK{cik:010d}/us-gaap/{tag}.json")
            except UnknownSymbol:
                continue
            if not isinstance(concept, dict) or "units" not in concept:
                raise DataRejected(
                    f"the SEC's page about {symbol} has another shape than expected; nothing of it was stored, "
                    "look for an update of Airdesk"
                )
            facts = {"cik": cik, "facts": {"us-gaap": {tag: concept}}}
            known = filings_of(facts, symbol=symbol, cik=cik, calendar=self._calendar)
            if any(window.starts_at <= filing.known_at < window.ends_at for filing in known):
                return True
        return False


class Edgar8kSource:
    """`NewsSource`: what companies report at once, by the headings of the report. Known when we see it."""

    name = "edgar_8k"

    def __init__(self, site: HttpClient, clock: Clock) -> None:
        self._site, self._clock = site, clock
        self._companies = _Companies(site)

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return the reports of any of `symbols` published in `window`, newest first, as far as the feed reaches."""
        names = {cik: symbol for symbol, cik in self._companies.ciks(symbols)}
        seen: set[str] = set()
        for page in range(MOST_PAGES):
            query = {"action": "getcurrent", "type": "8-K", "output": "atom", "count": PAGE_ENTRIES}
            reply = _asked_page(self._site, {**query, "start": page * PAGE_ENTRIES})
            now = self._clock.now()
            feed = stories_of(reply, names, source=self.name)
            for item in feed.items:
                if item.item_id not in seen and window.starts_at <= item.published_at < window.ends_at:
                    seen.add(item.item_id)
                    seen_at = first_readable_at(item.published_at, now=now, window_ends_at=window.ends_at)
                    yield replace(item, known_at=seen_at)
            if feed.oldest_at is None or feed.oldest_at < window.starts_at or feed.entries < PAGE_ENTRIES:
                return


class _Companies:
    """Tickers → Central Index Keys; the SEC's own list is asked once, and only for tickers that `CIKS` lacks."""

    def __init__(self, site: HttpClient) -> None:
        self._site = site
        self._listed: dict[Symbol, int] | None = None

    def ciks(self, symbols: Sequence[Symbol]) -> list[tuple[Symbol, int]]:
        """Return the companies among `symbols` with their key; what the SEC does not list has none and is left out."""
        found = [(symbol, CIKS[symbol] if symbol in CIKS else self._lookup(symbol)) for symbol in symbols]
        return [(symbol, cik) for symbol, cik in found if cik is not None]

    def _lookup(self, symbol: Symbol) -> int | None:
        if self._listed is None:
            listed = _asked(self._site, "/files/company_tickers.json")
            try:
                self._listed = {row["ticker"]: int(row["cik_str"]) for row in listed.values()}
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise DataRejected(
                    f"the SEC's list of tickers has another shape ({cause_of(error)}); nothing was stored, "
                    "look for an update of Airdesk"
                ) from None
        return self._listed.get(symbol)


def _asked(http: HttpClient, path: str) -> Any:
    try:
        return http.get_json(path)
    except NotEntitled as error:
        raise _blocked(error) from None


def _asked_page(http: HttpClient, query: dict[str, object]) -> bytes:
    try:
        return http.get("/cgi-bin/browse-edgar", query).body
    except NotEntitled as error:
        raise _blocked(error) from None


def _blocked(error: NotEntitled) -> VendorRateLimited:
    return VendorRateLimited(
        "the SEC refuses this address or its SEC_USER_AGENT (403); nothing is asked for ten minutes, "
        "check that SEC_USER_AGENT names you and an e-mail address",
        vendor=error.vendor, status=error.status, code=error.code, excerpt=error.excerpt,
        retry_after_seconds=BLOCKED_SECONDS,
    )  # fmt: skip
