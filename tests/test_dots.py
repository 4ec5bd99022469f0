"""Figures of choices: each dot is where the numbers put it, and the page can be read."""

import itertools

import numpy as np
import pytest
import xarray as xr
from matplotlib import style as mpl_style
from matplotlib.colors import to_hex

from sparsebp.report import choice_plots, figures, style
from sparsebp.report.intervals import mean_interval
from sparsebp.storage.figure_metadata import read_provenance
from sparsebp.study.config import Study
from tests.configurations import FULL, SCHEMA

STUDY = Study.load(FULL, SCHEMA)
SPEC = STUDY.figure_spec("choices_fig3_2")
NAMES = ["bp", "rbp", "ms", "rms"]
BOXES = (12, 1, 5)  # choices in each
A4 = 210 / 25.4, 297 / 25.4


def dataset(seeds=10):
    """Errors of every size, a third of the learners without any."""
    rng = np.random.default_rng(0)
    block = STUDY.experiments["output_choices"]
    shape = (len(block["learners"]), seeds, len(block["samples"]))
    sizes = 10.0 ** rng.uniform(-5, -0.5, shape[0]) * (np.arange(shape[0]) % 3 > 0)
    dims = ("learner", "seed", "n_samples")
    errors = {q: (dims, rng.random(shape) * sizes[:, None, None]) for q in choice_plots.COMPARED}
    coordinates = {"learner": block["learners"], "seed": np.arange(seeds)}
    return xr.Dataset(
        errors | {"status": (dims, np.ones(shape, np.int8))},
        coordinates | {"n_samples": block["samples"]},
    )


def build(data, spec=SPEC):
    with mpl_style.context(style.RC, after_reset=True):
        drawing = choice_plots.build(spec, {"output_choices": data})
        drawing.draw_without_rendering()
    return drawing


def boxes(drawing):
    """The axes, a row for each box."""
    return np.reshape(drawing.axes, (-1, 3))


def texts(ax):
    return [text.get_text() for text in ax.texts]


@pytest.mark.parametrize("column, quantity", [*enumerate(choice_plots.COMPARED)])
def test_dots_and_intervals(column, quantity):
    data = dataset()
    data[quantity].loc["ms", 3] = np.nan  # of a seed that met a contradiction
    drawing = build(data)
    rows = iter(SPEC["choices"])
    for ax, count in zip(boxes(drawing)[:, column], BOXES, strict=True):
        low, high = ax.get_xlim()
        assert low < 0 < high
        for i, choice in enumerate(itertools.islice(rows, count)):
            heights = []
            for name, bars in zip(NAMES, ax.containers, strict=True):
                assert bars.get_label() == name
                x, y = (values[i] for values in bars.lines[0].get_data())
                errors = data[quantity].sel(learner=choice["learners"][name]).to_pandas()
                errors = errors.loc[:, 8:20].mean(axis=1).dropna()
                assert x == pytest.approx(errors.mean(), rel=1e-12)
                assert low < x < high
                (left, _), (right, _) = bars.lines[2][0].get_segments()[i]
                assert max(left, right) < high
                if errors.any():
                    assert (left, right) == pytest.approx(mean_interval(errors), rel=1e-9)
                else:
                    assert left == right == 0
                heights.append(y)
            assert i - 0.5 < heights[0] and heights[-1] < i + 0.5
            assert np.diff(heights) == pytest.approx(1 / 5)
    assert next(rows, None) is None


def test_one_seed_has_no_interval():
    for ax in build(dataset(seeds=1)).axes:
        for bars in ax.containers:
            assert not np.size(bars.lines[2][0].get_segments())


@pytest.mark.thorough
@pytest.mark.parametrize("value", [0, np.nan])
def test_all_exact_or_without_values(value):
    data = dataset()
    for quantity in choice_plots.COMPARED:
        data[quantity] *= value
    for ax in build(data).axes:
        low, high = ax.get_xlim()
        assert low < high < np.inf and (low < 0) == (value == 0)


@pytest.mark.thorough
def test_table_of_the_choices():
    """A value stands where it or one before it changes."""
    first, second, third = (texts(row[0]) for row in boxes(build(dataset())))
    assert first == [
        *("step limit", *["100", "500"] * 6),
        *("size of random\nstart", *["0", "0.1", "1"] * 2),
        *("damping", "0", "0.3"),
    ]
    assert second == ["output read-out", "nonzero"]
    assert third == ["reinforcement r", "0.001", "0.003", "0.01", "0.03", "0.1"]


