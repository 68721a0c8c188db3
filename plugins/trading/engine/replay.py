"""The in-process replay: the same step, hour after hour, with the book in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

import numpy as np

from trading.accounting.wash_sales import WASH_MEMORY
from trading.analysis.facts import Facts, utc64
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Booking
from trading.domain.instruments import BookId
from trading.domain.market import CorporateAction
from trading.domain.orders import Order
from trading.domain.panel import FeaturePanel
from trading.domain.portfolio import AccountType, Portfolio
from trading.engine.corporate import Dividend, apply_actions
from trading.engine.expiry import without_expired, without_missed_auctions
from trading.engine.hours import Terms, Timeline, history_panel, hours
from trading.engine.market import Traffic, accept, run_bars, symbols_of_interest
from trading.engine.result import EquityCurve, ReplayResult
from trading.engine.settlement import settlement_days, with_proceeds
from trading.engine.state import BookState, Hour, Step
from trading.engine.step import step
from trading.engine.tape import Tape
from trading.execution.costs import CostModel
from trading.strategy.judging import judge
from trading.strategy.spec import StrategySpec


@dataclass(frozen=True)
class Market:
    """What the simulated market needs besides the book.

    Attributes:
        actions_on: splits and dividends by ex-date.
        settles_on: when a trade of each session settles.
    """

    tape: Tape
    actions_on: Mapping[date, Sequence[CorporateAction]]
    costs: CostModel
    settles_on: Mapping[date, date]

    @classmethod
    def of(cls, spec: StrategySpec, facts: Facts, timeline: Timeline, terms: Terms, costs: CostModel) -> Market:
        """Return the market of the traded symbols."""
        traded = spec.universe.traded
        by_date: dict[date, list[CorporateAction]] = {}
        for action in facts.actions:
            by_date.setdefault(action.ex_on, []).append(action)
        tape = Tape.of(facts, traded, daily_pricing=terms.daily_pricing)
        return cls(tape, by_date, costs, settlement_days(timeline))


def before_hour(
    state: BookState, hour: Hour, market: Market, last_cutoff_at: datetime | None, traffic: Traffic
) -> tuple[BookState, tuple[Dividend, ...]]:
    """Return the book as the hour finds it: corporate actions of the morning, then the bars since the last hour."""
    dividends: tuple[Dividend, ...] = ()
    if hour.is_first_of_session:
        if actions := market.actions_on.get(hour.slot.session_on, ()):
            opens = {a.symbol: market.tape.first_open(a.symbol, hour.slot.starts_at, hour.cutoff_at) for a in actions}
            state, dividends = apply_actions(state, actions, opens)
        keep_from = hour.slot.session_on - WASH_MEMORY
        state = replace(state, disposals=tuple(d for d in state.disposals if d.disposed_on >= keep_from))
        state = without_missed_auctions(state, hour.slot.starts_at, market.tape, traffic)
    if interesting := symbols_of_interest(state):
        bars = market.tape.between(last_cutoff_at, hour.cutoff_at, interesting)
        state = run_bars(state, bars, market.costs, traffic)
    state = with_proceeds(state, traffic.bookings, market.settles_on, hour.slot.session_on)
    return without_expired(state, hour.cutoff_at, market.tape, traffic, closes_at=hour.closes_at), dividends


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
    judgement = judge(spec, panel)
    market = Market.of(spec, facts, timeline, terms, costs)
    first_at = timeline.sessions[0].opens_at
    state = BookState(
        Portfolio(book, first_at, cash_usd), unsettled={} if terms.account_type is AccountType.CASH else None
    )
    last_cutoff_at: datetime | None = first_at
    log = _Log(panel)
    for hour in hours(judgement, panel, timeline, terms):
        traffic = Traffic()
        state, dividends = before_hour(state, hour, market, last_cutoff_at, traffic)
        taken = step(spec, state, hour, decision_id_for(book, DecisionKind.HOURLY, hour.slot.as_of))
        state = accept(taken.state, taken.orders, hour.cutoff_at, traffic)
        last_cutoff_at = hour.cutoff_at
        log.dividends += dividends
        log.add(hour, taken, traffic)
    return ReplayResult(
        book=book,
        spec=spec,
        starting_usd=float(cash_usd),
        panel=panel,
        judgement=judgement,
        curve=log.curve(timeline),
        orders=tuple(log.orders),
        fills=tuple(b.fill for b in log.bookings),
        disposals=tuple(d for b in log.bookings for d in b.disposals),
        dividends=tuple(log.dividends),
        denials=dict(log.denials),
        state_changes=tuple(log.state_changes),
        final=state,
    )


class _Log:
    """Collects what the hours did."""

    def __init__(self, panel: FeaturePanel) -> None:
        shape = (len(panel), len(panel.symbols))
        self.nav_usd, self.cash_usd = np.full(len(panel), np.nan), np.zeros(len(panel))
        self.quantity = np.zeros(shape)
        self.column = {s: i for i, s in enumerate(panel.symbols)}
        self.orders: list[Order] = []
        self.bookings: list[Booking] = []
        self.dividends: list[Dividend] = []
        self.denials: Counter[str] = Counter()
        self.state_changes: list[tuple[datetime, str]] = []

    def add(self, hour: Hour, taken: Step, traffic: Traffic) -> None:
        """Take what one hour did."""
        row = hour.row
        if taken.nav_usd is not None:
            self.nav_usd[row] = taken.nav_usd
        self.cash_usd[row] = float(taken.state.portfolio.cash_usd)
        for symbol, shares in taken.state.held.items():
            self.quantity[row, self.column[symbol]] = float(shares)
        self.orders += taken.orders
        self.bookings += traffic.bookings
        self.denials.update(v.code for v in taken.vetoes if v.denials)
        if taken.state_change:
            self.state_changes.append((hour.slot.as_of, taken.state_change))

    def curve(self, timeline: Timeline) -> EquityCurve:
        """Return the book hour by hour."""
        slots = timeline.slots
        return EquityCurve(
            as_of=np.array([utc64(s.as_of) for s in slots], dtype="datetime64[us]"),
            session_on=np.array([s.session_on for s in slots], dtype="datetime64[D]"),
            is_closing=np.array([s.is_closing for s in slots], dtype=bool),
            nav_usd=self.nav_usd,
            cash_usd=self.cash_usd,
            quantity=self.quantity,
        )
