"""The simulated clock: moves forward through every bar, never backwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import IntEnum

from trading.domain.instruments import Symbol
from trading.domain.market import Bar
from trading.gateway.broker import PaperBroker
from trading.gateway.records import Refusal


class _Phase(IntEnum):
    """A bar that ends is judged before the next one opens."""

    ENDED = 0
    OPENED = 1


def advance(broker: PaperBroker, to: datetime) -> int:
    """Move the clock to `to` through every open and end of a bar on the way; bars seen.

    Only symbols with live orders are read, so an idle jump costs nothing.

    Raises:
        Refusal: `to` lies in the past.
    """
    now = broker.state.clock
    if to < now:
        raise Refusal(321, f"the simulated clock stands at {now.isoformat()} and never moves back to {to.isoformat()}")
    symbols = sorted({o.ticket.symbol for o in broker.live()})
    seen = 0
    for instant, phase, bar in sorted(_timeline(broker, symbols, now, to), key=lambda step: (step[0], step[1])):
        broker.state.clock = instant
        if phase is _Phase.ENDED:
            broker.see_range(bar)
            broker.expire(bar.symbol, instant, None)
        else:
            broker.expire(bar.symbol, instant, None)
            broker.see_open(bar)
        seen += 1
    broker.state.clock = to
    for symbol in symbols:
        broker.expire(symbol, to, running_bar(broker, symbol, to))
    return seen


def running_bar(broker: PaperBroker, symbol: Symbol, at: datetime) -> Bar | None:
    """Return the bar of `symbol` that began at or before `at` and has not ended, or None."""
    return next(iter(broker.feed.bars(symbol, at, at)), None)


def _timeline(
    broker: PaperBroker, symbols: list[Symbol], after: datetime, until: datetime
) -> Iterator[tuple[datetime, _Phase, Bar]]:
    for symbol in symbols:
        for bar in broker.feed.bars(symbol, after, until):
            if after < bar.starts_at <= until:
                yield bar.starts_at, _Phase.OPENED, bar
            if after < bar.ends_at <= until:
                yield bar.ends_at, _Phase.ENDED, bar
