"""The port `Broker` on one connection of the client library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from time import monotonic
from typing import Any

from trading.adapters.ibkr.contracts import Contracts
from trading.adapters.ibkr.control import ask
from trading.adapters.ibkr.messages import MessageClass, classify
from trading.adapters.ibkr.placing import Placement
from trading.adapters.ibkr.preflight import Preflight
from trading.adapters.ibkr.quiet import RESTART_AT, QuietTime, quiet_time_at, quiet_times
from trading.adapters.ibkr.quoting import Quoting, quote_of
from trading.adapters.ibkr.session import IbSession
from trading.adapters.ibkr.translate import completed_order, exact, fill_of, open_order
from trading.domain.fills import Fill
from trading.domain.instruments import BookId, Symbol
from trading.domain.market import Quote
from trading.domain.orders import OrderEvent
from trading.errors import BrokerRefused, OutcomeUnknown, PermanentError, TransientError
from trading.ports import BrokerIdentity, BrokerOrder, BrokerRole, BrokerSnapshot, ReservedLeg

MARKER = ("AirdeskSimulated", "SIMULATED")
"""Account value by which the paper gateway declares itself; no real broker sends it."""
ADVANCE_SECONDS = 120.0
SETTLING_SECONDS = 0.2
"""Pause before a snapshot in which something was executed is taken anew."""
CANCELLERS = frozenset({BrokerRole.WRITER, BrokerRole.OPERATOR})


@dataclass(frozen=True, slots=True)
class _Holdings:
    """The library's executions of the day, and shares by symbol."""

    executions: Sequence[Any]
    positions: dict[Symbol, Decimal]

    @property
    def marks(self) -> tuple[frozenset[str], dict[Symbol, Decimal]]:
        """What differs once another execution came."""
        return frozenset(f.execution.execId for f in self.executions), self.positions


