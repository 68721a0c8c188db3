"""A report, described once: as a page, as a picture for a phone, as JSON, and as the words of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from trading.domain.market import SYNTHETIC
from trading.reporting.charts import BarChart, Chart, ColumnChart, Grid, TimeChart
from trading.reporting.charts_svg import drawn
from trading.reporting.page import Markup, captioned, html_of, page, paragraph, section, table

MOST_LINES = 8
"""Lines of a table in a picture; the page has all of them."""
CAPTION_LETTERS = 900
"""A caption below a picture may have 1,024 letters."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A table; a cell is text that nobody has escaped.

    Attributes:
        head: names of the columns, with their unit.
        empty: said instead of a table without lines.
        is_wordy: whether its last column is a sentence.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str
    is_wordy: bool = False


type Item = Chart | Rows | str


@dataclass(frozen=True, slots=True)
class Part:
    """A section.

    Attributes:
        note: how to read it.
        is_pictured: whether the picture shows it too.
    """

    title: str
    items: Sequence[Item]
    note: str = ""
    is_pictured: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What a person reads of one day, week, rebalance, year or run.

    Attributes:
        name: of its files, without an ending.
        badge: what money it is about: PAPER, LIVE, REPLAY, and SYNTHETIC where the market is invented.
        said: book and span.
        tiles: (value with its unit, name), the figures that matter.
        beware: what the report cannot say, a sentence each: too little data, unknown prices.
        caption: the words of its message.
    """

    name: str
    title: str
    badge: str
    said: str
    tiles: Sequence[tuple[str, str]]
    parts: Sequence[Part]
    beware: Sequence[str] = ()
    caption: str = ""


def page_of(report: Report) -> str:
    """Return the report as one HTML document that loads nothing."""
    title = report.title if report.badge in report.title else f"{report.badge} {report.title}"
    return page(title, (_head(report), *_beware(report), *map(_section, report.parts)))


def _head(report: Report) -> Markup:
    loud = " loud" if SYNTHETIC in report.badge else ""
    tiles = "".join(f'<div class="tile"><b>{html_of(v)}</b><span>{html_of(n)}</span></div>' for v, n in report.tiles)
    return Markup(
        f'<header><span class="badge{loud}">{html_of(report.badge)}</span><h1>{html_of(report.title)}</h1>'
        f'<p class="lead">{html_of(report.said)}</p><div class="tiles">{tiles}</div></header>'
    )


def _beware(report: Report) -> Iterator[Markup]:
    if report.beware:
        items = "".join(f"<li>{html_of(sentence)}</li>" for sentence in report.beware)
        yield Markup(f'<section class="critique"><h2>What this report cannot say</h2><ul>{items}</ul></section>')


def _section(part: Part) -> Markup:
    charts = sum(not isinstance(item, Rows | str) for item in part.items)
    return section(part.title, *(_marked_up(item, is_one=charts == 1) for item in part.items), note=part.note)


def _marked_up(item: Item, *, is_one: bool) -> Markup:
    match item:
        case str():
            return paragraph(item)
        case Rows():
            return table(item.head, item.rows, kind="words" if item.is_wordy else "figures", empty=item.empty)
        case _:
            chart = drawn(item)
            return chart if is_one else captioned(chart, item.label[:1].upper() + item.label[1:])


def picture_of(report: Report) -> bytes:
    """Return what matters of the report as a PNG for a phone."""
    # matplotlib takes half a second to load, and a page does without.
    from trading.reporting.charts_png import Note, Picture, png_of

    panels: list[Chart | Note] = []
    for part in report.parts:
        if part.is_pictured:
            words = [item for item in part.items if isinstance(item, Rows | str)]
            panels += [item for item in part.items if not isinstance(item, Rows | str)]
            if lines := [line for item in words for line in _lines(item)]:
                panels.append(Note(part.title, lines))
    if report.beware:
        panels.append(Note("What this report cannot say", [(sentence, "") for sentence in report.beware]))
    return png_of(Picture(report.title, report.badge, report.said, report.tiles, panels))


def _lines(item: Rows | str) -> list[tuple[str, str]]:
    if isinstance(item, str):
        return [(item, "")]
    if not item.rows:
        return [(item.empty, "")]
    shown = [("  ".join(filter(None, row[:-1])), row[-1]) for row in item.rows[:MOST_LINES]]
    if item.is_wordy:
        shown = [("  ".join(filter(None, (left, right))), "") for left, right in shown]
    left = len(item.rows) - len(shown)
    return [*shown, *([(f"… and {left} more on the page", "")] if left > 0 else [])]


def json_of(report: Report) -> dict[str, object]:
    """Return the report for programs: the same words, charts as their numbers."""
    return {
        "name": report.name,
        "title": report.title,
        "badge": report.badge,
        "said": report.said,
        "figures": {name: value for value, name in report.tiles},
        "beware": list(report.beware),
        "parts": [{"title": part.title, "items": [_plain(item) for item in part.items]} for part in report.parts],
    }


def _plain(item: Item) -> object:
    match item:
        case str():
            return item
        case Rows():
            return [dict(zip(item.head, row, strict=True)) for row in item.rows]
        case TimeChart():
            days = [str(day) for day in item.days]
            return {"chart": item.label, "at": days, **{s.name: [_number(v) for v in s.values] for s in item.series}}
        case BarChart():
            return {"chart": item.label, **{bar.name: bar.value for bar in item.bars}}
        case ColumnChart():
            named = {s.name: dict(zip(item.places, s.values, strict=True)) for s in item.series}
            return {"chart": item.label, **named}
        case Grid():
            lines = {name: dict(zip(item.columns, values, strict=True)) for name, values in item.rows}
            return {"chart": item.label, **lines}


def _number(value: float) -> float | None:
    return None if value != value else float(value)


def text_of(report: Report) -> str:
    """Return the report in a few lines, for a terminal and for a message without its picture."""
    lines = [f"{report.badge} {report.title}", report.said, *(f"{name}: {value}" for value, name in report.tiles)]
    return "\n".join([*lines, *report.beware])


def caption_of(report: Report) -> str:
    """Return the words below the picture: its caption, cut where a message would not hold it."""
    words = report.caption or report.said
    return words if len(words) <= CAPTION_LETTERS else f"{words[: CAPTION_LETTERS - 1].rsplit(' ', 1)[0]}…"
