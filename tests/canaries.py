"""A secret of its own for every key that a person can set, and a search for each of them in whatever a run leaves."""

from __future__ import annotations

import base64
import gzip
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, quote_plus

from trading.adapters.postgres_store.connection import connect

ROOT = Path(__file__).parents[1]
_EXAMPLE = (ROOT / ".env.example").read_text()
_VENDORS = _EXAMPLE.split("# --- Docker only")[0]
KEYS = tuple(re.findall(r"^#?([A-Z_]+(?:_KEY|_TOKEN))=", _VENDORS, re.M))
BASE_URLS = tuple(re.findall(r"^#?([A-Z_]+_BASE_URL)=", _VENDORS, re.M))
DATABASE = "AIRDESK_DATABASE_URL"
TELEGRAM = "AIRDESK_TELEGRAM_TOKEN"
"""A token has a shape; only the sender and the bot bring it to an address, and their own tests look for it."""
BACKUP = "AIRDESK_BACKUP_KEY"
KEPT = {TELEGRAM, BACKUP}
"""Secrets that no vendor is sent. The key of backups is never even read by what asks vendors, so none can repeat it."""
CANARIES = {name: f"Canary{number}/of+{name.lower()}=~{number}7Z" for number, name in enumerate((*KEYS, DATABASE))}
CANARIES[TELEGRAM] = "7731:Canary_of-telegram_7Z"


def forms_of(secret: str) -> set[str]:
    """Return the ways in which a secret might be written; in base64 wherever it stands in what was packed."""
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    quoted |= {re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), form) for form in quoted}
    packed = {base64.b64encode(b"x" * offset + secret.encode()).decode()[4:-4] for offset in range(3)}
    packed |= {form.replace("+", "-").replace("/", "_") for form in packed}
    return {secret, secret.replace("/", "\\/")} | quoted | packed


FORMS = {name: [form.encode() for form in forms_of(secret)] for name, secret in CANARIES.items()}


def echo(names: Iterable[str] = tuple(name for name in CANARIES if name != BACKUP)) -> str:
    """Return secrets in the forms in which a careless server might repeat them."""
    secrets = [CANARIES[name] for name in names]
    whole = [form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret))]
    return " ".join([*whole, *(base64.b64encode(secret.encode()).decode() for secret in secrets)])


def found_in(where: str, said: str | bytes) -> Iterator[str]:
    """Yield which secrets are in a text or in bytes, packed ones unpacked, and what stands around them."""
    data = said.encode("utf-8", "replace") if isinstance(said, str) else said
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    for name, forms in FORMS.items():
        for form in forms:
            if (at := data.find(form)) >= 0:
                yield f"{name} in {where}: …{data[max(0, at - 120) : at + 60]!r}…"
                break


def in_files(folder: Path) -> Iterator[str]:
    """Yield the secrets in the files below a folder."""
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in {".pyc", ".py"}:
            yield from found_in(str(path.relative_to(folder)), path.read_bytes())


def in_airflow(database: Path) -> Iterator[str]:
    """Yield the secrets in any row of Airflow's metadata."""
    with closing(sqlite3.connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            yield from _in_rows(f"airflow.{table}", connection.execute(f'SELECT * FROM "{table}"'))


def in_desk(database_url: str) -> Iterator[str]:
    """Yield the secrets in any row of the desk's database."""
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname !~ '^(pg_|information)'")
        for schema, table in cursor.fetchall():
            cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
            yield from _in_rows(f"{schema}.{table}", cursor.fetchall())


def _in_rows(table: str, rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    for row in rows:
        for value in row:
            is_raw = isinstance(value, bytes | memoryview)
            yield from found_in(table, bytes(value) if is_raw else str(value))
