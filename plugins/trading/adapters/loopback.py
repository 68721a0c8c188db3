"""Ports on the loopback interface that nothing else uses, also not another desk that is just starting."""

from __future__ import annotations

import fcntl
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Return whether nothing listens on the port."""
    with socket.socket() as probe:
        # As servers do it: connections of an earlier one that still linger do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


@contextmanager
def claimed_port(wanted: int) -> Iterator[int]:
    """Hold `wanted`, or the next port that is free, against desks that start at the same moment.

    A server needs seconds to bind; until then only this claim, a locked file, tells other desks.
    """
    for port in (*range(wanted, wanted + 50), free_port()):
        if not is_free(port):
            continue
        try:
            file = (Path(tempfile.gettempdir()) / f"airdesk-port-{port}.lock").open("a")
        except OSError:
            continue
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            yield port
            return
    yield free_port()
