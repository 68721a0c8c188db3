"""A strategy as data: its rules, numbers and universe, and the hash that every decision carries."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Literal

from trading.domain.instruments import Sector, Symbol, Universe
from trading.domain.panel import FeaturePanel
from trading.domain.sentiment import Sentiment
from trading.domain.signals import RuleRole, Verdicts

type Rule = Callable[[FeaturePanel], Verdicts]
"""One expression over a panel; one hour or ten years by its shape. Parameters are bound with `partial`."""


@dataclass(frozen=True, slots=True)
class Sizing:
    """How much of each name, and how it is bought. Fractions of NAV [0–1] unless said.

    Attributes:
        doubted_frac: what a rule that may only shrink leaves of an order where it barely passes; whole_at: the value
            from which on it leaves all of it (`shrinking.kept_frac`).
        rebalance_nav_frac, rebalance_target_frac: a rebalance trades a gap over the larger of this part of NAV and this
            part of the target.
        shift_drift_frac, shift_sector_frac, shift_vix_frac: what makes a market shift: a sector this far from where it
            was brought, or over this part of NAV, or a VIX that rose by this part in a session.
        shift_pause_sessions: sessions after a rebalance in which no shift makes another.
        rule: "sleeves" shares NAV out by sector and volatility (`sizing.allocate`); "in_order" gives each name the
            asset cap, in universe order, while cash lasts (`sizing.in_order`).
        entry_order: "limit" fills up to `limit_offset_frac` above the last price; "market" takes the next open.
    """

    asset_cap_frac: float = 0.10
    asset_floor_frac: float = 0.05
    sector_cap_frac: float = 0.40
    cash_buffer_frac: float = 0.02
    trim_above_frac: float = 0.12
    limit_offset_frac: float = 0.005
    rebalance_nav_frac: float = 0.01
    rebalance_target_frac: float = 0.20
    shift_drift_frac: float = 0.05
    shift_sector_frac: float = 0.45
    shift_vix_frac: float = 0.40
    shift_pause_sessions: int = 5
    doubted_frac: float = 0.5
    whole_at: float = 0.60
    rule: Literal["sleeves", "in_order"] = "sleeves"
    entry_order: Literal["limit", "market"] = "limit"


@dataclass(frozen=True, slots=True)
class Protection:
    """Orders and breakers that guard a position or the book.

    Attributes:
        trail_frac, take_profit_frac: distances of stop and target [0–1].
        rests: "at_broker" are orders that work inside the hour, from the highest price; "on_closes" sells at the
            next open after an hour that closed beyond them, from the highest close.
        breaker_frac: fall from the high-water mark that trips REDUCE_ONLY. breaker_exit: how much is sold then, "all",
            "half" of each position in that hour, or "none".
        reentry_sessions, reentry_vix: the way back. lifetime_halt_frac: fall that halts for good.
        entry_minutes: life of an entry. collar_frac: furthest limit from the last price. max_vix: points.
        cooldown_days: calendar days after a stop on which its symbol is not entered; 0 switches it off.
        guard_stops, guard_window_days, guard_pause_days: so many stops within so many calendar days keep all entries
            of the book out for so many days after the last of them; 0 stops switch it off.
    """

    trail_frac: float = 0.12
    take_profit_frac: float = 0.25
    breaker_frac: float = 0.05
    breaker_exit: str = "all"
    reentry_sessions: int = 10
    reentry_vix: float = 25.0
    lifetime_halt_frac: float = 0.15
    entry_minutes: int = 25
    collar_frac: float = 0.03
    max_vix: float = 30.0
    rests: Literal["at_broker", "on_closes"] = "at_broker"
    cooldown_days: int = 7
    guard_stops: int = 4
    guard_window_days: int = 10
    guard_pause_days: int = 7


@dataclass(frozen=True, slots=True)
class StrategySpec:
    """Everything that a decision depends on besides data and book.

    Attributes:
        label: how people read it, e.g. "three_sector (sentiment optional)".
        entry_required: every one must PASS. entry_optional: none may FAIL.
        shrinks: each may make a finished buy order smaller, or stop it where it FAILs; none has a say before.
        exits: any PASS sells. blocks: any PASS stops entries.
        peers: symbols whose P/E form the sector's reference.
        sentiment: how headlines are read.
    """

    name: str
    label: str
    universe: Universe
    peers: Mapping[Sector, tuple[Symbol, ...]]
    entry_required: tuple[Rule, ...]
    entry_optional: tuple[Rule, ...]
    exits: tuple[Rule, ...]
    blocks: tuple[Rule, ...]
    shrinks: tuple[Rule, ...] = ()
    sizing: Sizing = field(default_factory=Sizing)
    protection: Protection = field(default_factory=Protection)
    sentiment: Sentiment = field(default_factory=Sentiment)

    def rules(self) -> tuple[tuple[RuleRole, Rule], ...]:
        """Return every rule with its role, in the order in which people read them."""
        groups = (
            (RuleRole.ENTRY_REQUIRED, self.entry_required),
            (RuleRole.ENTRY_OPTIONAL, self.entry_optional),
            (RuleRole.SHRINK, self.shrinks),
            (RuleRole.EXIT, self.exits),
            (RuleRole.BLOCK, self.blocks),
        )
        return tuple((role, rule) for role, rules in groups for rule in rules)

    @property
    def spec_hash(self) -> str:
        """Return 16 hex digits over everything above except the label."""
        parts = [f"{f.name}={_plain(getattr(self, f.name))}" for f in fields(self) if f.name != "label"]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def rule_name(rule: Rule) -> str:
    """Return the rule's function name."""
    return str(rule.func.__name__ if isinstance(rule, partial) else getattr(rule, "__name__", rule))


def _plain(value: Any) -> str:
    if isinstance(value, partial):
        return f"{rule_name(value)}({sorted(value.keywords.items())})"
    if callable(value):
        return rule_name(value)
    if isinstance(value, tuple):
        return "[" + ",".join(_plain(v) for v in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{k}:{_plain(v)}" for k, v in sorted(value.items())) + "}"
    return repr(value)
