"""The store: transactions and the one order writer of a book."""

from __future__ import annotations


class PostgresStore:
    """`Store` on one Postgres database."""

    def __init__(self, url: str, *, writer_wait_seconds: float = 30.0) -> None:
        self._url = url
        self._writer_wait_seconds = writer_wait_seconds
