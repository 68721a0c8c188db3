"""What does an hour cost, by the size of the universe? Real Airflow, Postgres and gateway; vendors on loopback.

Each size is a desk of its own in a temporary folder, gone at the end. Its hours are traded one after another: prices,
statements and news are asked of the stub over HTTP by the desk's own clients, analysed, judged, and orders are sent.

Run from the root of the checkout:

    .venv/bin/python benchmarks/scale/run.py [--symbols 12,100,500,2000] [--hours 5] [--strategy three_sector]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "plugins")]

from checkout import wide_checkout  # noqa: E402
from stopwatch import heading  # noqa: E402

PARTS = ("waits", "starts", "loads", "works", "ends")
GOALS = {12: 30.0, 500: 90.0}


def measured(count: int, hours: int, strategy: str, latency_ms: float) -> list[dict[str, Any]]:
    """Return what `measure.py` found for one size."""
    with tempfile.TemporaryDirectory(prefix="airdesk-scale-") as name:
        folder = Path(name)
        root = wide_checkout(folder, count)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(root / "plugins"), str(HERE), str(HERE.parent))),
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        words = (
            "--symbols",
            str(count),
            "--hours",
            str(hours),
            "--strategy",
            strategy,
            "--latency-ms",
            str(latency_ms),
        )
        command = [sys.executable, str(HERE / "measure.py"), *words, "--out", str(folder / "out")]
        subprocess.run(command, env=environment, check=True)
        return list(json.loads((folder / "out").read_text(encoding="utf-8")))


def print_tasks(count: int, hours: list[dict[str, Any]]) -> None:
    """Print each task's parts: medians of the hours after the first."""
    what = f"{count} symbols: tasks of an hour, medians of {len(hours) - 1} hours after the first, wall s"
    print(f"\n{heading(what)}")
    print(f"{'task':<24}" + "".join(f"{part:>8}" for part in (*PARTS, "ended")) + f"{'first hour works':>18}")
    for task in hours[0]["tasks"]:
        rows = [t for hour in hours[1:] for t in hour["tasks"] if t["task_id"] == task["task_id"]]
        if rows:
            numbers = "".join(f"{median(row[part] for row in rows):>8.2f}" for part in (*PARTS, "ended"))
            print(f"{task['task_id']:<24}{numbers}{task['works']:>18.2f}")
    print("last order sent after " + ", ".join(f"{_last_order(hour):.1f} s ({hour['sent']} legs)" for hour in hours)
          + (f"; goal < {GOALS[count]:.0f} s" if count in GOALS else ""))  # fmt: skip


def _last_order(hour: dict[str, Any]) -> float:
    return float(next(task["ended"] for task in hour["tasks"] if task["task_id"] == "execute"))


def print_sizes(sizes: dict[int, list[dict[str, Any]]]) -> None:
    """Print what a size costs, and a symbol of it."""
    print(f"\n{heading('an hour by the size of the universe, medians of the hours after the first')}")
    works = [task["task_id"] for task in next(iter(sizes.values()))[0]["tasks"] if task["works"]]
    print(f"{'':<24}" + "".join(f"{count:>10,}" for count in sizes))
    lines = {f"{task} works, s": (lambda hour, task=task: _works(hour, task)) for task in works}
    lines |= {
        "all tasks' work, s": lambda hour: sum(t["works"] for t in hour["tasks"]),
        "last order after, s": _last_order,
        "CPU of all, s": lambda hour: sum(cpu for name, cpu in hour["cpu"].items() if name != "vendors"),
        "  of it Postgres, s": lambda hour: hour["cpu"]["postgres"],
        "vendors' stub, CPU s": lambda hour: hour["cpu"]["vendors"],
    }
    for name, of in lines.items():
        print(f"{name:<24}" + "".join(f"{median(map(of, hours[1:])):>10.2f}" for hours in sizes.values()))
    smallest = next(iter(sizes))
    cpu = {count: median(map(lines["CPU of all, s"], hours[1:])) for count, hours in sizes.items()}
    print("CPU a further symbol, ms" + "".join(
        f"{'' if count == smallest else format(1000 * (cpu[count] - cpu[smallest]) / (count - smallest), '.1f'):>10}"
        for count in sizes))  # fmt: skip


def _works(hour: dict[str, Any], task_id: str) -> float:
    return float(sum(task["works"] for task in hour["tasks"] if task["task_id"] == task_id))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", default="12,100,500,2000", help="sizes (default: %(default)s)")
    parser.add_argument("--hours", type=int, default=5, help="hours of each size (default: %(default)s)")
    parser.add_argument("--strategy", default="three_sector", help="(default: %(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="of each answer of a vendor (default: none)")
    options = parser.parse_args()
    # Told to stop, it still ends its subprocess.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sizes = {}
    for count in map(int, options.symbols.split(",")):
        sizes[count] = measured(count, options.hours, options.strategy, options.latency_ms)
        print_tasks(count, sizes[count])
    if len(sizes) > 1:
        print_sizes(sizes)


if __name__ == "__main__":
    main()
