"""Where a result came from: which rules let symbols in or kept them out, and what ended each position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from trading.accounting.trades import GainCount, gain_count
from trading.analysis.facts import utc64
from trading.domain.instruments import Sector
from trading.domain.orders import IN_FULL, Order, OrderPurpose
from trading.domain.replays import RunTrade
from trading.domain.signals import ABSTAIN, OUTCOMES, PASS, RuleRole
from trading.engine.result import ReplayResult
from trading.strategy.judging import Said

BREAKER, ON_CLOSE = "drawdown breaker", "stop or target on a close"

_MAY_ABSTAIN = frozenset({RuleRole.ENTRY_OPTIONAL, RuleRole.SHRINK})

type Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What one rule said over all hours and symbols.

    Attributes:
        passed, failed, abstained: symbol-hours.
        alone: symbol-hours in which nothing but this rule kept an entry out.
    """

    role: RuleRole
    rule: str
    passed: int
    failed: int
    abstained: int
    alone: int


def rule_counts(result: ReplayResult) -> tuple[RuleCount, ...]:
    """Return one line per rule, in the order of the spec."""
    verdicts = result.judgement.verdicts
    against = [_keeps_out(role, verdict) for role, _, verdict in verdicts]
    is_single = np.sum(against, axis=0, dtype=np.int16) == 1
    counts = []
    for (role, rule, verdict), mask in zip(verdicts, against, strict=True):
        passed, abstained = int(verdict.passes.sum()), int(verdict.abstains.sum())
        failed = verdict.passes.size - passed - abstained
        counts.append(RuleCount(role, rule, passed, failed, abstained, int((mask & is_single).sum())))
    return tuple(counts)


def _keeps_out(role: RuleRole, verdict: Said) -> Mask:
    if role is RuleRole.ENTRY_REQUIRED:
        return ~verdict.passes
    if role is RuleRole.EXIT:
        return verdict.passes
    fails_or_not = verdict.passes | verdict.abstains
    return ~fails_or_not if role in _MAY_ABSTAIN else fails_or_not


def open_by_year(result: ReplayResult) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Return the years, and the part of each year's hours in which entries were open, shape (symbols, years)."""
    year = result.curve.session_on.astype("datetime64[Y]").astype(int) + 1970
    years = np.unique(year)
    is_open = result.judgement.enters & ~result.judgement.blocked
    return tuple(years.tolist()), np.array([is_open[year == y].mean(axis=0) for y in years]).T


def gains_by_exit(result: ReplayResult) -> tuple[GainCount, ...]:
    """Return what sales brought, by what caused them; a position sold in pieces counts once for each piece.

    A decided exit belongs to the rule that passed in its hour; one without such a rule is the drawdown breaker's while
    that is tripped, else the desk's own guard's, which looks at closes.
    """
    orders = {o.order_id: o for o in result.orders}
    order_of_fill = {f.fill_id: orders.get(f.order_id or "") for f in result.fills}
    gain_of_fill: dict[str, Decimal] = defaultdict(Decimal)
    for disposal in result.disposals:
        gain_of_fill[disposal.fill_id] += disposal.gain_usd
    gains: dict[str, list[float]] = defaultdict(list)
    for fill_id, gain in gain_of_fill.items():
        order = order_of_fill.get(fill_id)
        gains["not of this replay" if order is None else _cause(result, order)].append(float(gain))
    return tuple(sorted((gain_count(name, found) for name, found in gains.items()), key=lambda c: -c.count))


def _cause(result: ReplayResult, order: Order) -> str:
    if order.purpose is OrderPurpose.STOP:
        return "trailing stop"
    if order.purpose not in IN_FULL:
        return "take profit" if order.purpose is OrderPurpose.TARGET else order.purpose.value
    row, column = _cell(result, order)
    passed = (name for role, name, v in result.judgement.verdicts if _is_exit(role) and v.passes[row, column])
    return next(passed, BREAKER if _is_tripped(result, order) else ON_CLOSE)


def _is_tripped(result: ReplayResult, order: Order) -> bool:
    """Return whether the newest change of the trading state that `order` could know was not to ACTIVE."""
    told = [sentence for as_of, sentence in result.state_changes if as_of <= order.planned_at]
    return bool(told) and "ACTIVE" not in told[-1]


def _is_exit(role: RuleRole) -> bool:
    return role is RuleRole.EXIT


def _cell(result: ReplayResult, order: Order) -> tuple[int, int]:
    """Return row and column of the decision that planned an order: the last hour that its cut-off had seen."""
    row = int(np.searchsorted(result.curve.as_of, utc64(order.planned_at), side="right")) - 1
    return row, result.panel.symbols.index(order.symbol)


def gains_by_optional_rule(result: ReplayResult, trades: Sequence[RunTrade]) -> tuple[tuple[str, GainCount], ...]:
    """Return (rule, what came of the entries by its verdict) for each optional rule: did it help that it passed?"""
    orders = {o.order_id: o for o in result.orders}
    entry_of = {(f.symbol, f.executed_at): orders[f.order_id] for f in result.fills if f.order_id in orders}
    cells = [(t, _cell(result, e)) for t in trades if (e := entry_of.get((t.symbol, t.opened_at))) is not None]
    return tuple(_by_verdict(result, cells))


def _by_verdict(
    result: ReplayResult, cells: Sequence[tuple[RunTrade, tuple[int, int]]]
) -> Iterator[tuple[str, GainCount]]:
    for role, rule, verdict in result.judgement.verdicts:
        if role not in _MAY_ABSTAIN:
            continue
        gains: dict[int, list[float]] = defaultdict(list)
        for trade, cell in cells:
            gains[int(verdict.outcome(cell[0])[cell[1]])].append(trade.gain_usd)
        for code in (PASS, ABSTAIN):
            if gains[code]:
                yield rule, gain_count(OUTCOMES[code], gains[code])


def sector_exposure(result: ReplayResult) -> dict[Sector, NDArray[np.float64]]:
    """Return the part of NAV in each sector at the closes [0–1]; a close without a known NAV counts as 0."""
    rows = np.flatnonzero(result.curve.is_closing)
    nav = result.curve.nav_usd[rows, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.nan_to_num(result.curve.quantity[rows] * result.panel.price[rows] / nav)
    sectors = [result.spec.universe[s].sector for s in result.panel.symbols]
    return {
        sector: weight[:, [i for i, s in enumerate(sectors) if s is sector]].sum(axis=1)
        for sector in dict.fromkeys(s for s in sectors if s is not None)
    }
