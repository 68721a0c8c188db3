"""What brokers really send, in the order in which they send it, folded through our adoption: the oracle's cases."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from trading.domain.decisions import DecisionKind, decision_id_for
from trading.domain.fills import Fill, newest_revisions
from trading.domain.instruments import BookId
from trading.domain.money import ZERO
from trading.domain.orders import OrderEvent, OrderPurpose, OrderStatus, OrderType, Side, TimeInForce
from trading.domain.signals import Targets
from trading.errors import InvariantBroken
from trading.ports import BrokerOrder, BrokerSnapshot
from trading.tasks.adopt import take_over

from tests.builders import a_decision, an_order
from tests.fakes import ny
from tests.oracles import ORACLES, oracle

BOOK = BookId.parse("paper:DU111")
AT = ny("2026-11-20 10:00")
NAMES = [case["id"] for case in oracle("broker_sequences.json")["cases"]] if ORACLES.is_dir() else ["BS1"]
STATUSES = {
    "PreSubmitted": OrderStatus.SUBMITTED,
    "Submitted": OrderStatus.SUBMITTED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "Inactive": OrderStatus.REJECTED,
}


@dataclass
class Broker:
    """What the broker has told so far, as the snapshot that a look would show."""

    quantity: Decimal
    order: BrokerOrder | None = None
    fills: dict[str, Fill] = field(default_factory=dict)
    words: str | None = None

    def hear(self, event: dict) -> None:
        getattr(self, f"_{event['cb']}")(event)

    def _orderStatus(self, event: dict) -> None:  # noqa: N802 - the broker's word
        filled = Decimal(str(event["filled"]))
        status = STATUSES[event["status"]]
        if status is OrderStatus.SUBMITTED and filled:
            status = OrderStatus.PARTIALLY_FILLED
        self.order = BrokerOrder(
            "K1", event["orderId"], event["permId"], "AAPL", status, self.quantity, filled, Side.BUY, detail=self.words
        )

    def _execDetails(self, event: dict) -> None:  # noqa: N802
        known = self.fills.get(event["execId"])
        self.fills[event["execId"]] = known or Fill(
            event["execId"], event["orderRef"], BOOK, event["symbol"], Side.BUY, Decimal(str(event["shares"])),
            Decimal(str(event["price"])), None, datetime.fromisoformat(event["time"]),
        )  # fmt: skip

    def _commissionReport(self, event: dict) -> None:  # noqa: N802
        fill = self.fills[event["execId"]]
        self.fills[event["execId"]] = replace(fill, commission_usd=Decimal(str(event["commission"])))

    def _error(self, event: dict) -> None:
        self.words = f"{event['errorCode']} {event['errorString']}"

    def snapshot(self, at: datetime) -> BrokerSnapshot:
        fills = tuple(self.fills.values())
        held = sum((f.quantity for f in newest_revisions(fills)), ZERO)
        return BrokerSnapshot(
            "DU111", (self.order,) if self.order else (), fills, {"AAPL": held} if held else {}, ZERO, 6, at
        )


@pytest.fixture
def book(store):
    """A book of 100,000 USD with the oracle's order K1 and a sale K2 at the broker; returns the writer's epoch."""
    order = an_order(
        book=BOOK, order_id="K1", symbol="AAPL", quantity=Decimal(100), planned_at=AT, expires_at=None,
        decision_id=decision_id_for(BOOK, DecisionKind.HOURLY, AT), order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY, limit_price=None,
    )  # fmt: skip
    sale = replace(order, order_id="K2", side=Side.SELL, quantity=Decimal(40), purpose=OrderPurpose.EXIT)
    with store.order_writer(BOOK) as epoch:
        with store.transaction() as tx:
            tx.ledger.open_book(BOOK, strategy="s", spec_hash="h", opened_at=AT, cash_usd=Decimal(100_000))
            tx.decisions.add(a_decision(book=BOOK, as_of=AT), (), Targets(AT, 0.0, {}), [order, sale])
            tx.orders.reserve(["K1", "K2"], client_id=11, first_id=5, epoch=epoch)
            for order_id in ("K1", "K2"):
                for status in (OrderStatus.RESERVED, OrderStatus.SUBMITTED):
                    tx.orders.record(replace(order, order_id=order_id), OrderEvent(order_id, status, AT))
        yield epoch


def look(store, epoch: int, snapshot: BrokerSnapshot) -> None:
    with store.transaction() as tx:
        take_over(tx, BOOK, snapshot, epoch=epoch)


def state_of(order) -> str:
    is_partial = order.status is OrderStatus.CANCELLED and order.filled_quantity > 0
    return "CANCELLED_PARTIAL" if is_partial else order.status.name


@pytest.mark.parametrize("name", NAMES)
def test_b05_b06_b08_the_book_ends_as_the_oracle_says_after_a_look_at_every_event(store, book, name) -> None:
    case = next(c for c in oracle("broker_sequences.json")["cases"] if c["id"] == name)
    broker = Broker(Decimal(case["order"]["qty"]))
    for n, event in enumerate(case["events"]):
        broker.hear(event)
        for _ in range(2):
            look(store, book, broker.snapshot(datetime.fromisoformat("2026-11-20T15:30:00Z") + timedelta(seconds=n)))
    with store.transaction() as tx:
        order, fills = tx.orders.get("K1"), tx.ledger.fills(BOOK)
        portfolio = tx.ledger.portfolio(BOOK, AT)
    expected = case["expected"]
    held = sum((p.quantity for p in portfolio.positions.values()), ZERO)
    assert state_of(order) == expected["order_state"]
    assert (float(held), float(portfolio.cash_usd)) == (expected["position_after"], expected["cash_after"])
    assert len(fills) == expected["n_ledger_fills"]
    assert float(sum((f.commission_usd or ZERO for f in fills), ZERO)) == expected["commission"]
    assert {float(f.price) for f in fills} == ({expected["avg_price"]} if fills else set())


def test_b08_a_reject_keeps_the_brokers_words_and_its_symbol_is_known_for_the_day(store, book) -> None:
    broker = Broker(Decimal(100))
    broker.hear({"cb": "error", "errorCode": 201, "errorString": "Order rejected - reason: margin"})
    broker.hear({"cb": "orderStatus", "orderId": 5, "status": "Inactive", "filled": 0, "permId": 9001})
    look(store, book, broker.snapshot(AT))
    with store.transaction() as tx:
        assert tx.checks.rejected(BOOK, AT.date()) == {"AAPL": "201 Order rejected - reason: margin"}
        assert tx.checks.rejected(BOOK, AT.date() + timedelta(days=1)) == {}


def seen_buying_and_selling(store, book):
    """Take over a purchase of 100 shares and a sale of 40; returns the snapshot with both executions."""
    at = AT + timedelta(minutes=1)
    bought = Fill("e.1.01", "K1", BOOK, "AAPL", Side.BUY, Decimal(100), Decimal(270), Decimal(1), at)
    sold = replace(
        bought,
        fill_id="e.2.01",
        order_id="K2",
        side=Side.SELL,
        quantity=Decimal(40),
        executed_at=at + timedelta(minutes=1),
    )
    snapshot = replace(Broker(Decimal(100)).snapshot(at), fills=(bought, sold))
    look(store, book, snapshot)
    return snapshot, bought, sold


def test_a_correction_of_shares_that_were_sold_since_is_left_to_a_person(store, book) -> None:
    snapshot, bought, sold = seen_buying_and_selling(store, book)
    correction = replace(bought, fill_id="e.1.02", price=Decimal(269))
    with pytest.raises(InvariantBroken, match="by hand"):
        look(store, book, replace(snapshot, fills=(bought, correction, sold)))


def test_a_corrected_sale_changes_its_proceeds_and_leaves_the_lots_alone(store, book) -> None:
    snapshot, bought, sold = seen_buying_and_selling(store, book)
    look(store, book, replace(snapshot, fills=(bought, sold, replace(sold, fill_id="e.2.02", price=Decimal(271)))))
    with store.transaction() as tx:
        (disposal,) = tx.ledger.disposals(BOOK)
        assert (disposal.proceeds_usd, disposal.quantity) == (Decimal(40 * 271 - 1), 40)
        assert sum(lot.quantity for lot in tx.ledger.lots(BOOK, "AAPL")) == 60
        assert tx.ledger.portfolio(BOOK, bought.executed_at).cash_usd == Decimal(100_000 - 100 * 270 - 1 + 40 * 271 - 1)
