"""What the broker adds to the execute task: connect, full snapshot, one family sent and acknowledged, another snapshot.

Each run is a whole process of its own, as a task is: it imports the client library, works against the paper gateway
(a process of its own too), and prints what each step took. The figure that travels between machines is the ratio of
the work to the import of the library. Everything lives in a temporary folder and is gone at the end.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/broker.py [--runs 7]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from stopwatch import Seconds, heading, middle, timed

ACCOUNT = "DU0000001"
SYMBOLS = ("AAPL", "MSFT", "NVDA", "AMD", "GLD", "SLV", "NEM", "AEM", "BOTZ", "TSLA", "SPY", "QQQ")
STEPS = ("import", "connect", "snapshot", "send", "second snapshot", "quotes")
WORK = ("connect", "snapshot", "send", "second snapshot")


def work(port: int, number: int) -> dict[str, tuple[float, float]]:
    """Do once what a task does; CPU and wall seconds by step. `number` keeps the orders of several runs apart."""
    seconds: dict[str, Seconds] = {}
    broker_of, seconds["import"] = timed(_import_adapter)
    manager = broker_of(port)
    broker, seconds["connect"] = timed(manager.__enter__)
    try:
        from trading.domain.instruments import BookId, BookKind

        book = BookId(BookKind.PAPER, ACCOUNT)
        seen, seconds["snapshot"] = timed(lambda: broker.snapshot(book))
        _, seconds["send"] = timed(lambda: broker.submit(_family(book, number, seen.next_order_id)))
        _, seconds["second snapshot"] = timed(lambda: broker.snapshot(book))
        _, seconds["quotes"] = timed(lambda: broker.quotes(SYMBOLS))
    finally:
        manager.__exit__(None, None, None)
    return {step: (s.cpu, s.wall) for step, s in seconds.items()}


def _import_adapter():
    """Import as the task does, and return how to connect."""
    from trading.adapters.ibkr import IbkrGate
    from trading.adapters.ibkr.library import client_library

    client_library()
    return lambda port: IbkrGate("127.0.0.1", port, 11, ACCOUNT, None).connect()


def _family(book, number: int, first_id: int):
    """Return an entry far below the market, with its stop and its target."""
    from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce, order_ref_for
    from trading.ports import ReservedLeg

    decision, legs = f"benchmark-{number}", []
    entry_ref = order_ref_for(book, decision, "NVDA", OrderPurpose.ENTRY, 0)
    for leg, (purpose, kind, price) in enumerate(
        [
            (OrderPurpose.ENTRY, OrderType.LIMIT, Decimal("1.00")),
            (OrderPurpose.STOP, OrderType.TRAIL, None),
            (OrderPurpose.TARGET, OrderType.LIMIT, Decimal("9000.00")),
        ]
    ):
        order = Order(
            order_id=order_ref_for(book, decision, "NVDA", purpose, leg),
            book=book,
            decision_id=decision,
            symbol="NVDA",
            side=Side.BUY if leg == 0 else Side.SELL,
            quantity=Decimal(1),
            order_type=kind,
            time_in_force=TimeInForce.GTC,
            purpose=purpose,
            planned_at=datetime(2025, 6, 11, tzinfo=UTC),
            leg=leg,
            parent_id=None if leg == 0 else entry_ref,
            limit_price=price,
            trail_frac=0.12 if kind is OrderType.TRAIL else None,
        )
        legs.append(ReservedLeg(order, first_id + leg))
    return legs


def processes(port: int, runs: int) -> Iterator[dict[str, Seconds]]:
    """Yield the seconds of each run, every one in a fresh process; its whole life is `process`."""
    for number in range(runs):
        command = [sys.executable, __file__, "--port", str(port), "--number", str(number)]
        done, whole = timed(lambda command=command: subprocess.run(command, check=True, capture_output=True, text=True))
        yield {step: Seconds(*both) for step, both in json.loads(done.stdout).items()} | {"process": whole}


@contextmanager
def running_gateway() -> Iterator[int]:
    """Run the paper gateway and return its port."""
    from hourly import gateway  # imports half of the project, which a measured process must not

    with tempfile.TemporaryDirectory(prefix="airdesk-benchmark-") as folder:
        environment: Mapping[str, str] = {
            "AIRDESK_MODE": "demo",
            "AIRDESK_BOOK": "demo:benchmark",
            "AIRDESK_STATE_DIR": str(Path(folder)),
            "AIRDESK_BROKER_ACCOUNT": ACCOUNT,
        }
        with gateway(environment) as ports:
            yield int(ports["AIRDESK_BROKER_PORT"])


def print_report(runs: Sequence[dict[str, Seconds]]) -> None:
    """Print each step and its ratio to the import of the library."""
    by_step = {step: middle([run[step] for run in runs]) for step in (*STEPS, "process")}
    floor = by_step["import"]
    print(heading("one connection of the execute task against the paper gateway, ib_insync or ib_async over loopback"))
    print(f"medians of {len(runs)} processes after a first one; a family is an entry, a stop and a target")
    print(f"\n{'step':<18}{'wall s':>8}{'÷ import':>10}{'CPU s':>8}")
    total = Seconds(sum(by_step[s].cpu for s in WORK), sum(by_step[s].wall for s in WORK))
    rows = {**{s: by_step[s] for s in STEPS}, "beyond import": total, "process": by_step["process"]}
    for step, seconds in rows.items():
        cpu = "" if step == "process" else f"{seconds.cpu:>8.3f}"
        print(f"{step:<18}{seconds.wall:>8.3f}{seconds.wall / floor.wall:>10.3f}{cpu}")
    print("\n`beyond import` is connect + snapshot + send + second snapshot; goal < 1 s. `quotes` are of 12 symbols")


def main() -> None:
    """Measure and print; with --port, be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, help="measured processes after the first (default: %(default)s)")
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.port is not None:
        print(json.dumps(work(options.port, options.number)))
        return
    with running_gateway() as port:
        first, *runs = processes(port, options.runs + 1)
    assert first, "the first run only warms caches"
    print_report(runs)


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    main()
