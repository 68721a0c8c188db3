"""What the gateway said, word by word, before the client library makes anything of it.

The libraries keep an order object per order and let informational codes turn a live order into "Cancelled". Here the
raw messages are kept instead and the library's own order objects are never made, so nothing can flip them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trading.adapters.ibkr.messages import MessageClass, classify

LOG = logging.getLogger(__name__)
_LEVELS = {
    MessageClass.INFO: logging.DEBUG,
    MessageClass.DATA_BACK: logging.DEBUG,
    MessageClass.REQUEST: logging.DEBUG,
    MessageClass.CLIENT_ID_IN_USE: logging.DEBUG,
    MessageClass.ORDER_LIVE: logging.INFO,
    MessageClass.ORDER_ENDED: logging.INFO,
}
"""How loud a class is; the others are warnings."""
_ENDED = frozenset({"Filled", "Cancelled", "ApiCancelled", "Inactive"})
"""Words of orders that are over."""


@dataclass(frozen=True, slots=True)
class Message:
    """A numbered message; `about` is an order id, a request id, or -1."""

    about: int
    code: int
    text: str


@dataclass(slots=True)
class Row:
    """The latest word about one order, in the library's objects.

    Attributes:
        status: the broker's word. filled: shares, None where the message does not say.
        ended_text: why a completed order ended; empty for an open one. warning: the broker's remark on an open one.
    """

    contract: Any
    order: Any
    status: str
    filled: float | None = None
    ended_text: str = ""
    warning: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the order can still be changed."""
        return self.status not in _ENDED


@dataclass(slots=True)
class Ticks:
    """What came for one market data request. `prices` and `numbers` by IB's tick type.

    Attributes:
        data_type: 1 live, 2 frozen, 3 delayed, 4 delayed and frozen.
        is_ended: the broker said that the snapshot is complete.
    """

    prices: dict[int, float] = field(default_factory=dict)
    numbers: dict[int, float] = field(default_factory=dict)
    texts: dict[int, str] = field(default_factory=dict)
    data_type: int = 1
    is_ended: bool = False


