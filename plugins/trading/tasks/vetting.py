"""The second vetting: the same checks as at the decision, on the book and the clock of the moment of sending."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from trading.domain.instruments import BookId
from trading.domain.market import Slot
from trading.domain.orders import Order
from trading.domain.portfolio import nav_usd
from trading.engine.desk_view import desk_of, limits_of, prices_of
from trading.execution.vetoes import vet
from trading.ports import Services
from trading.strategy.spec import StrategySpec
from trading.tasks.decide import live_hour
from trading.tasks.facts import load_state


def still_fit(
    services: Services, spec: StrategySpec, book: BookId, slot: Slot, family: Sequence[Order], now: datetime
) -> str | None:
    """Return why `family` must not be sent any more, e.g. "VIX_BLOCK: …", or None.

    Everything is read afresh: trading state, cash and positions after the fills so far, the facts that
    the hour's analysis stored.
    The family's own legs do not count as working; orders that the vetted decision already sent today do.
    """
    with services.store.transaction() as tx:
        hour = live_hour(services, tx, spec, book, slot)
        state = load_state(tx, book, slot)
    own = {order.order_id for order in family}
    state = replace(state, working=tuple(o for o in state.working if o.order_id not in own))
    prices = prices_of(hour)
    desk = replace(desk_of(spec, state, hour, prices, nav_usd(state.portfolio, prices)), now=now)
    _, vetoes = vet(family, desk, limits_of(spec))
    return vetoes[0].order.detail if vetoes else None
