"""How long does the Desk page take to be there on a year of hours? Asked of the browser's own navigation timing.

A throw-away Postgres with a year of hourly decisions and verdicts, the page served over loopback as the api-server
serves it (compressed), headless Chromium with a cold cache for each load.

Run from the root of the checkout:

    PYTHONPATH=plugins:. .venv/bin/python benchmarks/desk_page.py [--loads 7]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from stopwatch import heading
from trading.adapters.embedded_postgres import EmbeddedPostgres
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.migrations import migrate
from trading.adapters.postgres_store import PostgresStore

from tests.desk_browser import chromium
from tests.desk_served import served
from tests.desk_year import BOOK, seed_prices, seed_year

UNTIL = datetime(2026, 11, 25, 20, 31, tzinfo=UTC)
ONE_HOUR = "performance.getEntriesByType('resource').findLast((entry) => entry.name.includes('api/hour')).toJSON()"


def main() -> None:
    """Seed, serve, load and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="airdesk-benchmark-") as folder:
        Path(folder).chmod(0o711)
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            url = postgres.start().url_for("postgres")
            migrate(url)
            calendar = NyseCalendar()
            hours = seed_year(url, calendar, until=UNTIL)
            seed_prices(PostgresStore(url), calendar, until=UNTIL)
            with served(url, Path(folder), now=UNTIL) as address:
                _print(len(hours), _loads(address, options.loads))
        finally:
            postgres.stop()


def _loads(address: str, count: int) -> list[Mapping[str, Any]]:
    """Return the timing of each load; the first one warms the server and is left out."""
    found = []
    with chromium() as browser:
        for number in range(count + 1):
            page = browser.new_context().new_page()
            page.goto(address)
            page.locator("#slider:not([disabled])").wait_for()
            timing = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
            timing["slider"] = page.evaluate("performance.now()")
            page.locator("[data-step='back']").click()
            page.locator("#hour:not([aria-busy])").wait_for()
            hour = page.evaluate(
                "performance.getEntriesByType('resource').findLast((r) => r.name.includes('api/hour'))"
            )
            if number:
                found.append(timing | {"hour": hour["duration"]})
            page.context.close()
    return found


def _print(hours: int, loads: list[Mapping[str, Any]]) -> None:
    print(heading(f"Desk page of {BOOK}, {hours} hours"))
    print()
    print("what                               median    worst")
    for name, words in (
        ("responseStart", "first byte, ms"),
        ("domInteractive", "page readable, ms"),
        ("loadEventEnd", "loaded, ms"),
        ("slider", "slider ready, ms"),
        ("hour", "one more hour, ms"),
        ("transferSize", "page, bytes sent"),
        ("decodedBodySize", "page, bytes unpacked"),
    ):
        values = [load[name] for load in loads]
        print(f"{words:32} {median(values):>8,.0f} {max(values):>8,.0f}")


if __name__ == "__main__":
    main()