class Hearing:
    """The ears of one connection.

    Attributes:
        next_order_id: what the gateway last said: highest id seen from this client, plus one; None while it is asked.
        messages: every numbered message, in the order of arrival.
        open_rows: open orders by permanent id (by negative order id while there is none).
        completed_rows: completed orders of the last answer.
        echoes: permanent ids of this client's orders that the gateway spoke about, by order id.
        ticks: market data by request id.
        is_broker_reachable: False between the messages LOST and BACK.
        needs_snapshot: the broker was lost and came back; what we knew may be outdated.
        stale_farms: names of broken data farms.
        unread: messages that the library could not decode.
    """

    def __init__(self, connection: Any, client_id: int, on_id_in_use: Callable[[str], None]) -> None:
        self._client_id, self._on_id_in_use = client_id, on_id_in_use
        self.next_order_id: int | None = None
        self.messages: list[Message] = []
        self.open_rows: dict[int, Row] = {}
        self.completed_rows: list[Row] = []
        self.echoes: dict[int, int] = {}
        self.ticks: dict[int, Ticks] = {}
        self.is_broker_reachable = True
        self.needs_snapshot = False
        self.stale_farms: set[str] = set()
        self.unread = 0
        self._listen(connection)

    def _listen(self, connection: Any) -> None:
        wrapper = connection.wrapper
        # Not `errorEvent`: it swallows what its listeners raise.
        self._end_request = wrapper.error
        wrapper.error = self._on_message
        wrapper.nextValidId = self._on_next_id
        wrapper.openOrder = self._on_open_order
        wrapper.orderStatus = self._on_order_status
        wrapper.completedOrder = self._on_completed_order
        wrapper.marketDataType = self._on_data_type
        wrapper.priceSizeTick = self._on_price
        wrapper.tickSize = _ignore
        wrapper.tickGeneric = self._on_number
        wrapper.tickString = self._on_text
        wrapper.tickSnapshotEnd = self._on_snapshot_end
        # The library logs what it cannot decode and goes on: a snapshot would silently lack an order.
        connection.client.decoder.logger = self

    def exception(self, text: str, *arguments: object) -> None:
        """Note a message that could not be decoded; called in place of the library's logger."""
        self.unread += 1
        LOG.error("a message of the broker could not be read: %s", sys.exc_info()[1])

    def row_of(self, order_id: int) -> Row | None:
        """Return the latest word about this client's order with that id, if there was one since the last snapshot."""
        perm_id = self.echoes.get(order_id)
        return None if perm_id is None else self.open_rows.get(perm_id)

    def messages_about(self, order_id: int, first: int = 0) -> list[Message]:
        """Return the messages about one id, from the `first`-th message on."""
        return [m for m in self.messages[first:] if m.about == order_id]

    # --- messages -------------------------------------------------------------------------------

    def _on_message(self, about: int, code: int, text: str, details: str = "") -> None:
        self._note(about, code, text)
        self._end_request(about, code, text, details)

    def _note(self, about: int, code: int, text: str) -> None:
        self.messages.append(Message(about, code, text))
        kind = classify(code)
        if kind is MessageClass.LOST:
            self.is_broker_reachable = False
        elif kind is MessageClass.BACK:
            self.is_broker_reachable, self.needs_snapshot = True, True
        elif kind is MessageClass.DATA_STALE:
            self.stale_farms.add(_farm(text))
        elif kind is MessageClass.DATA_BACK:
            self.stale_farms.discard(_farm(text))
        elif kind is MessageClass.CLIENT_ID_IN_USE:
            self._on_id_in_use(text)
        LOG.log(_LEVELS.get(kind, logging.WARNING), "broker message %s (%s) about %s: %s", code, kind, about, text)

    def _on_next_id(self, order_id: int) -> None:
        self.next_order_id = order_id

    # --- orders ---------------------------------------------------------------------------------

    def _on_open_order(self, order_id: int, contract: Any, order: Any, state: Any) -> None:
        self.open_rows[order.permId or -order_id] = Row(contract, order, state.status, warning=state.warningText)
        if order.permId and order.clientId == self._client_id:
            self.echoes[order_id] = order.permId

    def _on_order_status(
        self, order_id: int, status: str, filled: float, remaining: float, average_price: float, perm_id: int,
        parent_id: int, last_price: float, client_id: int, why_held: str, cap_price: float = 0.0,
    ) -> None:  # fmt: skip
        # Known by its permanent id: after a cancel by another client the status carries that client's id.
        row = self.open_rows.get(perm_id or -order_id)
        if row is not None:
            row.status, row.filled = status, filled
        if perm_id and client_id == self._client_id and (row is None or row.order.clientId == client_id):
            self.echoes[order_id] = perm_id

    def _on_completed_order(self, contract: Any, order: Any, state: Any) -> None:
        self.completed_rows.append(Row(contract, order, state.status, order.filledQuantity, state.completedStatus))

    # --- market data ----------------------------------------------------------------------------

    def _on_price(self, request_id: int, tick_type: int, price: float, size: float) -> None:
        if request_id in self.ticks:
            self.ticks[request_id].prices[tick_type] = price

    def _on_number(self, request_id: int, tick_type: int, value: float) -> None:
        if request_id in self.ticks:
            self.ticks[request_id].numbers[tick_type] = value

    def _on_text(self, request_id: int, tick_type: int, value: str) -> None:
        if request_id in self.ticks:
            self.ticks[request_id].texts[tick_type] = value

    def _on_data_type(self, request_id: int, data_type: int) -> None:
        if request_id in self.ticks:
            self.ticks[request_id].data_type = data_type

    def _on_snapshot_end(self, request_id: int) -> None:
        if request_id in self.ticks:
            self.ticks[request_id].is_ended = True


def _ignore(*arguments: object) -> None:
    """Sizes are not used."""


def _farm(text: str) -> str:
    """Return the farm's name, which follows the last colon."""
    return text.rsplit(":", 1)[-1].strip()
