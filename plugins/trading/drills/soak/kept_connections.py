"""Connections that are used again: half the time of a soak would else go into logging in.

What a session leaves behind is discarded, so that the next transaction meets a session as fresh as a new one. A
connection that the server ended is never handed out, and none is shared with a fork.
"""

from __future__ import annotations

import os
import select
from collections import defaultdict

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.connection import connect

_KEPT: defaultdict[tuple[int, str], list[KeptConnection]] = defaultdict(list)


class KeptConnection(Connection):
    """A connection whose `close` keeps it for the next one who asks."""

    key: tuple[int, str]

    def close(self) -> None:
        """Keep the session, as new; one that is broken is closed."""
        if self.closed or self.key[0] != os.getpid() or self.info.transaction_status != TRANSACTION_STATUS_IDLE:
            super().close()
            return
        try:
            self.autocommit = True
            with self.cursor() as cursor:
                cursor.execute("DISCARD ALL")
            self.autocommit = False
        except psycopg2.Error:
            super().close()
        else:
            _KEPT[self.key].append(self)

    @property
    def is_alive(self) -> bool:
        """Whether the server has said nothing unasked: it only does so when it ends a session."""
        return not self.closed and not select.select([self.fileno()], [], [], 0)[0]

    def end(self) -> None:
        """Close it."""
        super().close()


def kept_connection(url: str) -> Connection:
    """Return a session of this process that is free, or a new one."""
    key = (os.getpid(), url)
    while _KEPT[key]:
        free = _KEPT[key].pop()
        if free.is_alive:
            return free
        free.end()
    fresh = connect(url, factory=KeptConnection)
    assert isinstance(fresh, KeptConnection), "the factory made it"
    fresh.key = key
    return fresh


def end_kept_connections() -> None:
    """Close what this process keeps."""
    for (process, _), connections in _KEPT.items():
        for connection in connections if process == os.getpid() else ():
            connection.end()
        connections.clear()
