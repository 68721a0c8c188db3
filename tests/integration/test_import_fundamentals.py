"""Fundamentals, dividends and monthly values of a file: when each row counts, and what is no such row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from trading.adapters.imports.facts import read_dividends
from trading.adapters.imports.filings import read_filings
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.tally import Tally
from trading.domain.market import MacroSeries
from trading.errors import DataRejected

from tests.import_command import imported, refused, speak_to
from tests.imported import CALENDAR, NOW

HEADER = "symbol,period_ends_on,quarters,eps_diluted,revenue_usd,filed_on,accepted_at"
LATE = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def command(database_url, monkeypatch, capsys):
    speak_to(database_url, monkeypatch)
    return capsys


def a_csv(folder: Path, header: str, *rows: str) -> Path:
    path = folder / "given.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def filings_of(path: Path):
    return read_filings(ImportFile(path), CALENDAR, source="TEST", tally=Tally(), now=NOW)


def test_a_filing_counts_from_its_acceptance_else_from_the_next_open(tmp_path):
    rows = [
        "NVDA,2024-04-28,1,5.98,26044000000,2024-05-29,2024-05-29T16:41:00-04:00",
        "NVDA,2024-04-28,1,5.98,26044000000,2024-05-31,",
    ]
    accepted, filed = filings_of(a_csv(tmp_path, HEADER, *rows))
    assert accepted.known_at == datetime(2024, 5, 29, 20, 41, tzinfo=UTC)
    assert filed.known_at == datetime(2024, 6, 3, 13, 30, tzinfo=UTC)
    assert (filed.filed_on, filed.quarters, filed.eps_diluted) == (date(2024, 5, 31), 1, 5.98)


def test_acceptance_is_a_column_that_may_be_absent_and_a_figure_that_is_absent_is_unknown(tmp_path):
    row = "AEM,2024-03-31,1,,1829800000,2024-04-26"
    (filing,) = filings_of(a_csv(tmp_path, HEADER.removesuffix(",accepted_at"), row))
    assert (filing.eps_diluted, filing.revenue_usd) == (None, 1829800000.0)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("NVDA,2024-04-28,5,5.98,1,2024-05-29,", "'5' is not one of 1 to 4"),
        ("NVDA,2024-04-28,1.5,5.98,1,2024-05-29,", "'1.5' is not one of 1 to 4"),
        ("NVDA,2024-06-28,1,5.98,1,2024-05-29,", "the period ends on 2024-06-28, after its filing"),
        ("NVDA,2024-04-28,1,26044000000,1,2024-05-29,", "is no USD/share"),
        ("NVDA,2024-04-28,1,5.98,26e15,2024-05-29,", "is no revenue in USD"),
        ("NVDA,2024-04-28,1,nan,1,2024-05-29,", "not a finite number"),
        ("NVDA,2024-04-28,1,,,2024-05-29,", "holds neither"),
        ("NVDA,2024-04-28,1,5.98,1,2033-05-29,", "has not come yet"),
        ("NVDA,2024-04-28,1,5.98,1,2024-05-29,2024-05-29T16:41:00", "names no offset"),
        ("NVDA,2024-04-28,1,5.98,1,2024-05-29,2023-05-29T16:41:00Z", "does not belong to the filing day"),
        ("NVDA,2024-04-28,1,0.6,1,2024-05-28,", "duplicate (another row says otherwise)"),
        (",2024-04-28,1,0.6,1,2024-05-29,", "names no symbol"),
    ],
)
def test_a_row_that_is_no_filing_is_refused_with_its_line(tmp_path, row, reason):
    with pytest.raises(DataRejected) as refusal:
        filings_of(a_csv(tmp_path, HEADER, "NVDA,2024-04-28,1,5.98,1,2024-05-28,", row))
    assert f"line 3: {'NVDA ' if row.startswith('NVDA') else ''}" in str(refusal.value)
    assert reason in str(refusal.value)


def test_fundamentals_of_parquet_are_stored_by_the_command_and_repeat_nothing(tmp_path, command, store):
    columns = {
        "symbol": ["NVDA", "NVDA", "NVDA"],
        "period_ends_on": pa.array([date(2024, 4, 28), date(2024, 4, 28), date(2024, 1, 28)], pa.date32()),
        "quarters": pa.array([1, 1, 4], pa.int8()),
        "eps": [5.98, 5.98, 11.93],
        "revenue_usd": [26.044e9, 26.044e9, 60.922e9],
        "filed_on": pa.array([date(2024, 5, 29), date(2024, 5, 29), date(2024, 2, 21)], pa.date32()),
        "accepted_at": pa.array([datetime(2024, 5, 29, 20, 41, tzinfo=UTC)] * 2 + [None], pa.timestamp("us", "UTC")),
    }
    path = tmp_path / "given.parquet"
    pq.write_table(pa.table(columns), path)
    said = ("fundamentals", path, "--map", "eps_diluted=eps")
    assert imported(command, *said) == {"rows": 3, "stored": 2, "already there": 0, "revised": 0, "repeated": 1}
    assert imported(command, *said)["already there"] == 2
    with store.transaction() as tx:
        year, quarter = tx.market.filings(cutoff_at=LATE)
    assert (year.quarters, year.known_at.isoformat()) == (4, "2024-02-22T14:30:00+00:00")
    assert (quarter.source, quarter.known_at.isoformat()) == ("parquet:given.parquet", "2024-05-29T20:41:00+00:00")


def test_a_filing_that_is_stored_otherwise_is_refused(tmp_path, command):
    row = "NVDA,2024-04-28,1,5.98,26044000000,2024-05-29,"
    imported(command, "fundamentals", a_csv(tmp_path, HEADER, row))
    said = refused(command, "fundamentals", a_csv(tmp_path, HEADER, row.replace("5.98", "0.598")))
    assert "NVDA 2024-04-28: stored is (5.98, 26044000000.0)" in said


def test_a_dividend_counts_from_its_declaration_else_from_the_morning_of_its_day(tmp_path):
    path = a_csv(tmp_path, "symbol,ex_date,amount,declared_on", "MSFT,2024-05-15,0.75,2024-03-12", "A,2024-05-15,1,")
    declared, bare = read_dividends(ImportFile(path), CALENDAR, source="TEST", tally=Tally())
    assert declared.known_at == datetime(2024, 3, 13, 13, 30, tzinfo=UTC)
    assert bare.known_at == datetime(2024, 5, 15, 8, tzinfo=UTC)


EARNINGS = "symbol,period_ends_on,reported_on,eps_reported,eps_estimated,release"


@pytest.mark.parametrize(
    ("kind", "header", "row", "reason"),
    [
        ("earnings", EARNINGS, "NVDA,2024-07-28,2024-07-20,0.68,0.64,", "after its report"),
        ("earnings", EARNINGS, "NVDA,2024-07-28,2033-08-28,0.68,0.64,", "has not come yet"),
        ("earnings", EARNINGS, "NVDA,2024-07-28,2024-08-28,0.68,0.64,noon", "is not pre-market or post-market"),
        ("earnings", EARNINGS, "NVDA,2024-07-28,2024-08-28,16e9,0.64,", "is no USD/share"),
        ("dividends", "symbol,ex_date,amount,declared_on", "MSFT,2024-05-15,0.75,2024-06-12", "after its ex-date"),
        ("dividends", "symbol,ex_date,amount", "MSFT,2024-05-15,-1", "is not positive"),
        ("splits", "symbol,ex_date,ratio", "MSFT,2024-05-15,1", "is no split"),
        ("splits", "symbol,ex_date,ratio", "MSFT,2024-05-15,50000", "is no split"),
        ("gpr", "ts,value", "2024-05-01,", "is not a number"),
    ],
)
def test_a_row_that_is_no_such_fact_is_refused(tmp_path, command, kind, header, row, reason):
    assert reason in refused(command, kind, a_csv(tmp_path, header, row))


def test_an_earnings_report_counts_from_the_open_that_follows_its_release(tmp_path, command, store):
    rows = [
        "NVDA,2024-07-28,2024-08-28,0.68,0.64,post-market",
        "NEM,2024-06-30,2024-07-24,0.72,,pre-market",
        "AMD,2024-06-30,2024-07-30,0.69,0.68,",
    ]
    path = a_csv(tmp_path, EARNINGS, *rows)
    assert imported(command, "earnings", path)["stored"] == 3
    assert imported(command, "earnings", path)["already there"] == 3
    with store.transaction() as tx:
        known = {r.symbol: (f"{r.known_at:%m-%d %H:%M}", r.eps_estimated) for r in tx.market.earnings(cutoff_at=LATE)}
    assert known == {"NEM": ("07-24 13:30", None), "AMD": ("07-31 13:30", 0.68), "NVDA": ("08-29 13:30", 0.64)}
    path.write_text(path.read_text().replace("0.68,0.64", "0.68,0.60"))
    assert "NVDA 2024-07-28: stored is (0.68, 0.64)" in refused(command, "earnings", path)


def test_dividends_and_the_risk_index_are_stored_by_the_command(tmp_path, command, store):
    assert (
        imported(command, "dividends", a_csv(tmp_path, "symbol,ex_date,amount", "MSFT,2024-05-15,0.75"))["stored"] == 1
    )
    assert (
        imported(command, "gpr", a_csv(tmp_path, "ts,value", "2024-05-01,120.5", "2024-05-01,120.5"))["repeated"] == 1
    )
    with store.transaction() as tx:
        (point,) = tx.market.macro(cutoff_at=LATE)
    assert (point.series, point.known_at) == (MacroSeries.GPR, datetime(2024, 6, 7, tzinfo=UTC))
