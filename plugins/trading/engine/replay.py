"""The in-process replay: the same step, hour after hour, with the book in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal

from trading.accounting.wash_sales import WASH_MEMORY
from trading.analysis.facts import Facts
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Fill
from trading.domain.instruments import BookId
from trading.domain.market import CorporateAction
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import Portfolio
from trading.engine.corporate import Dividend, apply_actions
from trading.engine.hours import Terms, Timeline, history_panel, hours
from trading.engine.market import Traffic, accept, run_bars, symbols_of_interest
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import step
from trading.engine.tape import Tape
from trading.execution.costs import CostModel
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True, slots=True)
class NavPoint:
    """NAV of one hour; None when a held symbol had no price."""

    as_of: datetime
    session_on: date
    is_closing: bool
    nav_usd: float | None
    invested_frac: float


@dataclass
class ReplayResult:
    """What a replay did.

    Attributes:
        entered: hours in which the entry rules passed, by symbol; blocked or not.
        state_changes: (as_of, sentence) for each change of trading state.
    """

    book: BookId
    panel: FeaturePanel
    navs: list[NavPoint] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    dividends: list[Dividend] = field(default_factory=list)
    vetoes: int = 0
    gate_open: dict[str, int] = field(default_factory=dict)
    state_changes: list[tuple[datetime, str]] = field(default_factory=list)
    final: BookState | None = None


@dataclass(frozen=True)
class Market:
    """What the simulated market needs besides the book.

    Attributes:
        actions_on: splits and dividends by ex-date.
    """

    tape: Tape
    actions_on: Mapping[date, Sequence[CorporateAction]]
    costs: CostModel

    @classmethod
    def of(cls, spec: StrategySpec, facts: Facts, terms: Terms, costs: CostModel) -> Market:
        """Return the market of the traded symbols."""
        traded = spec.universe.traded
        by_date: dict[date, list[CorporateAction]] = {}
        for action in facts.actions:
            by_date.setdefault(action.ex_on, []).append(action)
        return cls(Tape.of(facts, traded, daily_pricing=terms.daily_pricing), by_date, costs)


def before_hour(
    state: BookState, hour: Hour, market: Market, last_cutoff_at: datetime | None, traffic: Traffic
) -> tuple[BookState, tuple[Dividend, ...]]:
    """Return the book as the hour finds it: corporate actions of the morning, then the bars since the last hour."""
    dividends: tuple[Dividend, ...] = ()
    if hour.is_first_of_session:
        state, dividends = apply_actions(state, market.actions_on.get(hour.slot.session_on, ()))
        keep_from = hour.slot.session_on - WASH_MEMORY
        state = replace(state, disposals=tuple(d for d in state.disposals if d.disposed_on >= keep_from))
    if interesting := symbols_of_interest(state):
        bars = market.tape.between(last_cutoff_at, hour.cutoff_at, interesting)
        state = run_bars(state, bars, market.costs, traffic)
    return state, dividends


def replay(
    spec: StrategySpec,
    facts: Facts,
    timeline: Timeline,
    *,
    book: BookId,
    cash_usd: Decimal,
    terms: Terms,
    costs: CostModel,
) -> ReplayResult:
    """Return what `spec` would have done with `cash_usd` over `timeline`.

    Args:
        facts: everything known until the end of the timeline; each hour reads only what it could know.
    """
    panel = history_panel(spec, facts, timeline, terms)
    result = ReplayResult(book, panel)
    market = Market.of(spec, facts, terms, costs)
    first_at = timeline.sessions[0].opens_at
    state = BookState(Portfolio(book, first_at, cash_usd))
    last_cutoff_at: datetime | None = first_at
    for hour in hours(spec, panel, timeline, terms):
        traffic = Traffic()
        state, dividends = before_hour(state, hour, market, last_cutoff_at, traffic)
        taken = step(spec, state, hour, decision_id_for(book, DecisionKind.HOURLY, hour.slot.as_of))
        state = accept(taken.state, taken.orders, hour.cutoff_at, traffic)
        last_cutoff_at = hour.cutoff_at
        result.dividends += dividends
        _collect(result, hour, taken, traffic)
    result.final = state
    return result


def _collect(result: ReplayResult, hour: Hour, taken: Step, traffic: Traffic) -> None:
    nav, cash = taken.nav_usd, float(taken.state.portfolio.cash_usd)
    invested = 0.0 if not nav else 1.0 - cash / nav
    slot = hour.slot
    result.navs.append(NavPoint(slot.as_of, slot.session_on, slot.is_closing, nav, invested))
    result.orders += taken.orders
    result.fills += [b.fill for b in traffic.bookings]
    result.vetoes += len(taken.vetoes)
    if taken.state_change:
        result.state_changes.append((slot.as_of, taken.state_change))
    for symbol in _passing(hour):
        result.gate_open[symbol] = result.gate_open.get(symbol, 0) + 1


def _passing(hour: Hour) -> Iterator[str]:
    enters = hour.judgement.enters[hour.row]
    return (s for s, passes in zip(hour.panel.symbols, enters, strict=True) if passes)
