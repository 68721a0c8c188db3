"""Postgres behind the `Store` port: one module per row group, SQL in `include/sql/queries`."""

from trading.adapters.postgres_store.store import PostgresStore

__all__ = ["PostgresStore"]
