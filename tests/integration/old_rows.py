"""A desk of the first schema: a row in each table that later migrations had to carry, and how to read them today."""

from __future__ import annotations

from contextlib import closing

from trading.adapters.migrations import known_migrations
from trading.adapters.postgres_store.connection import connect

BOOK = "paper:old"
MILESTONES = tuple(name for name in known_migrations() if name[:4] in {"0005", "0014", "0027", "0044"})
"""The foundation, then where the schema stood after each larger piece of work."""
_BARS = """
INSERT INTO staging.bars (response_id, {column}symbol, resolution, starts_at, ends_at, open, high, low,
    close, volume, known_at)
SELECT response_id, {value}'NVDA', '1h', '2026-06-01T13:30Z', '2026-06-01T14:30Z', 100, 101, 99,
    100.5, 1000, '2026-06-01T14:31Z'
FROM staging.responses;
"""
_ROWS = """
INSERT INTO staging.responses (source, request, fetched_at, sha256, run_id)
    VALUES ('polygon', '/v2/aggs', '2026-06-01T14:31Z', 'ab', 'run-1');
{bars}
SELECT market.ensure_year(2026);
INSERT INTO market.bars (symbol, resolution, starts_at, ends_at, open, high, low, close, volume, source,
        known_at, response_id)
    VALUES ('NVDA', '1h', '2026-06-01T13:30Z', '2026-06-01T14:30Z', 100, 101, 99, 100.5, 1000,
        'polygon', '2026-06-01T14:31Z', 1);
INSERT INTO market.filings (symbol, period_ends_on, quarters, eps_diluted, source, known_at, response_id)
    VALUES ('NVDA', '2026-03-31', 1, 1.25, 'edgar', '2026-05-01T20:00Z', 1);
INSERT INTO desk.books (book, kind, opened_at, strategy, spec_hash)
    VALUES ('paper:old', 'paper', '2026-06-01T13:30Z', 'three_sector', 'cd');
INSERT INTO desk.decisions (decision_id, book, kind, as_of, cutoff_at, session_on, is_closing, strategy, spec_hash,
        code_version, decision_hash, nav_usd)
    VALUES ('hourly.old', 'paper:old', 'hourly', '2026-06-01T14:30Z', '2026-06-01T14:30Z', '2026-06-01', false,
        'three_sector', 'cd', '0.1.0', 'ef', 100000);
INSERT INTO desk.orders (order_id, book, decision_id, symbol, side, quantity, order_type, time_in_force, purpose, leg,
        planned_at, status, filled_quantity)
    VALUES ('NVDA.entry.0.old', 'paper:old', 'hourly.old', 'NVDA', 'BUY', 3, 'limit', 'until', 'entry', 0,
        '2026-06-01T14:30Z', 'filled', 3);
INSERT INTO desk.fills (fill_id, book, order_id, symbol, side, quantity, price, commission_usd, executed_at)
    VALUES ('0001.01', 'paper:old', 'NVDA.entry.0.old', 'NVDA', 'BUY', 3, 100.5, 1, '2026-06-01T14:30Z');
INSERT INTO desk.lots (lot_id, book, symbol, quantity, cost_per_share, acquired_on, holding_starts_on, fill_id)
    VALUES ('lot-1', 'paper:old', 'NVDA', 3, 100.83333333, '2026-06-01', '2026-06-01', '0001.01');
INSERT INTO desk.cash_entries (entry_id, book, kind, amount_usd, happened_at)
    VALUES ('opening', 'paper:old', 'deposit', 100000, '2026-06-01T13:30Z'),
        ('0001.01', 'paper:old', 'fill', -301.5, '2026-06-01T14:30Z');
INSERT INTO desk.nav (book, as_of, session_on, is_closing, cash_usd, positions_usd, nav_usd, peak_nav_usd,
        lifetime_peak_usd, sessions_since_trip)
    VALUES ('paper:old', '2026-06-01T14:30Z', '2026-06-01', false, 99698.5, 301.5, 100000, 100000, 100000, 0);
INSERT INTO ops.controls (book, state, reason, actor) VALUES ('paper:old', 'ACTIVE', 'opened', 'cli:a');
INSERT INTO ops.audit (actor, action) VALUES ('cli:a', 'opened');
INSERT INTO ops.outbox (dedupe_key, book, badge, kind, severity, body)
    VALUES ('fill:0001.01', 'paper:old', 'PAPER', 'fill', 'info', 'bought 3 NVDA');
INSERT INTO ops.reconciliations (book, session_on, happened_at, is_clean, detail)
    VALUES ('paper:old', '2026-06-01', '2026-06-01T20:30Z', true, '{{}}');
"""
_READ = (
    "SELECT book, kind, strategy FROM desk.books",
    "SELECT decision_id, as_of, nav_usd FROM desk.decisions",
    "SELECT order_id, quantity, status FROM desk.orders",
    "SELECT fill_id, quantity, price, commission_usd, executed_at FROM desk.fills",
    "SELECT lot_id, quantity, cost_per_share FROM desk.lots",
    "SELECT entry_id, amount_usd FROM desk.cash_entries ORDER BY 1",
    "SELECT nav_usd, peak_nav_usd FROM desk.nav",
    "SELECT symbol, starts_at, close, known_at FROM market.bars",
    "SELECT symbol, eps_diluted FROM market.filings",
    "SELECT symbol, starts_at, close FROM staging.bars",
    "SELECT source, sha256 FROM staging.responses",
    "SELECT actor, action FROM ops.audit",
    "SELECT session_on, is_clean FROM ops.reconciliations",
    "SELECT body FROM ops.outbox WHERE body NOT LIKE '%restored%'",
)


def old_rows(*, newest: bool = False) -> str:
    """Return statements that fill a database of the first schema, or of the newest."""
    column, value = ("fetched_at, ", "fetched_at, ") if newest else ("", "")
    years = "SELECT staging.ensure_year(2026);" if newest else ""
    return _ROWS.format(bars=years + _BARS.format(column=column, value=value))


def told(url: str, *, without: tuple[str, ...] = ()) -> list[list[tuple]]:
    """Return what is stored of these rows, as any schema since tells it; `without` names what is not asked."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        found = []
        for statement in _READ:
            if any(words in statement for words in without):
                continue
            cursor.execute(statement)
            found.append(cursor.fetchall())
    assert all(found), "every table has its row"
    return found
