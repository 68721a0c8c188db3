"""How well headlines are read: macro-F1 on labelled headlines, how often the sentiment gate opens, and what it costs.

The labelled sets and the headlines are not part of the project; without them the command says so and ends.

Run from the root of the checkout:

    PYTHONPATH=plugins .venv/bin/python benchmarks/sentiment.py [--data ../shared/data] [--trained]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sklearn.metrics import precision_recall_fscore_support
from stopwatch import timed
from trading.adapters.imports.news import read_news
from trading.adapters.imports.rows import ImportFile
from trading.adapters.imports.tally import Tally
from trading.adapters.labelled_texts import LabelledText, read_labelled
from trading.adapters.market_calendar import NyseCalendar
from trading.adapters.text_trainer import FOLDS, cross_validate, train
from trading.analysis.scoring import LABELS, compound, label_of
from trading.analysis.sentiment import read_stories, sentiment_columns
from trading.domain.market import NewsItem
from trading.domain.panel import panel_of
from trading.domain.sentiment import Sentiment
from trading.engine.hours import Terms
from trading.reporting.story_tables import opening_rows, openings
from trading.strategy.three_sector import UNIVERSE
from trading.tasks.facts import timeline_of

HEADLINES = "news/headlines_2017_2020.csv.gz"
THRESHOLD = 0.7
GOAL_F1, GOAL_TRAINED, GOAL_OPEN = 0.58, 0.70, (0.03, 0.40)
type Reader = Callable[[str], float]


def is_first_half(text: str) -> bool:
    """Whether a text is of the half on which words and thresholds were chosen, by the hash of the text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).digest()[-1] % 2 == 0


def f1_of(labels: Sequence[str], said: Sequence[str]) -> tuple[float, np.ndarray]:
    """Return macro-F1, and precision, recall, F1 and support of each label, shape (4, 3)."""
    found = np.array(precision_recall_fscore_support(labels, said, labels=LABELS, zero_division=0.0))
    return float(found[2].mean()), found


def print_f1(texts: Sequence[LabelledText], readers: dict[str, Reader]) -> None:
    """Print macro-F1 of each reader by set, over all, and on both halves; then each class over all."""
    said = {name: [label_of(read(t.text)) for t in texts] for name, read in readers.items()}
    groups: dict[str, list[int]] = {name: [] for name in sorted({t.dataset for t in texts})}
    for number, text in enumerate(texts):
        groups[text.dataset].append(number)
    groups["all"] = list(range(len(texts)))
    groups["all, half the words were chosen on"] = [n for n in groups["all"] if is_first_half(texts[n].text)]
    groups["all, the other half"] = [n for n in groups["all"] if not is_first_half(texts[n].text)]
    print(f"{'macro-F1':<38}{'texts':>7}" + "".join(f"{name:>12}" for name in readers))
    for name, rows in groups.items():
        scores = [f1_of([texts[n].label for n in rows], [labels[n] for n in rows])[0] for labels in said.values()]
        print(f"{name:<38}{len(rows):>7}" + "".join(f"{score:>12.3f}" for score in scores))
    for name, labels in said.items():
        _, (precision, recall, f1, support) = f1_of([t.label for t in texts], labels)
        print(f"\n{name:<14}{'precision':>10}{'recall':>10}{'F1':>10}{'texts':>10}")
        for place, label in enumerate(LABELS):
            print(
                f"{label:<14}{precision[place]:>10.3f}{recall[place]:>10.3f}{f1[place]:>10.3f}{int(support[place]):>10}"
            )


