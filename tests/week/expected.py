"""What a person would expect to hear in the week, in this order; and that nothing is heard twice."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tests.week.transcript import Line, Who

FOOTER = re.compile(r"^.* · #(\d+)$", re.MULTILINE)

IN_ORDER: Sequence[tuple[str, str]] = (
    ("Mon 30 Nov 10:30", r"PAPER Started"),
    ("Mon 30 Nov 10:30", r"Waits for you\nbuy AEM, BOTZ, NEM "),
    ("Mon 30 Nov 10:30", r"Approved: the orders are vetted again and sent"),
    ("Mon 30 Nov 10:30", r"Filled\nbought 119 NEM"),
    ("Mon 30 Nov 10:30", r"PAPER Decision\ndecision 10:30: 4 entries"),
    ("Mon 30 Nov 12:30", r"status\nstate +ACTIVE"),
    ("Mon 30 Nov 12:30", r"positions\n"),
    ("Mon 30 Nov night", r"PAPER Day\nMon 30 Nov 2020: NAV"),
    ("Tue 01 Dec 10:30", r"Waits for you\nbuy MSFT"),
    ("Tue 01 Dec 10:30", r"Rejected: nothing of it is sent"),
    ("Tue 01 Dec 10:30", r"APPROVAL: telegram:42 said no"),
    ("Tue 01 Dec 14:30", r"Gateway down"),
    ("Tue 01 Dec 14:30", r"Gateway is back"),
    ("Tue 01 Dec night", r"PAPER Day\nTue 1 Dec 2020: NAV"),
    ("Wed 02 Dec 11:30", r"Run failed\nhourly_trading.ingest_prices .* polygon answered 500"),
    ("Wed 02 Dec 12:30", r"symbols parked: stale"),
    ("Wed 02 Dec 13:30", r"symbols released: stale"),
    ("Wed 02 Dec 15:30", r"ACTIVE → HALTED by telegram:42: going out"),
    ("Wed 02 Dec 16:00", r"Nothing was done yet"),
    ("Wed 02 Dec 16:00", r"HALTED → ACTIVE by telegram:42: back at the desk"),
    ("Wed 02 Dec night", r"PAPER Day\nWed 2 Dec 2020: NAV"),
    ("Thu 03 Dec 10:30", r"sold 100 AAPL .* result -440"),
    ("Thu 03 Dec 10:30", r"Held back: wash sale\nAAPL"),
    ("Thu 03 Dec 12:30", r"why\nTSLA at"),
    ("Thu 03 Dec 14:30", r"foreign_fill GLD"),
    ("Thu 03 Dec night", r"PAPER Day\nThu 3 Dec 2020: NAV"),
    ("Fri 04 Dec 10:30", r"entries blocked: VIX 63.1 > 30"),
    ("Fri 04 Dec 13:30", r"Filled\nsold 12 NVDA"),
    ("Fri 04 Dec night", r"PAPER Day\nFri 4 Dec 2020: NAV"),
    ("Fri 04 Dec night", r"PAPER Week\nWeek to Fri 4 Dec 2020: NAV"),
)
"""When a message comes, and words of it."""


def problems(lines: Sequence[Line], last_day: str) -> Iterator[str]:
    """Yield what is missing, out of order or told twice, up to the day that ran last, e.g. "Tue 01 Dec"."""
    told = [(n, line) for n, line in enumerate(lines) if line.who is Who.DESK and not line.is_edit]
    at = -1
    days = [when.rpartition(" ")[0] for when, _ in IN_ORDER]
    through = max((n for n, day in enumerate(days) if day == last_day), default=-1)
    for when, words in IN_ORDER[: through + 1]:
        found = next((n for n, line in told if n > at and line.when == when and re.search(words, line.text)), None)
        if found is None:
            yield f"{when}: nothing after line {at} says {words!r}"
        else:
            at = found
    yield from _twice(line for _, line in told)


def _twice(told: Iterable[Line]) -> Iterator[str]:
    numbers: Counter[str] = Counter()
    texts: Counter[tuple[str, str]] = Counter()
    for line in told:
        numbers.update(FOOTER.findall(line.text))
        texts[line.when, FOOTER.sub("", line.text)] += 1
    yield from (f"message #{number} came {count} times" for number, count in numbers.items() if count > 1)
    yield from (f"{when}: {count} times: {text[:80]!r}" for (when, text), count in texts.items() if count > 1)
