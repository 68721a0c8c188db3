"""Differential test: programs of other people, and ours, must trade the same on the same bars, fill by fill.

    python tests/peers/run.py [ref | airdesk | backtrader | bt | vectorbt …]

By default ours beside backtrader and bt; `benchmarks/peers/README.md` says what they all do. The peers live in
environments of their own under `.airdesk/venvs`; backtrader is GPL and never comes near the product.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "peers")]

from bars import generated  # noqa: E402
from programs import OURS, PEERS, Report, difference, exists, run_all  # noqa: E402

from tests.environments import told  # noqa: E402

STRETCHES = ((3, 2.0, 11), (10, 1.0, 7))
"""(symbols, years, seed) of the bars."""
FEWEST_FILLS = 50


def main(names: list[str]) -> int:
    """Run the named programs; the exit code is 0 only if all of them agree on every stretch."""
    wanted = [name for name in names or ("ref", "airdesk", "backtrader", "bt") if exists(name)]
    return max(_compare(wanted, *stretch) for stretch in STRETCHES)


def _compare(names: list[str], symbols: int, years: float, seed: int) -> int:
    reports = run_all(names, generated(symbols, years, seed))
    print(f"--- SYNTHETIC bars, {symbols} symbols, {years:g} years, seed {seed}", flush=True)
    first, code = reports[names[0]], 0
    for name, report in reports.items():
        found = _fault(first, report)
        print(f"{name:<12}{report['version']:<14}{len(report['fills']):>6} fills   {found or 'same fills'}", flush=True)
        code |= found is not None
    return code


def _fault(first: Report, report: Report) -> str | None:
    if len(report["fills"]) < FEWEST_FILLS:
        return f"too few fills to prove anything: {len(report['fills'])}"
    return difference(first, report)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - {*OURS, *PEERS}:
        sys.exit(f"no program {', '.join(sorted(unknown))}; there are {', '.join((*OURS, *PEERS))}")
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failed:
        sys.exit(told(failed))
