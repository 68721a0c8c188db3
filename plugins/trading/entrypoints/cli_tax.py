"""`airdesk tax …`: lots, wash sales, Form 8949, income and the proof that all of it follows from the executions."""

from __future__ import annotations

import argparse
import getpass
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from rich.console import Console

from trading.accounting.tax.forms import FormRow, Reporting, Total, form_8949, schedule_d
from trading.accounting.tax.records import TaxLot, WashMatch
from trading.bootstrap import services_for
from trading.domain.fills import LotMethod
from trading.domain.instruments import BookId
from trading.domain.money import sum_usd
from trading.entrypoints.answers import add_json, of_book, print_json
from trading.entrypoints.arguments import day, tax_year
from trading.entrypoints.schema import require_current_schema
from trading.errors import ConfigurationError
from trading.ports import Services
from trading.reporting.tax_report import RULES, header, notes_of, plain, table, write_csv
from trading.settings import load_settings
from trading.tasks.tax import Taxes, cash_of_year, choose_method, read_taxes, tie

type Row = Mapping[str, Any]

FORM = {
    "part": "part", "box": "box", "a_description": "(a) what", "b_date_acquired": "(b) acquired",
    "c_date_sold": "(c) sold", "d_proceeds": "(d) proceeds", "e_cost_basis": "(e) basis", "f_code": "(f)",
    "g_adjustment": "(g) adjustment", "h_gain_or_loss": "(h) gain or loss", "holding_period_start": "held from",
    "provisional_until": "provisional until",
}  # fmt: skip
TOTALS = {name: name.replace("_", " ") for name in (f.name for f in fields(Total))}
LOTS = {
    "lot_id": "lot", "symbol": "symbol", "quantity": "shares", "basis_usd": "basis", "wash_usd": "of which washed",
    "acquired_on": "acquired", "holding_starts_on": "held from", "book": "book",
}  # fmt: skip
WASHES = {
    "fill_id": "sale", "symbol": "symbol", "quantity": "shares", "disallowed_usd": "disallowed", "loss_lot_id": "lot",
    "lot_id": "replaced by", "is_permanent": "lost for good",
}  # fmt: skip
INCOME = {"date": "date", "kind": "kind", "amount_usd": "amount", "reference": "of", "book": "book"}


@dataclass(frozen=True, slots=True)
class _Part:
    """One table of a report: its file, its rows, and the columns that people read."""

    name: str
    rows: Sequence[Row]
    shown: Mapping[str, str]
    columns: Sequence[str]


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    group = subparsers.add_parser("tax", help="lots, wash sales, Form 8949, income: US rules, not advice")
    actions = group.add_subparsers(title="actions", metavar="ACTION", required=True)
    _report(actions, "lots", _lots, "what was held at the end of a year, with basis and holding period")
    _report(actions, "wash", _wash, "losses of a year that do not count yet, and what took them over")
    form = _report(actions, "8949", _form, "rows of Form 8949, and the totals for Schedule D by part and box")
    form.add_argument(
        "--reported", type=Reporting, choices=list(Reporting), default=Reporting.BASIS,
        help="what Form 1099-B says about the sales: with basis is boxes A and D (default)",
    )  # fmt: skip
    _report(actions, "income", _income, "dividends, cash in lieu, interest and fees of a year, with their sums")
    _report(actions, "tie-out", _tie_out, "work all of it out anew and compare; exit code 1 if anything differs")
    method = _action(actions, "method", _method, "how sales close lots, and from when on by another method")
    method.add_argument(
        "method",
        nargs="?",
        type=LotMethod,
        choices=list(LotMethod),
        metavar="fifo|hifo",
        help="which lot a sale closes: the oldest or the dearest; without it the methods so far are shown",
    )
    method.add_argument("--since", type=day, help="first day of the method (default: today)")
    add_json(method)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=text, description=f"{text}. {RULES}.")
    parser.add_argument("--book", help="kind:name; default: the configured book, and all of its taxpayer's")
    parser.set_defaults(run=run)
    return parser


def _report(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    make: Callable[[Taxes, argparse.Namespace, Services], list[_Part]],
    text: str,
) -> argparse.ArgumentParser:
    parser = _action(actions, name, _run, text)
    parser.add_argument("year", type=tax_year, metavar="YEAR", help="tax year")
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write CSV files, and the notes, into this folder")
    parser.set_defaults(make=make, what=name)
    return parser


def _desk(options: argparse.Namespace) -> tuple[Services, BookId]:
    settings = load_settings()
    require_current_schema(settings.database_url)
    return services_for(settings), BookId.parse(options.book) if options.book else settings.book


