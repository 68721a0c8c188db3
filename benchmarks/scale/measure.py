"""Trade hours of one universe and write what they took as JSON; `run.py` calls it within the copy of that universe."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from desk import DAG, wide_desk
from own_desk import own_folder
from programs import cpu_seconds
from timeline import timeline


def main(arguments: list[str]) -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, required=True)
    parser.add_argument("--hours", type=int, required=True)
    parser.add_argument("--strategy", required=True)
    parser.add_argument("--latency-ms", type=float, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    # Told to stop, it still stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with (
        own_folder("airdesk-scale-") as folder,
        wide_desk(folder, options.symbols, options.strategy, options.latency_ms / 1000) as desk,
    ):
        state = desk.running.checkout.state
        done = []
        for slot in desk.market.slots[: options.hours]:
            before, stub_before = cpu_seconds(state), sum(_times(desk.vendors.pid))
            run = desk.trade(slot)
            if run.state != "success":
                raise SystemExit(f"{slot.as_of} is {run.state}; see {desk.running.airflow.tasks(DAG, run.run_id)}")
            spent = {name: cpu - before.get(name, 0.0) for name, cpu in cpu_seconds(state).items()}
            spent["vendors"] = sum(_times(desk.vendors.pid)) - stub_before
            took = timeline(desk.running.databases.airflow, state / "airflow" / "logs", DAG, run.run_id)
            done.append(asdict(took) | {"as_of": slot.as_of.isoformat(), "cpu": spent})
            hour = f"{options.symbols} symbols, {slot.as_of:%d %b %H:%M}Z"
            print(f"{hour}: {took.last_order:.1f} s to the last order, {took.sent} legs sent", flush=True)
        options.out.write_text(json.dumps(done), encoding="utf-8")


def _times(pid: int | None) -> tuple[float, ...]:
    import psutil

    return tuple(psutil.Process(pid).cpu_times()[:2])


if __name__ == "__main__":
    main(sys.argv[1:])
