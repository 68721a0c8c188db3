"""The live interlock: eight conditions, each from a place of its own, that must all hold before real money moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from trading.domain.money import whole_shares
from trading.domain.orders import Order, OrderPurpose, Side

PAPER_PREFIX = "D"
"""IBKR's paper accounts are DU… and DF…; no real one begins so."""
LIVE_PORTS = frozenset({7496, 4001, 4003})
"""TWS, IB Gateway, and the gateway inside its container network. A consistency check only: ports prove nothing."""
CLEAN_SESSIONS = 15
PROOF_AGE = timedelta(minutes=90)
CLOCK_DRIFT = timedelta(seconds=2)
RAMP_NAV_FRAC = 0.01
RUN_TYPES = frozenset({"scheduled", "manual", "operator_triggered", "operator"})
CONDITIONS = (
    "AIRDESK_MODE is live",
    "AIRDESK_LIVE_ARMED names the account",
    "the broker serves exactly that account, and it is no paper account",
    "an operator armed it (./airdesk arm) and the time has not run out",
    f"{CLEAN_SESSIONS} paper sessions were reconciled clean with this code",
    "the books equalled the broker's within 90 minutes, and the clocks agree within 2 s",
    "the run is neither a test nor a backfill nor an old hour",
    "the first live session's orders are capped",
)
_ARM = 3
_TO_REDUCE = (0, 1, 2, _ARM, 6)
"""Places in `CONDITIONS` of those that a sale or a protection needs, too."""


@dataclass(frozen=True, slots=True)
class LiveArm:
    """An operator's permission to trade real money in `account` with the code of `code_hash`."""

    account: str
    code_hash: str
    armed_by: str
    armed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RunOrigin:
    """Where a run comes from.

    Attributes:
        run_type: scheduled, manual, operator_triggered (by a DAG of ours) or operator; anything
            else, e.g. backfill, never trades real money.
        is_fresh: whether it stands for the newest hour.
        under_test: the variable that says so, e.g. CI; None outside tests.
    """

    run_type: str = "unknown"
    is_fresh: bool = False
    under_test: str | None = None


@dataclass(frozen=True, slots=True)
class LiveTerms:
    """What settings and environment say about real money.

    Attributes:
        armed_account: account that AIRDESK_LIVE_ARMED names. account: the configured one. Both may be empty.
    """

    is_live_mode: bool = False
    armed_account: str = ""
    account: str = ""
    origin: RunOrigin = RunOrigin()


