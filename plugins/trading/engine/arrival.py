"""What happens to a book between two decisions of a replay: corporate actions of the morning, then the bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from trading.accounting.wash_sales import WASH_MEMORY
from trading.analysis.facts import Facts
from trading.domain.locks import STOP_MEMORY
from trading.domain.market import CorporateAction
from trading.domain.records import changed
from trading.engine.corporate import Dividend, apply_actions
from trading.engine.expiry import without_expired, without_missed_auctions
from trading.engine.hours import Terms, Timeline
from trading.engine.market import Traffic, run_bars, symbols_of_interest
from trading.engine.settlement import settlement_days, with_proceeds
from trading.engine.state import BookState, Hour
from trading.engine.tape import Tape
from trading.execution.costs import CostModel
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True)
class Market:
    """What the simulated market needs besides the book.

    Attributes:
        actions_on: splits and dividends by ex-date.
        settles_on: when a trade of each session settles.
        by_highs: whether a bar's high moves the mark that a trailing stop hangs under; else only closes do.
    """

    tape: Tape
    actions_on: Mapping[date, Sequence[CorporateAction]]
    costs: CostModel
    settles_on: Mapping[date, date]
    by_highs: bool = True

    @classmethod
    def of(cls, spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms, costs: CostModel) -> Market:
        """Return the market of the traded symbols."""
        traded = spec.universe.traded
        by_date: dict[date, list[CorporateAction]] = {}
        for action in facts.actions:
            by_date.setdefault(action.ex_on, []).append(action)
        tape = Tape.of(facts, traded, daily_pricing=terms.daily_pricing)
        return cls(tape, by_date, costs, settlement_days(timeline), spec.protection.rests == "at_broker")


def before_hour(
    state: BookState, hour: Hour, market: Market, last_cutoff_at: datetime | None, traffic: Traffic
) -> tuple[BookState, tuple[Dividend, ...]]:
    """Return the book as the hour finds it: corporate actions of the morning, then the bars since the last hour."""
    state, dividends = morning(state, hour, market, traffic)
    if interesting := symbols_of_interest(state):
        bars = market.tape.between(last_cutoff_at, hour.cutoff_at, interesting)
        state = run_bars(state, bars, market.costs, traffic, by_highs=market.by_highs)
    state = with_proceeds(state, traffic.bookings, market.settles_on, hour.slot.session_on)
    return without_expired(state, hour.cutoff_at, market.tape, traffic, closes_at=hour.closes_at), dividends


def morning(state: BookState, hour: Hour, market: Market, traffic: Traffic) -> tuple[BookState, tuple[Dividend, ...]]:
    """Return the book after what the calendar brings: old disposals and stops forgotten, actions, missed auctions."""
    keep_from = hour.slot.session_on - WASH_MEMORY
    if state.disposals and state.disposals[0].disposed_on < keep_from:
        state = changed(state, disposals=tuple(d for d in state.disposals if d.disposed_on >= keep_from))
    stops_from = hour.slot.session_on - STOP_MEMORY
    if state.stops and state.stops[0].on < stops_from:
        state = changed(state, stops=tuple(s for s in state.stops if s.on >= stops_from))
    if not hour.is_first_of_session:
        return state, ()
    dividends: tuple[Dividend, ...] = ()
    if actions := market.actions_on.get(hour.slot.session_on, ()):
        opens = {a.symbol: market.tape.first_open(a.symbol, hour.slot.starts_at, hour.cutoff_at) for a in actions}
        state, dividends = apply_actions(state, actions, opens)
    return without_missed_auctions(state, hour.slot.starts_at, market.tape, traffic), dividends
