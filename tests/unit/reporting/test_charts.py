"""Charts: axes that hold their values, paths that break where nothing is known, words that are escaped."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trading.reporting.charts import MOST_POINTS, Series, layer_chart, line_chart, linear_axis, log_axis
from trading.reporting.wording import percent, ratio, tick


def days(count: int, first: str = "2016-01-04") -> np.ndarray:
    return np.datetime64(first) + np.arange(count)


@given(st.floats(-10, 10), st.floats(0.001, 20))
def test_a_linear_axis_holds_its_range_with_few_round_ticks(low, width):
    axis = linear_axis(low, low + width)
    assert axis.low <= low + 1e-6
    assert axis.high >= low + width - 1e-6
    assert 2 <= len(axis.ticks) <= 8
    heights = axis.height(np.array([axis.low, axis.high]))
    assert heights.tolist() == pytest.approx([1000.0, 0.0])


@given(st.floats(0.01, 1.0), st.floats(1.0, 500.0))
def test_a_logarithmic_axis_holds_its_range(low, high):
    axis = log_axis(low, high)
    assert axis.low <= low * 1.001
    assert axis.high >= high * 0.999
    assert 2 <= len(axis.ticks) <= 12
    assert np.all((axis.height(np.array([low, high])) >= -1) & (axis.height(np.array([low, high])) <= 1001))


def test_a_line_breaks_where_its_value_is_unknown():
    values = np.array([1.0, 2.0, np.nan, 2.0, 1.0])
    html = line_chart(days(5), [Series("a", values, 1, "1.00")], linear_axis(0, 2), ratio, label="x", base=0.0)
    (path,) = re.findall(r'class="line t1"[^>]* d="(M[^"]*)"', html.split("</ul>")[1])
    assert (path.count("M"), path.count("L")) == (2, 2)


def test_a_long_line_is_thinned_and_keeps_its_last_point():
    values = np.linspace(1.0, 2.0, 5_000)
    html = line_chart(days(5_000), [Series("a", values, 1, "2.00")], linear_axis(1, 2), ratio, label="x", base=1.0)
    (path,) = re.findall(r'class="line t1"[^>]* d="(M[^"]*)"', html.split("</ul>")[1])
    assert path.count("L") == MOST_POINTS - 1
    assert path.endswith("L1000 0")


def test_layers_stand_on_one_another():
    layers = [Series("below", np.full(4, 0.25), 1, "25 %"), Series("above", np.full(4, 0.5), 2, "50 %")]
    html = layer_chart(days(4), layers, linear_axis(0, 1), percent, label="x")
    lower, upper = re.findall(r'class="layer t\d" d="(M0 [^"]*Z)"', html.split("</ul>")[1])
    assert lower.startswith("M0 750")
    assert upper.startswith("M0 250")
    assert "0 750Z" in upper


@pytest.mark.parametrize(("count", "ticks"), [(2_000, "2018"), (200, "Apr 2016"), (12, "Jan"), (1, "")])
def test_the_calendar_below_is_as_coarse_as_the_range(count, ticks):
    series = Series("a", np.ones(count), 1, "1.00")
    html = line_chart(days(count), [series], linear_axis(0, 1), ratio, label="x", base=0.0)
    found = re.findall(r'class="x"[^>]*>([^<]*)<', html)
    assert len(found) <= 10
    assert any(ticks in text for text in found) if ticks else found == []


def test_a_label_that_would_cover_that_of_the_base_is_left_out():
    series = Series("a", np.linspace(0.995, 1.5, 9), 1, "1.50")
    html = line_chart(days(9), [series], log_axis(0.995, 1.5), tick, label="x", base=1.0)
    labels = re.findall(r'class="y"[^>]*>([^<]*)<', html)
    assert "1" in labels
    assert "0.99" not in labels


def test_names_are_escaped():
    series = Series("<b>", np.ones(3), 1, "<i>")
    html = line_chart(days(3), [series], linear_axis(0, 1), ratio, label='"x"', base=0.0)
    assert "&lt;b&gt;" in html
    assert "<i>" not in html
    assert 'aria-label="&quot;x&quot;"' in html