class IbkrBroker:
    """One connection in one role.

    Args:
        account: the one account that this book trades.
        control_port: the paper gateway's control port; None at a real broker.
        quiet_times: when no order may travel; None means the defaults at a real broker, and none at a simulated one.
        restart_at: when a real gateway restarts, New York wall clock; around it the defaults are quiet.
    """

    def __init__(
        self,
        session: IbSession,
        host: str,
        role: BrokerRole,
        account: str,
        control_port: int | None,
        quiet_times: Sequence[QuietTime] | None = None,
        *,
        restart_at: time = RESTART_AT,
    ) -> None:
        self._session, self._ib, self._hearing = session, session.ib, session.hearing
        self._host, self._role, self._account, self._control_port = host, role, account, control_port
        self._quiet_times, self._restart_at = quiet_times, restart_at
        self._contracts, self._quoting = Contracts(session), Quoting(session)
        self._preflight = Preflight(session, self._contracts, account)
        self._summary: dict[str, str] | None = None

    def identity(self) -> BrokerIdentity:
        """Return who answered, and whether it declares itself simulated."""
        return BrokerIdentity(
            accounts=tuple(self._ib.client.getAccounts()),
            is_simulated=self._is_simulated(),
            server_now=self._now(),
            client_id=self._session.client_id,
        )

    def snapshot(self, book: BookId) -> BrokerSnapshot:
        """Return everything the broker knows, at one moment: executions belong to the positions and to the cash."""
        hearing = self._hearing
        unread, hearing.needs_snapshot = hearing.unread, False
        holdings, next_order_id = self._look()
        orders, fills, taken_at = self._orders(), self._fills(book, holdings.executions), self._now()
        if hearing.unread > unread:
            raise PermanentError(
                f"{self._session.library.name} could not read a message of the broker, so that the snapshot may lack "
                "an order; nothing is assumed, compare the gateway's version with the supported ones"
            )
        return BrokerSnapshot(
            account=self._account,
            orders=orders,
            fills=fills,
            positions=holdings.positions,
            cash_usd=self._cash("TotalCashValue"),
            next_order_id=next_order_id,
            taken_at=taken_at,
            settled_cash_usd=self._cash("SettledCash") if self._is_cash_account() else None,
            account_type=self._tags().get("AccountType"),
            may_lack_orders=not hearing.is_broker_reachable or hearing.needs_snapshot,
        )

    def submit(self, family: Sequence[ReservedLeg]) -> tuple[OrderEvent, ...]:
        """Send a family, held back until its last leg, and wait until the broker has spoken about each leg."""
        head = family[0].order
        if self._role is not BrokerRole.WRITER:
            raise BrokerRefused(f"{head.order_id}: the {self._role} places no orders; connect as the writer")
        contract, steps = self._contracts.of(head.symbol), self._contracts.price_steps(head.symbol)
        at = self._time_to_send(f"{head.order_id} was not sent")
        if self._hearing.needs_snapshot:
            raise TransientError(
                f"{head.order_id} was not sent: the broker was lost and is back; a snapshot comes first, it is retried"
            )
        placement = Placement(self._session, family)
        if placement.is_too_late:
            return placement.events(at)
        placement.send(contract, self._account, steps)
        placement.wait()
        if placement.is_torn:
            self._cancel([leg.reserved_id for leg in family])
            words = "; ".join(placement.refusals.values())
            raise OutcomeUnknown(
                f"{head.order_id}: the broker took only part of the family ({words}); "
                "its cancellation was asked for, check the position and its protection"
            )
        return placement.events(at)

    def cancel(self, reserved_ids: Sequence[int]) -> None:
        """Ask for cancellations; one that is impossible shows in the next snapshot."""
        if self._role not in CANCELLERS:
            raise BrokerRefused(f"the {self._role} cancels no orders; connect as the writer or the operator")
        self._time_to_send("nothing was cancelled")
        self._cancel(reserved_ids)

    def quotes(self, symbols: Sequence[Symbol]) -> dict[Symbol, Quote]:
        """Return the market of each symbol now."""
        ticks = self._quoting.ask({symbol: self._contracts.to_quote(symbol) for symbol in symbols})
        now, is_stale = self._now(), bool(self._hearing.stale_farms)
        return {s: quote_of(s, ticks[s], now=now, is_stale=is_stale) for s in symbols}

    def refusal(self, symbol: Symbol) -> str | None:
        """Return the broker's words against buying one share; None if it has nothing against it."""
        return self._preflight.refusal(symbol)

    def advance_clock(self, to: datetime) -> None:
        """Move the paper gateway's clock forward; a bar that still runs then is judged by the next call."""
        if self._control_port is None or not self._is_simulated():
            raise BrokerRefused("only the SIMULATED gateway has a clock to set; use a real broker at its own time")
        command = {"cmd": "advance", "to": to.isoformat(), "whole_bars": True}
        ask(self._host, self._control_port, command, timeout_seconds=ADVANCE_SECONDS)

    # --- who and when ---------------------------------------------------------------------------

    def _now(self) -> datetime:
        now: datetime = self._session.ask("its time", self._ib.reqCurrentTimeAsync)
        return now.astimezone(UTC)

    def _tags(self) -> dict[str, str]:
        """The account's values of the latest snapshot; asked for once if there was none."""
        if self._summary is None:
            self._summary = self._session.account_summary()
        return self._summary

    def _is_simulated(self) -> bool:
        return self._tags().get(MARKER[0]) == MARKER[1]

    def _is_cash_account(self) -> bool:
        """Whether only settled cash may be spent: it says so, or its buying power is no more than its funds."""
        kind = self._tags().get("AccountType", "").upper()
        if "CASH" in kind or "MARGIN" in kind:
            return "CASH" in kind
        return "SettledCash" in self._tags() and self._cash("BuyingPower") <= self._cash("AvailableFunds")

    def _cash(self, tag: str) -> Decimal:
        try:
            return Decimal(self._tags()[tag])
        except (KeyError, InvalidOperation) as unsaid:
            raise TransientError(
                f"the broker did not say the account's {tag}; nothing is assumed, it is retried"
            ) from (unsaid)

    def _time_to_send(self, consequence: str) -> datetime:
        """Return the broker's time, if an order may travel now."""
        at = self._now()
        if not self._hearing.is_broker_reachable:
            raise TransientError(f"{consequence}: the gateway lost the broker (1100); wait for it, it is retried")
        default = () if self._is_simulated() else quiet_times(self._restart_at)
        quiet = quiet_time_at(default if self._quiet_times is None else self._quiet_times, at)
        if quiet is not None:
            raise TransientError(
                f"{consequence}: {quiet.why}; wait until {quiet.to_time:%H:%M} New York time, it is retried"
            )
        return at

    # --- parts of the snapshot ------------------------------------------------------------------

    def _look(self) -> tuple[_Holdings, int]:
        """Ask everything until no execution and no position changed meanwhile; returns them and the next order id.

        A fill between two questions would look like shares that nothing explains. Open orders are asked before
        completed ones: an order that moves on is then seen in its later place.
        """
        ib, hearing, ask = self._ib, self._hearing, self._session.ask
        patience = self._session.patience.request_seconds
        deadline, before = monotonic() + patience, self._holdings()
        while True:
            hearing.open_rows.clear()
            ask("open orders", ib.reqAllOpenOrdersAsync)
            hearing.completed_rows.clear()
            ask("completed orders", lambda: ib.reqCompletedOrdersAsync(False))
            self._summary = self._session.account_summary()
            next_order_id, after = self._session.refresh_next_order_id(), self._holdings()
            if after.marks == before.marks:
                return after, next_order_id
            if monotonic() >= deadline:
                raise TransientError(
                    f"the broker's executions and positions kept changing for {patience:g} s; "
                    "nothing is assumed, it is retried"
                )
            before = after
            # The library lets only so many requests through in a second.
            self._session.wait_until(lambda: False, SETTLING_SECONDS)

    def _holdings(self) -> _Holdings:
        ask, ib = self._session.ask, self._ib
        executions = ask("executions", ib.reqExecutionsAsync)
        return _Holdings(executions, self._positions(ask("positions", ib.reqPositionsAsync)))

    def _orders(self) -> tuple[BrokerOrder, ...]:
        """Open orders first; one that completed in between counts as completed."""
        refusals = self._refusals()
        open_rows = {row.order.permId: row for row in self._hearing.open_rows.values()}
        completed_rows = {row.order.permId: row for row in self._hearing.completed_rows}
        still_open = [row for perm_id, row in open_rows.items() if perm_id not in completed_rows]
        return (
            *(open_order(row, refusal=refusals.get(row.order.permId)) for row in still_open),
            *(completed_order(row, refusal=refusals.get(perm_id)) for perm_id, row in completed_rows.items()),
        )

    def _refusals(self) -> dict[int, str]:
        """The broker's words about orders that it refused while we listened, by permanent id."""
        order_ids = self._hearing.echoes
        return {
            order_ids[m.about]: f"{m.code} {m.text}"
            for m in self._hearing.messages
            if m.about in order_ids and classify(m.code) is MessageClass.REFUSED
        }

    def _fills(self, book: BookId, executions: Sequence[Any]) -> tuple[Fill, ...]:
        """Executions of this account, each once, with the commissions that arrived in time.

        A gateway reports commissions of other clients only to its master client; the writer does not wait for those.
        """
        mine = {f.execution.execId: f for f in executions if f.execution.acctNumber == self._account}
        # A lost connection empties the library's memory; the reports are kept by hand.
        heard = self._ib.wrapper.fills
        reports = {exec_id: heard.get(exec_id, fill).commissionReport for exec_id, fill in mine.items()}
        is_writer, client_id = self._role is BrokerRole.WRITER, self._session.client_id
        expected = [i for i, f in mine.items() if not is_writer or f.execution.clientId == client_id]

        def reported() -> bool:
            return all(reports[exec_id].execId for exec_id in expected)

        self._session.wait_until(reported, self._session.patience.commission_seconds)
        return tuple(
            fill_of(book, fill.execution, fill.contract.symbol, _commission(reports[exec_id]))
            for exec_id, fill in mine.items()
        )

    def _positions(self, rows: Sequence[Any]) -> dict[Symbol, Decimal]:
        mine = (row for row in rows if row.account == self._account and row.contract.secType == "STK")
        # A change that arrives with the answer comes last, also one to 0 shares.
        latest = {row.contract.symbol: exact(row.position) for row in mine}
        return {symbol: shares for symbol, shares in latest.items() if shares}

    # --- cancelling -----------------------------------------------------------------------------

    def _cancel(self, reserved_ids: Sequence[int]) -> None:
        try:
            for order_id in reserved_ids:
                self._ib.client.cancelOrder(order_id)
        except ConnectionError as lost:
            raise TransientError("the connection broke while orders were cancelled; it is retried") from lost
        # The answers arrive before that of any later request: a question that ends proves they were handled.
        self._now()


def _commission(report: Any) -> Decimal | None:
    return exact(report.commission) if report.execId else None
