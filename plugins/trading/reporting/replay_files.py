"""The files of a replay: report.html, trades.csv, and PNGs where somebody asks for them."""

from __future__ import annotations

import csv
from dataclasses import fields
from io import StringIO
from pathlib import Path

from trading.domain.market import SYNTHETIC
from trading.domain.replays import ReplayRun, RunTrade
from trading.reporting.replay_charts import replay_badge, replay_panels, replay_tiles
from trading.reporting.replay_report import Findings, replay_report
from trading.reporting.wording import whole


def write_report(found: Findings, folder: Path, *, with_png: bool = False) -> list[Path]:
    """Write the files of a replay into `folder`, replacing what stands there; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    report, trades = folder / "report.html", folder / "trades.csv"
    report.write_text(replay_report(found), encoding="utf-8")
    trades.write_text(trades_csv(found.run), encoding="utf-8", newline="")
    written = [report, trades]
    if with_png:
        written.append(folder / "replay.png")
        written[-1].write_bytes(replay_png(found.run))
    return written


def replay_png(run: ReplayRun) -> bytes:
    """Return equity, drawdown and months as one picture for a phone."""
    # Takes a second to load, and only messages need pictures.
    from trading.reporting.charts_png import Picture, png_of

    title = f"Replay {run.name}: {run.strategy}"
    said = f"{run.first_on} to {run.last_on}, {whole(run.starting_usd)} USD to begin with"
    return png_of(Picture(title, replay_badge(run), said, replay_tiles(run), replay_panels(run)))


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
