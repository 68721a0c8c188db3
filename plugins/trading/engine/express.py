"""Hours in which a book trades plainly, from its events alone and on plain numbers.

A book trades plainly if whole positions come and go at the market, stops and targets are tested on closes, and names
are bought in order while cash lasts. What a position does is then known when it begins (`courses`), so that only hours
are looked at in which one ends or a name may be bought (`trip`). The functions that size, price, charge, plan and check
are those of the step; orders, fills and lots are made where somebody asks (`plain_trades`). Whatever is not plain is
handed to the step: a drawdown that may trip the breaker, a weight over its band, a corporate action, a price or a bar
that is missing, cash that has not settled. Tests hold both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading.domain.instruments import Symbol
from trading.domain.money import LEDGER_STEP
from trading.domain.portfolio import TradingState
from trading.domain.signals import RuleRole
from trading.engine.arrival import Market
from trading.engine.courses import Course, Courses
from trading.engine.hours import Hours
from trading.engine.lookout import Lookout
from trading.engine.plain_trades import Maker, Ride
from trading.engine.state import BookState
from trading.engine.step import Gate
from trading.engine.trip import Plan, Trip
from trading.engine.watch import PositionWatch
from trading.strategy.spec import StrategySpec

NEEDLESS = frozenset({"STATE", "DUPLICATE", "BAD_QTY", "BAD_PRICE", "PRICE_COLLAR", "WOULD_SHORT"})
"""Checks that no plain order of an active book fails: one a symbol, whole shares, no limit, of what is held."""


def is_plain(spec: StrategySpec, hours: Hours) -> bool:
    """Return whether a book of `spec` may ever trade plainly: in order, at the market, on closes."""
    style = spec.protection.rests, spec.sizing.rule, spec.sizing.entry_order
    return style == ("on_closes", "in_order", "market") and not hours.panel.trades_daily


def plan_of(spec: StrategySpec, hours: Hours, market: Market, gate: Gate, lookout: Lookout) -> Plan:
    """Return what has to be looked at on the way, and what cannot matter to a plain book of `spec`."""
    vets = hours.judgement.shrinks or any(check.code not in NEEDLESS for check in gate.checks)
    falls = min(spec.protection.breaker_frac, spec.protection.lifetime_halt_frac, spec.sizing.trim_above_frac)
    return Plan(
        spec=spec,
        hours=hours,
        costs=market.costs,
        gate=gate,
        enters=lookout.enters,
        barred=lookout.barred,
        vets=vets,
        acts=bool(market.actions_on),
        # A long book without debt loses all of itself at most, and no name is more than the whole of it.
        watches=vets or falls < 1.0,
        exit_rules=tuple(name for role, name, _ in hours.judgement.verdicts if role is RuleRole.EXIT),
    )


class Express:
    """Takes a book from one event to the next while it trades plainly."""

    def __init__(
        self, plan: Plan, market: Market, lookout: Lookout, watch: PositionWatch, acting: Mapping[Symbol, Sequence[int]]
    ) -> None:
        """Prepare for the hours of a replay.

        Args:
            acting: hours with a split or dividend, ascending, by symbol.
        """
        self._plan, self._lookout, self._watch, self._acting = plan, lookout, watch, acting
        self._courses = Courses(plan.hours, market.tape, plan.spec.protection, acting)

    def takes(self, state: BookState, row: int) -> bool:
        """Return whether the book trades plainly from the hour `row` on, which has not arrived."""
        return (
            state.trading_state is TradingState.ACTIVE
            and state.breaker.tripped_on is None
            and state.unsettled is None
            and not state.working
            and state.portfolio.cash_usd % LEDGER_STEP == 0
            and not any(row in self._acting.get(symbol, ()) or quantity % 1 for symbol, quantity in state.held.items())
        )

    def ride(self, state: BookState, row: int, maker: Maker) -> tuple[BookState, int, bool, Ride]:
        """Return the book before the next hour to step, that hour, whether it has arrived, and what was done."""
        trip = Trip(self._plan, self._course, maker, self._watch.settled(state, list(state.held), row), row)
        stops_at, has_arrived = trip.run()
        after = trip.left(stops_at, has_arrived=has_arrived)
        self._watch.look(after, stops_at - 1, stops_at)
        return after, stops_at, has_arrived, trip.done

    def _course(self, column: int) -> Course:
        return self._courses.known.get(column) or self._courses.of(
            column, self._lookout.prices(self._plan.hours.panel.symbols[column])
        )
