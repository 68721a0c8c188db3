"""ops.asked_spans, staging.replies and staging.bodies: what vendors were asked for, and what they said."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Sequence
from datetime import datetime

import numpy as np
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import Symbol
from trading.domain.market import Resolution, TimeWindow
from trading.domain.panel import TimeArray
from trading.ports.history import NewestFact, Place, SourceRows

MOST_KEPT_BYTES = 16_000_000
"""Of a larger body only size and digest are kept."""
GZIP_LEVEL = 3
"""Half the time of the default for a tenth more bytes."""


class PostgresHistoryRows:
    """`HistoryRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._statements = Statements(connection, "history")

    def asked(self, kind: str, symbol: str, *, source: str | None = None) -> Sequence[TimeWindow]:
        """Return the spans for which a source answered in full, ascending; None for any source."""
        rows = self._statements.rows("asked_spans", kind=kind, symbol=symbol, source=source)
        return [TimeWindow(row["starts_at"], row["ends_at"]) for row in rows]

    def remember(self, kind: str, symbol: str, span: TimeWindow, *, source: str, at: datetime) -> None:
        """Remember that a source answered for a whole span: what is absent in it, it does not have."""
        self._statements.run(
            "add_asked_span",
            kind=kind,
            symbol=symbol,
            source=source,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            asked_at=at,
        )

    def last_asked(self, kind: str, *, source: str) -> Symbol | None:
        """Return the symbol that was remembered last; None where nothing of that kind was."""
        symbol: Symbol | None = self._statements.value("last_asked", kind=kind, source=source)
        return symbol

    def symbols_asked(self, kind: str, span: TimeWindow, *, source: str) -> frozenset[Symbol]:
        """Return the symbols with a remembered span of that kind which begins within `span`, its end included."""
        rows = self._statements.rows(
            "symbols_asked", kind=kind, source=source, starts_at=span.starts_at, ends_at=span.ends_at
        )
        return frozenset(row["symbol"] for row in rows)

    def forget_places(self, before: datetime) -> int:
        """Forget the places remembered before an instant, but the newest of a kind and source; rows deleted."""
        return self._statements.run("delete_old_places", kinds=list(Place), before=before)

    def bar_starts(self, symbol: Symbol, resolution: Resolution, span: TimeWindow) -> TimeArray:
        """Return the starts of the stored bars that begin within a span, ascending, UTC."""
        seconds = self._statements.value(
            "bar_starts", symbol=symbol, resolution=resolution.value, starts_at=span.starts_at, ends_at=span.ends_at
        )
        return np.array(seconds or [], dtype="datetime64[s]").astype("datetime64[us]")

    def delete_replies(self, before: datetime) -> int:
        """Forget the replies kept before an instant, with the bodies that nothing else needs; replies deleted."""
        count = self._statements.run("delete_old_replies", before=before)
        self._statements.run("delete_unused_bodies", before=before)
        return count

    def sources(self) -> Sequence[SourceRows]:
        """Return what each source brought, ascending by name."""
        return [SourceRows(**row) for row in self._statements.rows("source_rows")]

    def newest_deliveries(self) -> dict[str, datetime]:
        """Return when each source delivered last, by name ascending; nothing else is counted, so this is quick."""
        return {row["source"]: row["newest_at"] for row in self._statements.rows("newest_deliveries")}

    def newest_facts(self, symbols: Sequence[Symbol]) -> Sequence[NewestFact]:
        """Return the newest bar of these symbols, story and filing by source; each is a look-up, so this is quick."""
        rows = self._statements.rows("newest_facts", symbols=list(symbols), resolutions=list(Resolution))
        return [
            NewestFact(r["kind"], r["resolution"] and Resolution(r["resolution"]), r["source"], r["newest_at"])
            for r in rows
        ]


def keep_reply(statements: Statements, call_id: int, body: bytes) -> None:
    """Archive the reply to a call; a body that was kept before costs no second copy."""
    digest = hashlib.sha256(body).digest()
    if statements.value("keep_seen_reply", call_id=call_id, sha256=digest) is not None:
        return
    packed = gzip.compress(body, GZIP_LEVEL, mtime=0) if len(body) <= MOST_KEPT_BYTES else None
    statements.run("keep_new_reply", call_id=call_id, sha256=digest, byte_count=len(body), body_gzip=packed)
