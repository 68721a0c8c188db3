"""The process dies at any call; the retries end with one family and exact books."""

from __future__ import annotations

import itertools
from decimal import Decimal

import pytest
from trading.adapters.ibkr.broker import IbkrBroker
from trading.adapters.postgres_store.decisions import PostgresDecisionRows
from trading.adapters.postgres_store.ledger import PostgresLedgerRows
from trading.adapters.postgres_store.orders import PostgresOrderRows
from trading.domain.orders import OrderStatus
from trading.domain.portfolio import TradingState


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more."""


class Killer:
    """Lets the process die before or after the n-th call of one method."""

    def __init__(self, monkeypatch, owner: type, name: str, *, call: int = 0, after: bool) -> None:
        self.has_fired = False
        self._patch, self._owner, self._name, self._real = monkeypatch, owner, name, getattr(owner, name)
        seen = itertools.count()

        def dying(instance, *arguments, **options):
            if next(seen) != call:
                return self._real(instance, *arguments, **options)
            self.has_fired = True
            if after:
                self._real(instance, *arguments, **options)
            raise Killed

        monkeypatch.setattr(owner, name, dying)

    def disarm(self) -> None:
        self._patch.setattr(self._owner, self._name, self._real)


@pytest.mark.parametrize("after", [False, True], ids=["before the bytes left", "after the bytes left"])
def test_a_killed_submission_is_finished_by_the_retry_without_a_second_order(desk, monkeypatch, after: bool) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    killer = Killer(monkeypatch, IbkrBroker, "submit", after=after)
    with pytest.raises(Killed):
        desk.execute("2019-06-03 10:30")
    killer.disarm()
    desk.execute("2019-06-03 10:30")
    assert sorted(desk.refs_at_broker()) == sorted(o.order_id for o in legs)
    assert desk.status(*legs)[0] is OrderStatus.FILLED
    assert desk.held() == {"NVDA": Decimal(99)}


STEPS = [
    (IbkrBroker, "snapshot"), (IbkrBroker, "submit"), (IbkrBroker, "identity"), (PostgresOrderRows, "reserve"),
    (PostgresOrderRows, "record"), (PostgresOrderRows, "settle_intent"), (PostgresLedgerRows, "add_booking"),
]  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
def test_a01_killed_at_any_call_of_any_step_the_retries_end_with_one_family(
    desk, monkeypatch, owner, name, after
) -> None:
    desk.sync("2019-06-03 10:30")
    legs = desk.enter("2019-06-03 10:30")
    retry(desk.execute, "2019-06-03 10:30", monkeypatch, owner, name, after)
    assert desk.refs_at_broker() == [o.order_id for o in legs]
    assert desk.status(*legs) == [OrderStatus.FILLED, OrderStatus.SUBMITTED, OrderStatus.SUBMITTED]
    assert desk.held() == {"NVDA": Decimal(99)}
    assert desk.cash() == Decimal(100_000) - 99 * Decimal("100.05") - 1


REPAIRS = [
    (IbkrBroker, "snapshot"), (IbkrBroker, "submit"), (IbkrBroker, "cancel"), (PostgresOrderRows, "reserve"),
    (PostgresOrderRows, "record"), (PostgresOrderRows, "settle_intent"), (PostgresDecisionRows, "add"),
]  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "name"), REPAIRS, ids=[name for _, name in REPAIRS])
def test_a01_killed_at_any_call_of_a_repair_the_retries_end_with_one_protection(
    desk, monkeypatch, owner, name, after
) -> None:
    at, then = "2019-06-03 10:30", "2019-06-03 11:30"
    desk.sync(at)
    _, stop, _ = desk.enter(at)
    desk.execute(at)
    with desk.services.store.transaction() as tx:
        reserved = tx.orders.intents([stop.order_id])[stop.order_id].reserved_id
    with desk.services.broker.connect() as broker:
        broker.cancel([reserved])
    retry(desk.sync, then, monkeypatch, owner, name, after)
    live = [o["ticket"] for o in desk.gateway.orders() if o["status"] in ("PreSubmitted", "Submitted")]
    assert sorted((t["order_type"], Decimal(t["quantity"])) for t in live) == [("LMT", 99), ("TRAIL", 99)]
    refs = desk.refs_at_broker()
    assert len(refs) == len(set(refs))
    assert desk.sync(then).counts["repaired"] == 0
    assert desk.state() is TradingState.ACTIVE


def retry(step, at: str, monkeypatch, owner, name: str, after: bool) -> None:
    """Run a step until it is killed no more: at its first call of a method, then its second, and so on."""
    for call in range(20):
        killer = Killer(monkeypatch, owner, name, call=call, after=after)
        try:
            step(at)
        except Killed:
            continue
        finally:
            killer.disarm()
        if not killer.has_fired:
            return
