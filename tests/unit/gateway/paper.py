"""A paper broker on bars in memory, and tickets that are valid by default."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from trading.domain.market import ActionKind, Bar, CorporateAction
from trading.execution.costs import CostModel
from trading.gateway.account import AccountTerms
from trading.gateway.broker import PaperBroker
from trading.gateway.events import Event
from trading.gateway.feed import DailyFeed
from trading.gateway.records import BrokerState, Status, Ticket

from tests.builders import no_commission, no_fees
from tests.fakes import ACCOUNT, WeekdayCalendar, flat_bars, ny

CLIENT = 11
START = ny("2019-06-03 10:30")
FLAT = flat_bars("NVDA", date(2019, 6, 3), 5)


def broker_on(
    bars: Iterable[Bar],
    *,
    cash_usd: int = 100_000,
    commission=no_commission,
    actions: Iterable[CorporateAction] = (),
    **terms: object,
) -> PaperBroker:
    """Return a broker whose clock stands at `START`."""
    return broker_of(BrokerState(ACCOUNT, Decimal(cash_usd), START), bars, commission, actions, **terms)


def broker_of(
    state: BrokerState, bars: Iterable[Bar], commission=no_commission, actions: Iterable[CorporateAction] = (), **terms
) -> PaperBroker:
    """Return a broker that goes on from `state`."""
    prices, known = list(bars), tuple(actions)
    feed = DailyFeed(
        {b.symbol for b in prices},
        lambda symbol, on: [b for b in prices if b.symbol == symbol and b.starts_at.date() == on],
        lambda symbols, first_on, last_on: [a for a in known if a.symbol in symbols and first_on <= a.ex_on <= last_on],
    )
    return PaperBroker(state, feed, WeekdayCalendar(), CostModel(0.0, commission, no_fees), AccountTerms(**terms))


def a_split(ex_on: date, ratio: float, symbol: str = "NVDA") -> CorporateAction:
    return CorporateAction(symbol, ActionKind.SPLIT, ex_on, ratio, "test", START)


def a_dividend(ex_on: date, per_share: float, symbol: str = "NVDA") -> CorporateAction:
    return CorporateAction(symbol, ActionKind.DIVIDEND, ex_on, per_share, "test", START)


def a_ticket(order_id: int = 1, **fields) -> Ticket:
    """A limit order that fills at the open of the flat market."""
    defaults = {
        "order_id": order_id, "symbol": "NVDA", "action": "BUY", "quantity": Decimal(10), "order_type": "LMT",
        "tif": "GTC", "account": ACCOUNT, "order_ref": f"ref{order_id}", "limit_price": Decimal("100.00"),
    }  # fmt: skip
    return Ticket(**defaults | fields)


def a_market_order(order_id: int = 1, **fields) -> Ticket:
    """A market order."""
    return a_ticket(order_id, **{"order_type": "MKT", "tif": "DAY", "limit_price": None} | fields)


def place_bracket(broker: PaperBroker, *, limit: str = "100.00", quantity: int = 10, **entry) -> None:
    """Place an entry (1) with a trailing stop of 12 % (2) and a target at 125 (3) in one family."""
    size = {"quantity": Decimal(quantity)}
    broker.place(CLIENT, a_ticket(1, transmit=False, limit_price=Decimal(limit), **size, **entry))
    trail = {"order_type": "TRAIL", "limit_price": None, "trail_percent": Decimal(12)}
    broker.place(CLIENT, a_ticket(2, action="SELL", parent_id=1, transmit=False, **size, **trail))
    broker.place(CLIENT, a_ticket(3, action="SELL", parent_id=1, limit_price=Decimal("125.00"), **size))


def statuses(broker: PaperBroker) -> list[Status]:
    return [o.status for o in broker.state.orders]


def told(events: Iterable[Event]) -> list[str]:
    """Return events as short words: class, status, code."""
    return [
        " ".join(str(w) for w in (type(e).__name__, e.order.ticket.order_id, e.order.status, getattr(e, "code", "")))
        for e in events
    ]
