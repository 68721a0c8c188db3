"""The night forgets what is old, and nothing of a book."""

from __future__ import annotations

import os
import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trading.adapters.postgres_store.connection import connect
from trading.adapters.state_tidying import StateTidying
from trading.domain.market import Slot, TimeWindow
from trading.domain.retention import RETENTION, Kept
from trading.errors import AirdeskError
from trading.ports import Place, Services, Sources
from trading.tasks.housekeeping import keep_house

from tests.fakes import FixedClock, WeekdayCalendar
from tests.integration.old_rows import old_rows, told
from tests.integration.order_desk import BOOK, SPEC

NIGHT = datetime.now(UTC)
SLOT = Slot(NIGHT.date(), NIGHT - timedelta(hours=1), NIGHT, is_closing=True)


def run(url: str, statement: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def services(store) -> Services:
    return Services(store, WeekdayCalendar(), FixedClock(NIGHT), Sources(), None)


def test_the_night_forgets_by_the_table_and_no_row_of_a_book(services, database_url) -> None:
    run(database_url, old_rows(newest=True))
    run(database_url, "DELETE FROM ops.outbox")
    before = told(database_url, without=("FROM ops.outbox",))
    old_year = NIGHT.year - RETENTION[Kept.EVIDENCE].amount - 1
    for year in (old_year, old_year + 1):
        run(database_url, f"SELECT staging.ensure_year({year})")
    for name, days, state in (
        ("ancient", 401, "sent"),
        ("old", 31, "sent"),
        ("young", 29, "sent"),
        ("waits", 500, "pending"),
    ):
        run(
            database_url,
            "INSERT INTO ops.outbox (dedupe_key, badge, kind, severity, body, picture, state, sent_at, created_at) "
            f"VALUES ('{name}', 'PAPER', 'decision', 'info', 'x', 'png', '{state}', now(), "
            f"now() - interval '{days} days')",
        )
    run(
        database_url,
        "INSERT INTO ops.bot_updates (bot_id, update_id, seen_at) "
        "VALUES (1, 1, now() - interval '31 days'), (1, 2, now() - interval '29 days')",
    )
    report = keep_house(services, SPEC, BOOK, SLOT)
    left = run(database_url, "SELECT dedupe_key, picture IS NOT NULL FROM ops.outbox ORDER BY message_id")
    assert left == [("old", False), ("young", True), ("waits", True)]
    assert run(database_url, "SELECT update_id FROM ops.bot_updates") == [(2,)]
    years = {name for (name,) in run(database_url, "SELECT relname FROM pg_class WHERE relname ~ '^bars_[0-9]+$'")}
    assert f"bars_{old_year}" not in years
    assert f"bars_{old_year + 1}" in years
    assert told(database_url, without=("FROM ops.outbox",)) == before
    assert report.counts["evidence_years_dropped"] == report.counts["messages_deleted"] == 1


def test_of_where_the_rounds_of_questions_stood_only_what_is_of_use_is_kept(services, database_url) -> None:
    def note(kind: str, symbol: str, days: float, source: str = "edgar") -> None:
        at = NIGHT - timedelta(days=days)
        span = TimeWindow(at, at + timedelta(microseconds=1))
        with services.store.transaction() as tx:
            tx.history.remember(kind, symbol, span, source=source, at=at)

    limit = RETENTION[Kept.PLACES].amount
    for days in (limit + 3, limit + 2, limit + 1):
        note(Place.FILINGS_TURN, f"X{days}", days)
    note(Place.NO_FILINGS, "OLD", limit + 1)
    note(Place.NO_FILINGS, "NEW", limit - 1)
    note("30m", "NVDA", 3000)
    report = keep_house(services, SPEC, BOOK, SLOT)
    left = run(database_url, "SELECT kind, symbol FROM ops.asked_spans ORDER BY kind, symbol")
    assert left == [("30m", "NVDA"), ("filings, in turn", f"X{limit + 1}"), ("no filings", "NEW")]
    assert report.counts["places_forgotten"] == 3
    with services.store.transaction() as tx:
        assert tx.history.last_asked(Place.FILINGS_TURN, source="edgar") == f"X{limit + 1}", "the round goes on"


def test_evidence_of_the_last_two_years_cannot_be_dropped(services) -> None:
    with pytest.raises(AirdeskError, match="evidence of the last two years stays"), services.store.transaction() as tx:
        tx.housekeeping.drop_evidence(NIGHT.year)


def test_logs_and_backups_are_thinned_out_and_other_files_stay(services, tmp_path) -> None:
    def put(name: str, *, days: float = 0, size: int = 1) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        for place in (path, path.parent):
            os.utime(place, ((NIGHT - timedelta(days=days)).timestamp(),) * 2)
        return path

    long_log = put("logs/scheduler.log", size=RETENTION[Kept.PROGRAM_LOGS].amount + 1)
    short_log = put("logs/gateway.log", size=10)
    put("airflow/logs/dag_id=hourly_trading/run_id=old/task.log", days=31)
    put("airflow/logs/dag_id=hourly_trading/run_id=new/task.log", days=29)
    for number in range(7):
        put(f"backups/before-{number}.zip", days=10 - number)
    put("backups/airdesk-paper-20200101.zip", days=2000)
    put("reports/day.html", days=2000)
    with long_log.open("ab") as program:
        keep_house(replace(services, tidying=StateTidying(tmp_path)), SPEC, BOOK, SLOT)
        program.write(b"goes on")
    assert long_log.read_bytes() == b"goes on"
    assert long_log.with_name("scheduler.log.1").stat().st_size > RETENTION[Kept.PROGRAM_LOGS].amount
    assert short_log.stat().st_size == 10
    backups = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert backups == ["airdesk-paper-20200101.zip", *(f"before-{number}.zip" for number in range(2, 7))]
    assert (tmp_path / "reports" / "day.html").exists()
    assert [p.name for p in (tmp_path / "airflow/logs/dag_id=hourly_trading").iterdir()] == ["run_id=new"]


def test_the_page_says_what_the_code_keeps() -> None:
    page = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    section = page.partition("## What is kept how long")[2].partition("\n## ")[0]
    assert re.findall(r"^\| (.+) \| (.+) \|$", section, re.M)[1:] == [
        (kept.value, keeping.told) for kept, keeping in RETENTION.items()
    ]
