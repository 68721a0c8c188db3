"""Fundamentals of a file: one row per fiscal period and filing, as filed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from trading.adapters.imports.rows import Column, ImportFile, Kind, Row, rows
from trading.adapters.imports.tally import RowErrors, Tally, keep_first
from trading.adapters.imports.values import day, instant, number_or_none_in, symbol, text, whole
from trading.domain.instruments import Symbol
from trading.domain.market import Filing
from trading.errors import DataRejected
from trading.ports import MarketCalendar

MOST_EPS_USD = 1e6
"""The dearest share of the world earns some 60,000 USD a year; more is a total that was taken for earnings a share."""
MOST_REVENUE_USD = 1e13
"""More than any company turns over in a year by a factor of ten: another unit."""

_ACCEPTED_NEAR = timedelta(days=7)
_NEW_YORK = ZoneInfo("America/New_York")
_COLUMNS = (
    Column("symbol", Kind.TEXT),
    Column("period_ends_on", Kind.DAY),
    Column("quarters", Kind.NUMBER),
    Column("eps_diluted", Kind.NUMBER),
    Column("revenue_usd", Kind.NUMBER),
    Column("filed_on", Kind.DAY),
    Column("accepted_at", Kind.INSTANT, is_required=False),
)

type _Key = tuple[Symbol, date, int, datetime]


def read_filings(
    file: ImportFile, calendar: MarketCalendar, *, source: str, tally: Tally, now: datetime
) -> tuple[Filing, ...]:
    """Return periods as filed; each is known when it was accepted, else at the open of the session after its day.

    Args:
        now: a filing of a later day is refused.

    Raises:
        DataRejected: the file cannot be read, or a row is not usable; the text lists the first 20.
    """
    errors = RowErrors(file.path, tally)
    filings: dict[_Key, Filing] = {}
    for line, row in rows(file, _COLUMNS, dated_by="filed_on", tally=tally, errors=errors):
        try:
            filing = _filing(row, calendar, source, now)
        except ValueError as error:
            errors.add(line, f"{text(row['symbol'])} {error}".strip())
            continue
        key = (filing.symbol, filing.period_ends_on, filing.quarters, filing.known_at)
        if keep_first(filings, key, filing, tally) is not None:
            errors.add(line, f"{filing.symbol} {filing.period_ends_on} duplicate (another row says otherwise)")
    errors.refuse_if_any()
    if not filings:
        raise DataRejected(f"{file.path.name} holds no wanted row; check --filter and --since")
    return tuple(filings.values())


def _filing(row: Row, calendar: MarketCalendar, source: str, now: datetime) -> Filing:
    period_ends_on, filed_on = day(row["period_ends_on"]), day(row["filed_on"])
    if filed_on < period_ends_on:
        raise ValueError(f"the period ends on {period_ends_on}, after its filing on {filed_on}")
    if filed_on > now.date():
        raise ValueError(f"the filing day {filed_on} has not come yet")
    eps, revenue = number_or_none_in(row, "eps_diluted"), number_or_none_in(row, "revenue_usd")
    if eps is None and revenue is None:
        raise ValueError(f"{period_ends_on} holds neither eps_diluted nor revenue_usd")
    if eps is not None and abs(eps) >= MOST_EPS_USD:
        raise ValueError(f"eps_diluted {eps:g} is no USD/share")
    if revenue is not None and abs(revenue) >= MOST_REVENUE_USD:
        raise ValueError(f"revenue_usd {revenue:g} is no revenue in USD")
    return Filing(
        symbol=symbol(row["symbol"]),
        period_ends_on=period_ends_on,
        quarters=whole(row["quarters"], least=1, most=4),
        eps_diluted=eps,
        revenue_usd=revenue,
        source=source,
        known_at=_known_at(row, filed_on, calendar),
        filed_on=filed_on,
    )


def _known_at(row: Row, filed_on: date, calendar: MarketCalendar) -> datetime:
    if not text(row["accepted_at"]):
        return calendar.next_session(filed_on).opens_at
    accepted_at = instant(row["accepted_at"])
    # What comes after 17:30 New York is filed on the next business day.
    if not -_ACCEPTED_NEAR <= accepted_at.astimezone(_NEW_YORK).date() - filed_on <= timedelta(days=1):
        raise ValueError(f"accepted_at {accepted_at.isoformat()} does not belong to the filing day {filed_on}")
    return accepted_at
