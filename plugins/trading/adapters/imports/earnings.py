"""Earnings reports of a file: what a company reported, and what had been expected of it."""

from __future__ import annotations

from datetime import date, datetime

from trading.adapters.imports.filings import MOST_EPS_USD
from trading.adapters.imports.rows import Column, ImportFile, Kind, Row, rows
from trading.adapters.imports.tally import RowErrors, Tally, keep_first
from trading.adapters.imports.values import day, number_in, number_or_none_in, symbol, text
from trading.analysis.earnings import readable_at
from trading.domain.market import EarningsReport
from trading.errors import DataRejected
from trading.ports import MarketCalendar

RELEASES = ("pre-market", "post-market")
_COLUMNS = (
    Column("symbol", Kind.TEXT),
    Column("period_ends_on", Kind.DAY),
    Column("reported_on", Kind.DAY),
    Column("eps_reported", Kind.NUMBER),
    Column("eps_estimated", Kind.NUMBER),
    Column("release", Kind.TEXT, is_required=False),
)


def read_earnings(
    file: ImportFile, calendar: MarketCalendar, *, source: str, tally: Tally, now: datetime
) -> tuple[EarningsReport, ...]:
    """Return reports; one released before the market counts from that day's open, any other from the next one.

    Args:
        now: a report of a later day is refused.

    Raises:
        DataRejected: the file cannot be read, or a row is not usable; the text lists the first 20.
    """
    errors = RowErrors(file.path, tally)
    reports: dict[tuple[str, date, datetime], EarningsReport] = {}
    for line, row in rows(file, _COLUMNS, dated_by="reported_on", tally=tally, errors=errors):
        try:
            report = _report(row, calendar, source, now)
        except ValueError as error:
            errors.add(line, f"{text(row['symbol'])} {error}".strip())
            continue
        key = (report.symbol, report.period_ends_on, report.known_at)
        if keep_first(reports, key, report, tally) is not None:
            errors.add(line, f"{report.symbol} {report.period_ends_on} duplicate (another row says otherwise)")
    errors.refuse_if_any()
    if not reports:
        raise DataRejected(f"{file.path.name} holds no wanted row; check --filter and --since")
    return tuple(reports.values())


def _report(row: Row, calendar: MarketCalendar, source: str, now: datetime) -> EarningsReport:
    period_ends_on, reported_on = day(row["period_ends_on"]), day(row["reported_on"])
    if reported_on < period_ends_on:
        raise ValueError(f"the period ends on {period_ends_on}, after its report on {reported_on}")
    if reported_on > now.date():
        raise ValueError(f"the report of {reported_on} has not come yet")
    reported, estimated = number_in(row, "eps_reported"), number_or_none_in(row, "eps_estimated")
    if max(abs(reported), abs(estimated or 0.0)) >= MOST_EPS_USD:
        raise ValueError(f"{reported:g} or {estimated} is no USD/share")
    release = text(row["release"]) or None
    if release is not None and release not in RELEASES:
        raise ValueError(f"release {release!r} is not {' or '.join(RELEASES)}, nor empty")
    session = calendar.session(reported_on)
    opens_at = None if session is None else session.opens_at
    known_at = readable_at(reported_on, release, opens_at, calendar.next_session(reported_on).opens_at)
    return EarningsReport(symbol(row["symbol"]), period_ends_on, reported_on, reported, estimated, source, known_at)
