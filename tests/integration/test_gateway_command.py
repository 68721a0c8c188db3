"""`airdesk gateway` as a process, on stored bars."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from pathlib import Path

from trading.adapters.ibkr import IbkrGate
from trading.domain.instruments import BookId, BookKind
from trading.domain.market import ActionKind, CorporateAction
from trading.domain.orders import Order, OrderPurpose, OrderType, Side, TimeInForce
from trading.entrypoints.cli_gateway import stored_actions
from trading.ports import Provenance, ReservedLeg

from tests.fakes import ACCOUNT, flat_bars, ny

ROOT = Path(__file__).resolve().parents[2]
BOOK = BookId(BookKind.PAPER, ACCOUNT)
NOW = ny("2019-06-03 10:30")
OPTIONS = ["--port", "0", "--control-port", "0", "--cash", "50000", "--clock", NOW.isoformat()]


@contextmanager
def gateway_process(database_url: str, state_file: Path):
    """Run the command and yield its first line; it ends by SIGTERM with exit code 0."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "plugins"),
        "AIRDESK_DATABASE_URL": database_url,
        "AIRDESK_MODE": "paper",
        "AIRDESK_BOOK": str(BOOK),
        "AIRDESK_SOURCES": "stored",
    }
    command = [sys.executable, "-m", "trading.entrypoints.cli", "gateway", *OPTIONS, "--state", str(state_file)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def a_purchase() -> Order:
    return Order(
        "NVDA.entry.0", BOOK, "d", "NVDA", Side.BUY, Decimal(10), OrderType.MARKET, TimeInForce.DAY,
        OrderPurpose.ENTRY, NOW,
    )  # fmt: skip


def test_it_trades_on_stored_bars_and_remembers_over_a_restart(store, database_url, tmp_path) -> None:
    with store.transaction() as tx:
        tx.market.add_bars(flat_bars("NVDA", date(2019, 6, 3), 2), Provenance("test", "test", NOW, "test"))
    state_file = tmp_path / "gateway.json"
    with gateway_process(database_url, state_file) as ready:
        assert ready["label"] == "SIMULATED"
        with IbkrGate("127.0.0.1", ready["port"], 11, ACCOUNT, ready["control_port"]).connect() as broker:
            broker.submit([ReservedLeg(a_purchase(), 1)])
            before = broker.snapshot(BOOK)
    assert before.cash_usd == Decimal(50_000) - 10 * Decimal("100.05") - 1
    with (
        gateway_process(database_url, state_file) as ready,
        IbkrGate("127.0.0.1", ready["port"], 11, ACCOUNT, ready["control_port"]).connect() as broker,
    ):
        assert broker.snapshot(BOOK) == before


def test_stored_splits_and_dividends_reach_the_gateway(store) -> None:
    actions = [
        CorporateAction("NVDA", ActionKind.SPLIT, date(2019, 6, 4), 4.0, "test", NOW),
        CorporateAction("NVDA", ActionKind.DIVIDEND, date(2019, 6, 10), 0.16, "test", NOW),
        CorporateAction("AMD", ActionKind.DIVIDEND, date(2019, 6, 4), 0.16, "test", NOW),
    ]
    with store.transaction() as tx:
        tx.market.add_actions(actions, Provenance("test", "test", NOW, "test"))
    found = stored_actions(store)(["NVDA"], date(2019, 6, 1), date(2019, 6, 7))
    assert [(a.kind, a.value) for a in found] == [(ActionKind.SPLIT, 4.0)]