@dataclass(frozen=True, slots=True)
class InterlockFacts:
    """What the conditions are judged on; an unknown fact is None and never counts as good.

    Attributes:
        armed_account: of the environment. account: of the settings. broker_accounts: of the broker itself.
        clean_sessions: paper sessions that `code_hash` reconciled without a difference.
        proven_at: newest clean comparison of this book.
        broker_now, now: the broker's clock and ours, read together.
        is_first_session: whether this book never traded on an earlier day.
        nav_usd: what the ramp's cap is counted from.
    """

    is_live_mode: bool
    armed_account: str
    account: str
    broker_accounts: tuple[str, ...] | None
    arm: LiveArm | None
    code_hash: str
    clean_sessions: int
    proven_at: datetime | None
    broker_now: datetime | None
    now: datetime
    origin: RunOrigin
    is_first_session: bool
    nav_usd: float | None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, whether it holds, and what is so instead if it does not."""

    name: str
    fault: str | None

    @property
    def holds(self) -> bool:
        """Whether nothing speaks against it."""
        return self.fault is None


def conditions(facts: InterlockFacts) -> tuple[Condition, ...]:
    """Return the eight conditions, each judged alone."""
    faults = (
        None if facts.is_live_mode else "the mode is another one",
        _environment(facts),
        _account(facts),
        _arm(facts),
        _paper_gate(facts),
        _proof(facts),
        _origin(facts.origin),
        _ramp(facts),
    )
    return tuple(Condition(name, fault) for name, fault in zip(CONDITIONS, faults, strict=True))


def missing(facts: InterlockFacts) -> tuple[str, ...]:
    """Return a sentence for each condition that does not hold; empty when real money may move."""
    return tuple(f"{c.name}: {c.fault}" for c in conditions(facts) if c.fault is not None)


def missing_to_reduce(facts: InterlockFacts) -> tuple[str, ...]:
    """Return a sentence for each condition that keeps even a sale or a protection of a live account here.

    Mode, accounts and where the run comes from are never waived: they say whose money it is and who asks. The rest
    permits risk to be taken. A permission that ran out must not keep a position unguarded that it once let in, so
    that somebody armed this account at all is enough.
    """
    found = conditions(facts)
    armed = replace(found[_ARM], fault=_ever_armed(facts))
    kept = [armed if place == _ARM else found[place] for place in _TO_REDUCE]
    return tuple(f"{c.name}: {c.fault}" for c in kept if c.fault is not None)


def is_reducing(orders: Sequence[Order]) -> bool:
    """Whether orders only sell what is held or guard it; the desk is long only."""
    return all(order.side is Side.SELL for order in orders)


def ramp_shares(nav_usd: float, price: Decimal) -> Decimal:
    """Return how many shares one order may buy on the first live session: one, or what 1 % of NAV buys."""
    return Decimal(max(1, whole_shares(RAMP_NAV_FRAC * nav_usd, price)))


def ramped(orders: Sequence[Order], nav_usd: float) -> tuple[Order, ...]:
    """Return the orders with each entry, and the protection that waits for it, capped for the first live session."""
    caps = {
        o.order_id: ramp_shares(nav_usd, o.limit_price)
        for o in orders
        if o.purpose is OrderPurpose.ENTRY and o.limit_price is not None
    }
    return tuple(
        replace(o, quantity=min(o.quantity, cap)) if (cap := caps.get(o.parent_id or o.order_id)) is not None else o
        for o in orders
    )


def over_ramp(order: Order, facts: InterlockFacts) -> str | None:
    """Return why an entry is too large for the first live session, or None."""
    if order.purpose is not OrderPurpose.ENTRY or not facts.is_first_session:
        return None
    if facts.nav_usd is None or order.limit_price is None:
        return f"{order.symbol}: NAV or limit is unknown, so the first session's cap is too"
    cap = ramp_shares(facts.nav_usd, order.limit_price)
    return None if order.quantity <= cap else f"{order.symbol}: {order.quantity} shares, the cap is {cap}"


def _environment(facts: InterlockFacts) -> str | None:
    if facts.armed_account and facts.armed_account == facts.account:
        return None
    return f"it names {facts.armed_account or 'nothing'}, the account is {facts.account or 'not configured'}"


def _account(facts: InterlockFacts) -> str | None:
    if facts.broker_accounts is None:
        return "the broker could not be asked"
    if facts.broker_accounts != (facts.account,):
        return f"it serves {', '.join(facts.broker_accounts) or 'none'}, configured is {facts.account or 'none'}"
    return f"{facts.account} is a paper account" if facts.account.startswith(PAPER_PREFIX) else None


def _arm(facts: InterlockFacts) -> str | None:
    if facts.arm is None:
        return "nobody did"
    if facts.now >= facts.arm.expires_at:
        return f"it ran out at {facts.arm.expires_at:%Y-%m-%d %H:%M} UTC"
    if (facts.arm.account, facts.arm.code_hash) != (facts.account, facts.code_hash):
        return "it was armed for another account or for other code"
    return None


def _ever_armed(facts: InterlockFacts) -> str | None:
    if facts.arm is None:
        return "nobody ever did"
    return None if facts.arm.account == facts.account else "it was armed for another account"


def _paper_gate(facts: InterlockFacts) -> str | None:
    if facts.code_hash and facts.clean_sessions >= CLEAN_SESSIONS:
        return None
    return f"there are {facts.clean_sessions} with code {facts.code_hash[:12] or 'unknown'}"


def _proof(facts: InterlockFacts) -> str | None:
    if facts.proven_at is None:
        return "they were never compared"
    if facts.now - facts.proven_at > PROOF_AGE:
        return f"the last clean comparison is of {facts.proven_at:%Y-%m-%d %H:%M} UTC"
    if facts.broker_now is None:
        return "the broker's clock could not be read"
    drift = abs(facts.broker_now - facts.now)
    return None if drift < CLOCK_DRIFT else f"the clocks differ by {drift.total_seconds():.1f} s"


def _origin(origin: RunOrigin) -> str | None:
    if origin.under_test is not None:
        return f"{origin.under_test} is set"
    if origin.run_type not in RUN_TYPES:
        return f"the run is of type {origin.run_type}"
    return None if origin.is_fresh else "the run stands for an old hour"


def _ramp(facts: InterlockFacts) -> str | None:
    if facts.is_first_session and facts.nav_usd is None:
        return "NAV is unknown, so there is no cap"
    return None
