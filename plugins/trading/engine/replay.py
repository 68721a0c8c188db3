"""The in-process replay: the same step, with the book in memory, from one eventful hour to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from trading.analysis.facts import Facts
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.instruments import BookId
from trading.domain.models import ModelEra
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import AccountType, Portfolio
from trading.domain.records import changed, collector_paused
from trading.engine.arrival import Market
from trading.engine.balance import due
from trading.engine.drivers import Jumping, Stepping
from trading.engine.hours import Hours, Terms, Timeline, history_panel
from trading.engine.logbook import Logbook
from trading.engine.market import Traffic, accept
from trading.engine.plain_trades import Maker
from trading.engine.rebalance import rebalance_step
from trading.engine.result import ReplayResult
from trading.engine.state import BookState
from trading.engine.step import Gate, gate_of, step
from trading.execution.costs import CostModel
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec


def replay(
    spec: StrategySpec,
    facts: Facts,
    timeline: Timeline,
    *,
    book: BookId,
    cash_usd: Decimal,
    terms: Terms,
    costs: CostModel,
    eras: Sequence[ModelEra] = (),
) -> ReplayResult:
    """Return what `spec` would have done with `cash_usd` over `timeline`.

    Args:
        facts: everything known until the end of the timeline; each hour reads only what it could know.
        eras: which model is heard when; none without any.
    """
    panel = history_panel(spec, facts, timeline, terms, eras)
    market = Market.of(spec, facts, timeline, terms, costs)
    return replay_panel(spec, panel, market, timeline, book=book, cash_usd=cash_usd, terms=terms)


@collector_paused()
def replay_panel(
    spec: StrategySpec,
    panel: FeaturePanel,
    market: Market,
    timeline: Timeline,
    *,
    book: BookId,
    cash_usd: Decimal,
    terms: Terms,
    gate: Gate | None = None,
    jumping: bool = True,
) -> ReplayResult:
    """Return what `spec` would have done over a panel that was built before, e.g. for another choice of parameters.

    Args:
        gate: None for that of `spec`.
        jumping: whether hours in which nothing can happen are passed without a step; the result is the same.
    """
    hours = Hours(judge(spec, panel), panel, timeline, terms)
    gate = gate or gate_of(spec)
    driver = (Jumping if jumping else Stepping)(spec, hours, market, gate)
    log = Logbook(hours, driver.lookout, Maker(spec, hours, market.tape, market.costs, book))
    unsettled: Mapping[date, Decimal] | None = {} if terms.account_type is AccountType.CASH else None
    state = BookState(
        Portfolio(book, timeline.sessions[0].opens_at, cash_usd),
        client_category=terms.client_category,
        unsettled=unsettled,
    )
    row = 0
    while row < len(hours):
        state, row, has_arrived = driver.ride(state, row, log)
        if row == len(hours):
            break
        hour, traffic = hours.hour(row), Traffic(events=None)
        if not has_arrived:
            state, dividends = driver.arrive(state, hour, traffic)
            log.arrived(row, state, traffic, dividends)
            state, stop, passed = driver.ahead(state, row, row)
            log.pass_by(passed)
            if stop > row:
                row = stop
                continue
        taken = step(spec, state, hour, decision_id_for(book, DecisionKind.HOURLY, hour.slot.as_of), gate)
        log.add(hour, taken)
        state = accept(driver.decided(taken, row), taken.orders, hour.cutoff_at, traffic)
        is_quiet = not taken.orders
        if (reason := due(spec, taken, hour)) is not None:
            decision_id = decision_id_for(book, DecisionKind.REBALANCE, hour.slot.as_of)
            taken = rebalance_step(spec, state, hour, decision_id, reason, gate)
            log.rebalanced(hour, taken, reason)
            state = accept(driver.decided(taken, row), taken.orders, hour.cutoff_at, traffic)
            is_quiet = is_quiet and not taken.orders
        row += 1
        if is_quiet:
            state, row, passed = driver.ahead(state, row - 1, row)
            log.pass_by(passed)
    return log.result(spec, book, float(cash_usd), _in_order(driver.landed(state)))


def _in_order(state: BookState) -> BookState:
    """Return the book with its working orders in the order in which they were sent."""
    return changed(state, working=tuple(sorted(state.working, key=lambda o: (o.planned_at, o.symbol, o.leg))))
