"""One source of headlines on the stub: the real HTTP layer, a ledger in memory, waits that take no time."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from trading.adapters.http import HttpClient, VendorTerms
from trading.analysis.entities import Entities
from trading.domain.market import TimeWindow
from trading.strategy.names import NAMES
from trading.strategy.three_sector import UNIVERSE

from tests.fakes import FixedClock, ny
from tests.fakes_http import MemoryCalls
from tests.http_stub import Stub

ENTITIES = Entities(UNIVERSE, NAMES)
WINDOW = TimeWindow(ny("2026-11-20 09:30"), ny("2026-11-20 10:30"))
NOW = ny("2026-11-20 10:31")
HOSTILE = (
    "AAPL'); DROP TABLE orders; -- $NVDA",
    "<script>fetch(1)</script> Nvidia up",
    "Nvidia\0 *soars* \u202egnirts\u202c \u200bfast\ud800",
    '=HYPERLINK("http://203.0.113.9","Nvidia")',
    "Nvidia great profit " * 80_000,
    "",
    None,
)
"""Headlines that a vendor may send; the first five are about Nvidia."""


class NewsDesk:
    """A source on a stub.

    Attributes:
        waits: seconds that the HTTP layer would have slept.
    """

    def __init__(
        self,
        stub: Stub,
        terms: VendorTerms,
        make: Callable[[HttpClient, FixedClock], Any],
        *,
        calls: MemoryCalls | None = None,
        now: datetime = NOW,
    ) -> None:
        self.stub, self.calls, self.waits = stub, calls or MemoryCalls(now=now), []
        self.clock = FixedClock(now)
        http = HttpClient(terms, self.calls, deadline_seconds=300.0, sleep=self.waits.append)
        self.source = make(http, self.clock)

    def news(self, *symbols: str, window: TimeWindow = WINDOW) -> list:
        return list(self.source.news(symbols or ("NVDA",), window))

    def told(self, error: BaseException | None = None) -> str:
        """Return all that the ledger holds and that an error says."""
        rows = [(c.endpoint, c.result) for c in self.calls.calls]
        said = "" if error is None else f"{error!r} {error} {getattr(error, 'excerpt', '')} {error.__dict__}"
        return f"{rows} {self.calls.off} {said}"


@contextmanager
def all_logs() -> Iterator[io.StringIO]:
    """The text of everything that is logged, at DEBUG."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
