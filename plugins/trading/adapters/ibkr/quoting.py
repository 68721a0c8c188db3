"""Quotes: one market data snapshot per symbol, all at once, delayed where the account has no subscription."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.adapters.ibkr.hearing import Ticks
from trading.adapters.ibkr.messages import MessageClass, classify
from trading.adapters.ibkr.session import IbSession
from trading.adapters.ibkr.translate import exact
from trading.domain.instruments import Symbol
from trading.domain.market import Quote
from trading.errors import BrokerRefused, TransientError

BID, ASK, LAST = (1, 66), (2, 67), (4, 68)
"""IB's tick types: live, delayed."""
HALTED, TRADED_AT = (49, 90), (45, 88)
DELAYED_TICKS = frozenset({66, 67, 68, 88, 90})
DELAYED_DATA = 3
"""Market data type: delayed where there is no live line."""


class Quoting:
    """Market data of one connection; it remembers that the account has no live lines."""

    def __init__(self, session: IbSession) -> None:
        self._session, self._hearing = session, session.hearing

    def ask(self, contracts: Mapping[Symbol, Any]) -> dict[Symbol, Ticks]:
        """Return what came for each symbol, asked again as delayed where there is no subscription."""
        try:
            ticks, unsubscribed = self._request(contracts)
            if unsubscribed:
                self._session.ib.client.reqMarketDataType(DELAYED_DATA)
                delayed, _ = self._request({s: contracts[s] for s in unsubscribed})
                ticks |= delayed
        except ConnectionError as lost:
            raise TransientError("the connection broke while asking for quotes; it is retried") from lost
        return ticks

    def _request(self, contracts: Mapping[Symbol, Any]) -> tuple[dict[Symbol, Ticks], list[Symbol]]:
        """Ask once; what came, and the symbols that there is no subscription for."""
        session, client, first = self._session, self._session.ib.client, len(self._hearing.messages)
        ids = {symbol: client.getReqId() for symbol in contracts}
        for symbol, request_id in ids.items():
            self._hearing.ticks[request_id] = Ticks()
            client.reqMktData(request_id, contracts[symbol], "", True, False, [])

        def refusal(request_id: int) -> MessageClass | None:
            said = self._hearing.messages_about(request_id, first)
            # 10167 announces that delayed data follow on this very request.
            return next((classify(m.code) for m in said if m.code != 10167), None)

        def is_over() -> bool:
            return all(_is_complete(self._hearing.ticks[i]) or refusal(i) is not None for i in ids.values())

        session.wait_until(is_over, session.patience.quote_seconds)
        if not session.ib.isConnected():
            raise TransientError("the connection broke while asking for quotes; it is retried")
        self._refuse_competition(first)
        came = {symbol: self._hearing.ticks.pop(request_id) for symbol, request_id in ids.items()}
        return came, [s for s, i in ids.items() if refusal(i) is MessageClass.UNSUBSCRIBED and not came[s].prices]

    def _refuse_competition(self, first: int) -> None:
        if any(classify(m.code) is MessageClass.COMPETING for m in self._hearing.messages[first:]):
            raise BrokerRefused(
                "another session of the same user takes the market data (10197); log it out, entries wait until then"
            )


def _is_complete(ticks: Ticks) -> bool:
    wanted = all(any(t in ticks.prices for t in pair) for pair in (BID, ASK, LAST))
    return ticks.is_ended or (wanted and any(t in ticks.numbers for t in HALTED))


def quote_of(symbol: Symbol, ticks: Ticks, *, now: datetime, is_stale: bool) -> Quote:
    """Return the quote that `ticks` make; only None in it where nothing came.

    Args:
        now: the broker's time of arrival.
        is_stale: the data farm is broken, so that what came may be old: only a time that the broker names counts.
    """
    seen = ticks.prices.keys() | ticks.numbers.keys() | ticks.texts.keys()
    is_delayed = ticks.data_type in (3, 4) or bool(seen & DELAYED_TICKS)
    bid, ask, last = (_price(ticks, pair) for pair in (BID, ASK, LAST))
    # A live bid or ask stands at this moment; anything else is as old as the broker says, or of unknown age.
    is_current = (bid is not None or ask is not None) and not is_delayed and not is_stale and ticks.data_type == 1
    return Quote(
        symbol, bid, ask, last,
        quoted_at=now if is_current else _traded_at(ticks),
        is_delayed=is_delayed,
        is_halted=_is_halted(ticks),
    )  # fmt: skip


def _price(ticks: Ticks, pair: Sequence[int]) -> Decimal | None:
    """0 and -1 mean that there is none."""
    values = (ticks.prices[t] for t in pair if t in ticks.prices)
    return next((exact(v) for v in values if math.isfinite(v) and v > 0), None)


def _traded_at(ticks: Ticks) -> datetime | None:
    text = next((ticks.texts[t] for t in TRADED_AT if t in ticks.texts), "")
    return datetime.fromtimestamp(int(text), UTC) if text.isdigit() and int(text) > 0 else None


def _is_halted(ticks: Ticks) -> bool | None:
    """-1 is unknown, 0 is no, 1 and 2 are regulatory and volatility halts."""
    value = next((ticks.numbers[t] for t in HALTED if t in ticks.numbers), -1.0)
    return bool(value) if math.isfinite(value) and value >= 0 else None
