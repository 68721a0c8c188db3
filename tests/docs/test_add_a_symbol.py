"""The line that `how-to/add-a-symbol.md` shows is enough: the invented market serves it, and the rest is as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT

PAGE = ROOT / "docs" / "how-to" / "add-a-symbol.md"
STRATEGY = Path("strategy") / "three_sector.py"
BEFORE = "        # Data only"
ASK = """
import hashlib, json, sys
from datetime import UTC, datetime
from trading.adapters.market_calendar import NyseCalendar
from trading.domain.market import Resolution, TimeWindow
from trading.strategy.three_sector import UNIVERSE
from trading.synthetic.market import SyntheticMarket
from trading.synthetic.source import SyntheticBarSource, SyntheticFundamentalsSource, SyntheticNewsSource
market = SyntheticMarket(7, NyseCalendar())
year = TimeWindow(datetime(2020, 1, 2, tzinfo=UTC), datetime(2020, 12, 31, tzinfo=UTC))
bars, facts = SyntheticBarSource(market), SyntheticFundamentalsSource(market)
digests = {
    i.symbol: hashlib.sha256(repr(list(bars.bars(i.symbol, year, Resolution.DAY))).encode()).hexdigest()
    for i in UNIVERSE
}
added = sys.argv[1]
print(json.dumps({
    "traded": UNIVERSE.traded,
    "digests": digests,
    "days": len(list(bars.bars(added, year, Resolution.DAY))),
    "stories": len(list(SyntheticNewsSource(market).news((added,), year))),
    "filings": len(list(facts.filings((added,), year))),
}))
"""


ADDED = "ADDED"


def the_line() -> str:
    """Return the line that the page shows, about a name that nobody has added yet."""
    found = re.search(r'^ +(Instrument\(")[A-Z]+(".*\),)$', PAGE.read_text(encoding="utf-8"), re.M)
    assert found, "the page shows no line"
    return f"{found[1]}{ADDED}{found[2]}"


def code_with(line: str, folder: Path) -> Path:
    """Return a folder to import `trading` from, whose strategy has one line more and all else is the same."""
    shutil.copytree(ROOT / "plugins" / "trading" / "strategy", folder / "trading" / "strategy")
    for part in (ROOT / "plugins" / "trading").iterdir():
        if part.name not in ("strategy", "__pycache__"):
            (folder / "trading" / part.name).symlink_to(part)
    path = folder / "trading" / STRATEGY
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(BEFORE, f"        {line}\n{BEFORE}", 1), encoding="utf-8")
    return folder


def asked(code: Path) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", ASK, ADDED], env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_one_line_is_enough_and_changes_nothing_else(tmp_path):
    before, after = asked(ROOT / "plugins"), asked(code_with(the_line(), tmp_path))
    assert ADDED not in before["digests"]
    assert (before["days"], before["stories"], before["filings"]) == (0, 0, 0)
    assert (*before["traded"], ADDED) == tuple(after["traded"])
    assert after["days"] == 252
    assert after["stories"] > 252
    assert after["filings"] >= 2
    assert {name: after["digests"][name] for name in before["digests"]} == before["digests"]
