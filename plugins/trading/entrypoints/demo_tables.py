"""What the demo prints: one decision with every verdict, its orders and fills, and the tasks of one Airflow run."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from trading.domain.orders import Order, OrderStatus
from trading.domain.signals import Outcome, Reason
from trading.entrypoints.airflow_api import TaskRun
from trading.entrypoints.demo_loop import Shown

NEW_YORK = ZoneInfo("America/New_York")
BADGE = "SYNTHETIC"
STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ABSTAIN: "yellow"}


def print_decision(console: Console, shown: Shown) -> None:
    """Print every rule's verdict for every symbol, and what became of it."""
    decision = shown.decision
    rules = list(dict.fromkeys((reason.role, reason.rule) for reason in shown.reasons))
    when = f"{decision.as_of.astimezone(NEW_YORK):%a %d %b %Y, %H:%M} New York"
    table = Table(
        title=f"{BADGE}  decision {when}, book {decision.book}",
        caption="in each cell: value seen, threshold, verdict",
        box=SIMPLE_HEAD,
        padding=(0, 0, 0, 1),
    )
    symbols = list(dict.fromkeys(reason.symbol for reason in shown.reasons))
    cells = {(reason.symbol, reason.role, reason.rule): cell_of(reason) for reason in shown.reasons}
    table.add_column("rule", overflow="fold")
    for symbol in symbols:
        table.add_column(symbol, justify="right", overflow="fold")
    for role, rule in rules:
        table.add_row(f"{rule}\n[dim]{role}[/dim]", *(cells.get((symbol, role, rule), "") for symbol in symbols))
    console.print(table)
    if decision.note:
        console.print(f"{BADGE}  {decision.note}")


def wide_console() -> Console:
    """Return a console that does not squeeze tables when the output is a file or a pipe."""
    console = Console()
    return console if console.is_terminal else Console(width=130)


def cell_of(reason: Reason) -> str:
    """Return value, threshold and verdict, one line each; a dash where a number is unknown."""
    style = STYLES[reason.outcome]
    lines = (_number(reason.observed), _number(reason.threshold), reason.outcome.value)
    return f"{lines[0]}\n[dim]{lines[1]}[/dim]\n[{style}]{lines[2]}[/{style}]"


def print_orders(console: Console, shown: Shown) -> None:
    """Print the orders of a decision with their fills; protection that waits at the broker included."""
    table = Table(title=f"{BADGE}  orders at the simulated broker, through the broker's own protocol")
    for name in (
        "symbol",
        "purpose",
        "side",
        "quantity",
        "type",
        "price",
        "state",
        "filled at [USD]",
        "commission [USD]",
    ):
        table.add_column(name, justify="left" if name in {"symbol", "purpose", "side", "type", "state"} else "right")
    fills = {fill.order_id: fill for fill in shown.fills}
    for order in shown.orders:
        if order.status is OrderStatus.DENIED:
            continue
        fill = fills.get(order.order_id)
        paid = "" if fill is None or fill.commission_usd is None else f"{fill.commission_usd:.2f}"
        price = "" if fill is None else f"{fill.price:.4f}"
        quantity = f"{order.quantity.normalize():f}"
        table.add_row(
            order.symbol, order.purpose, order.side, quantity, order.order_type, price_of(order),
            order.status, price, paid,
        )  # fmt: skip
    console.print(table)


def price_of(order: Order) -> str:
    """Return what an order asks for: a limit, a stop, or how far it trails."""
    if order.trail_frac is not None:
        return f"trails {order.trail_frac:.0%}"
    price = order.limit_price or order.stop_price
    return "" if price is None else f"{price:.2f}"


def print_run(console: Console, run_id: str, tasks: Sequence[TaskRun]) -> None:
    """Print the tasks of one run of `hourly_trading`."""
    table = Table(title=f"{BADGE}  hourly_trading in Airflow, run {run_id}")
    table.add_column("task")
    table.add_column("state")
    table.add_column("seconds", justify="right")
    for task in tasks:
        style = "green" if task.state == "success" else "red"
        seconds = "" if task.seconds is None else f"{task.seconds:.1f}"
        table.add_row(task.task_id, f"[{style}]{task.state}[/{style}]", seconds)
    console.print(table)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
