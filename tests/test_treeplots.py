"""The figure of trees: each curve and marker is where the numbers put it."""

import numpy as np
import pytest
import xarray as xr
from matplotlib import style as mpl_style

from sparsebp.claims.reductions import steps_needed
from sparsebp.report import style, tree_plots
from sparsebp.storage import formats
from sparsebp.study import inspection
from tests.conftest import ROOT
from tests.tree_problems import tree_results

STUDY, _ = inspection.load(ROOT)
SPEC = STUDY.figure_spec("trees")


def dataset():
    values, coordinates = tree_results(STUDY)
    variables = {name: (formats.CONTRACT["trees"][name][0], values[name]) for name in values}
    return xr.Dataset(variables, coordinates)


def build(data, spec=SPEC):
    with mpl_style.context(style.RC, after_reset=True):
        drawing = tree_plots.build(spec, {"trees": data})
        drawing.draw_without_rendering()
    return drawing


@pytest.mark.thorough
def test_curves_are_the_largest_error_of_a_relay():
    data = dataset()
    chains, trees, *_ = build(data).axes
    relay = data["deviation"].sel(teacher="relay")
    for ax, shape, seeds in ((chains, "chain", slice(None)), (trees, "tree", slice(0, 0))):
        curves = [line for line in ax.lines if len(line.get_xdata()) > 1]
        expected = relay.sel(shape=shape, seed=seeds).max("seed")
        assert len(curves) == 2 * len(data["outputs"])
        for i, line in enumerate(curves):
            np.testing.assert_array_equal(line.get_ydata(), expected[i // 2, i % 2])
            assert line.get_linestyle() == ("-", "--")[i % 2]
        marks = [line for line in ax.lines if len(line.get_xdata()) == 1]
        half = data["diameter"].sel(shape=shape)[:, 0] // 2
        for k, mark in enumerate(marks):
            assert mark.get_xdata() == [half[k]]
            assert mark.get_ydata() == [expected[k, 0, half[k] - 1]]


def test_steps_needed_are_counted_to_the_last_error():
    data = dataset()
    data["deviation"][:] = 1e-16
    data["deviation"].loc["chain", "relay", 13, 2, "uniform", [1, 5]] = 1e-3
    data["deviation"].loc["chain", "relay", 13, 2, "random", 9] = 1e-3
    data["deviation"].loc["chain", "relay", 13, 2, "uniform", 12:] = np.nan
    needed = steps_needed(data).values
    assert needed[0, 0, 2, 2] == 6 and needed.sum() == needed.size + 5
    line, *markers = build(data).axes[2].lines
    np.testing.assert_array_equal(line.get_xdata(), line.get_ydata())
    kinds = [(i, j) for i in (0, 1) for j in (0, 1)]
    for (i, j), marker in zip(kinds, markers, strict=True):
        np.testing.assert_array_equal(marker.get_xdata(), data["diameter"][i].values.ravel() // 2)
        np.testing.assert_array_equal(marker.get_ydata(), needed[i, j].ravel())


def test_every_error_of_log_z_is_shown_also_an_exact_zero():
    data = dataset()
    data["bethe"].loc["tree", "relay", 4, 1] = data["log_partition"].loc["tree", "relay", 4, 1]
    ax = build(data).axes[3]
    (low, high), drawn = ax.get_ylim(), [line.get_ydata() for line in ax.lines]
    expected = np.abs(data["bethe"] - data["log_partition"]).transpose(..., "outputs", "seed")
    np.testing.assert_array_equal(np.concatenate(drawn), expected.values.ravel())
    assert low < 0 and all((y < high).all() for y in drawn) and min(map(min, drawn)) == 0


@pytest.mark.thorough
def test_only_the_sizes_asked_for_are_followed():
    spec = SPEC | {"figure": {"trees": {"outputs": [7, 97]}}}
    labels = [text.get_text() for text in build(dataset(), spec).axes[0].get_legend().get_texts()]
    assert labels == ["n = 7", "n = 97"]


@pytest.mark.thorough
def test_texts_do_not_overlap_the_page():
    drawing = build(dataset())
    width, height = drawing.get_size_inches() * drawing.dpi
    (legend,) = drawing.legends
    box = legend.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= width and box.y0 >= 0
    for ax in drawing.axes:
        tight = ax.get_tightbbox()
        assert tight.y0 > box.y1 - 1 and tight.x0 >= 0 and tight.x1 <= width
        assert tight.y1 <= height


@pytest.mark.parametrize("shape", ["chain", "tree", "ring"])
def test_teachers_differ_by_more_than_colour(shape):
    relay, random = (tree_plots._markers(shape, teacher) for teacher in ("relay", "random"))
    assert relay["markerfacecolor"] != "none" == random["markerfacecolor"]
