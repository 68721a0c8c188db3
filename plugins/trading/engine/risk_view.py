"""The risk of a book after a decision, read off what the decision left."""

from __future__ import annotations

from collections.abc import Iterator

from trading.domain.decisions import DecisionKind
from trading.domain.risk import BookRisk, SectorRisk
from trading.engine import breaker as breakers
from trading.engine.balance import members_of
from trading.engine.desk_view import prices_of, vix_of
from trading.engine.state import Hour, Step
from trading.execution.planner import held_weights
from trading.strategy.spec import StrategySpec


def risk_of(spec: StrategySpec, hour: Hour, taken: Step, kind: DecisionKind, due: str | None) -> BookRisk:
    """Return the risk of the book that `taken` left.

    Args:
        due: why the hour asks for a rebalance; None if it does not.
    """
    state, nav = taken.state, taken.nav_usd
    lifetime = state.breaker.lifetime_peak_usd
    return BookRisk(
        as_of=hour.slot.as_of,
        session_on=hour.slot.session_on,
        kind=kind,
        nav_usd=nav,
        drawdown_frac=None if nav is None else breakers.drawdown_frac(state.breaker, nav),
        lifetime_frac=None if nav is None or lifetime <= 0 else max(0.0, 1.0 - nav / lifetime),
        breaker=state.breaker,
        state=state.trading_state,
        vix=vix_of(hour),
        sectors=tuple(_sectors(spec, hour, taken)),
        rebalance_due=due,
        balance=state.balance,
    )


def _sectors(spec: StrategySpec, hour: Hour, taken: Step) -> Iterator[SectorRisk]:
    """Yield every sleeve of the strategy, empty ones included."""
    state, nav = taken.state, taken.nav_usd
    weights = {} if nav is None else dict(held_weights(state.held, prices_of(hour), nav))
    members = members_of(spec.universe.sector_of, state.held)
    for sector in dict.fromkeys(spec.universe.sectors):
        symbols = members.get(sector, [])
        aims = [state.balance.aims.get(symbol) for symbol in symbols]
        known = [aim for aim in aims if aim is not None]
        yield SectorRisk(
            sector,
            tuple(symbols),
            None if nav is None else sum(weights.get(symbol, 0.0) for symbol in symbols),
            sum(known) if len(known) == len(aims) else None,
        )
