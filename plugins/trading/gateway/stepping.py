"""The simulated clock: moves forward through every bar and every corporate action, never backwards."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import IntEnum

from trading.domain.instruments import Symbol
from trading.domain.market import ActionKind, Bar, CorporateAction
from trading.gateway.broker import PaperBroker
from trading.gateway.records import Refusal

LONGEST_CLOSURE = timedelta(days=7)
"""An action whose ex-date is no session takes effect at the next open; no closure since 1933 was longer."""


class _Phase(IntEnum):
    """At one instant a bar that ends is judged first, then the basis changes, then the next bar opens."""

    ENDED = 0
    DIVIDEND = 1
    SPLIT = 2
    OPENED = 3


type _Step = tuple[datetime, _Phase, Bar | CorporateAction]


def advance(broker: PaperBroker, to: datetime, *, whole_bars: bool = False) -> int:
    """Move the clock to `to` through every open and end of a bar on the way; bars seen.

    Only symbols with live orders are read, and corporate actions of what is held or ordered when a day passes: an idle
    jump costs nothing.

    Args:
        whole_bars: leave the bar that still runs at `to` for the next call, its open included, as a replay does: what
            rests meets it only after the decision of `to`. An order that arrives at its open meets it at once.

    Raises:
        Refusal: `to` lies in the past.
    """
    now = broker.state.clock
    if to < now:
        raise Refusal(321, f"the simulated clock stands at {now.isoformat()} and never moves back to {to.isoformat()}")
    symbols = sorted({o.ticket.symbol for o in broker.live()})
    steps = [*_bars(broker, symbols, now, to, whole_bars=whole_bars), *_actions(broker, now, to)]
    for step in sorted(steps, key=lambda step: step[:2]):
        _take(broker, step)
    broker.state.clock = to
    for symbol in symbols:
        broker.expire(symbol, to, running_bar(broker, symbol, to), is_seen=not whole_bars)
    broker.settle()
    return sum(isinstance(what, Bar) for _, _, what in steps)


def running_bar(broker: PaperBroker, symbol: Symbol, at: datetime) -> Bar | None:
    """Return the bar of `symbol` that began at or before `at` and has not ended, or None."""
    return next(iter(broker.feed.bars(symbol, at, at)), None)


def _take(broker: PaperBroker, step: _Step) -> None:
    at, phase, what = step
    broker.state.clock = max(at, broker.state.clock)
    if isinstance(what, CorporateAction):
        broker.take_over(what)
    elif phase is _Phase.ENDED:
        broker.see_range(what)
        broker.expire(what.symbol, what.ends_at, None)
    else:
        broker.expire(what.symbol, what.starts_at, None)
        broker.see_open(what)


def _bars(
    broker: PaperBroker, symbols: list[Symbol], after: datetime, until: datetime, *, whole_bars: bool
) -> Iterator[_Step]:
    """Yield opens and ends on the way; by whole bars, both of each bar that ends, also where it began before."""
    for symbol in symbols:
        for bar in broker.feed.bars(symbol, after, until):
            if bar.ends_at <= until if whole_bars else after < bar.starts_at <= until:
                yield bar.starts_at, _Phase.OPENED, bar
            if after < bar.ends_at <= until:
                yield bar.ends_at, _Phase.ENDED, bar


def _actions(broker: PaperBroker, after: datetime, until: datetime) -> Iterator[_Step]:
    """Yield what goes ex on the way: at the open of its ex-date, or of the next session."""
    symbols = broker.exposed_symbols() if after.date() < until.date() or _is_before_open(broker, after) else []
    if not symbols:
        return
    for action in broker.feed.actions(symbols, (after - LONGEST_CLOSURE).date(), until.date()):
        session = broker.calendar.session(action.ex_on)
        takes_effect_at = (session or broker.calendar.next_session(action.ex_on)).opens_at
        if after < takes_effect_at <= until:
            yield takes_effect_at, _Phase.DIVIDEND if action.kind is ActionKind.DIVIDEND else _Phase.SPLIT, action


def _is_before_open(broker: PaperBroker, at: datetime) -> bool:
    session = broker.calendar.session(at.date())
    return session is not None and at < session.opens_at
