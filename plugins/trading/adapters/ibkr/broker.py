"""The ports `Broker` and `BrokerGate` on ib_insync."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from trading.adapters.ibkr.control import ask
from trading.adapters.ibkr.session import IbSession, Patience, open_session
from trading.adapters.ibkr.translate import broker_order, exact, fill_of, order_fields, status_of
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.orders import OrderEvent, OrderPurpose, OrderStatus
from trading.errors import BrokerRefused, OutcomeUnknown, TransientError
from trading.ports import BrokerIdentity, BrokerRole, BrokerSnapshot, Quote, ReservedLeg

MARKER = ("AirdeskSimulated", "SIMULATED")
"""Account value by which the paper gateway declares itself; no real broker sends it."""
NOTHING_CREATED = frozenset({103, 110, 135, 200, 201, 320, 321, 391, 434, 460, 10242, 10243, 10244})
"""Codes after which no new order exists under that id (reference: IB message codes)."""
CLIENT_IDS = {BrokerRole.DATA: 21, BrokerRole.RECONCILER: 31, BrokerRole.OPERATOR: 41}
"""Fixed ids of the roles that place no orders; never 0, which would bind orders made by hand in TWS."""
ADVANCE_SECONDS = 120.0
_CUT_OFF = "{}: the connection broke while the family was sent; the retry looks what arrived and sends no second order"


class IbkrGate:
    """Opens writer connections under one fixed client id.

    Args:
        control_port: the paper gateway's control port; None at a real broker.
        is_paper: demand an account whose id starts with D.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: int,
        account: str,
        control_port: int | None,
        *,
        is_paper: bool = True,
        patience: Patience | None = None,
    ) -> None:
        self._host, self._port, self._client_id = host, port, client_id
        self._account, self._control_port, self._is_paper = account, control_port, is_paper
        self._patience = patience or Patience()

    @contextmanager
    def connect(self, role: BrokerRole = BrokerRole.WRITER) -> Iterator[IbkrBroker]:
        """Open the one connection of `role`; refuse any account but the configured one."""
        client_id = self._client_id if role is BrokerRole.WRITER else CLIENT_IDS[role]
        session = open_session(self._host, self._port, client_id, self._patience)
        try:
            self._guard_account(tuple(session.ib.client.getAccounts()))
            yield IbkrBroker(session, self._host, client_id, self._account, self._control_port)
        finally:
            session.close()

    def _guard_account(self, accounts: tuple[str, ...]) -> None:
        if accounts != (self._account,):
            raise BrokerRefused(
                f"the broker serves accounts {', '.join(accounts)}, but AIRDESK_BROKER_ACCOUNT is {self._account!r}; "
                "nothing was sent, correct the account or the port"
            )
        if self._is_paper and not self._account.startswith("D"):
            raise BrokerRefused(f"{self._account} is not a paper account (D…); this book trades on paper only")


