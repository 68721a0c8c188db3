"""A loopback TCP proxy that breaks the connection at a chosen byte: what a cable or a firewall does, not a gateway."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum


class Break(StrEnum):
    """What happens once the trigger went by (it still reaches the server)."""

    RESET = "reset"
    BLACKHOLE = "blackhole"


class FaultProxy:
    """Passes bytes on until armed.

    Attributes:
        port: where clients connect.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._trigger, self._break = b"", Break.RESET
        self._is_deaf = threading.Event()
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, kind: Break, trigger: bytes) -> None:
        """Break the connection right after the client's bytes that hold `trigger` went out to the server."""
        self._trigger, self._break = trigger, kind

    def close(self) -> None:
        """Stop, and drop whoever is connected."""
        for each in [self._listener, *self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                threading.Thread(target=self._upstream, args=(client, server), daemon=True).start()
                threading.Thread(target=self._downstream, args=(server, client), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                is_hit = bool(self._trigger) and self._trigger in data
                if is_hit:
                    # Before the server hears it: a quick answer must not slip through.
                    self._is_deaf.set()
                server.sendall(data)
                if is_hit and self._break is Break.RESET:
                    # SO_LINGER with zero seconds: the peer sees RST, not the end of the stream.
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    client.close()
                    break
            server.shutdown(socket.SHUT_WR)

    def _downstream(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if not self._is_deaf.is_set():
                    client.sendall(data)
            client.close()


@contextmanager
def fault_proxy(server_port: int) -> Iterator[FaultProxy]:
    """Run a proxy for the length of a `with` block."""
    proxy = FaultProxy(server_port)
    try:
        yield proxy
    finally:
        proxy.close()
