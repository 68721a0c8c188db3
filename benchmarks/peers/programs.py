"""Runs the programs of this folder, each in its own environment, and compares what they traded.

python benchmarks/peers/programs.py [--symbols 10] [--years 10] [--seed 7] [ref backtrader bt vectorbt …]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

from bars import generated  # noqa: E402
from common import Bars  # noqa: E402

from tests.environments import child_environment, environment  # noqa: E402

PEERS = {"backtrader": "with_backtrader.py", "bt": "with_bt.py", "vectorbt": "with_vectorbt.py"}
"""Programs that run in an environment of their own, from the lock of the same name."""
OURS = {"ref": "ref.py", "airdesk": "airdesk.py"}
"""Programs that run in this environment."""
PRICE_TOLERANCE_FRAC = 1e-9

type Report = dict[str, Any]
"""What a program wrote; see `common.program`."""


def exists(name: str) -> bool:
    """Whether the program is there."""
    return (HERE / {**PEERS, **OURS}[name]).is_file()


def run_all(names: Sequence[str], bars: Bars) -> dict[str, Report]:
    """Return what each program did with `bars`, one after the other.

    Raises:
        subprocess.CalledProcessError: an environment cannot be made, or a program failed; it said why.
    """
    with tempfile.TemporaryDirectory(prefix="airdesk-peers-") as folder:
        file = Path(folder) / "bars.npz"
        bars.save(file)
        return {name: _run(name, file, Path(folder) / f"{name}.json") for name in names}


def _run(name: str, bars: Path, out: Path) -> Report:
    if name in PEERS:
        python, variables = environment(f"peer-{name}", HERE / f"{name}.txt"), child_environment()
    else:
        python, variables = Path(sys.executable), child_environment() | {"PYTHONPATH": str(ROOT / "plugins")}
    program = HERE / {**PEERS, **OURS}[name]
    # One thread each: a peer that spins in a second one would be billed for waiting.
    single = {variable: "1" for variable in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    subprocess.run([python, program, bars, out], env=variables | single, check=True)
    report: Report = json.loads(out.read_text(encoding="utf-8"))
    return report


def difference(one: Report, other: Report) -> str | None:
    """Return a sentence about the first fill, or the final equity, in which two programs differ; None if in none."""
    for number, (mine, theirs) in enumerate(zip_longest(one["fills"], other["fills"])):
        if mine is None or theirs is None or mine[:4] != theirs[:4] or not _is_near(mine[4], theirs[4]):
            return f"fill {number} is {mine} in {one['program']} and {theirs} in {other['program']}"
    if abs(one["final_equity_usd"] - other["final_equity_usd"]) > 0.01:
        return f"final equity: {one['final_equity_usd']:.2f} and {other['final_equity_usd']:.2f}"
    return None


def _is_near(one: float, other: float) -> bool:
    return abs(one - other) <= PRICE_TOLERANCE_FRAC * abs(one)


def main() -> None:
    """Print what each program took, and whether it traded what the first one did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=["ref", "backtrader", "bt"], metavar="PROGRAM")
    parser.add_argument("--symbols", type=int, default=10)
    parser.add_argument("--years", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    bars = generated(options.symbols, options.years, options.seed)
    reports = run_all(options.names, bars)
    first = reports[options.names[0]]
    print(f"SYNTHETIC bars, {options.symbols} symbols, {options.years:g} years: {bars.close.size:,} bars")
    print("program        CPU s  JIT s   peak MB   fills")
    for name, report in reports.items():
        seconds = f"{report['cpu_seconds']:>9.3f}{report['jit_seconds']:>7.1f}{report['peak_mb']:>10.0f}"
        print(f"{name:<11}{seconds}{len(report['fills']):>8}   {difference(first, report) or 'same fills'}")


if __name__ == "__main__":
    main()
