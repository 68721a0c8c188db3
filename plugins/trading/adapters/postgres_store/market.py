"""staging.* and market.*: what vendors said, and what of it is believed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from psycopg2 import errors
from psycopg2.extensions import connection as Connection  # noqa: N812

from trading.adapters.postgres_store.bar_reader import read_bars
from trading.adapters.postgres_store.bar_writer import BarStream
from trading.adapters.postgres_store.copying import copy_in
from trading.adapters.postgres_store.gates import PostgresGateRows
from trading.adapters.postgres_store.statements import Statements
from trading.domain.instruments import Symbol
from trading.domain.market import (
    SYNTHETIC,
    ActionKind,
    Bar,
    BarFault,
    CorporateAction,
    EarningsReport,
    Filing,
    MacroPoint,
    MacroSeries,
    NewsItem,
    Resolution,
)
from trading.domain.series import BarSeries
from trading.errors import InvariantBroken, TransientError
from trading.ports import IngestCounts, Provenance

_PRICES = ("open", "high", "low", "close", "volume")
_BAR_COLUMNS = ("symbol", "resolution", "starts_at", "ends_at", *_PRICES, "known_at")
_REFUSED_COLUMNS = ("response_id", "fetched_at", *_BAR_COLUMNS, "rejected")
_NEWS_COLUMNS = ("item_id", "symbols", "published_at", "known_at", "title", "url")
_FILING_COLUMNS = ("symbol", "period_ends_on", "quarters", "eps_diluted", "revenue_usd", "known_at", "filed_on")
_EARNINGS_COLUMNS = ("symbol", "period_ends_on", "reported_on", "eps_reported", "eps_estimated", "known_at")
_MACRO_COLUMNS = ("series", "period_on", "value", "known_at")
WAIT_MILLISECONDS = 10_000
"""How long a short delivery waits for others: an hour must not wait for what takes minutes."""
_ENSURE_YEAR = {"market": "ensure_market_year", "staging": "ensure_staging_year"}
_ACTION_COLUMNS = ("symbol", "kind", "ex_on", "value", "known_at")


class PostgresMarketRows(PostgresGateRows):
    """`MarketRows` inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._bars = Statements(connection, "bars")
        self._facts = Statements(connection, "facts")

    # --- in -------------------------------------------------------------------------------------

    def ensure_years(self, years: Collection[int], fetched_at: datetime) -> None:
        """Make room for bars that start in `years` (UTC) and are fetched at an instant."""
        needed = {"years": sorted(years), "fetch_year": fetched_at.astimezone(UTC).year}
        if not self._bars.rows("missing_years", **needed):
            return
        # Asked again under the lock: another transaction may have made them meanwhile.
        self._bars.rows("lock_partitions")
        for row in self._bars.rows("missing_years", **needed):
            self._bars.rows(_ENSURE_YEAR[row["schema"]], year=row["year"])

    def add_bars(
        self,
        bars: Sequence[Bar],
        origin: Provenance,
        rejected: Sequence[tuple[Bar, BarFault]] = (),
        *,
        is_long: bool = False,
    ) -> IngestCounts:
        """Store checked bars (first seen and revisions kept) and file the rejected ones with their fault."""
        if not bars and not rejected:
            return IngestCounts()
        self._refuse_mixture({bar.source for bar in bars}, origin)
        if is_long:
            self._bars.rows("lock_long")
        else:
            self._bars.rows("limit_waiting", milliseconds=WAIT_MILLISECONDS)
        self.ensure_years({bar.starts_at.year for bar in bars}, origin.fetched_at)
        response_id = int(self._facts.value("next_response_id"))
        stream = BarStream(bars, response_id=response_id, fetched_at=origin.fetched_at)
        if bars:
            stream.copy_to(self._bars.connection)
        if rejected:
            refused = [(*_bar_values(bar), fault.value) for bar, fault in rejected]
            stream.digest.update(_bytes_of(refused))
            rows = ((response_id, origin.fetched_at, *row) for row in refused)
            copy_in(self._bars.connection, "staging.bars", _REFUSED_COLUMNS, rows)
        self._respond(origin, response_id, stream.digest.hexdigest())
        stored, revised = 0, 0
        if bars:
            with _others_first(origin):
                if not is_long:
                    self._bars.rows("lock_symbols", symbols=sorted({bar.symbol for bar in bars}))
                stored, revised = self._merge(bars, origin, response_id, is_ascending=stream.is_ascending)
        return IngestCounts(
            received=len(bars) + len(rejected),
            stored=stored,
            revised=revised,
            unchanged=len(bars) - stored - revised,
            rejected=len(rejected),
        )

    def _merge(
        self, bars: Sequence[Bar], origin: Provenance, response_id: int, *, is_ascending: bool
    ) -> tuple[int, int]:
        """Move staged bars to market.bars; return how many were new and how many were revised."""
        symbols = sorted({bar.symbol for bar in bars})
        starts = [bar.starts_at for bar in bars]
        has_stored = self._bars.value(
            "has_bars",
            symbols=symbols,
            resolutions=sorted({bar.resolution for bar in bars}),
            first_at=min(starts),
            last_at=max(starts),
        )
        staged = {"response_id": response_id, "source": origin.source, "fetched_at": origin.fetched_at}
        if is_ascending and not has_stored:
            return self._bars.run("add_first_bars", **staged), 0
        merged = self._bars.row("merge_bars", **staged)
        return (merged["stored"], merged["revised"]) if merged else (0, 0)

    def add_news(self, items: Sequence[NewsItem], origin: Provenance) -> IngestCounts:
        """Store stories; one already stored under its id stays as first seen."""
        return self._add("news", "news", _NEWS_COLUMNS, items, origin)

    def add_filings(self, filings: Sequence[Filing], origin: Provenance) -> IngestCounts:
        """Store filings."""
        return self._add("fundamentals", "filings", _FILING_COLUMNS, filings, origin)

    def add_earnings(self, reports: Sequence[EarningsReport], origin: Provenance) -> IngestCounts:
        """Store reports of earnings; a revised one stands beside the first."""
        return self._add("earnings", "earnings", _EARNINGS_COLUMNS, reports, origin)

    def add_macro(self, points: Sequence[MacroPoint], origin: Provenance) -> IngestCounts:
        """Store macro values."""
        return self._add("macro", "macro", _MACRO_COLUMNS, points, origin)

    def add_actions(self, actions: Sequence[CorporateAction], origin: Provenance) -> IngestCounts:
        """Store splits and dividends."""
        return self._add("corporate_actions", "actions", _ACTION_COLUMNS, actions, origin)

    def _add[Fact: (NewsItem, Filing, EarningsReport, MacroPoint, CorporateAction)](
        self, staging: str, group: str, columns: Sequence[str], facts: Sequence[Fact], origin: Provenance
    ) -> IngestCounts:
        if not facts:
            return IngestCounts()
        rows = [tuple(getattr(fact, name) for name in columns) for fact in facts]
        response_id = self._stage(f"staging.{staging}", columns, rows, origin, {fact.source for fact in facts})
        stored = self._facts.run(f"merge_{group}", response_id=response_id, source=origin.source)
        return IngestCounts(received=len(rows), stored=stored, unchanged=len(rows) - stored)

    def _stage(
        self,
        table: str,
        columns: Sequence[str],
        rows: Sequence[tuple[object, ...]],
        origin: Provenance,
        sources: set[str],
    ) -> int:
        """Copy `rows` as they came and return the id of their response."""
        self._refuse_mixture(sources, origin)
        response_id = int(self._facts.value("next_response_id"))
        self._respond(origin, response_id, hashlib.sha256(_bytes_of(rows)).hexdigest())
        copy_in(self._facts.connection, table, ("response_id", *columns), ((response_id, *row) for row in rows))
        return response_id

    def _respond(self, origin: Provenance, response_id: int, sha256: str) -> None:
        """Write the row of a reply; `sha256` is over what it brought and tells equal replies."""
        self._facts.run(
            "add_response",
            response_id=response_id,
            source=origin.source,
            request=origin.request,
            fetched_at=origin.fetched_at,
            sha256=sha256,
            run_id=origin.run_id,
        )

    def _refuse_mixture(self, sources: set[str], origin: Provenance) -> None:
        if others := sources - {origin.source}:
            raise InvariantBroken(f"rows of {sorted(others)} in a delivery of {origin.source}; deliver each by itself")
        if origin.source == SYNTHETIC and self._bars.value("has_real_book"):
            raise InvariantBroken(
                "SYNTHETIC rows may not enter a database with a paper or live book; use the demo's own database"
            )

    # --- out ------------------------------------------------------------------------------------

    def bars(
        self,
        symbols: Sequence[Symbol],
        resolutions: Sequence[Resolution],
        *,
        as_of: datetime,
        cutoff_at: datetime,
        since: datetime | None = None,
        revised_by: datetime | None = None,
    ) -> dict[tuple[Symbol, Resolution], BarSeries]:
        """Return completed bars known at the cutoff, the newest known revision of each; absent keys have none."""
        limits = {"as_of": as_of, "cutoff_at": cutoff_at, "since": since, "revised_by": revised_by}
        return read_bars(self._bars, symbols, resolutions, **limits)

    def last_bar_starts_at(self, resolution: Resolution) -> dict[Symbol, datetime]:
        """Return the start of the newest stored bar of each symbol."""
        rows = self._bars.rows("last_bar_starts", resolution=resolution.value)
        return {row["symbol"]: row["starts_at"] for row in rows}

    def bar_source(self, symbol: Symbol, resolution: Resolution, starts_at: datetime, *, cutoff_at: datetime) -> str:
        """Return who said a stored bar, in the revision known at the cutoff."""
        place = {"symbol": symbol, "resolution": resolution.value, "starts_at": starts_at}
        return str(self._bars.value("bar_source", **place, cutoff_at=cutoff_at))

    def news(self, *, since: datetime, cutoff_at: datetime) -> tuple[NewsItem, ...]:
        """Return stories published at or after `since` and known at the cutoff, ascending by `known_at`."""
        rows = self._facts.rows("read_news", since=since, cutoff_at=cutoff_at)
        return tuple(NewsItem(**(row | {"symbols": tuple(row["symbols"])})) for row in rows)

    def filings(self, *, cutoff_at: datetime) -> tuple[Filing, ...]:
        """Return filings known at the cutoff, ascending by `known_at`."""
        return tuple(Filing(**row) for row in self._facts.rows("read_filings", cutoff_at=cutoff_at))

    def earnings(self, *, cutoff_at: datetime) -> tuple[EarningsReport, ...]:
        """Return reports of earnings known at the cutoff, revisions too, ascending by `known_at`."""
        return tuple(EarningsReport(**row) for row in self._facts.rows("read_earnings", cutoff_at=cutoff_at))

    def macro(self, *, cutoff_at: datetime) -> tuple[MacroPoint, ...]:
        """Return macro values known at the cutoff, first publication of each month, ascending."""
        rows = self._facts.rows("read_macro", cutoff_at=cutoff_at)
        return tuple(MacroPoint(**(row | {"series": MacroSeries(row["series"])})) for row in rows)

    def actions(self, *, cutoff_at: datetime) -> tuple[CorporateAction, ...]:
        """Return splits and dividends known at the cutoff and not suspect then, ascending by `ex_on`."""
        rows = self._facts.rows("read_actions", cutoff_at=cutoff_at)
        return tuple(CorporateAction(**(row | {"kind": ActionKind(row["kind"])})) for row in rows)

    def has_source(self, source: str) -> bool:
        """Whether anything was ever delivered by `source`."""
        return bool(self._bars.value("has_source", source=source))


@contextmanager
def _others_first(origin: Provenance) -> Iterator[None]:
    """Let a delivery that meets another one's uncommitted bars, or waits for them too long, be tried again."""
    try:
        yield
    except (errors.LockNotAvailable, errors.UniqueViolation, errors.DeadlockDetected) as error:
        raise TransientError(
            f"another delivery is storing bars that {origin.source} brought too (an import, perhaps); nothing was "
            "stored, try again when it has ended"
        ) from error


def _bytes_of(rows: Sequence[tuple[object, ...]]) -> bytes:
    return repr(rows).encode("utf-8", errors="replace")


def _bar_values(bar: Bar) -> tuple[object, ...]:
    numbers = (getattr(bar, name) for name in _PRICES)
    return (bar.symbol, bar.resolution, bar.starts_at, bar.ends_at, *map(_number, numbers), bar.known_at)


def _number(value: object) -> float | None:
    """Return a number as it came, NaN too; what is none becomes unknown (only rejected bars hold such a thing)."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
