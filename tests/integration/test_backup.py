"""Backup and restore: every row comes back, nothing that is secret goes out, and nothing old takes effect again."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import zipfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from trading.adapters.backup import Archive, BackupPlan, make_backup, restore_backup
from trading.adapters.backup.archive import MANIFEST, new_archive
from trading.adapters.backup.rows import snapshot_of, sorted_rows
from trading.adapters.migrations import known_migrations, migrate
from trading.adapters.postgres_store import PostgresStore
from trading.adapters.postgres_store.connection import connect, ensure_database
from trading.domain.instruments import BookId
from trading.domain.messages import MessageKind
from trading.domain.portfolio import TradingState
from trading.drills.databases import DrillDatabases, dropped
from trading.drills.restore_drill import run_restore
from trading.drills.world import import_everything
from trading.entrypoints import cli
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.databases import DatabaseUrls, prepare_safely
from trading.errors import PermanentError
from trading.gateway.persistence import StateFile
from trading.settings import Mode

from tests.integration.old_rows import BOOK, MILESTONES, old_rows, told

AT = datetime(2026, 11, 27, 12, tzinfo=UTC)
KEY = "the key of these tests"
LATER = datetime(2026, 11, 27, 13, tzinfo=UTC)


def make(url: str, folder: Path, *, state: Path | None = None, name: str = "desk.zip", **plan) -> Path:
    path = folder / name
    make_backup(BackupPlan(url, state or folder / "no-state", "paper", **plan), path, at=AT, say=lambda _: None)
    return path


def bring(path: Path, url: str, state: Path, *, key: str = "", **options):
    with Archive(path, key=key) as archive:
        return restore_backup(archive, url, state, at=LATER, **{"replaces": False, **options})


def run(url: str, statement: str) -> list[tuple]:
    with closing(connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def filled(database_url) -> str:
    run(database_url, old_rows(newest=True))
    return database_url


@pytest.fixture
def empty(pg_server, request):
    """The URL of a database that does not exist yet."""
    url = pg_server.url_for(f"restored_{abs(hash(request.node.name))}")
    yield url
    dropped(url)


def test_the_drill_finds_every_row_again_and_no_order_is_sent_twice(pg_server, tmp_path) -> None:
    import_everything()
    done = run_restore(DrillDatabases(pg_server.url_for), seed=1, folder=tmp_path, at=AT)
    assert done.broken == []
    assert done.rows > 100
    assert done.lost, "orders were sent after the backup"


def test_a_backup_under_a_writing_desk_is_of_one_instant(filled, empty, tmp_path) -> None:
    stop, wrote = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        with closing(connect(filled)) as connection:
            while not stop.is_set():
                number += 1
                with connection, connection.cursor() as cursor:
                    cursor.execute(
                        "INSERT INTO desk.cash_entries (entry_id, book, kind, amount_usd, happened_at) "
                        "VALUES (%s, %s, 'deposit', 1, now())",
                        (f"deposit-{number}", BOOK),
                    )
                    # In the other order of the tables: a copy table by table would see one without the other.
                    cursor.execute("INSERT INTO ops.audit (actor, action) VALUES ('test', %s)", (f"deposit-{number}",))
                wrote.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert wrote.wait(10)
        path = make(filled, tmp_path)
    finally:
        stop.set()
        writer.join()
    bring(path, empty, tmp_path / "state")
    assert run(
        empty,
        "SELECT count(*) FROM desk.cash_entries AS c FULL JOIN ops.audit AS a ON a.action = c.entry_id "
        "WHERE coalesce(a.action, c.entry_id) LIKE 'deposit-%' AND (a.action IS NULL OR c.entry_id IS NULL)",
    ) == [(0,)]
    assert run(empty, "SELECT count(*) > 0 FROM ops.audit WHERE action LIKE 'deposit-%'") == [(True,)]


def test_what_must_not_take_effect_again_is_void_and_every_real_book_is_halted(filled, empty, tmp_path) -> None:
    store, book, locked = PostgresStore(filled), BookId.parse(BOOK), BookId.parse("paper:locked")
    run(filled, "INSERT INTO desk.books SELECT 'paper:locked', kind, opened_at, strategy, spec_hash FROM desk.books")
    run(
        filled,
        "INSERT INTO desk.books SELECT 'replay:june', 'replay', opened_at, strategy, 'x' FROM desk.books LIMIT 1",
    )
    with store.transaction() as tx:
        tx.controls.notify(dedupe_key="old", book=book, kind=MessageKind.ORDER_FILLED, body="filled")
        tx.controls.arm(book, account="DU1", code_hash="x", actor="cli:a", expires_at=datetime(2099, 1, 1, tzinfo=UTC))
        code = tx.controls.issue_code(book, "flatten", actor="cli:a", valid_seconds=86400)
        run(
            filled,
            "INSERT INTO ops.bot_intents (book, command, arguments, role, nonce_sha256, expires_at) "
            "VALUES ('paper:old', 'flatten', '[]', 'admin', 'x', '2099-01-01Z')",
        )
        tx.controls.set_state(locked, TradingState.LOCKED, reason="by hand", actor="cli:a")
    done = bring(make(filled, tmp_path), empty, tmp_path / "state")
    assert done.halted == (book,)
    with PostgresStore(empty).transaction() as tx:
        assert tx.controls.trading_state(book) is TradingState.HALTED
        assert "restored from the backup of 2026-11-27T12:00:00" in tx.controls.state_reason(book)
        assert tx.controls.trading_state(locked) is TradingState.LOCKED
        assert tx.controls.live_arm(book).expires_at < AT.replace(year=2099)
        assert not tx.controls.use_code(book, "flatten", code)
        # Rows go on where they were: no number is given out twice.
        tx.controls.audit(actor="test", action="next", detail={})
    waiting = run(empty, "SELECT dedupe_key FROM ops.outbox WHERE state = 'pending' ORDER BY 1")
    assert [key for (key,) in waiting] == [f"restored:{b}:20261127130000" for b in (locked, book)]
    assert run(empty, "SELECT expires_at < '2098-01-01Z' FROM ops.bot_intents") == [(True,)]
    assert run(empty, "SELECT detail FROM ops.outbox WHERE dedupe_key = 'old'") == [("restored from a backup",)]


@pytest.mark.parametrize("milestone", MILESTONES)
def test_a_desk_of_each_older_schema_comes_to_today_with_all_its_rows(pg_server, tmp_path, milestone) -> None:
    old = pg_server.url_for(f"milestone_{milestone[:4]}")
    names = list(known_migrations())
    migrate(old, only=[n for n in names if n <= MILESTONES[0]])
    run(old, old_rows())
    migrate(old, only=[n for n in names if n <= milestone])
    before = told(old)
    path = make(old, tmp_path)
    younger = tuple(n for n in names if n > milestone)
    assert migrate(old) == younger
    assert told(old) == before, "migrated in place"
    new = pg_server.url_for(f"milestone_{milestone[:4]}_restored")
    assert bring(path, new, tmp_path / "state").migrated == younger
    assert told(new) == before, "restored from a backup of that version"
    for url in (old, new):
        dropped(url)


def test_a_desk_that_is_not_empty_is_replaced_only_when_told_and_kept(filled, pg_server, tmp_path) -> None:
    path = make(filled, tmp_path)
    run(filled, "INSERT INTO ops.audit (actor, action) VALUES ('test', 'after the backup')")
    with pytest.raises(PermanentError, match="is not empty"):
        bring(path, filled, tmp_path / "state")
    done = bring(path, filled, tmp_path / "state", replaces=True)
    assert run(filled, "SELECT count(*) FROM ops.audit WHERE action = 'after the backup'") == [(0,)]
    (kept,) = done.kept_databases
    kept_url = pg_server.url_for(kept)
    assert run(kept_url, "SELECT count(*) FROM ops.audit WHERE action = 'after the backup'") == [(1,)]
    dropped(kept_url)


def test_a_database_that_programs_use_is_left_alone(filled, tmp_path) -> None:
    path = make(filled, tmp_path)
    with closing(connect(filled)), pytest.raises(PermanentError, match="1 programs use database"):
        bring(path, filled, tmp_path / "state", replaces=True)


def test_a_damaged_cut_newer_or_made_up_backup_is_refused_and_nothing_is_left_behind(filled, empty, tmp_path) -> None:
    path = make(filled, tmp_path)
    whole = path.read_bytes()

    def refused(words: str, content: bytes) -> None:
        bad = tmp_path / "bad.zip"
        bad.write_bytes(content)
        with pytest.raises(PermanentError, match=words):
            bring(bad, empty, tmp_path / "state")

    refused("no backup, or it was cut off", whole[: len(whole) // 2])
    refused("no backup, or it was cut off", b"PK")
    with pytest.raises(PermanentError, match="there is no file"):
        Archive(tmp_path / "nowhere.zip")
    middle = whole.index(b"tables/desk.fills") + 60
    refused("is damaged", whole[:middle] + bytes([whole[middle] ^ 0xFF]) + whole[middle + 1 :])
    refused("has format 99", _with_manifest(path, format=99))
    with Archive(path) as archive:
        schema = archive.manifest.schema
    refused(
        "migration 9999_fly, which this code does not know", _with_manifest(path, schema=schema | {"9999_fly": "x"})
    )
    first = min(schema)
    refused(f"{first} is not the one of the backup", _with_manifest(path, schema=schema | {first: "x"}))
    assert run(filled, "SELECT datname FROM pg_database WHERE datname LIKE '%restored_2026%'") == []
    migrate(empty)


def test_an_encrypted_backup_comes_back_with_its_key_and_without_it_nothing_is_touched(filled, empty, tmp_path) -> None:
    path, before = make(filled, tmp_path, name="desk.zip.sealed", key=KEY), rows_in(filled)
    whole, state = path.read_bytes(), tmp_path / "state"
    assert path.stat().st_mode & 0o077 == 0
    assert b"tables/desk.fills" not in whole, "not even the names of the tables are told"

    def refused(words: str, key: str) -> None:
        with pytest.raises(PermanentError, match=words):
            bring(path, empty, state, key=key)
        assert not state.exists()
        assert run(filled, "SELECT datname FROM pg_database WHERE datname LIKE '%restored_2026%'") == []

    refused("was encrypted with another key", "another key of a test")
    refused("is encrypted; name the file of its key", "")
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    refused("is damaged", KEY)
    path.write_bytes(whole)
    bring(path, empty, state, key=KEY)
    after = rows_in(empty)
    assert {name for name in before if before[name] != after[name]} == {"ops.controls", "ops.outbox"}, "the halt"


def rows_in(url: str) -> dict[str, list[bytes]]:
    with snapshot_of(url) as connection:
        return sorted_rows(connection)


def test_the_command_encrypts_with_the_key_in_the_file_and_reads_both_kinds(
    filled, tmp_path, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("AIRDESK_DATABASE_URL", filled)
    monkeypatch.setenv("AIRDESK_MODE", "paper")
    monkeypatch.setenv("AIRDESK_STATE_DIR", str(tmp_path))
    assert cli.main(["backup"]) == 0
    assert "not encrypted: whoever gets the file" in capsys.readouterr().err
    (tmp_path / "key").write_text(f"{KEY}\n")
    monkeypatch.setenv("AIRDESK_BACKUP_KEY_FILE", str(tmp_path / "key"))
    assert cli.main(["backup", "--out", str(tmp_path / "backups" / "b.zip.sealed")]) == 0
    assert KEY not in capsys.readouterr().out
    for path, kind in zip(sorted((tmp_path / "backups").iterdir()), ("not encrypted", "encrypted"), strict=True):
        assert cli.main(["restore", str(path), "--check"]) == 0
        said = capsys.readouterr().out
        assert f", {kind}, Airdesk" in said
        assert "every part is what was written" in said


def _with_manifest(path: Path, **changed: object) -> bytes:
    """Return a backup whose manifest says something else, sums and all."""
    target = io.BytesIO()
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            if name != MANIFEST:
                made.writestr(name, source.read(name))
        told_ = json.dumps(json.loads(source.read(MANIFEST)) | changed).encode()
        made.writestr(MANIFEST, told_)
        made.comment = hashlib.sha256(told_).hexdigest().encode()
    return target.getvalue()


def test_files_that_are_no_secrets_come_back_and_no_secret_leaves(filled, empty, tmp_path) -> None:
    state = tmp_path / "state"
    secret = "canary-5f1d"
    for name in ("airflow/secrets.json", "airflow/passwords.json", "postgres/server.json", "arm.code", "run.json"):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(secret)
    for name in ("models/a.json", "replays/june/verdicts.bin", "reports/day.html", "HALT"):
        (state / name).parent.mkdir(parents=True, exist_ok=True)
        (state / name).write_text(f"kept {name}")
    path = make(filled, tmp_path, state=state)
    with zipfile.ZipFile(path) as held:
        assert all(secret.encode() not in held.read(name) for name in held.namelist())
    assert path.stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    bring(path, empty, other)
    brought = sorted(p.relative_to(other).as_posix() for p in other.rglob("*") if p.is_file())
    assert brought == ["HALT", "models/a.json", "replays/june/verdicts.bin", "reports/day.html"]
    assert (other / "models/a.json").read_text() == "kept models/a.json"


def test_the_book_of_a_running_gateway_is_copied_whole_and_never_goes_back_in_time(
    filled, empty, pg_server, tmp_path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    book = StateFile(state / "gateway-DU1.sqlite")
    try:
        path = make(filled, tmp_path, state=state)
    finally:
        book.close()
    other = tmp_path / "other"
    assert bring(path, empty, other).kept_files == ()
    StateFile(other / "gateway-DU1.sqlite").close()
    lived_on = b"a broker that lived on"
    (other / "gateway-DU1.sqlite").write_bytes(lived_on)
    assert bring(path, empty, other, replaces=True).kept_files == ("gateway-DU1.sqlite",)
    assert (other / "gateway-DU1.sqlite").read_bytes() == lived_on
    for (name,) in run(filled, "SELECT datname FROM pg_database WHERE datname LIKE '%before_2026%'"):
        dropped(pg_server.url_for(name))


def test_a_made_up_file_name_writes_nowhere_else(filled, empty, tmp_path) -> None:
    with Archive(make(filled, tmp_path)) as archive:
        manifest = archive.manifest
        members = {t.member: zipfile.ZipFile(archive.path).read(t.member) for t in manifest.tables}
    with new_archive(tmp_path / "evil.zip") as writer:
        for name, content in {**members, "state/models/../../evil": b"x"}.items():
            with writer.member(name) as stream:
                stream.write(content)
        writer.close(replace(manifest, sums=writer.sums))
    with pytest.raises(PermanentError, match=r"a file 'models/\.\./\.\./evil' that no backup holds"):
        bring(tmp_path / "evil.zip", empty, tmp_path / "deep" / "state")
    assert not (tmp_path / "evil").exists()
    migrate(empty)


def test_airflows_metadata_comes_by_choice_and_without_its_secret_tables(filled, empty, pg_server, tmp_path) -> None:
    source, target = pg_server.url_for("airflow_source"), pg_server.airflow_url_for("airflow_target")
    ensure_database(source)
    run(source, "CREATE TABLE dag_run (id int PRIMARY KEY, state text); INSERT INTO dag_run VALUES (1, 'success')")
    run(source, "CREATE TABLE connection (id int, password text); INSERT INTO connection VALUES (1, 'canary-77')")
    path = make(filled, tmp_path, airflow_url=source, airflow_version="3.3.2")
    done = bring(path, empty, tmp_path / "state", airflow_url=target)
    assert done.kept_databases == ()
    assert run(target, "SELECT * FROM dag_run") == [(1, "success")]
    assert run(target, "SELECT * FROM connection") == []
    for name in ("airflow_source", "airflow_target"):
        dropped(pg_server.url_for(name))


def test_a_migration_of_a_filled_database_takes_a_backup_first(pg_server, tmp_path) -> None:
    url, said = pg_server.url_for("upgraded"), []
    urls = DatabaseUrls(url, pg_server.desk_url_for("upgraded"), pg_server.airflow_url_for("no_metadata"))
    checkout = Checkout(tmp_path, tmp_path / "state", Mode.PAPER)
    assert prepare_safely(checkout, urls, say=said.append) == tuple(known_migrations())
    assert said == [], "an empty database has nothing to lose"
    dropped(url)
    migrate(url, only=[n for n in known_migrations() if n <= MILESTONES[0]])
    run(url, old_rows())
    prepare_safely(checkout, urls, say=said.append)
    (path,) = (tmp_path / "state" / "backups").iterdir()
    assert str(path) in said[0]
    with Archive(path) as archive:
        archive.verify()
        assert max(archive.manifest.schema) == MILESTONES[0]
    dropped(url)


def test_all_rows_are_compared_as_they_are_stored(filled) -> None:
    with snapshot_of(filled) as connection:
        rows = sorted_rows(connection)
    assert rows["desk.fills"] == [
        b"0001.01\tpaper:old\tNVDA.entry.0.old\tNVDA\tBUY\t3.0000\t100.5000\t1.000000\t2026-06-01 14:30:00+00"
    ]