def _run(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    with services.store.snapshot() as tx:
        taxes = read_taxes(services, tx, book)
    parts = options.make(taxes, options, services)
    rows = form_8949(taxes.ledger, options.year, taxes.rules, today=taxes.today)
    title = header(taxes.books, options.year, options.what)
    notes = notes_of(taxes.books, taxes.rules.iras, options.year, rows, taxes.today)
    if options.out is not None:
        _write(options.out, options.year, (title, *notes), parts)
    if options.json:
        print(json.dumps({"rules": RULES, "title": title, "notes": notes} | {p.name: p.rows for p in parts}, indent=1))
    else:
        _show(title, notes, parts)
    return 1 if options.what == "tie-out" and parts[0].rows else 0


def _show(title: str, notes: Sequence[str], parts: Sequence[_Part]) -> None:
    console = Console()
    console.print(title, style="bold")
    for part in parts:
        name = part.name.replace("_", " ")
        console.print(table(name, part.rows, part.shown) if part.rows else f"{name}: none")
    for note in notes:
        console.print(f"- {note}")


def _write(folder: Path, year: int, notes: Sequence[str], parts: Sequence[_Part]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            write_csv(folder / f"{part.name}_{year}.csv", part.rows, part.columns)
        (folder / f"notes_{year}.txt").write_text("\n".join(notes) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"--out {folder}: {error.strerror or error}; name a folder to write in") from None


def _names(record: type) -> list[str]:
    return [f.name for f in fields(record)]


def _lots(taxes: Taxes, options: argparse.Namespace, services: Services) -> list[_Part]:
    rows = [plain(lot) for lot in taxes.until(options.year).lots]
    return [_Part("lots", rows, LOTS, _names(TaxLot))]


def _wash(taxes: Taxes, options: argparse.Namespace, services: Services) -> list[_Part]:
    sold = [r for r in taxes.ledger.rows if r.sold_on.year == options.year]
    rows = [plain(match) for row in sold for match in row.matches]
    return [_Part("wash_sales", rows, WASHES, _names(WashMatch))]


def _form(taxes: Taxes, options: argparse.Namespace, services: Services) -> list[_Part]:
    rows = form_8949(taxes.ledger, options.year, taxes.rules, today=taxes.today, reporting=options.reported)
    totals = [plain(total) for total in schedule_d(rows)]
    return [
        _Part("form_8949", [plain(row) for row in rows], FORM, _names(FormRow)),
        _Part("schedule_d", totals, TOTALS, list(TOTALS)),
    ]


def _income(taxes: Taxes, options: argparse.Namespace, services: Services) -> list[_Part]:
    with services.store.snapshot() as tx:
        found = cash_of_year(tx, taxes.books, options.year)
    rows = [
        {"date": f"{row.happened_at:%Y-%m-%d}", "kind": row.kind, "amount_usd": f"{row.amount_usd:.2f}",
         "reference": row.reference, "book": str(book)}
        for book, row in found
    ]  # fmt: skip
    kinds = sorted({row.kind for _, row in found})
    sums = [
        {"kind": kind, "amount_usd": f"{sum_usd(r.amount_usd for _, r in found if r.kind == kind):.2f}"}
        for kind in kinds
    ]
    totals = {"kind": "kind", "amount_usd": "sum"}
    return [_Part("income", rows, INCOME, list(INCOME)), _Part("income_totals", sums, totals, list(totals))]


def _tie_out(taxes: Taxes, options: argparse.Namespace, services: Services) -> list[_Part]:
    with services.store.snapshot() as tx:
        differences = tie(taxes, tx)
    rows = [r for r in taxes.ledger.rows if r.sold_on.year == options.year]
    checked = [
        {"what": "rows of Form 8949", "value": str(len(rows))},
        {"what": "gain or loss before wash sales", "value": f"{sum_usd(r.economic_usd for r in rows)}"},
        {"what": "disallowed by wash sales", "value": f"{sum_usd(r.disallowed_usd for r in rows)}"},
        {"what": "lost for good", "value": f"{sum_usd(r.permanent_usd for r in rows)}"},
        {"what": "gain or loss that counts", "value": f"{sum_usd(r.gain_usd for r in rows)}"},
    ]
    told, figures = {"difference": "does not tie"}, {"what": "figure", "value": "USD"}
    return [
        _Part("differences", [{"difference": text} for text in differences], told, list(told)),
        _Part("figures", checked, figures, list(figures)),
    ]


def _method(options: argparse.Namespace) -> int:
    services, book = _desk(options)
    if options.method is not None:
        since = options.since or services.clock.now().date()
        choose_method(services, book, options.method, since, chosen_by=f"cli:{getpass.getuser()}")
        print(f"{book.badge} {book}: sales from {since} on close lots by {options.method}. Tell the broker to do the")
        print("same before the first of them settles: its Form 1099-B follows its own setting, not ours.")
        return 0
    with services.store.snapshot() as tx:
        chosen = tx.tax.methods(book)
    if options.json:
        print_json("tax method", **of_book(book), methods=chosen)
        return 0
    print(f"{book.badge} {book}: fifo" + "".join(f", {c.method} from {c.since} on" for c in chosen))
    return 0
