"""The broker's message codes, each in one class: what a code may change, and what it may not.

From IB's message codes and from what real systems lost money on: most codes with an order id say nothing final about
the order. A code that is not listed is UNKNOWN and concludes nothing; the next snapshot decides.
"""

from __future__ import annotations

from enum import StrEnum


class MessageClass(StrEnum):
    """What a message code means to us.

    INFO: nothing. DATA_STALE, DATA_BACK: a data farm went or came back; the socket stays. LOST, BACK: the gateway lost
    or regained the broker. CLIENT_ID_IN_USE: the fence. REFUSED: a new order was not created. CHANGE_REFUSED: a change
    was not made, the order lives as it was. CANCEL_IMPOSSIBLE: usually it has filled. ORDER_LIVE: a remark on an order
    that lives. ORDER_ENDED: the broker says it cancelled. UNSUBSCRIBED: no market data line; delayed may do.
    COMPETING: another session took the market data. REQUEST: about one question, which fails by itself. UNKNOWN: ask.
    """

    INFO = "info"
    DATA_STALE = "data stale"
    DATA_BACK = "data back"
    LOST = "lost"
    BACK = "back"
    CLIENT_ID_IN_USE = "client id in use"
    REFUSED = "refused"
    CHANGE_REFUSED = "change refused"
    CANCEL_IMPOSSIBLE = "cancel impossible"
    ORDER_LIVE = "order live"
    ORDER_ENDED = "order ended"
    UNSUBSCRIBED = "unsubscribed"
    COMPETING = "competing"
    REQUEST = "request"
    UNKNOWN = "unknown"


CODES: dict[MessageClass, frozenset[int]] = {
    MessageClass.INFO: frozenset({2100, 2107, 2108, 2109, 2119}),
    MessageClass.DATA_STALE: frozenset({2103, 2105, 2157}),
    MessageClass.DATA_BACK: frozenset({2104, 2106, 2158}),
    MessageClass.LOST: frozenset({1100, 2110}),
    MessageClass.BACK: frozenset({1101, 1102}),
    MessageClass.CLIENT_ID_IN_USE: frozenset({326}),
    MessageClass.REFUSED: frozenset(
        {103, 110, 135, 200, 201, 320, 321, 391, 434, 460, 10242, 10243, 10244}
    ),
    MessageClass.CHANGE_REFUSED: frozenset({104, 105, 329, 10006}),
    MessageClass.CANCEL_IMPOSSIBLE: frozenset({161, 10147, 10148}),
    MessageClass.ORDER_LIVE: frozenset({399, 404, 10349}),
    MessageClass.ORDER_ENDED: frozenset({202}),
    MessageClass.UNSUBSCRIBED: frozenset({354, 10089, 10167, 10168}),
    MessageClass.COMPETING: frozenset({10197}),
    MessageClass.REQUEST: frozenset({100, 101, 162, 165, 300, 322, 366}),
}  # fmt: skip
_CLASSES = {code: kind for kind, codes in CODES.items() for code in codes}


def classify(code: int) -> MessageClass:
    """Return the class of a message code; UNKNOWN for one that is not listed."""
    return _CLASSES.get(code, MessageClass.UNKNOWN)
