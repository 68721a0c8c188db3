"""Charts: axes that hold their values, lines that break where nothing is known, words that are escaped, two media."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from trading.reporting.charts import (
    MOST_POINTS,
    Band,
    Bar,
    BarChart,
    ColumnChart,
    Event,
    Grid,
    Mark,
    Series,
    TimeChart,
    Values,
    linear_axis,
    log_axis,
)
from trading.reporting.charts_png import MOST_INCHES, Note, Picture, png_of
from trading.reporting.charts_svg import drawn
from trading.reporting.curve_charts import fall_chart
from trading.reporting.wording import percent, points, ratio, tick


def days(count: int, first: str = "2016-01-04") -> np.ndarray:
    return np.datetime64(first) + np.arange(count)


def lines(*series: Series, axis=None, base: float = 0.0, **more) -> TimeChart:
    axis = linear_axis(0, 2) if axis is None else axis
    return TimeChart("x", days(len(series[0].values)), series, axis, ratio, base, **more)


def html_of(chart) -> str:
    return drawn(chart).html


@given(st.floats(-10, 10), st.floats(0.001, 20))
def test_a_linear_axis_holds_its_range_with_few_round_ticks(low, width):
    axis = linear_axis(low, low + width)
    assert axis.low <= low + 1e-6
    assert axis.high >= low + width - 1e-6
    assert 2 <= len(axis.ticks) <= 8
    heights = axis.height(np.array([axis.low, axis.high]))
    assert heights.tolist() == pytest.approx([1000.0, 0.0])


@given(st.floats(0.01, 1.0), st.floats(1.0, 500.0))
@example(0.9499282742644499, 1.0)
def test_a_logarithmic_axis_holds_its_range(low, high):
    axis = log_axis(low, high)
    assert axis.low <= low * 1.001
    assert axis.high >= high * 0.999
    assert 2 <= len(axis.ticks) <= 12
    assert np.all((axis.height(np.array([low, high])) >= -1) & (axis.height(np.array([low, high])) <= 1001))


def test_a_line_breaks_where_its_value_is_unknown():
    html = html_of(lines(Series("a", np.array([1.0, 2.0, np.nan, 2.0, 1.0]), 1, "1.00")))
    (path,) = re.findall(r'class="line t1"[^>]* d="(M[^"]*)"', html.split("</ul>")[1])
    assert (path.count("M"), path.count("L")) == (2, 2)


def test_a_long_line_is_thinned_and_keeps_its_last_point():
    values = np.linspace(1.0, 2.0, 5_000)
    html = html_of(lines(Series("a", values, 1, "2.00"), axis=linear_axis(1, 2), base=1.0))
    (path,) = re.findall(r'class="line t1"[^>]* d="(M[^"]*)"', html.split("</ul>")[1])
    assert path.count("L") == MOST_POINTS - 1
    assert path.endswith("L1000 0")


def test_layers_stand_on_one_another():
    layers = (Series("below", np.full(4, 0.25), 1, "25 %"), Series("above", np.full(4, 0.5), 2, "50 %"))
    html = html_of(TimeChart("x", days(4), layers, linear_axis(0, 1), percent, 0.0, is_layered=True))
    lower, upper = re.findall(r'class="layer t\d" d="(M0 [^"]*Z)"', html.split("</ul>")[1])
    assert lower.startswith("M0 750")
    assert upper.startswith("M0 250")
    assert "0 750Z" in upper


@pytest.mark.parametrize(("count", "ticks"), [(2_000, "2018"), (200, "Apr 2016"), (12, "Jan"), (3, "04 Jan"), (1, "")])
def test_the_calendar_below_is_as_coarse_as_the_range(count, ticks):
    html = html_of(lines(Series("a", np.ones(count), 1, "1.00"), axis=linear_axis(0, 1)))
    found = re.findall(r'class="x[^>]*>([^<]*)<', html)
    assert len(found) <= 10
    assert any(ticks in text for text in found) if ticks else found == []


def test_labels_at_the_edges_stay_inside_and_only_many_are_thinned_out_on_a_phone():
    few = html_of(lines(Series("a", np.ones(3), 1, "1.00"), axis=linear_axis(0, 1)))
    assert re.findall(r'class="x([^"]*)" style="left:([\d.]+)', few) == [
        (" first", "0.00"),
        ("", "50.00"),
        (" last", "100.00"),
    ]
    many = html_of(lines(Series("a", np.ones(2_500), 1, "1.00"), axis=linear_axis(0, 1)))
    kinds = re.findall(r'class="x([^"]*)"', many)
    assert len(kinds) > 5
    assert ["thin" in kind for kind in kinds] == [n % 2 == 1 for n in range(len(kinds))]


def test_a_label_that_would_cover_that_of_the_base_is_left_out():
    series = Series("a", np.linspace(0.995, 1.5, 9), 1, "1.50")
    html = html_of(TimeChart("x", days(9), [series], log_axis(0.995, 1.5), tick, 1.0))
    labels = re.findall(r'class="y"[^>]*>([^<]*)<', html)
    assert "1" in labels
    assert "0.99" not in labels


def test_a_band_and_an_event_are_drawn_where_they_are():
    chart = lines(Series("a", np.ones(3), 1, ""), bands=[Band(0.5, 1.0, "here")], events=[Event(1, "it <tripped>")])
    html = html_of(chart)
    assert '<rect class="zone" x="0" width="1000" y="500" height="250"/>' in html
    assert '<line class="event" x1="500" x2="500" y1="0" y2="1000"><title>it &lt;tripped&gt;</title>' in html


def test_the_breaker_is_shaded_only_where_a_curve_comes_near():
    grown = {"the book": np.array([1.0, 0.93, 0.95])}
    near = fall_chart(days(3), grown, breaker_frac=0.05)
    assert [(band.low, band.high) for band in near.bands] == [(near.axis.low, -0.05)]
    assert fall_chart(days(3), grown, breaker_frac=0.15).bands == ()
    assert fall_chart(days(3), grown).bands == ()


def test_bars_begin_at_zero_and_an_unknown_one_is_not_drawn():
    bars = (Bar("up", 3.0, "+3"), Bar("down", -1.0, "−1"), Bar("<b>", None, "–", band=(0.0, 1.0)))
    html = html_of(BarChart("x", bars))
    assert re.findall(r'<i class="(more|less)" style="left:([\d.]+)%;width:([\d.]+)%', html) == [
        ("more", "25.00", "75.00"),
        ("less", "0.00", "25.00"),
    ]
    assert "&lt;b&gt;" in html
    assert html.count('class="zone"') == 1


def test_columns_stand_on_their_base_and_dots_do_not_stretch():
    shown = (Values("a", [1.0, None, -1.0], 0), Values("median", [0.5, None, 1.0], 1, Mark.LINE))
    html = html_of(ColumnChart("x", ["p", "q", "r"], shown, linear_axis(-1, 1), ratio, strong=2))
    assert re.findall(r'<rect class="(\w+)"[^>]* y="(\d+)" height="(\d+)"', html) == [
        ("more", "0", "500"), ("less", "500", "500"),
    ]  # fmt: skip
    assert 'class="dot" d="M167 250h.01M833 0h.01"' in html
    assert '<span class="x strong" style="left:83.33%">r</span>' in html


def test_a_grid_frames_its_best_cell_and_leaves_the_unknown_open():
    cells = [("d1", [0.0, 1.0]), ("d2", [None, 0.5])]
    html = html_of(Grid("x", ["a", "b"], cells, ratio, [(0.0, 1.0)] * 2, best=(0, 1), across="over", down="by"))
    assert '<span class="heat level strong best" style="--a:100%">1.00</span>' in html
    assert '<span class="heat">–</span>' in html
    assert "by \\ over" in html


def test_names_are_escaped():
    chart = TimeChart('"x"', days(3), [Series("<b>", np.ones(3), 1, "<i>")], linear_axis(0, 1), ratio, 0.0)
    html = html_of(chart)
    assert "&lt;b&gt;" in html
    assert "<i>" not in html
    assert 'aria-label="&quot;x&quot;"' in html


def test_every_kind_of_chart_has_a_place_in_a_picture_of_bounded_size():
    broken, layer = Series("$a$ <b>", np.array([1.0, np.nan, 1.5]), 1, "1.50"), Series("l", np.ones(3), 2, "1")
    panels = (
        lines(broken, bands=[Band(0, 1, "b")], events=[Event(1, "e")]),
        TimeChart("layers", days(3), [layer], linear_axis(0, 1), percent, 0.0, is_layered=True),
        BarChart("bars", [Bar("one", 1.0, "+1", band=(0.2, 0.6)), Bar("none", None, "–")]),
        ColumnChart(
            "columns", ["p", "q"],
            (Values("a", [1.0, None], 0), Values("m", [0.5, 1.0], 1, Mark.LINE), Values("r", [0.7, 1.0], 1, Mark.RING)),
            linear_axis(0, 1), ratio,
        ),
        Grid("signed", ["a", "b"], [("r", [0.1, None])], points, [(-1.0, 1.0)] * 2, is_signed=True),
        Grid("levels", ["a", "b"], [("r", [0.1, 0.9])], ratio, [(0.0, 1.0)] * 2, best=(0, 1)),
        Note("words", [("left " * 30, "right"), ("100 $ and 200 $", "")]),
    )  # fmt: skip
    body = png_of(
        Picture("A title that is long enough for two lines of it", "SYNTHETIC", "said", [("1", "x")] * 4, panels)
    )
    image = Image.open(BytesIO(body))
    assert image.width == 1_080
    assert image.height < 3_500
    assert 10_000 < len(body) < 150_000


def test_a_long_line_below_the_title_is_wrapped_and_moves_nothing_together():
    def drawn_with(said: str) -> np.ndarray:
        picture = Picture("t", "PAPER", said, [("104,812.00 USD", "NAV")] * 3, [Note("words", [("left", "right")])])
        return np.asarray(Image.open(BytesIO(png_of(picture))).convert("L"), dtype=float)

    short, long = drawn_with("said"), drawn_with("6 of 7 decisions equal; " * 8)
    assert long.shape[0] > short.shape[0] + 20
    # What stands below the line stands where it stood.
    below = short.shape[0] - 200
    assert np.abs(short[-below:] - long[-below:]).mean() < 1


def test_a_picture_ends_where_a_phone_would_no_longer_show_it():
    bars = BarChart("bars", [Bar(str(n), 1.0, "+1") for n in range(20)])
    image = Image.open(BytesIO(png_of(Picture("t", "PAPER", "s", [], [bars] * 9))))
    assert image.height <= MOST_INCHES * 180
