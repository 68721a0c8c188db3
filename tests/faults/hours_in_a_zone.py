"""Trade three hours of the drill's script and print every row that carries an instant; run in a process of its own.

TZ=Europe/Berlin python -m tests.faults.hours_in_a_zone DATABASE_URL_OF_ANY_DATABASE LOG_FILE
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from pathlib import Path

from trading.adapters.postgres_store.connection import connect
from trading.drills.databases import DrillDatabases
from trading.drills.world import BOOK, World, import_everything, running_world, slots, spec
from trading.entrypoints.databases import sibling_url

QUERIES = (
    "SELECT order_id, status, planned_at, expires_at, filled_quantity FROM desk.orders ORDER BY order_id",
    "SELECT order_id, status, happened_at FROM desk.order_events ORDER BY order_id, event_id",
    "SELECT fill_id, order_id, quantity, price, executed_at FROM desk.fills ORDER BY fill_id",
    "SELECT lot_id, quantity, acquired_on, closed_at FROM desk.lots ORDER BY lot_id",
    "SELECT entry_id, amount_usd, happened_at FROM desk.cash_entries ORDER BY entry_id",
)


def trade(world: World) -> None:
    """Trade the first hours without any trouble."""
    for slot in slots()[:3]:
        world.sync(world.services, spec(), BOOK, slot)
        world.decide(slot)
        world.execute(world.services, spec(), BOOK, slot)


def main(database_url: str, log_file: str) -> None:
    import_everything()
    databases = DrillDatabases(lambda name: sibling_url(database_url, name))
    with running_world(databases, 3, log_file=Path(log_file)) as world:
        trade(world)
        with closing(connect(world.url)) as connection, connection.cursor() as cursor:
            for query in QUERIES:
                cursor.execute(query)
                print(json.dumps(cursor.fetchall(), default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
