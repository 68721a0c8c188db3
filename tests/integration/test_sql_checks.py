"""The nightly SQL checks: silent on a sound book, and each one finds the fault that it is for."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from trading.adapters.postgres_store.connection import connect

CHECKS = Path(__file__).parents[2] / "include" / "sql" / "checks"
NAMES = sorted(path.stem for path in CHECKS.glob("*.sql"))

BOUGHT_TEN = """
INSERT INTO desk.books (book, kind, opened_at, strategy, spec_hash)
    VALUES ('paper:A', 'paper', '2019-06-03', 's', 'h'), ('replay:A', 'replay', '2019-06-03', 's', 'h');
INSERT INTO desk.decisions VALUES ('d', 'paper:A', 'hourly', '2019-06-03 14:30Z', '2019-06-03 14:30Z', '2019-06-03',
    false, 's', 'h', 'c', 'x', 100000);
INSERT INTO desk.orders (order_id, book, decision_id, symbol, side, quantity, order_type, time_in_force, purpose, leg,
    planned_at, status, filled_quantity)
    VALUES ('entry', 'paper:A', 'd', 'GLD', 'BUY', 10, 'limit', 'until', 'entry', 0, '2019-06-03 14:30Z', 'filled', 10),
           ('stop', 'paper:A', 'd', 'GLD', 'SELL', 10, 'trail', 'gtc', 'stop', 1, '2019-06-03 14:30Z', 'submitted', 0),
           ('target', 'paper:A', 'd', 'GLD', 'SELL', 10, 'limit', 'gtc', 'target', 2, '2019-06-03 14:30Z', 'submitted',
            0);
INSERT INTO desk.intents (order_id, client_id, reserved_id, state, epoch, reserved_at)
    VALUES ('entry', 11, 1, 'DONE', 1, '2019-06-03 14:31Z'), ('stop', 11, 2, 'ACKED', 1, '2019-06-03 14:31Z'),
           ('target', 11, 3, 'ACKED', 1, '2019-06-03 14:31Z');
INSERT INTO desk.fills VALUES ('f', 'paper:A', 'entry', 'GLD', 'BUY', 10, 120, 1, '2019-06-03 14:32Z');
INSERT INTO desk.lots (lot_id, book, symbol, quantity, cost_per_share, acquired_on, holding_starts_on, fill_id)
    VALUES ('l', 'paper:A', 'GLD', 10, 120.1, '2019-06-03', '2019-06-03', 'f');
INSERT INTO desk.cash_entries VALUES
    ('deposit', 'paper:A', 'deposit', 100000, '2019-06-03', NULL),
    ('f', 'paper:A', 'fill', -1200, '2019-06-03 14:32Z', 'f'),
    ('f.commission', 'paper:A', 'commission', -1, '2019-06-03 14:32Z', 'f');
"""

SPLIT = "INSERT INTO market.corporate_actions VALUES ('GLD', 'split', '2019-06-04', 2, 's', '2019-06-03', 1);"
MORE_SHARES = "UPDATE desk.lots SET quantity = 20"

FAULTS = {
    "lots_tie_to_fills": MORE_SHARES,
    "cash_ties_to_fills": "INSERT INTO desk.cash_entries VALUES ('x', 'paper:A', 'fill', -5, '2019-06-03', NULL)",
    "fills_within_orders": "UPDATE desk.orders SET filled_quantity = 9 WHERE order_id = 'entry'",
    "orders_have_intents": "DELETE FROM desk.intents WHERE order_id = 'stop'",
    "no_synthetic_input": "INSERT INTO market.news VALUES "
    "('n', '{GLD}', '2019-06-03', '2019-06-03', 'Gold up', 'SYNTHETIC', NULL, 1)",
    "longs_are_protected": "UPDATE desk.orders SET status = 'cancelled' WHERE order_id = 'stop'",
}


@pytest.fixture
def ask(database_url):
    """Run SQL on a database that holds one sound book; returns the rows of a query."""
    with closing(connect(database_url)) as connection, connection.cursor() as cursor:

        def run(statement: str):
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

        run(BOUGHT_TEN)
        yield run


def rows_of(ask, name: str):
    return ask((CHECKS / f"{name}.sql").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_book_breaks_no_rule(ask, name):
    assert rows_of(ask, name) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_check_names_the_book_that_breaks_its_rule(ask, name):
    ask(FAULTS[name])
    assert [row[0] for row in rows_of(ask, name)] == ["paper:A"]


def test_a_split_is_not_taken_for_lost_shares(ask):
    ask(SPLIT)
    ask(MORE_SHARES)
    assert rows_of(ask, "lots_tie_to_fills") == []


def test_a_long_without_its_target_is_named(ask):
    ask("UPDATE desk.orders SET status = 'cancelled' WHERE order_id = 'target'")
    assert [row[0] for row in rows_of(ask, "longs_are_protected")] == ["paper:A"]


def test_a_stop_that_has_begun_to_sell_needs_no_target(ask):
    ask("UPDATE desk.orders SET status = 'cancelled' WHERE order_id = 'target'")
    ask("UPDATE desk.orders SET status = 'partially_filled', filled_quantity = 4 WHERE order_id = 'stop'")
    ask("UPDATE desk.lots SET quantity = 6")
    assert rows_of(ask, "longs_are_protected") == []


def test_a_working_exit_covers_the_shares_that_it_is_about_to_sell(ask):
    ask("UPDATE desk.orders SET status = 'cancelled' WHERE purpose IN ('stop', 'target')")
    ask("""INSERT INTO desk.orders (order_id, book, decision_id, symbol, side, quantity, order_type, time_in_force,
           purpose, leg, planned_at, status) VALUES
           ('exit', 'paper:A', 'd', 'GLD', 'SELL', 10, 'market_on_open', 'opening', 'exit', 0, '2019-06-03',
            'submitted')""")
    assert rows_of(ask, "longs_are_protected") == []