def print_trained(texts: Sequence[LabelledText], news: Sequence[NewsItem]) -> None:
    """Print what a trained scorer does on texts that it has not seen, and how often it opens the gate."""
    said, labels, sets = [t.text for t in texts], [t.label for t in texts], [t.dataset for t in texts]
    found = cross_validate(said, labels, sets, lambda number: None)
    print(f"\ntrained, {FOLDS} folds: macro-F1 {found.macro_f1:.3f} over all; goal {GOAL_TRAINED:g}")
    for name, (macro_f1, count) in found.by_dataset.items():
        print(f"{name:<38}{count:>7}{macro_f1:>12.3f}")
    for label, (precision, recall, f1, count) in zip(LABELS, found.by_label, strict=True):
        print(f"{label:<14}{precision:>10.3f}{recall:>10.3f}{f1:>10.3f}{count:>10}")
    print_openings(news, [Sentiment(model=replace(train(said, labels), sha256="trained here"))])


def print_openings(news: Sequence[NewsItem], modes: Sequence[Sentiment]) -> None:
    """Print on which part of the symbol-days the score was over the threshold, by story count, for each mode."""
    calendar = NyseCalendar()
    days = [item.known_at.date() for item in news]
    timeline = timeline_of(calendar, min(days), max(days))
    times = timeline.times(Terms())
    for sentiment in modes:
        columns = sentiment_columns(read_stories(news, UNIVERSE.traded, sentiment), times, sentiment)
        panel = panel_of(times.as_of, UNIVERSE.traded, **columns)
        print(f"\n{sentiment.mode}, {sentiment.scored_by}: score over {THRESHOLD:g} at closes")
        print(f"{'stories':<12}{'symbol-days':>12}{'open':>8}{'part':>10}")
        for name, count, opened, part in opening_rows(openings(panel, timeline.grid.is_closing, THRESHOLD)):
            print(f"{name:<12}{count:>12}{opened:>8}{part:>10}")


def print_costs(titles: Sequence[str]) -> None:
    """Print what a headline costs: the first build of the analyzer, each headline, and a hostile text."""
    for sentiment in (Sentiment(scorer="vader"), Sentiment()):
        _, built = timed(lambda sentiment=sentiment: compound("gold rises", sentiment))
        _, scored = timed(lambda sentiment=sentiment: [compound(title, sentiment) for title in titles])
        _, again = timed(lambda sentiment=sentiment: [compound(title, sentiment) for title in titles])
        _, hostile = timed(lambda sentiment=sentiment: compound("great profit but " * 6_000, sentiment))
        print(
            f"{sentiment.scorer}: first {built.cpu * 1e3:.0f} ms, {scored.cpu / len(titles) * 1e6:.0f} µs a headline, "
            f"{again.cpu / len(titles) * 1e6:.1f} µs a repeat; 100 kB of hostile text {hostile.cpu * 1e3:.1f} ms"
        )


def main() -> int:
    """Run what the data allow and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trained", action="store_true", help="cross-validate a trained scorer, too: some minutes")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with sentiment/ and news/")
    options = parser.parse_args()
    data = options.data
    files = sorted((data / "sentiment").glob("*.dev.csv"))
    if not files or not (data / HEADLINES).exists():
        print(f"skipped: {data} holds no sentiment/*.dev.csv or no {HEADLINES}; name a folder with --data")
        return 0
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}\n")
    news = [
        item
        for items in read_news(ImportFile(data / HEADLINES), NyseCalendar(), Tally(), now=datetime.now(UTC))
        for item in items
    ]
    print_costs([item.title for item in news])
    texts = [text for file in files for text in read_labelled(file)]
    vader = Sentiment(scorer="vader")
    print()
    print_f1(texts, {"vader": lambda text: compound(text, vader), "lexicon": compound})
    print(f"\ngoals: lexicon at least {GOAL_F1}; gate open on {GOAL_OPEN[0]:.0%} to {GOAL_OPEN[1]:.0%} in evidence")
    print_openings(news, [vader, Sentiment(), Sentiment(mode="percentile"), Sentiment(mode="mean")])
    if options.trained:
        print_trained(texts, news)
    return 0


if __name__ == "__main__":
    sys.exit(main())
