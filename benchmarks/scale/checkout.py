"""A copy of the code whose strategy has as many names as a benchmark wants, as a person would write them into it."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINES = """

# Of the benchmark, on an invented market.
_WIDE = tuple(
    Instrument(f"N{{number:04d}}", list(PEERS)[number % 3], _STOCK, f"Invented {{number}}") for number in range({count})
)
_READ = tuple(line for line in UNIVERSE if line.symbol in ("SPY", "QQQ", VIX))
UNIVERSE = Universe((*_WIDE, *_READ))
PEERS = {{sector: tuple(line.symbol for line in _WIDE if line.sector is sector)[:6] for sector in PEERS}}
"""


def wide_checkout(folder: Path, count: int) -> Path:
    """Copy what a desk needs into `folder`, with `count` names to trade; returns the copy's root."""
    root = folder / "checkout"
    # With their compiled files, which a desk that was installed has too.
    shutil.copytree(ROOT / "plugins", root / "plugins")
    for part in ("dags", "include"):
        shutil.copytree(ROOT / part, root / part)
    strategy = root / "plugins" / "trading" / "strategy" / "three_sector.py"
    strategy.write_text(strategy.read_text(encoding="utf-8") + LINES.format(count=count), encoding="utf-8")
    return root
