"""What the night throws away of the database."""

from __future__ import annotations

from datetime import datetime

from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements


class PostgresHousekeepingRows:
    """`HousekeepingRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._sql = Statements(connection, "housekeeping")

    def delete_messages(self, before: datetime) -> int:
        """Forget messages that went, or never will, and were written before an instant; messages deleted."""
        return self._sql.run("delete_old_messages", before=before)

    def drop_pictures(self, before: datetime) -> int:
        """Forget the pictures of such messages; pictures dropped."""
        return self._sql.run("drop_old_pictures", before=before)

    def delete_updates(self, before: datetime) -> int:
        """Forget the numbers of Telegram's updates seen before an instant; numbers deleted."""
        return self._sql.run("delete_old_updates", before=before)

    def drop_evidence(self, before_year: int) -> int:
        """Drop the evidence of bars that were fetched before a year; years dropped."""
        return int(self._sql.value("drop_old_evidence", before_year=before_year))
