"""Which client library is installed: `ib_insync`, else its continuation `ib_async`. The one place that names them.

The adapter uses the part in which both are alike: the socket, the encoding and the decoding of messages. What they
make of the messages differs (false cancels, `ValidationError`, `None` among contracts, ticks that are dropped), so
`hearing` listens before they interpret anything. Imported inside functions, because that takes a second and needs an
event loop.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from trading.errors import ConfigurationError

LIBRARIES = ("ib_insync", "ib_async")
"""In order of preference. Both bring a package `eventkit`, so one environment holds only one of them."""


@dataclass(frozen=True, slots=True)
class ClientLibrary:
    """The names of the library that the adapter uses.

    Attributes:
        connection: class of a connection (`IB`). order, stock, contract: classes of what is sent.
        request_error: raised when the gateway answers a request with an error; has `code` and `message`.
        run: runs an awaitable to its end, with `timeout` in seconds.
        failures: event by which a failure ends the call that is being waited for.
    """

    name: str
    connection: Any
    order: Any
    stock: Any
    contract: Any
    request_error: type[Exception]
    run: Any
    failures: Any


def client_library() -> ClientLibrary:
    """Return the installed library, ready for use in this thread."""
    ensure_event_loop()
    return _installed()


@cache
def _installed() -> ClientLibrary:
    name = next((name for name in LIBRARIES if find_spec(name) is not None), None)
    if name is None:
        raise ConfigurationError(f"no client library for Interactive Brokers is installed; install {LIBRARIES[0]}")
    library, wrapper = import_module(name), import_module(f"{name}.wrapper")
    # One order makes the library log the account's values at INFO and every refusal at ERROR: we say it ourselves.
    logging.getLogger(name).setLevel(logging.CRITICAL)
    return ClientLibrary(
        name=name,
        connection=library.IB,
        order=library.Order,
        stock=library.Stock,
        contract=library.Contract,
        request_error=wrapper.RequestError,
        run=library.util.run,
        failures=library.util.globalErrorEvent,
    )


def ensure_event_loop() -> None:
    """Give this thread an open event loop: the libraries take the current one, at import and at every request."""
    try:
        loop = asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:
        loop = None
    if loop is None or loop.is_closed():
        asyncio.set_event_loop(asyncio.new_event_loop())
