"""Every named query is understood by Postgres on the migrated schema, documented, and used."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from trading.adapters import sql_files
from trading.adapters.postgres_store.connection import connect
from trading.errors import ConfigurationError

STEMS = sorted(path.stem for path in (sql_files.SQL_DIR / "queries").glob("*.sql"))
QUERIES = [(stem, name) for stem in STEMS for name in sql_files.queries(stem)]


@pytest.mark.parametrize(("stem", "name"), QUERIES, ids=[f"{stem}.{name}" for stem, name in QUERIES])
def test_postgres_plans_the_query(schema_url, stem: str, name: str) -> None:
    text = sql_files.queries(stem)[name].text
    with closing(connect(schema_url)) as connection, connection.cursor() as cursor:
        if stem == "migrations":
            cursor.execute("CREATE TABLE IF NOT EXISTS public.airdesk_migrations (name text, checksum text)")
        # A table is created, not planned.
        command = text if text.startswith("CREATE") else f"EXPLAIN {text}"
        cursor.execute(command, defaultdict(lambda: None))


def test_every_query_has_a_reader() -> None:
    code = "\n".join(path.read_text() for path in Path(sql_files.__file__).parent.rglob("*.py"))
    words = set(re.findall(r'"(\w+)"', code))
    families = {"merge_": {"news", "filings", "macro", "actions", "earnings"}}
    families |= {verb: {"technicals", "sentiment", "valuation", "risk"} for verb in ("write_", "read_")}
    for verb, groups in families.items():
        if f'f"{verb}{{group}}"' in code:
            words |= {verb + group for group in groups}
    assert sorted(name for _, name in QUERIES if name not in words) == []


def test_a_query_without_a_comment_or_named_twice_is_refused() -> None:
    assert sql_files.parse("-- name: one\n-- What it says.\nSELECT 1;\n", origin="x.sql")["one"].doc == "What it says."
    for text in ("-- name: one\nSELECT 1;", "-- name: one\n-- a\nSELECT 1;\n-- name: one\n-- a\nSELECT 1;"):
        with pytest.raises(ConfigurationError, match=r"x\.sql"):
            sql_files.parse(text, origin="x.sql")
