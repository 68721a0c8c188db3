"""How often a gate opened, by the stories told; and the stories of an hour as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import numpy as np
from rich.console import Console
from trading.domain.panel import panel_of
from trading.domain.sentiment import StoryScore
from trading.reporting.story_tables import opening_rows, openings, stories_table

HOURS = np.array([f"2024-06-12T{hour}:00" for hour in range(14, 19)], dtype="datetime64[us]")


def test_the_gate_is_counted_at_the_looks_by_how_many_stories_were_told():
    counts = np.array([[3.0], [5.0], [6.0], [25.0], [2.0]])
    scores = np.array([[0.8], [0.7], [0.9], [0.1], [np.nan]])
    panel = panel_of(HOURS, ("NVDA",), sentiment=scores, story_count=counts)
    found = openings(panel, np.ones(5, dtype=bool), 0.7)
    assert [(o.name, o.symbol_days, o.opened, o.open_frac) for o in found] == [
        ("3-5", 2, 1, 0.5), ("6-10", 1, 1, 1.0), ("11-20", 0, 0, None), ("21 or more", 1, 0, 0.0), ("all", 4, 2, 0.5),
    ]  # fmt: skip
    assert openings(panel, np.array([True, False, False, False, False]), 0.7)[-1].symbol_days == 1
    assert opening_rows(found)[2] == ("11-20", "0", "0", "–")


def test_a_story_shows_as_it_is_written_markup_and_all():
    at = datetime(2024, 6, 12, 13, tzinfo=UTC)
    score = StoryScore("NVDA", "n1", "wire", at, "[red]NVDA[/red] <b>up</b>", 0.81, 0.5, "lexicon 1")
    console = Console(width=120, record=True, file=StringIO())
    console.print(stories_table("stories", [score]))
    text = console.export_text()
    for part in ("scored by lexicon 1", "[red]NVDA[/red] <b>up</b>", "+0.81", "0.50", "wire", "06-12 13:00"):
        assert part in text
