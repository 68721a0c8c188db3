"""Polygon, Cboe and the risk index on loopback, in a process of their own, on the invented market."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
from market import BENCHMARKS, LAST_ON, WideMarket
from trading.adapters.loopback import HOST, free_port
from trading.adapters.sources.cboe import PATH as CBOE_PATH
from trading.adapters.sources.gpr import PATH as GPR_PATH
from trading.domain.instruments import VIX
from trading.domain.market import Resolution, TimeWindow

GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/"
MARKET_TICKERS = 12_400
"""Of a day's reply, as far as was seen."""
AGGREGATES, NEWS, STATEMENTS = "/v2/aggs/ticker/", "/v2/reference/news", "/stocks/financials/v1/income-statements"


class Vendors:
    """What the desk may ask; rows of one page, so no cursor."""

    def __init__(self, market: WideMarket) -> None:
        self._market = market
        self._cboe = lru_cache(maxsize=1)(self._vix)
        self._gpr = lru_cache(maxsize=1)(_risk_index)

    def answer(self, path: str, query: Mapping[str, str]) -> bytes:
        """Return the body of an answer; what is not known here has no rows."""
        if path == CBOE_PATH:
            return self._cboe()
        if path == GPR_PATH:
            return self._gpr()
        rows: list[dict[str, Any]] = []
        if path.startswith(GROUPED):
            rows = self._day(date.fromisoformat(path.rsplit("/", 1)[1]))
        elif path.startswith(AGGREGATES) and "/range/" in path:
            rows = self._bars(*path.removeprefix(AGGREGATES).split("/"))
        elif path == NEWS:
            rows = self._news(query)
        elif path == STATEMENTS:
            rows = self._statements(query)
        return json.dumps({"status": "OK", "results": rows}).encode()

    def _bars(self, symbol: str, _: str, _multiplier: str, span: str, from_ms: str, to_ms: str) -> list[dict[str, Any]]:
        window = TimeWindow(*(datetime.fromtimestamp(int(edge) / 1000, UTC) for edge in (from_ms, to_ms)))
        resolution = Resolution.DAY if span == "day" else Resolution.HALF_HOUR
        return [
            {"o": b.open, "h": b.high, "l": b.low, "c": b.close, "v": b.volume,
             "t": round(b.starts_at.timestamp() * 1000)}
            for b in self._market.bars(symbol, window, resolution)
        ]  # fmt: skip

    def _day(self, on: date) -> list[dict[str, Any]]:
        """Return all tickers of a day, with as many others as the exchange has."""
        found = [s for s in self._market.sessions if s.session_on == on]
        stamp = [round(s.closes_at.timestamp() * 1000) for s in found]
        rows = [
            {"T": symbol, "o": b.open, "h": b.high, "l": b.low, "c": b.close, "v": b.volume, "t": stamp[0]}
            for s in found
            for symbol in (*self._market.symbols, *BENCHMARKS)
            for b in self._market.bars(symbol, TimeWindow(s.opens_at, s.closes_at), Resolution.DAY)
        ]
        others = MARKET_TICKERS - len(rows) if rows else 0
        return rows + [{**rows[0], "T": f"X{number}"} for number in range(others)]

    def _news(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        window = TimeWindow(*(datetime.fromisoformat(query[f"published_utc.{edge}"]) for edge in ("gte", "lt")))
        wanted = query.get("ticker")
        return [
            {"id": item.item_id, "title": item.title, "tickers": list(item.symbols),
             "published_utc": item.published_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
            for item in self._market.stories(window)
            if wanted is None or wanted in item.symbols
        ]  # fmt: skip

    def _statements(self, query: Mapping[str, str]) -> list[dict[str, Any]]:
        (symbol,) = (value for name, value in query.items() if name.startswith("tickers"))
        if symbol not in self._market.symbols:
            return []
        return [
            {"tickers": [symbol], "timeframe": "quarterly", "filing_date": told.filed_on.isoformat(),
             "period_end": told.period_ends_on.isoformat(), "diluted_earnings_per_share": told.eps,
             "revenue": told.revenue_usd}
            for told in self._market.statements(symbol)
            if told.filed_on.isoformat() >= query["filing_date.gte"]
        ]  # fmt: skip

    def _vix(self) -> bytes:
        whole = TimeWindow(self._market.sessions[0].opens_at, self._market.sessions[-1].closes_at)
        days = self._market.bars(VIX, whole, Resolution.DAY)
        lines = [f"{b.starts_at:%m/%d/%Y},{b.open:.2f},{b.high:.2f},{b.low:.2f},{b.close:.2f}" for b in days]
        return ("\n".join(["DATE,OPEN,HIGH,LOW,CLOSE", *lines]) + "\n").encode()


def _risk_index() -> bytes:
    days = pd.date_range("2021-01-01", LAST_ON.isoformat())
    body = BytesIO()
    # It rises, so that the gate of the metals is open.
    pd.DataFrame({"date": days, "GPRD": [100.0 + k / 10 for k in range(len(days))]}).to_stata(body, write_index=False)
    return body.getvalue()


@contextmanager
def running_vendors(market: WideMarket, latency: float) -> Iterator[tuple[str, multiprocessing.process.BaseProcess]]:
    """Run the vendors for the length of a `with` block; yields their URL and their process."""
    port = free_port()
    process = multiprocessing.get_context("fork").Process(target=_serve, args=(market, port, latency), daemon=True)
    process.start()
    try:
        yield f"http://{HOST}:{port}", process
    finally:
        process.terminate()
        process.join(10)


def _serve(market: WideMarket, port: int, latency: float) -> None:
    vendors = Vendors(market)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            place = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(place.query).items()}
            time.sleep(latency)
            body = vendors.answer(place.path, query)
            self.send_response(200)
            self.send_header("Content-Type", "text/csv" if place.path == CBOE_PATH else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Stay silent."""

    ThreadingHTTPServer((HOST, port), Handler).serve_forever()
