"""The TWS text protocol, server versions 157..178: bytes ↔ records. No sockets and no state.

A frame is a 4-byte big-endian length and NUL-terminated fields. Layouts follow what ib_insync 0.9.86, ib_async 2.1.0
and IB's own client decode; whatever depends on the negotiated version is in this package and nowhere else. The
protobuf encoding starts at version 201 and is never reached. One module per subject: `frames`, `contracts`,
`tickets` (placeOrder), `orders`, `account`, `market`.
"""

from trading.gateway.wire.frames import frame

__all__ = ["frame"]
