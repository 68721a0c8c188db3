"""judge(): every rule of a spec over a panel, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.panel import FeaturePanel, FloatArray, instant
from trading.domain.signals import OUTCOMES, Reason, RuleRole, Verdicts, why_text
from trading.strategy.shrinking import kept_frac
from trading.strategy.spec import StrategySpec, rule_name

type RuleVerdicts = tuple[tuple[RuleRole, str, Verdicts], ...]
"""(role, rule name, verdicts) of each rule, in the order of its spec."""


@dataclass(frozen=True)
class Judgement:
    """What the rules say; masks of shape (times, symbols).

    Attributes:
        enters: every required rule passes and no optional one fails.
        exits: some exit rule passes.
        blocked: some block passes, or cannot tell.
        kept_frac: what the rules that may only shrink leave of a buy order [0–1]; they have no say in the masks above.
        verdicts: (role, rule name, verdicts), in the order of the spec.
    """

    symbols: tuple[Symbol, ...]
    enters: NDArray[np.bool_]
    exits: NDArray[np.bool_]
    blocked: NDArray[np.bool_]
    kept_frac: FloatArray
    verdicts: RuleVerdicts

    @cached_property
    def may_enter(self) -> NDArray[np.bool_]:
        """Where the rules let a symbol be entered and nothing blocks it."""
        return self.enters & ~self.blocked

    def reasons(self, row: int, as_of: datetime) -> Iterator[Reason]:
        """Return every verdict of one time as rows, symbol by symbol."""
        return reasons_of(self.symbols, self.verdicts, row, as_of)


def judge(spec: StrategySpec, panel: FeaturePanel) -> Judgement:
    """Return the judgement of `spec` over `panel`; one time or ten years by its shape."""
    verdicts = tuple((role, rule_name(rule), rule(panel)) for role, rule in spec.rules())
    shape = (len(panel), len(panel.symbols))
    # Symbol by symbol in memory, as the panel's columns are.
    enters = np.ones(shape, bool, order="F")
    exits, blocked = ~enters, ~enters
    for role, _, verdict in verdicts:
        if role is RuleRole.ENTRY_REQUIRED:
            enters &= verdict.passes
        elif role is RuleRole.ENTRY_OPTIONAL:
            enters &= verdict.passes | verdict.abstains
        elif role is RuleRole.EXIT:
            exits |= verdict.passes
        elif role is RuleRole.BLOCK:
            blocked |= verdict.passes | verdict.abstains
    doubts = [verdict for role, _, verdict in verdicts if role is RuleRole.SHRINK]
    return Judgement(panel.symbols, enters & ~exits, exits, blocked, kept_frac(spec.sizing, doubts, shape), verdicts)


def reasons_of(symbols: tuple[Symbol, ...], rules: RuleVerdicts, row: int, as_of: datetime) -> Iterator[Reason]:
    """Yield every verdict of one time as a row, symbol by symbol."""
    outcomes = [verdicts.outcome(row) for _, _, verdicts in rules]
    for column, symbol in enumerate(symbols):
        for (role, name, verdicts), outcome in zip(rules, outcomes, strict=True):
            yield _reason(verdicts, row, column, outcome[column], symbol=symbol, as_of=as_of, rule=name, role=role)


def _reason(
    verdicts: Verdicts,
    row: int,
    column: int,
    outcome: np.int8,
    *,
    symbol: Symbol,
    as_of: datetime,
    rule: str,
    role: RuleRole,
) -> Reason:
    return Reason(
        symbol=symbol,
        as_of=as_of,
        rule=rule,
        role=role,
        outcome=OUTCOMES[outcome],
        observed=_known(verdicts.observed[row, column]),
        threshold=_known(verdicts.threshold[row, column]),
        input_at=instant(verdicts.input_at[row, column]),
        why=why_text(int(verdicts.why[row, column])),
    )


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
