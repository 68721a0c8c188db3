"""`model train-sentiment`: a scorer of headlines from labelled ones of your own."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trading.adapters.labelled_texts import LabelledText, read_labelled
from trading.adapters.text_models import FOLDER, store_text_model
from trading.adapters.text_trainer import FOLDS, CrossValidation, cross_validate, train
from trading.analysis.scoring import LABELS
from trading.entrypoints.checkout import Checkout
from trading.entrypoints.progress import told
from trading.reporting.tables import table_of
from trading.reporting.wording import whole


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the commands of this module."""
    parser = commands.add_parser(
        "train-sentiment",
        help="train a scorer of headlines from labelled ones",
        description="Trains a scorer of headlines, says how well it does on texts that it has not seen, and stores it "
        "under its hash. It is used only where AIRDESK_TEXT_MODEL names that hash.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="CSV with the columns text and label (negative, neutral, positive); may be given again",
    )
    parser.add_argument("--out", type=Path, help="folder for the model (default: text_models in the state folder)")
    parser.set_defaults(run=_train, needs_database=False)


def _train(options: argparse.Namespace) -> int:
    texts = [text for path in options.data for text in read_labelled(path)]
    found = _validated(texts)
    _print(Console(), found)
    model = train([t.text for t in texts], [t.label for t in texts])
    about = {"texts": len(texts), "macro_f1": round(found.macro_f1, 4), "folds": FOLDS}
    path, sha256 = store_text_model(options.out or Checkout.from_environment(os.environ).state / FOLDER, model, about)
    print(f"stored {path}\nTo let it score headlines: AIRDESK_TEXT_MODEL={sha256}")
    return 0


def _validated(texts: list[LabelledText]) -> CrossValidation:
    with told("cross-validating") as hear:
        return cross_validate(
            [t.text for t in texts],
            [t.label for t in texts],
            [t.dataset for t in texts],
            lambda number: hear(number, FOLDS),
        )


def _print(console: Console, found: CrossValidation) -> None:
    title = f"macro-F1 {found.macro_f1:.3f} on texts not seen, {FOLDS} folds"
    table = table_of(title, "label", "precision", "recall", "F1", "texts")
    for label, (precision, recall, f1, count) in zip(LABELS, found.by_label, strict=True):
        table.add_row(label, f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}", whole(count))
    console.print(table)
    console.print(_confusion(found))
    sets = table_of("by set", "set", "macro-F1", "texts")
    for name, (macro_f1, count) in found.by_dataset.items():
        sets.add_row(name, f"{macro_f1:.3f}", whole(count))
    console.print(sets)


def _confusion(found: CrossValidation) -> Table:
    table = table_of("label, and what the model said", "label", *LABELS)
    for label, row in zip(LABELS, found.confusion, strict=True):
        table.add_row(label, *map(whole, row))
    return table
