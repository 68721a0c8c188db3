"""One request on the wire: bounded in time and in size, whatever the server does."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from types import TracebackType
from typing import Any, Self

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from trading.adapters.http.redaction import redact_bytes
from trading.adapters.http.reply import Reply
from trading.adapters.http.terms import VendorTerms

PIECE_BYTES = 65_536
OUT_OF_TIME, NO_ANSWER = "out of time", "no answer in time"


class NoReply(Exception):
    """No whole reply came; the text says why in a few words and never where.

    Attributes:
        is_slow: it may only have needed longer.
    """

    def __init__(self, why: str, *, is_slow: bool) -> None:
        super().__init__(why)
        self.is_slow = is_slow


class TooLarge(Exception):
    """The reply is larger than the vendor's terms allow; it was not read to its end."""


class Watchdog:
    """Ends a connection after `seconds`, whatever it is busy with.

    A socket's own timeout starts anew with every byte, so a server that dribbles its handshake, its headers or its
    body would hold us for as long as it likes. The watchdog shuts the connection down underneath it.
    """

    def __init__(self, seconds: float) -> None:
        self.has_bitten = False
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._bite)
        self._timer.daemon = True

    def watch(self, connected: socket.socket) -> None:
        """Take a connection under guard. A duplicate, because TLS takes the socket itself over."""
        with self._lock:
            self._sockets.append(connected.dup())

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for guarded in self._sockets:
                guarded.close()
            self._sockets.clear()

    def _bite(self) -> None:
        with self._lock:
            self.has_bitten = True
            for guarded in self._sockets:
                with suppress(OSError):
                    guarded.shutdown(socket.SHUT_RDWR)


class _GuardedAdapter(HTTPAdapter):
    """Connections of one request, each under the watchdog from its first byte; nothing is retried down here."""

    def __init__(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Let both schemes open guarded connections."""
        super().init_poolmanager(*arguments, **options)
        watchdog = self._watchdog

        class Plain(HTTPConnection):
            def _new_conn(self) -> socket.socket:
                connected = super()._new_conn()
                watchdog.watch(connected)
                return connected

        class Secure(HTTPSConnection):
            def _new_conn(self) -> socket.socket:
                connected = super()._new_conn()
                watchdog.watch(connected)
                return connected

        plain = type("Plain", (HTTPConnectionPool,), {"ConnectionCls": Plain})
        secure = type("Secure", (HTTPSConnectionPool,), {"ConnectionCls": Secure})
        self.poolmanager.pool_classes_by_scheme = {"http": plain, "https": secure}


def transfer(
    terms: VendorTerms,
    url: str,
    *,
    params: Mapping[str, object],
    headers: Mapping[str, str],
    seconds: float,
) -> Reply:
    """Send one GET with the vendor's key and return whatever is answered, redirects too, within `seconds`.

    Raises:
        NoReply: nothing came, or not all of it, or not in time.
        TooLarge: more came than the terms allow.
    """
    key_headers, key_params = terms.credentials()
    own = {"User-Agent": terms.user_agent, "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
    timeouts = (min(terms.connect_seconds, seconds), min(terms.read_seconds, seconds))
    # An adapter without a session: no proxies, cookies or logins of the environment, and no redirect is looked at.
    with Watchdog(seconds) as watchdog, closing(_GuardedAdapter(watchdog)) as adapter:
        try:
            request = requests.Request(
                "GET",
                url,
                params={**params, **key_params},
                headers={**own, **headers, **key_headers},
            ).prepare()
            with adapter.send(request, stream=True, timeout=timeouts, proxies={}) as answer:
                body = redact_bytes(_limited(answer, terms.max_body_bytes), terms.secret)
                return Reply(answer.status_code, body, {name.lower(): value for name, value in answer.headers.items()})
        except (OSError, urllib3.exceptions.HTTPError, http.client.HTTPException) as error:
            # requests' own errors are OSErrors. Their text holds the address, so only the kind is kept.
            failure = OUT_OF_TIME if watchdog.has_bitten else _in_words(error)
    raise NoReply(failure, is_slow=failure in {OUT_OF_TIME, NO_ANSWER})


def _limited(answer: requests.Response, limit: int) -> bytes:
    body = bytearray()
    for piece in answer.iter_content(PIECE_BYTES):
        body += piece
        if len(body) > limit:
            raise TooLarge
    return bytes(body)


def _in_words(error: BaseException) -> str:
    if isinstance(error, requests.ConnectTimeout | requests.ReadTimeout) or "timed out" in str(error):
        return NO_ANSWER
    if isinstance(error, requests.exceptions.SSLError):
        return "the certificate is not accepted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ContentDecodingError):
        return "the reply is cut off or garbled"
    if isinstance(error, requests.ConnectionError):
        return "no connection, or it broke"
    return type(error).__name__
