"""shrunk(): finished buy orders made smaller, or stopped, by the rules that may do nothing else.

It comes last, after sizing, planning and every check, so that what it takes away changes no other order: from the same
book the orders are some of those without it, and none is larger.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from trading.domain.money import whole_shares
from trading.domain.orders import Order, OrderStatus, Side
from trading.domain.records import changed
from trading.domain.signals import FAIL, RuleRole
from trading.engine.state import Hour
from trading.execution.checks import Denial
from trading.execution.vetoes import Veto

MODEL = "MODEL"
"""What a denial is stored under."""


def shrunk(hour: Hour, orders: Sequence[Order], vetoes: Sequence[Veto]) -> tuple[tuple[Order, ...], tuple[Veto, ...]]:
    """Return the orders that are left, with their protection fitted to them, and the vetoes with those added."""
    if not hour.judgement.shrinks:
        return tuple(orders), tuple(vetoes)
    kept = hour.judgement.kept_frac[hour.row]
    cut: dict[str, Decimal] = {}
    left: list[Order] = []
    stopped: list[Veto] = []
    for order in orders:
        if order.side is Side.BUY and (frac := kept.item(hour.panel.column[order.symbol])) < 1.0:
            cut[order.order_id] = Decimal(whole_shares(float(order.quantity) * frac, Decimal(1)))
        quantity = cut.get(order.parent_id or order.order_id)
        if quantity is None:
            left.append(order)
        elif quantity >= 1:
            detail = _told(hour, order, quantity) if order.side is Side.BUY else order.detail
            left.append(changed(order, quantity=quantity, detail=detail))
        else:
            stopped.append(_veto(hour, order))
    return tuple(left), (*vetoes, *stopped)


def _told(hour: Hour, order: Order, quantity: Decimal) -> str:
    why = f"{MODEL}: {quantity} of {order.quantity} shares, {_sentence(hour, order)}"
    return f"{order.detail}; {why}" if order.detail else why


def _veto(hour: Hour, order: Order) -> Veto:
    denial = _denial(hour, order)
    denied = changed(order, status=OrderStatus.DENIED, detail=denial.text)
    return Veto(denied, MODEL, (denial,) if order.side is Side.BUY else ())


def _denial(hour: Hour, order: Order) -> Denial:
    """Return the denial with the numbers of the rule that leaves least."""
    _, observed, threshold = min(_seen(hour, order))
    return Denial(MODEL, _sentence(hour, order), observed, threshold)


def _sentence(hour: Hour, order: Order) -> str:
    failed, observed, threshold = min(_seen(hour, order))
    says = "no better than" if failed == FAIL else "only a little better than"
    return f"a chance of {observed:.3f} is {says} {threshold:g}"


def _seen(hour: Hour, order: Order) -> Iterator[tuple[int, float, float]]:
    """Yield (outcome, value seen, threshold) of each rule that may shrink and did not abstain."""
    row, column = hour.row, hour.panel.column[order.symbol]
    for role, _, verdicts in hour.judgement.verdicts:
        if role is RuleRole.SHRINK and not verdicts.abstains[row, column]:
            here = verdicts.at(row)
            yield int(here.passes[0, column]), here.observed.item(0, column), here.threshold.item(0, column)
