"""vet(): every pre-trade check on every order, at the decision and again before sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from trading.domain.orders import Order, OrderPurpose, OrderStatus
from trading.domain.records import changed, quick
from trading.execution.checks import CHECKS, Applies, Check, Denial
from trading.execution.desk import Desk
from trading.execution.limits import Limits


@quick
@dataclass(frozen=True, slots=True)
class Veto:
    """A leg that may not go.

    Attributes:
        order: the leg as DENIED; its detail is what denied it first.
        code: of the first denial, e.g. "SECTOR_CAP".
        denials: everything that stands against the family, kept with the leg that leads it; empty for the others.
    """

    order: Order
    code: str
    denials: tuple[Denial, ...]


def vet(
    orders: Sequence[Order], desk: Desk, limits: Limits, checks: tuple[Check, ...] = CHECKS
) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
    """Return the orders that may go and the vetoes of those that may not, family by family in the order given.

    Each order that passes counts for the ones after it. An entry and its protection go together or not at all. An
    order that passes with a flag carries it as its detail.
    """
    passed: list[Order] = []
    vetoes: list[Veto] = []
    judging = _ALL if checks is CHECKS else _judging(checks)
    before: Order | None = None
    for family in _families(orders):
        head, *legs = family
        if before is not None:
            desk = desk.after(before)
            before = None
        denials, flags = _found(family, desk, limits, judging)
        if denials:
            vetoes += [_veto(order, denials, is_head=order is head) for order in family]
            continue
        passed += [changed(head, detail="; ".join(flags)) if flags else head, *legs]
        if not head.is_protective:
            before = head
    return tuple(passed), tuple(vetoes)


def _families(orders: Sequence[Order]) -> list[list[Order]]:
    """Return each order that stands for itself, followed by the protection that waits for it."""
    families: list[list[Order]] = []
    led_by: dict[str, list[Order]] = {}
    for order in orders:
        if order.parent_id in led_by:
            led_by[order.parent_id].append(order)
        else:
            families.append([order])
            led_by[order.order_id] = families[-1]
    return families


def _found(
    family: Sequence[Order], desk: Desk, limits: Limits, judging: _Judging
) -> tuple[tuple[Denial, ...], list[str]]:
    """Return what stands against a family, the first breach of each code, and what is only noted."""
    denials: dict[str, Denial] = {}
    flags: list[str] = []
    for place, order in enumerate(family):
        checks = judging.leg if place else judging.entry if order.purpose is OrderPurpose.ENTRY else judging.other
        for check in checks:
            if (breach := check.judge(order, desk, limits)) is None:
                continue
            denial = Denial(check.code, breach.detail, breach.observed, breach.threshold)
            if check.is_flag:
                flags.append(denial.text)
            else:
                denials.setdefault(check.code, denial)
    return tuple(denials.values()), flags


class _Judging(NamedTuple):
    """Which checks judge an entry, another order that leads its family, and a leg that waits for one."""

    entry: tuple[Check, ...]
    other: tuple[Check, ...]
    leg: tuple[Check, ...]


@lru_cache(maxsize=8)
def _judging(checks: tuple[Check, ...]) -> _Judging:
    return _Judging(
        entry=checks,
        other=tuple(c for c in checks if c.applies is not Applies.ENTRY),
        leg=tuple(c for c in checks if c.applies is Applies.EVERY_LEG),
    )


_ALL = _judging(CHECKS)


def _veto(order: Order, denials: tuple[Denial, ...], *, is_head: bool) -> Veto:
    first = denials[0]
    denied = changed(order, status=OrderStatus.DENIED, detail=first.text)
    return Veto(denied, first.code, denials if is_head else ())
