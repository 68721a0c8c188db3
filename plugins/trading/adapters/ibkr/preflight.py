"""May this account buy a symbol at all: its contract, and what one share would do to the account. Nothing is sent."""

from __future__ import annotations

from trading.adapters.ibkr.contracts import Contracts
from trading.adapters.ibkr.hearing import Row
from trading.adapters.ibkr.messages import MessageClass, classify
from trading.adapters.ibkr.session import IbSession
from trading.domain.instruments import Symbol
from trading.errors import BrokerRefused, TransientError

_NOTHING = frozenset({"", "SIMULATED"})
"""Warnings that warn of nothing: the paper gateway marks every answer."""


class Preflight:
    """Asks about purchases by what-if orders, which create nothing and use no id up."""

    def __init__(self, session: IbSession, contracts: Contracts, account: str) -> None:
        self._session, self._contracts, self._account = session, contracts, account

    def refusal(self, symbol: Symbol) -> str | None:
        """Return the broker's words against buying one share at the market; None if it has nothing against it.

        Raises:
            TransientError: silence, or a broken connection.
        """
        try:
            contract = self._contracts.of(symbol)
        except BrokerRefused as unknown:
            return str(unknown)
        hearing, order_id = self._session.hearing, self._session.refresh_next_order_id()
        first = len(hearing.messages)
        order = self._session.library.order(
            orderId=order_id, action="BUY", totalQuantity=1.0, orderType="MKT", tif="DAY", account=self._account,
            whatIf=True,
        )  # fmt: skip
        try:
            self._session.ib.client.placeOrder(order_id, contract, order)
        except ConnectionError as lost:
            raise TransientError(f"the connection broke while the broker was asked about {symbol}; try again") from lost

        def words() -> list[str]:
            about = hearing.messages_about(order_id, first)
            return [f"{m.code} {m.text}" for m in about if classify(m.code) is MessageClass.REFUSED]

        patience = self._session.patience.acknowledgement_seconds
        self._session.wait_until(lambda: bool(words()) or self._row(order_id) is not None, patience)
        if said := words():
            return "; ".join(said)
        if (row := self._row(order_id)) is None:
            raise TransientError(f"the broker did not say whether it would buy {symbol}; nothing is assumed, try again")
        del hearing.open_rows[next(key for key, kept in hearing.open_rows.items() if kept is row)]
        warning = row.warning.removeprefix("SIMULATED: ")
        return None if warning in _NOTHING else f"it warns: {warning}"

    def _row(self, order_id: int) -> Row | None:
        rows = self._session.hearing.open_rows.values()
        return next((row for row in rows if row.order.whatIf and row.order.orderId == order_id), None)
