"""The market that the gateway shows in these tests, and a question to its control port."""

from __future__ import annotations

import time
from datetime import date

from trading.domain.market import Bar

from tests.fakes import RunningGateway, flat_bars, ny, with_prices

NOW = ny("2019-06-03 10:30")


def market() -> list[Bar]:
    """Return a week of half hours: NVDA and AMD at 100, AAPL at 200 with one wild bar, VIX at 15."""
    monday = date(2019, 6, 3)
    bars = flat_bars("NVDA", monday, 5) + flat_bars("AMD", monday, 5) + flat_bars("VIX", monday, 5, price=15.0)
    wild = with_prices(flat_bars("AAPL", monday, 5, price=200.0), ny("2019-06-03 11:00"), (200.0, 220.0, 180.0, 210.0))
    return bars + wild


def wait_until_free(gateway: RunningGateway, client_id: int, *, seconds: float = 5) -> None:
    """Wait until nobody is connected under a client id."""
    deadline = time.monotonic() + seconds
    while client_id in gateway.tell("state")["clients"]:
        assert time.monotonic() < deadline, f"client id {client_id} stays in use"
        time.sleep(0.005)
