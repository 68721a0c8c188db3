"""Hours played one after another with the whole step of each handed out: for those who keep or compare every row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from trading.domain.decisions import DecisionKind, decision_id_for
from trading.engine.arrival import Market, before_hour
from trading.engine.balance import due
from trading.engine.corporate import Dividend
from trading.engine.market import Traffic, accept
from trading.engine.rebalance import rebalance_step
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import step
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True, slots=True)
class Played:
    """One hour of a simulated book.

    Attributes:
        found: the book as the decision found it. arrived: what bars did since the hour before. dividends: of the
            morning.
        kind: the hourly decision, or the rebalance that follows it in the same hour.
        taken: the decision. accepted: what became of its orders at once. left: the book after it.
    """

    hour: Hour
    found: BookState
    arrived: Traffic
    dividends: tuple[Dividend, ...]
    taken: Step
    accepted: Traffic
    left: BookState
    kind: DecisionKind = DecisionKind.HOURLY


def play(
    spec: StrategySpec, state: BookState, hours: Iterable[Hour], market: Market, last_cutoff_at: datetime
) -> Iterator[Played]:
    """Yield each decision of the book that starts as `state` and has seen the market until `last_cutoff_at`."""
    for hour in hours:
        arrived, accepted = Traffic(), Traffic()
        found, dividends = before_hour(state, hour, market, last_cutoff_at, arrived)
        taken = step(spec, found, hour, decision_id_for(state.book, DecisionKind.HOURLY, hour.slot.as_of))
        state = accept(taken.state, taken.orders, hour.cutoff_at, accepted)
        last_cutoff_at = hour.cutoff_at
        yield Played(hour, found, arrived, dividends, taken, accepted, state)
        if (reason := due(spec, taken, hour)) is not None:
            found, accepted = state, Traffic()
            decision_id = decision_id_for(state.book, DecisionKind.REBALANCE, hour.slot.as_of)
            taken = rebalance_step(spec, found, hour, decision_id, reason)
            state = accept(taken.state, taken.orders, hour.cutoff_at, accepted)
            yield Played(hour, found, Traffic(), (), taken, accepted, state, DecisionKind.REBALANCE)