class IbkrBroker:
    """One connection of the writer."""

    def __init__(self, session: IbSession, host: str, client_id: int, account: str, control_port: int | None) -> None:
        self._session, self._ib = session, session.ib
        self._host, self._client_id, self._account, self._control_port = host, client_id, account, control_port
        self._contracts: dict[Symbol, Any] = {}

    def identity(self) -> BrokerIdentity:
        """Return who answered, and whether it declares itself simulated."""
        tags = self._session.account_summary()
        return BrokerIdentity(
            accounts=tuple(self._ib.client.getAccounts()),
            is_simulated=tags.get(MARKER[0]) == MARKER[1],
            server_now=self._now(),
            client_id=self._client_id,
        )

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        """Return everything the broker knows.

        The order of the questions matters: an order that moves on while we ask is then seen in its later place.
        """
        ask, ib = self._session.ask, self._ib
        open_trades = ask("open orders", ib.reqAllOpenOrdersAsync)
        orders = {t.order.permId: broker_order(t, is_completed=False) for t in open_trades}
        completed = ask("completed orders", lambda: ib.reqCompletedOrdersAsync(False))
        for trade in completed:
            done = broker_order(trade, is_completed=True)
            orders[done.perm_id] = done
        fills = self._fills(book, ask("executions", ib.reqExecutionsAsync))
        positions = self._positions(ask("positions", ib.reqPositionsAsync))
        cash = self._session.account_summary().get("TotalCashValue")
        if cash is None:
            raise TransientError("the broker did not say the account's cash; nothing is assumed, it is retried")
        return BrokerSnapshot(
            account=self._account,
            orders=tuple(sorted(orders.values(), key=lambda o: o.api_order_id is None)),
            fills=fills,
            positions=positions,
            cash_usd=Decimal(cash),
            next_order_id=self._session.refresh_next_order_id(),
            taken_at=self._now(),
        )

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        """Send a family, held back until its last leg, and wait for the permId of each leg."""
        if not self._session.is_broker_reachable:
            raise TransientError("the gateway lost the broker (1100); nothing was sent, it is retried")
        contract = self._contract(family[0].order.symbol)
        first_error = len(self._session.errors)
        try:
            trades = [self._ib.placeOrder(contract, leg) for leg in self._legs(family)]
        except ConnectionError as lost:
            raise TransientError(_CUT_OFF.format(family[0].order.order_id)) from lost
        refused = self._wait_for_acknowledgement(trades, first_error)
        if refused and len(refused) < len(family):
            self.cancel([leg.reserved_id for leg in family])
            raise OutcomeUnknown(
                f"{family[0].order.order_id}: the broker took only part of the family ({'; '.join(refused.values())}); "
                "its cancellation was asked for, check the position and its protection"
            )
        sent_at = self._now()
        return tuple(
            self._event(leg, trade, refused.get(leg.reserved_id), sent_at)
            for leg, trade in zip(family, trades, strict=True)
        )

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        """Ask for cancellations; one that is impossible shows in the next snapshot."""
        try:
            for order_id in reserved_ids:
                self._ib.client.cancelOrder(order_id)
        except ConnectionError as lost:
            raise TransientError("the connection broke while orders were cancelled; it is retried") from lost
        # The answers arrive before that of any later request: a question that ends proves they were handled.
        self._now()

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        """Return the market of each symbol now."""
        return {s: Quote(s, None, None, None, None, is_delayed=False, is_halted=None) for s in symbols}

    def advance_clock(self, to: datetime) -> None:
        """Move the paper gateway's clock forward."""
        if self._control_port is None or not self.identity().is_simulated:
            raise BrokerRefused("only the SIMULATED gateway has a clock to set; use a real broker at its own time")
        command = {"cmd": "advance", "to": to.isoformat()}
        ask(self._host, self._control_port, command, timeout_seconds=ADVANCE_SECONDS)

    # --- parts of the snapshot ------------------------------------------------------------------

    def _now(self) -> datetime:
        now: datetime = self._session.ask("its time", self._ib.reqCurrentTimeAsync)
        return now.astimezone(UTC)

    def _fills(self, book: BookId, executions: Sequence[Any]) -> tuple[Fill, ...]:
        """Executions of this account, each once, with the commissions that arrived in time."""
        mine = {f.execution.execId: f for f in executions if f.execution.acctNumber == self._account}
        reports = self._ib.wrapper.fills

        def reported() -> bool:
            return all(reports[exec_id].commissionReport.execId for exec_id in mine)

        self._session.wait_until(reported, self._session.patience.commission_seconds)
        return tuple(
            fill_of(book, fill.execution, fill.contract.symbol, _commission(reports[exec_id].commissionReport))
            for exec_id, fill in mine.items()
        )

    def _positions(self, rows: Sequence[Any]) -> dict[Symbol, Decimal]:
        mine = (row for row in rows if row.account == self._account and row.contract.secType == "STK")
        return {row.contract.symbol: exact(row.position) for row in mine if row.position}

    def _contract(self, symbol: Symbol) -> Any:
        from ib_insync import Stock

        if symbol not in self._contracts:
            wanted = Stock(symbol, "SMART", "USD")
            found = self._session.ask(f"the contract of {symbol}", lambda: self._ib.qualifyContractsAsync(wanted))
            if len(found) != 1:
                raise BrokerRefused(f"{symbol} is not one US stock at the broker; name its exchange in the universe")
            self._contracts[symbol] = found[0]
        return self._contracts[symbol]

    # --- parts of a submission ------------------------------------------------------------------

    def _legs(self, family: Sequence[ReservedLeg]) -> Iterator[Any]:
        from ib_insync import Order as IbOrder

        has_parent = family[0].order.purpose is OrderPurpose.ENTRY
        group = "" if has_parent or len(family) == 1 else family[0].order.order_id
        for leg in family:
            is_child = has_parent and leg is not family[0]
            yield IbOrder(
                **order_fields(
                    leg.order,
                    order_id=leg.reserved_id,
                    parent_id=family[0].reserved_id if is_child else 0,
                    account=self._account,
                    is_last=leg is family[-1],
                    group=group,
                )
            )

    def _wait_for_acknowledgement(self, trades: Sequence[Any], first_error: int) -> dict[int, str]:
        """Wait until each leg has its permId or a definite refusal; refusals by order id."""
        refused: dict[int, str] = {}

        def answered() -> bool:
            for order_id, code, text in self._session.errors[first_error:]:
                if code in NOTHING_CREATED:
                    refused[order_id] = f"{code} {text}"
            return all(t.orderStatus.permId or t.order.permId or t.order.orderId in refused for t in trades)

        patience = self._session.patience.acknowledgement_seconds
        if not self._session.wait_until(answered, patience):
            if not self._ib.isConnected():
                raise TransientError(_CUT_OFF.format(trades[0].order.orderRef))
            names = ", ".join(t.order.orderRef for t in trades)
            raise OutcomeUnknown(f"{names}: no acknowledgement within {patience:g} s; the next snapshot decides")
        return refused

    def _event(self, leg: ReservedLeg, trade: Any, refusal: str | None, at: datetime) -> OrderEvent:
        if refusal is not None:
            return OrderEvent(leg.order.order_id, OrderStatus.REJECTED, at, detail=refusal)
        # The local status is a hint (informational codes flip it to Cancelled): only "it exists" is taken from it.
        word = trade.orderStatus.status
        filled = exact(trade.orderStatus.filled)
        status = status_of(word, filled, is_completed=False)
        return OrderEvent(
            order_id=leg.order.order_id,
            status=status if status is OrderStatus.FILLED else OrderStatus.SUBMITTED,
            happened_at=at,
            broker_order_id=trade.order.permId or trade.orderStatus.permId,
            filled_quantity=filled,
        )


def _commission(report: Any) -> Decimal | None:
    return exact(report.commission) if report.execId else None
