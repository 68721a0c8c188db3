"""One replay of the SYNTHETIC weeks, told as text: every order, fill, NAV and decision hash. Run by `test_golden`."""

from __future__ import annotations

import contextlib
import locale
import sys
import time
from collections.abc import Iterator
from dataclasses import fields

from trading.engine.hours import Terms

from tests.builders import navs_by
from tests.poison import decided, honest, replayed
from tests.replay.leak_world import timeline, world


def told() -> Iterator[str]:
    """Yield a line for each thing that the replay did."""
    facts, sessions = world(), timeline()
    result = replayed(facts, sessions)
    for kind, records in (("order", result.orders), ("fill", result.fills), ("disposal", result.disposals)):
        for record in records:
            yield f"{kind} " + " ".join(f"{f.name}={getattr(record, f.name)!r}" for f in fields(record))
    for as_of, *book in navs_by(result):
        yield f"nav {as_of.isoformat()} {book!r}"
    for as_of, digest in decided(honest, facts, sessions, Terms()).items():
        yield f"decision {as_of.isoformat()} {digest}"


if __name__ == "__main__":
    # What a library, or a careless line of ours, would feel: the locale of the environment, and its time zone.
    with contextlib.suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    time.tzset()
    sys.stdout.write("\n".join(told()) + "\n")
