"""Sending a family of orders, and waiting until the gateway has spoken about each leg.

An answer here means "it exists" or "it was never created"; how an order ends is told by snapshots alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from trading.adapters.ibkr.hearing import Row
from trading.adapters.ibkr.messages import MessageClass, classify
from trading.adapters.ibkr.session import IbSession
from trading.adapters.ibkr.translate import Family, PriceSteps, order_fields
from trading.domain.orders import OrderEvent, OrderStatus
from trading.errors import OutcomeUnknown, TransientError
from trading.ports import ReservedLeg

_CUT_OFF = "{}: the connection broke while the family was sent; the retry looks what arrived and sends no second order"
_REFUSALS = frozenset({MessageClass.REFUSED, MessageClass.CHANGE_REFUSED})


class Placement:
    """One family on its way. `known` holds the open orders that these ids change; other ids are new."""

    def __init__(self, session: IbSession, family: Sequence[ReservedLeg]) -> None:
        self._session, self._hearing, self._legs = session, session.hearing, family
        rows = {leg.reserved_id: row for leg in family if (row := self._hearing.row_of(leg.reserved_id)) is not None}
        self.known: dict[int, Row] = {order_id: row for order_id, row in rows.items() if row.is_open}
        self._ended = {order_id: row for order_id, row in rows.items() if not row.is_open}
        self._family = Family.of([leg.order for leg in family], first_id=family[0].reserved_id)
        self._first_message = len(self._hearing.messages)
        next_id, echoes = self._hearing.next_order_id, self._hearing.echoes
        self._used = {
            leg.reserved_id
            for leg in family
            if next_id is None or leg.reserved_id < next_id or leg.reserved_id in echoes
        }

    @property
    def is_too_late(self) -> bool:
        """Whether every order that would be changed has ended, as this connection has heard since its snapshot."""
        return len(self._ended) == len(self._legs)

    def send(self, contract: Any, account: str, steps: PriceSteps) -> None:
        """Put every leg on the wire, in order; the library throttles, the answers tell when it is through."""
        orders = list(self._orders(account, steps))
        for leg in self._legs:
            self._hearing.echoes.pop(leg.reserved_id, None)
        try:
            for leg, order in zip(self._legs, orders, strict=True):
                self._session.ib.client.placeOrder(leg.reserved_id, contract, order)
        except ConnectionError as lost:
            raise TransientError(_CUT_OFF.format(self._name)) from lost

    def wait(self) -> None:
        """Wait until the gateway has spoken about every leg.

        Raises:
            TransientError: the connection broke.
            OutcomeUnknown: silence.
        """
        patience = self._session.patience.acknowledgement_seconds
        is_answered = self._session.wait_until(self._is_answered, patience)
        for order_id, row in self.known.items():
            self._hearing.echoes.setdefault(order_id, row.order.permId)
        if is_answered:
            return
        if not self._session.ib.isConnected():
            raise TransientError(_CUT_OFF.format(self._name))
        names = ", ".join(leg.order.order_id for leg in self._legs)
        raise OutcomeUnknown(f"{names}: no acknowledgement within {patience:g} s; the next snapshot decides")

    @property
    def refusals(self) -> dict[int, str]:
        """The broker's words by id for new legs that it refused."""
        words = {leg.reserved_id: self._refusal(leg.reserved_id) for leg in self._legs}
        return {i: text for i, text in words.items() if text and i not in self.known and not self._is_echoed(i)}

    @property
    def is_torn(self) -> bool:
        """Whether a parent or child is missing from a family that only makes sense as a whole."""
        return self._family.has_children and 0 < len(self.refusals) < len(self._legs)

    def events(self, at: datetime) -> tuple[OrderEvent, ...]:
        """Return one event per leg: submitted, or rejected if it was never created.

        Raises:
            OutcomeUnknown: a refused id was used before, so that the refusal does not tell what became of it.
        """
        refusals = self.refusals
        for order_id, words in refusals.items():
            if order_id in self._used:
                raise OutcomeUnknown(f"{self._name}: order id {order_id} was used before ({words}); a snapshot decides")
        return tuple(self._event(leg, refusals.get(leg.reserved_id), at) for leg in self._legs)

    # --- inside ---------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return self._legs[0].order.order_id

    def _orders(self, account: str, steps: PriceSteps) -> Iterable[Any]:
        for leg in self._legs:
            fields = order_fields(
                leg.order, order_id=leg.reserved_id, account=account, family=self._family, steps=steps
            )
            if row := self.known.get(leg.reserved_id):
                # A change must leave group and parent as they are: broker and siblings go by them.
                was = row.order
                fields |= {"parentId": was.parentId, "ocaGroup": was.ocaGroup, "ocaType": was.ocaType, "transmit": True}
            yield self._session.library.order(**fields)

    def _is_echoed(self, order_id: int) -> bool:
        return order_id in self._hearing.echoes

    def _is_answered(self) -> bool:
        if self._family.has_children and self._refusal(self._legs[-1].reserved_id):
            return True  # the legs before it stay held back, and nobody will ever speak about them
        return all(self._is_echoed(leg.reserved_id) or self._refusal(leg.reserved_id) for leg in self._legs)

    def _refusal(self, order_id: int) -> str | None:
        # A code about changes says nothing about an order that is new.
        kinds = _REFUSALS if order_id in self._used else {MessageClass.REFUSED}
        said = self._hearing.messages_about(order_id, self._first_message)
        return next((f"{m.code} {m.text}" for m in said if classify(m.code) in kinds), None)

    def _event(self, leg: ReservedLeg, refusal: str | None, at: datetime) -> OrderEvent:
        if refusal is not None:
            return OrderEvent(leg.order.order_id, OrderStatus.REJECTED, at, detail=refusal)
        words = self._refusal(leg.reserved_id) if leg.reserved_id in self.known else None
        if ended := self._ended.get(leg.reserved_id):
            words = f"it is {ended.status} already"
        return OrderEvent(
            order_id=leg.order.order_id,
            status=OrderStatus.SUBMITTED,
            happened_at=at,
            broker_order_id=self._hearing.echoes[leg.reserved_id],
            detail=words and f"not changed: {words}",
        )
