"""judge(): every rule of a spec over a panel, and what they say together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trading.domain.instruments import Symbol
from trading.domain.panel import CodeArray, FeaturePanel, FloatArray, instant
from trading.domain.signals import ABSTAIN, OUTCOMES, PASS, Reason, RuleRole, Verdicts, codes_of, why_text
from trading.strategy.shrinking import kept_frac
from trading.strategy.spec import Rule, StrategySpec, rule_name


@dataclass(frozen=True)
class Recalled:
    """What a rule says about a wide panel: the outcomes; the values behind them are seen anew where somebody asks.

    Attributes:
        codes: FAIL, PASS or ABSTAIN, shape (times, symbols).
    """

    codes: CodeArray
    rule: Rule
    panel: FeaturePanel

    @property
    def passes(self) -> NDArray[np.bool_]:
        """Where the rule passes."""
        return np.asarray(self.codes == PASS)

    @property
    def abstains(self) -> NDArray[np.bool_]:
        """Where the rule cannot tell."""
        return np.asarray(self.codes == ABSTAIN)

    def whole(self) -> Verdicts:
        """Return everything that the rule says."""
        return self.rule(self.panel)

    def passes_at(self, row: int) -> NDArray[np.bool_]:
        """Return where the rule passes at one time, shape (symbols,)."""
        return np.asarray(self.codes[row] == PASS)

    def at(self, row: int) -> Verdicts:
        """Return what the rule says at one time, as its only row."""
        return self.rule(self.panel.at(row))

    def outcome(self, row: int) -> CodeArray:
        """Return the FAIL, PASS or ABSTAIN codes of one time, shape (symbols,)."""
        return np.asarray(self.codes[row])


type Said = Verdicts | Recalled
"""What one rule says about a panel."""

type RuleVerdicts = tuple[tuple[RuleRole, str, Said], ...]
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

    @cached_property
    def shrinks(self) -> bool:
        """Whether the rules that may shrink a buy order leave less than all of it anywhere."""
        return bool(
            (self.kept_frac[:1, :1] if self.kept_frac.strides == (0, 0) else self.kept_frac).min(initial=1.0) < 1.0
        )

    def reasons(self, row: int, as_of: datetime) -> Iterator[Reason]:
        """Return every verdict of one time as rows, symbol by symbol."""
        return reasons_of(self.symbols, self.verdicts, row, as_of)


def judge(spec: StrategySpec, panel: FeaturePanel) -> Judgement:
    """Return the judgement of `spec` over `panel`; one time or ten years by its shape."""
    shape = (len(panel), len(panel.symbols))
    said = _said_in_parts(spec, panel) if panel.is_wide else _said(spec, panel)
    # Symbol by symbol in memory, as the panel's columns are.
    enters = np.ones(shape, bool, order="F")
    exits, blocked = ~enters, ~enters
    for role, _, verdict in said:
        if role is RuleRole.ENTRY_REQUIRED:
            enters &= verdict.passes
        elif role is RuleRole.ENTRY_OPTIONAL:
            enters &= verdict.passes | verdict.abstains
        elif role is RuleRole.EXIT:
            exits |= verdict.passes
        elif role is RuleRole.BLOCK:
            blocked |= verdict.passes | verdict.abstains
    left = kept_frac(spec.sizing, [verdict.whole() for role, _, verdict in said if role is RuleRole.SHRINK], shape)
    return Judgement(panel.symbols, enters & ~exits, exits, blocked, left, said)


def _said(spec: StrategySpec, panel: FeaturePanel) -> RuleVerdicts:
    return tuple((role, rule_name(rule), rule(panel)) for role, rule in spec.rules())


def _said_in_parts(spec: StrategySpec, panel: FeaturePanel) -> RuleVerdicts:
    """Return what the rules say about a wide panel, some symbols at a time; only outcomes are kept."""
    rules = tuple(spec.rules())
    outcomes = [np.empty((len(panel), len(panel.symbols)), np.int8, order="F") for _ in rules]
    for columns, part in panel.parts():
        for (_, rule), codes in zip(rules, outcomes, strict=True):
            verdicts = rule(part)
            codes[:, columns] = codes_of(verdicts.passes, verdicts.abstains)
    return tuple(
        (role, rule_name(rule), Recalled(codes, rule, panel))
        for (role, rule), codes in zip(rules, outcomes, strict=True)
    )


def reasons_of(symbols: tuple[Symbol, ...], rules: RuleVerdicts, row: int, as_of: datetime) -> Iterator[Reason]:
    """Yield every verdict of one time as a row, symbol by symbol."""
    said = [(role, name, verdicts.at(row)) for role, name, verdicts in rules]
    outcomes = [verdicts.outcome(0) for _, _, verdicts in said]
    for column, symbol in enumerate(symbols):
        for (role, name, verdicts), outcome in zip(said, outcomes, strict=True):
            yield _reason(verdicts, column, outcome[column], symbol=symbol, as_of=as_of, rule=name, role=role)


def _reason(
    verdicts: Verdicts,
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
        observed=_known(verdicts.observed[0, column]),
        threshold=_known(verdicts.threshold[0, column]),
        input_at=instant(verdicts.input_at[0, column]),
        why=why_text(int(verdicts.why[0, column])),
    )


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