def test_what_all_rows_of_a_box_set_alike_stands_once_below_it():
    spec = STUDY.figure_spec("reconstruction_grid")
    assert len(spec["choices"]) == 18
    (row,) = boxes(build(dataset(), spec))
    heads = [text for text in texts(row[0]) if not text.replace(".", "").isdigit()]
    assert heads == ["size of random\nstart", "damping", "reinforcement r"]
    assert row[1].get_xlabel().splitlines()[1:] == [
        "messages that start at random: variable-to-factor",
        "distribution of random start: uniform",
    ]


def test_the_rows_of_the_original_setting_are_shaded():
    drawing = build(dataset())
    gray = to_hex(choice_plots.SHADE)
    found = [[p for p in ax.patches if to_hex(p.get_facecolor()) == gray] for ax in drawing.axes]
    shaded = {
        (number // 3, round(patch.get_y() + 0.5))
        for number, patches in enumerate(found)
        for patch in patches
    }
    assert shaded == {(0, 7), (2, 2)}  # damping 0.3, uniform start, 500 steps; r = 0.01
    assert [len(patches) for patches in found] == [1] * 3 + [0] * 3 + [1] * 3
    (legend,) = drawing.legends
    labels = ["BP", "reinforced BP", "max-sum", "reinforced max-sum", "as in Fig. 3.2"]
    assert [text.get_text() for text in legend.get_texts()] == labels


def test_marks_of_how_runs_ended():
    data = dataset()
    data["status"].loc["ms-output-readout-nonzero", 4, 10] = 2
    data["status"].loc["rbp-reinforcement-0.1", 0, 20] = 3
    data["status"].loc["rms-reinforcement-0.1", 0, 6] = 2  # below the range of m
    drawing = build(data)
    found = [
        (box, line.get_label(), line.get_ydata()[0], line.get_color())
        for box, row in enumerate(boxes(drawing))
        for line in row[-1].lines
        if line.get_label() in [mark[-1] for mark in style.MARKS.values()]
    ]
    looks = style.style_learners(SPEC["learners"])
    assert found == [
        (1, style.MARKS[2][-1], pytest.approx(0.1), looks["ms"].color),
        (2, style.MARKS[3][-1], pytest.approx(4 - 0.1), looks["rbp"].color),
    ]


@pytest.mark.thorough
def test_it_is_a_page_that_can_be_read():
    """No text is cut or overlaps another or a box, and none is smaller than 6 points."""
    data = dataset()
    data["status"][:] = 2
    data["status"][:, 0] = 3
    drawing = build(data)
    width, height = drawing.get_size_inches()
    assert width < A4[0] - 1
    assert height < A4[1] - 1
    shown = [text for ax in drawing.axes for text in (ax.title, ax.xaxis.label, *ax.texts)]
    for ax in boxes(drawing)[-1]:
        labels = ax.get_xticklabels()
        ticks = [label.get_position()[0] for label in labels]
        assert ticks[0] == 0 and len(ticks) > 2
        np.testing.assert_allclose(np.log10(ticks[1:]), np.round(np.log10(ticks[1:])), atol=1e-9)
        shown += labels
    shown += [text for legend in drawing.legends for text in legend.get_texts()]
    shown = [text for text in shown if text.get_text()]
    page = drawing.bbox
    extents = [text.get_window_extent() for text in shown]
    for text, extent in zip(shown, extents, strict=True):
        assert text.get_fontsize() >= 6
        assert page.x0 <= extent.x0 and extent.x1 <= page.x1, text
        assert page.y0 <= extent.y0 and extent.y1 <= page.y1, text
        assert not any(extent.overlaps(ax.bbox) for ax in drawing.axes), text
    for (one, a), (other, b) in itertools.combinations(zip(shown, extents, strict=True), 2):
        assert not a.overlaps(b), (one, other)


@pytest.mark.thorough
def test_dots_of_a_row_do_not_hide_each_other():
    """Even where they are equal; the largest marker is of 4.2 points and its edge."""
    for ax in build(dataset()).axes:
        (_, first), (_, second) = ax.transData.transform([(0, 0), (0, 1 / 5)])
        assert abs(first - second) / ax.figure.dpi * 72 > 4.2 + 0.9


def test_a_figure_of_other_results_is_refused(tmp_path):
    data = dataset().drop_sel(learner="ms-output-readout-nonzero")
    with pytest.raises(ValueError, match=r"choices_fig3_2.*'ms-output-readout-nonzero'"):
        figures.draw(SPEC, {"output_choices": data}, [tmp_path / "a.pdf"], {})
    assert not list(tmp_path.iterdir())


@pytest.mark.thorough
def test_the_file(tmp_path):
    figures.draw(SPEC, {"output_choices": dataset()}, [tmp_path / "a.svg"], {"from": "here"})
    assert read_provenance(tmp_path / "a.svg") == {"from": "here"}
