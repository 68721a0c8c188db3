"""Polygon's splits, dividends and news."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import batched
from typing import Any

from trading.adapters.sources.polygon_client import PolygonClient
from trading.adapters.sources.polygon_market import PlanProbe
from trading.adapters.sources.polygon_plan import NAME, NEW_YORK
from trading.adapters.sources.vendor_values import day_of, instant_of
from trading.analysis.language import is_english
from trading.analysis.stories import clean_title, first_readable_at, first_seen_at, web_address
from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, CorporateAction, NewsItem, TimeWindow
from trading.ports import Clock, MarketCalendar

SPLITS, DIVIDENDS = "/stocks/v1/splits", "/stocks/v1/dividends"
KNOWN_ON_THE_DAY = time(4)
"""New York, on the ex-date: the first moment at which the pre-market trades on the new basis."""
ANNOUNCED_WITHIN = timedelta(days=120)
TICKERS_AT_ONCE = 250
"""In one address, which servers cut or refuse beyond some thousand characters."""
FRESH_ACTION = timedelta(days=10)
"""How far back an action may date that the vendor may have listed late; what is older was there to be seen."""
WHOLE_MARKET = timedelta(hours=6)
"""Up to here one question about every ticker costs less than one for each of ours."""

log = logging.getLogger(__name__)


class PolygonActions:
    """`ActionSource` on Polygon's current endpoints. Their own adjustment factors are not used; see ADR 0023."""

    name = NAME

    def __init__(
        self,
        client: PolygonClient,
        calendar: MarketCalendar,
        clock: Clock,
        probe: PlanProbe | None = None,
        *,
        is_history: bool = False,
    ) -> None:
        self._client, self._calendar, self._clock, self._probe = client, calendar, clock, probe
        self._is_history = is_history

    def corporate_actions(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[CorporateAction]:
        """Return splits and dividends with an ex-date from the window's start on that are known by its end.

        Identical rows, which the vendor has, count once. What is seen first just after the window's end belongs to it.
        What became known within ten days counts from now, unless this is history: nobody read it here before.
        Every ingest and pull comes by here, so the plan is probed here.
        """
        if self._probe is not None:
            self._probe.once()
        first_on = window.starts_at.date() - ANNOUNCED_WITHIN
        now = self._clock.now()
        splits = self._rows(SPLITS, symbols, {"execution_date.gte": first_on.isoformat()})
        dividends = self._rows(DIVIDENDS, symbols, {"ex_dividend_date.gte": first_on.isoformat()})
        found = {action for row in splits if (action := self._split(row, now)) is not None}
        found |= _one_a_day(
            {_identity(row): action for row in dividends if (action := self._dividend(row)) is not None}
        )
        limit = max(window.ends_at, now)
        seen_at = first_seen_at(now, window.ends_at)
        dated = (self._as_seen(action, now, seen_at) for action in found if action.symbol in symbols)
        known = [action for action in dated if action.known_at <= limit]
        yield from sorted(known, key=lambda action: (action.ex_on, action.symbol, action.kind, action.value))

    def _rows(self, path: str, symbols: Sequence[Symbol], since: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        for some in batched(symbols, TICKERS_AT_ONCE):
            yield from self._client.actions(path, {"ticker.any_of": ",".join(some), **since})

    def _as_seen(self, action: CorporateAction, now: datetime, seen_at: datetime) -> CorporateAction:
        if self._is_history or action.known_at <= now - FRESH_ACTION:
            return action
        return replace(action, known_at=max(action.known_at, seen_at))

    def _split(self, row: dict[str, Any], now: datetime) -> CorporateAction | None:
        """Return a split, known from the first sight of it or from its day on, whichever comes first."""
        parts = (row.get("split_to"), row.get("split_from"))
        if not row.get("ticker") or not row.get("execution_date") or not all(_is_positive(part) for part in parts):
            return None
        ex_on = day_of(NAME, row["execution_date"])
        on_the_day = _new_york(ex_on, KNOWN_ON_THE_DAY)
        known_at = min(now, on_the_day)
        ratio = float(row["split_to"]) / float(row["split_from"])
        return CorporateAction(row["ticker"], ActionKind.SPLIT, ex_on, ratio, NAME, known_at)

    def _dividend(self, row: dict[str, Any]) -> CorporateAction | None:
        """Return a dividend in USD, known from the open after its declaration, else from its ex-date on."""
        is_usd = row.get("currency") in {"USD", None}
        if not row.get("ticker") or not row.get("ex_dividend_date") or not _is_positive(row.get("cash_amount")):
            return None
        if not is_usd:
            log.info("%s: a dividend of %s in another currency is left out", NAME, row["ticker"])
            return None
        ex_on, declared = day_of(NAME, row["ex_dividend_date"]), row.get("declaration_date")
        on_the_day = _new_york(ex_on, KNOWN_ON_THE_DAY)
        known_at = (
            min(self._calendar.next_session(day_of(NAME, declared)).opens_at, on_the_day) if declared else on_the_day
        )
        return CorporateAction(row["ticker"], ActionKind.DIVIDEND, ex_on, float(row["cash_amount"]), NAME, known_at)


class PolygonNews:
    """`NewsSource` on Polygon. The vendor's own sentiment is not read: its scale is not ours."""

    name = NAME

    def __init__(self, client: PolygonClient, clock: Clock) -> None:
        self._client, self._clock = client, clock

    def news(self, symbols: Sequence[Symbol], window: TimeWindow) -> Iterator[NewsItem]:
        """Return the stories of `window` that list one of `symbols`, each once."""
        is_short = window.ends_at - window.starts_at <= WHOLE_MARKET
        since, until = (
            at.astimezone(UTC).isoformat().replace("+00:00", "Z") for at in (window.starts_at, window.ends_at)
        )
        told: set[str] = set()
        left_out = 0
        for ticker in (None,) if is_short else symbols:
            for row in self._client.news(ticker, since, until):
                item = self._item(row, symbols, window)
                if item is None:
                    left_out += 1
                elif item.item_id not in told:
                    told.add(item.item_id)
                    yield item
        if left_out:
            log.info("%s: %d stories about others, without a headline or not in English were left out", NAME, left_out)

    def _item(self, row: Any, symbols: Sequence[Symbol], window: TimeWindow) -> NewsItem | None:
        listed = set(row.tickers or ())
        about = tuple(symbol for symbol in symbols if symbol in listed)
        title = clean_title(row.title)
        if not about or not row.id or not is_english(title):
            return None
        published_at = instant_of(NAME, row.published_utc)
        known_at = first_readable_at(published_at, now=self._clock.now(), window_ends_at=window.ends_at)
        return NewsItem(f"{NAME}:{row.id}", about, published_at, known_at, title, NAME, web_address(row.article_url))


def _identity(row: dict[str, Any]) -> tuple[object, ...]:
    """Return what makes two rows the same dividend; the vendor repeats rows under several ids."""
    return tuple(row.get(name) for name in ("ticker", "ex_dividend_date", "cash_amount", "distribution_type"))


def _one_a_day(dividends: Mapping[object, CorporateAction]) -> set[CorporateAction]:
    """Return one dividend for each ex-date: a regular and a special one of the same day are paid together."""
    by_day: dict[tuple[Symbol, date], CorporateAction] = {}
    for action in dividends.values():
        other = by_day.get((action.symbol, action.ex_on))
        if other is not None:
            known_at = max(action.known_at, other.known_at)
            action = replace(action, value=action.value + other.value, known_at=known_at)
        by_day[action.symbol, action.ex_on] = action
    return set(by_day.values())


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def _new_york(on: date, at: time) -> datetime:
    return datetime.combine(on, at, NEW_YORK).astimezone(UTC)
