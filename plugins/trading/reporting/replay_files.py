"""The files of a replay: report.html, trades.csv, and PNGs where somebody asks for them."""

from __future__ import annotations

import csv
from dataclasses import fields
from io import StringIO
from pathlib import Path

from trading.domain.market import SYNTHETIC
from trading.domain.replays import ReplayRun, RunTrade
from trading.reporting.replay_report import Findings, replay_report


def write_report(found: Findings, folder: Path, *, with_png: bool = False) -> list[Path]:
    """Write the files of a replay into `folder`, replacing what stands there; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    report, trades = folder / "report.html", folder / "trades.csv"
    report.write_text(replay_report(found), encoding="utf-8")
    trades.write_text(trades_csv(found.run), encoding="utf-8", newline="")
    written = [report, trades]
    if with_png:
        # Takes a second to load, and only messages need pictures.
        from trading.reporting.replay_png import write_pngs

        written += write_pngs(found.run, folder)
    return written


def trades_csv(run: ReplayRun) -> str:
    """Return the closed trades as CSV, instants in ISO format UTC; the last column says where the market came from."""
    names = [f.name for f in fields(RunTrade)]
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow([*names, "return_frac", "market"])
    market = SYNTHETIC if run.is_synthetic else "imported"
    for trade in run.trades or ():
        values = (getattr(trade, name) for name in names)
        plain = (v.isoformat() if hasattr(v, "isoformat") else v for v in values)
        writer.writerow([*plain, trade.return_frac, market])
    return text.getvalue()
