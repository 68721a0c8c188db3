"""The vendors of the week: Polygon, Cboe and the risk index on loopback, on the invented market of the parity tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from io import BytesIO
from typing import Any

import pandas as pd
from trading.adapters.sources.cboe import PATH as CBOE_PATH
from trading.adapters.sources.gpr import PATH as GPR_PATH
from trading.adapters.sources.polygon_facts import DIVIDENDS, SPLITS
from trading.domain.instruments import VIX
from trading.domain.market import ActionKind, Bar, NewsItem, Resolution, TimeWindow

from tests.http_stub import Answer, Stub, http_stub
from tests.integration.parity_world import BEGINS_ON, CALENDAR, LAST_ON, SPEC, scenario

NEWS = "/v2/reference/news"
WHOLE = TimeWindow(datetime.combine(BEGINS_ON, time(), UTC), datetime.combine(LAST_ON, time(23), UTC))


class Vendors:
    """What the desk can ask, and a switch to break it.

    Attributes:
        without: symbols whose bars are answered with status 500.
    """

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.without: set[str] = set()
        self._answers: dict[tuple[str, str], Answer] = {}
        self._sources = scenario()
        stub.answers["*"] = [_rows()]
        stub.script(CBOE_PATH, Answer(self._vix()))
        stub.script(GPR_PATH, Answer(_risk_index()))
        self._script_actions()
        self._fall_back = stub.answer
        stub.answer = self._answer  # type: ignore[method-assign]

    def _answer(self, path: str) -> Answer:
        if path == NEWS:
            return self._news(self.stub.asked[-1].query)
        if not path.startswith("/v2/aggs/ticker/"):
            return self._fall_back(path)
        if "/range/" not in path:
            return self._fall_back(path)
        _, _, _, _, symbol, _, _, span, *_ = path.split("/")
        if symbol in self.without:
            return Answer({"status": "ERROR", "error": "down for maintenance"}, status=500)
        key = (symbol, span)
        if key not in self._answers:
            resolution = Resolution.DAY if span == "day" else Resolution.HALF_HOUR
            bars = self._sources.bars[0].bars(symbol, WHOLE, resolution)
            self._answers[key] = _rows(*(_row(bar) for bar in bars))
        return self._answers[key]

    def _news(self, query: Mapping[str, list[str]]) -> Answer:
        since, until = (datetime.fromisoformat(query[f"published_utc.{edge}"][0]) for edge in ("gte", "lt"))
        wanted = query.get("ticker", SPEC.universe.traded)
        told = self._sources.news[0].news(wanted, TimeWindow(since, until))
        return _rows(*(_story(item) for item in sorted(told, key=lambda item: item.published_at)))

    def _vix(self) -> str:
        days = self._sources.bars[0].bars(VIX, WHOLE, Resolution.DAY)
        lines = [f"{b.starts_at:%m/%d/%Y},{b.open:.2f},{b.high:.2f},{b.low:.2f},{b.close:.2f}" for b in days]
        return "\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *lines]) + "\n"

    def _script_actions(self) -> None:
        splits, dividends = [], []
        for action in self._sources.actions[0].corporate_actions(SPEC.universe.data, WHOLE):
            if action.kind is ActionKind.SPLIT:
                splits.append({"ticker": action.symbol, "execution_date": action.ex_on.isoformat(),
                               "split_from": 1, "split_to": action.value})  # fmt: skip
            else:
                dividends.append({"ticker": action.symbol, "ex_dividend_date": action.ex_on.isoformat(),
                                  "cash_amount": action.value, "currency": "USD",
                                  "declaration_date": (action.ex_on - timedelta(days=20)).isoformat()})  # fmt: skip
        self.stub.script(SPLITS, _rows(*splits))
        self.stub.script(DIVIDENDS, _rows(*dividends))


@contextmanager
def running_vendors() -> Iterator[Vendors]:
    """Run the vendors for the length of a `with` block."""
    with http_stub() as stub:
        yield Vendors(stub)


def _rows(*found: dict[str, Any]) -> Answer:
    return Answer({"status": "OK", "results": list(found)})


def _row(bar: Bar) -> dict[str, Any]:
    # Polygon stamps a day with midnight in New York; any hour of that date there is read as the same day.
    return {"o": bar.open, "h": bar.high, "l": bar.low, "c": bar.close, "v": bar.volume,
            "t": round(bar.starts_at.timestamp() * 1000)}  # fmt: skip


def _story(item: NewsItem) -> dict[str, Any]:
    return {"id": item.item_id, "title": item.title, "tickers": list(item.symbols),
            "published_utc": item.published_at.strftime("%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip


def _risk_index() -> bytes:
    days = [session.session_on for session in CALENDAR.sessions(BEGINS_ON, LAST_ON)]
    body = BytesIO()
    pd.DataFrame({"date": pd.to_datetime(days), "GPRD": 100.0}).to_stata(body, write_index=False)
    return body.getvalue()
