"""Leases: of some programs only one copy may work, whatever machine the other one runs on.

A lease is a lock of a database session, so a process that dies lets go at once. Who holds it is the session's name.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.connection import connect, translated_errors
from trading.adapters.postgres_store.statements import Statements
from trading.errors import TransientError

NAME_BYTES = 63
"""Postgres cuts a session's name here."""


class Lease:
    """A lease that this process took."""

    def __init__(self, session: Connection, holder: str) -> None:
        self.holder = holder
        self._session = session

    def check(self) -> None:
        """Raise `TransientError` if the session is gone, and the lease with it: another copy may work by now."""
        try:
            Statements(self._session, "leases").value("is_here")
        except psycopg2.Error:
            raise TransientError(f"{self.holder} lost its database session; it ends, and starts again") from None


def lease_holder(url: str, name: str) -> str | None:
    """Return who holds a lease and since when; None if nobody does."""
    with translated_errors(), closing(connect(url)) as session, session:
        found = Statements(session, "leases").row("lease_holder", name=name)
    return None if found is None else f"{found['holder']}, since {found['since']:%Y-%m-%d %H:%M} UTC"


@contextmanager
def lease(url: str, name: str) -> Iterator[Lease]:
    """Hold the lease `name` for the length of a block.

    Raises:
        TransientError: another process holds it; the text names it.
    """
    holder = f"airdesk {name} on {socket.gethostname()}, process {os.getpid()}"[:NAME_BYTES]
    with translated_errors(), closing(connect(url)) as session:
        session.autocommit = True
        statements = Statements(session, "leases")
        statements.value("name_session", name=holder)
        if not statements.value("try_lease", name=name):
            other = statements.row("lease_holder", name=name)
            who = f"{other['holder']}, since {other['since']:%Y-%m-%d %H:%M} UTC" if other else "another process"
            raise TransientError(f"{who} is the one {name} already; stop that one first, or leave it running")
        yield Lease(session, holder)
