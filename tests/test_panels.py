"""Panels of curves: what is drawn is what the results say."""

import copy
import itertools

import numpy as np
import pytest

from sparsebp.report import panels, style
from sparsebp.report.intervals import mean_interval
from sparsebp.study.config import Study
from tests.configurations import FULL, SCHEMA
from tests.drawn_panels import (
    LEARNERS,
    NAMES,
    SAMPLES,
    build,
    curve,
    dataset,
    draw,
    intervals,
    look,
    marked,
    moved,
    panel,
    points,
    spec,
)


@pytest.mark.parametrize("quantity", sorted(style.Y_LABELS.keys() - {"residual"}))
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_means_and_intervals(quantity, scale):
    data = dataset()
    (ax,) = build(panel(quantity=quantity, scale=scale), results={"one": data}).axes
    assert ax.get_ylabel() == style.Y_LABELS[quantity]
    assert ax.get_ylim()[0] < 0  # an exact zero is inside the panel
    for name, ends in zip(NAMES, intervals(ax), strict=True):
        values = data[quantity].sel(learner=name).dropna("n_samples")
        x, y = points(ax, name)
        np.testing.assert_array_equal(x, values.n_samples)
        np.testing.assert_allclose(y, values.mean("seed"), rtol=1e-12)
        assert ax.get_ylim()[1] >= y.max()
        expected = [
            mean_interval(column) for column in values.transpose("n_samples", "seed").values
        ]
        np.testing.assert_allclose(ends, expected, rtol=1e-12)
        assert (ends >= 0).all()


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("samples", [8, 40])
def test_curves_are_moved_by_points_and_not_by_what_is_between_samples(columns, samples):
    data = dataset().reindex(n_samples=np.arange(1, samples + 1), fill_value=0.0)
    shown = spec([panel(), panel(), panel()], columns)
    ax = panels.build(shown, {"one": data}).axes[0]
    aside = [moved(ax, name) for name in NAMES]
    np.testing.assert_allclose(aside, np.linspace(-panels.DODGE, panels.DODGE, len(NAMES)))
    assert panels.DODGE < 2


def test_a_logarithmic_axis_is_straight_and_has_zero_in_a_strip_apart():
    data = dataset()
    data["weight_error"].loc["ms"] = 0.5 ** np.arange(8) * np.array([1, 1, 1, 1, 1, 0, 1, 0])
    (ax,) = build(panel(scale="log"), results={"one": data}).axes
    scale, (low, high) = ax.yaxis.get_transform(), ax.get_ylim()
    # A factor is as high everywhere, and all that is positive is above the strip.
    np.testing.assert_allclose(np.diff(scale.transform(0.5 ** np.arange(5))), np.log10(0.5))
    positive = [x for line in ax.lines for x in np.ravel(line.get_ydata()) if x > 0]
    (strip,) = ax.patches
    edge = strip.get_y() + strip.get_height()
    assert strip.get_y() == low == -edge and edge < min(positive) < max(positive) < high
    assert "0" in [text.get_text() for text in ax.get_yticklabels()]
    # The line stops, and goes on, without a way down.
    line = curve(ax, "ms").get_ydata()
    np.testing.assert_array_equal(np.isnan(line), [0, 0, 0, 0, 0, 1, 0, 1])
    assert points(ax, "ms")[1].tolist() == data.weight_error.sel(learner="ms")[0].values.tolist()


def test_what_is_below_zero_is_in_the_strip_of_a_logarithmic_axis_which_says_so():
    data = dataset()
    data["entropy"].loc["ms"] = -0.1
    (ax,) = build(panel(quantity="entropy", scale="log"), results={"one": data}).axes
    assert (points(ax, "ms")[1] == 0).all()
    assert "≤ 0" in [text.get_text() for text in ax.get_yticklabels()]


def test_a_logarithmic_axis_without_zeros_has_no_strip():
    data = dataset().isel(n_samples=slice(0, 6)).drop_sel(learner="bp-batch4")
    data["weight_error"][:] = data.weight_error + 0.01
    names = [name for name in NAMES if name != "bp-batch4"]
    (ax,) = build(panel(scale="log", learners=names), results={"one": data}).axes
    assert ax.get_ylim()[0] > 0 and not ax.patches


def test_minibatches_have_markers_at_whole_batches_only():
    (ax,) = build(panel()).axes
    np.testing.assert_array_equal(curve(ax, "bp-batch4").get_xdata(), [4, 8])


def test_one_seed_has_no_interval():
    data = dataset(seeds=1)
    (ax,) = build(panel(), results={"one": data}).axes
    np.testing.assert_array_equal(
        curve(ax, "ms").get_ydata(), data.weight_error.sel(learner="ms")[0]
    )
    for bars in ax.containers:
        segments = np.concatenate([np.ravel(s) for s in bars.lines[2][0].get_segments()] or [[]])
        assert not segments.size


@pytest.mark.thorough
def test_curves_of_all_zeros_and_learners_without_values(tmp_path):
    data = dataset()
    data["weight_error"] *= 0
    data = data.isel(n_samples=[0, 1])  # nothing at all of the mini-batches
    empty = data.assign(weight_error=data.weight_error * np.nan)
    for scale in ("linear", "log"):
        draw(tmp_path / "empty.svg", shown=[panel(scale=scale)], results={"one": empty})
        draw(tmp_path / f"{scale}.svg", shown=[panel(scale=scale)], results={"one": data})


def test_every_learner_has_its_own_look():
    (ax,) = build(panel()).axes
    looks = {name: look(curve(ax, name)) for name in NAMES}
    assert looks.pop("bp") == looks["bp-offline"]  # the same but for the label
    for a, b in itertools.combinations(looks.values(), 2):
        assert a[1:] != b[1:]  # also without colour
    table = [look[:2] for look in style.LOOKS.values()]
    assert len({*table}) == len(table)


@pytest.mark.parametrize("kind", ["schedule", "algorithm"])
def test_a_colour_is_a_schedule_or_an_algorithm_whatever_the_method(kind):
    """And no two of them share one, of all learners of the study."""
    whole = Study.load(FULL, SCHEMA)
    looks = style.style_learners(whole.learners)
    colors = {}
    for name, block in whole.learners.items():
        reference = block.get("method") in ("exact", "density-evolution")
        if reference or (block["schedule"] == "offline") != (kind == "algorithm"):
            continue
        what = block["schedule"], block.get("batch_size")
        if kind == "algorithm":  # one for the two whose messages are probabilities
            product = block["algorithm"] in ("sum-product", "max-product")
            what = product or block["algorithm"], block.get("reinforcement", 0) > 0
        colors.setdefault(what, set()).add(looks[name].color)
    assert all(len(found) == 1 for found in colors.values())
    assert len({color for found in colors.values() for color in found}) == len(colors) > 2


def test_an_algorithm_that_is_added_has_a_colour_of_its_own():
    looks = style.style_learners(LEARNERS | {"new": LEARNERS["ms"] | {"algorithm": "new"}})
    assert looks["new"].color not in {looks[name].color for name in NAMES}


def test_no_curve_is_bolder_than_another():
    (ax,) = build(panel()).axes
    assert len({curve(ax, name).get_linewidth() for name in NAMES}) == 1


def test_a_learner_looks_the_same_in_every_panel_and_figure():
    alone = build(panel(learners=["mp-online"])).axes[0]
    both = build(panel(), panel(experiments=["two"], learners=["ms", "mp-online"])).axes
    assert len({look(curve(ax, "mp-online")) for ax in (alone, *both)}) == 1


def test_new_learners_get_styles_of_their_own():
    new = copy.deepcopy(LEARNERS)
    new |= {f"batch{b}": LEARNERS["bp-batch4"] | {"batch_size": b} for b in range(5, 20)}
    new |= {f"r{r}": LEARNERS["rbp"] | {"reinforcement": r} for r in (0.03, 0.1)}
    new["ms-random"] = LEARNERS["ms"] | {"inference": {"initial_scale": 1.0}}
    looks = style.style_learners(new)
    assert looks == style.style_learners(copy.deepcopy(new))
    assert {n: looks[n] for n in NAMES} == style.style_learners(LEARNERS)
    del looks["bp"]
    assert len(set(looks.values())) == len(looks)
    for name in ("batch8", "r0.03", "ms-random"):  # the other learners of a figure play no role
        few = style.style_learners({name: new[name]} | LEARNERS)
        assert few[name] == style.style_learners({name: new[name]})[name]
        assert few["rbp"] == looks["rbp"]


def test_defaults_filled_in_change_no_style():
    filled = {n: {"factor": "hard", "reinforcement": 0} | b for n, b in LEARNERS.items()}
    assert style.style_learners(filled) == style.style_learners(LEARNERS)


METHODS = {
    "exact": {"algorithm": "sum-product", "schedule": "offline", "method": "exact"},
    "exact-map": {"algorithm": "max-product", "schedule": "offline", "method": "exact"},
    "bp-blocked": {"algorithm": "sum-product", "schedule": "offline", "method": "blocked"},
    "ms-blocked": {"algorithm": "max-sum", "factor": "soft", "schedule": "offline"}
    | {"method": "blocked"},
}


def test_other_methods_have_looks_of_their_own():
    looks = style.style_learners(LEARNERS | METHODS)
    assert {n: looks[n] for n in NAMES} == style.style_learners(LEARNERS)
    del looks["bp"]
    assert len({style[1:3] for style in looks.values()}) == len(looks)
    assert looks["exact-map"].color == looks["exact"].color
    assert looks["bp-blocked"].color == looks["bp-offline"].color != looks["ms-blocked"].color
    assert {name: looks[name] for name in METHODS} == style.style_learners(METHODS)


def test_the_exact_learner_is_a_thin_line_that_moves_no_other():
    data = dataset()
    data = data.assign_coords(learner=["exact", *data.learner.values[1:]])
    learners = {("exact" if n == NAMES[0] else n): b for n, b in LEARNERS.items()}
    learners["exact"] = METHODS["exact"]
    shown = panel(learners=["exact", *NAMES[1:]])
    (ax,) = build(shown, results={"one": data}, learners=learners).axes
    line = curve(ax, "exact")
    np.testing.assert_array_equal(line.get_xdata(), SAMPLES)
    assert line.get_marker() in ("", "None") and line.get_color() == "#000000"
    assert len(ax.containers) == len(NAMES) - 1  # no bars
    (without,) = build(panel(learners=NAMES[1:]), results={"one": data}, learners=learners).axes
    for name in NAMES[1:]:
        np.testing.assert_array_equal(*(curve(a, name).get_xdata() for a in (ax, without)))
        assert line.get_zorder() > curve(ax, name).get_zorder()
        assert line.get_linewidth() < curve(ax, name).get_linewidth()


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_differences_from_a_learner(scale):
    data, names = dataset(), ["ms", "rbp", "bp-online"]
    shown = panel(learners=names, minus="bp-offline", scale=scale)
    (ax,) = build(shown, results={"one": data}).axes
    assert ax.get_ylabel() == "weight error\n− that of offline"
    errors = data.weight_error
    lowest = highest = 0.0
    for name, ends in zip(names, intervals(ax), strict=True):
        values = (errors.sel(learner=name) - errors.sel(learner="bp-offline")).values
        y = curve(ax, name).get_ydata()
        np.testing.assert_allclose(y, values.mean(0), atol=1e-15)
        np.testing.assert_allclose(ends, [mean_interval(column) for column in values.T])
        lowest, highest = min(lowest, y.min()), max(highest, y.max())
    assert lowest < 0 < highest  # differences of both signs, and all in the panel
    assert ax.get_ylim()[0] < lowest and highest < ax.get_ylim()[1]
    if scale == "log":
        threshold = ax.yaxis.get_transform().linthresh
        largest = max(-lowest, highest)
        assert 1e-4 * largest < threshold <= 0.1 * largest


def test_a_residual_is_a_point_for_each_training_that_did_not_converge():
    data = dataset()
    data["status"].loc["ms", [0, 3], 2] = 2  # step limit
    data["status"].loc["ms", 1, 5] = 4  # oscillating
    data["status"].loc["ms", 2, 6] = 3  # contradiction
    drawing = build(panel(quantity="residual", scale="log"), results={"one": data})
    (ax,) = drawing.axes
    residuals = data.residual.sel(learner="ms")
    x, y = curve(ax, "ms").get_data()
    assert curve(ax, "ms").get_linestyle() == "None"
    assert x.tolist() == [2, 2, 5]
    assert {*y} == {float(residuals.sel(seed=s, n_samples=m)) for s, m in ((0, 2), (3, 2), (1, 5))}
    assert [line for line in ax.lines if line.get_label() in NAMES] == [curve(ax, "ms")]
    assert not any(np.size(bars.lines[2][0].get_segments()) for bars in ax.containers)
    low, high = ax.get_ylim()
    assert 0 < low < min(y) and max(y) < high and low > min(y) / 10
    found = [[*line.get_xdata()] for status in (2, 4, 3) for line in marked(ax, status)]
    assert found == [[2], [5], [6]]
    assert ax.get_ylabel() == "residual (of the last step)"


@pytest.mark.thorough
@pytest.mark.parametrize("quantity", ["weight_error", "entropy"])
def test_the_law_is_drawn_and_changes_no_limits(quantity):
    block = {
        "layers": {"input": 9, "hidden": 9, "output": 9},
        "nonzeros_per_row": {"input": 2, "output": 2},
        "activation": {"function": "tanh", "b": 0.1},
        "student": {"alphabet": [-1, 1], "nonzeros_per_row": {"input": 2, "output": 2}},
    }
    shown = panel(quantity=quantity, law=True, scale="log")
    drawing = build(shown, experiments={"one": block})
    (ax,) = drawing.axes
    line = curve(ax, "law")
    bit = {"weight_error": 1, "entropy": np.log(2)}[quantity]

    def by_counting(m):
        return bit * (0.5**m / 4 + 0.375**m / 8)

    np.testing.assert_allclose(line.get_ydata(), by_counting(line.get_xdata()))
    assert line.get_xdata()[0] == SAMPLES[0]
    # To the last sample, or the strip for zeros.
    after = by_counting(line.get_xdata()[-1] + 0.1)
    assert line.get_xdata()[-1] == SAMPLES[-1] or after < ax.patches[0].get_height() / 2
    (plain,) = build(panel(quantity=quantity, scale="log")).axes
    assert (ax.get_xlim(), ax.get_ylim()) == (plain.get_xlim(), plain.get_ylim())
    [legend] = drawing.legends
    assert any("by counting" in text.get_text() for text in legend.get_texts())


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_the_error_found_against_the_one_expected(scale):
    data = dataset()
    rng = np.random.default_rng(1)
    shape = data.weight_error.shape
    data["expected_error"] = data.weight_error.dims, rng.random(shape) * 0.6**SAMPLES
    shown = panel(learners=["bp", "bp-batch4"], expected=True, scale=scale, x_scale=scale)
    drawing = build(shown, results={"one": data})
    (ax,) = drawing.axes
    assert ax.get_xlabel() == "weight error expected from the beliefs"
    for name in ("bp", "bp-batch4"):
        one = data.sel(learner=name)
        ran = [m for m in SAMPLES if name == "bp" or m in (4, 8)]
        found = sorted(
            (one.expected_error.sel(n_samples=m).values.mean(),
             one.weight_error.sel(n_samples=m).values.mean()) for m in ran
        )  # fmt: skip
        np.testing.assert_allclose(points(ax, name).T, found, rtol=1e-12)
    x, y = curve(ax, "expected").get_data()
    assert (x == y).all()
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert max(low, bottom) <= x[0] < x[-1] == min(high, top)
    assert "error = expected error" in [text.get_text() for text in drawing.legends[0].get_texts()]


def test_no_iterations_where_nothing_ran():
    data = dataset()
    data["iterations"] = data.iterations.fillna(0)  # as results have it
    (ax,) = build(panel(quantity="iterations"), results={"one": data}).axes
    assert points(ax, "bp-batch4")[0].tolist() == [4, 8]
    expected = data.iterations.sel(learner="bp-batch4", n_samples=[4, 8]).mean("seed")
    np.testing.assert_allclose(points(ax, "bp-batch4")[1], expected)
    assert points(ax, "ms")[0].tolist() == [*SAMPLES]


def test_status_marks():
    data = dataset()
    data["status"].loc["ms", 2, 3] = 2
    data["status"].loc["mp-online", 0, [5, 8]] = 3
    data["weight_error"].loc["mp-online", 0, 5] = np.nan  # the other seeds still have a mean
    drawing = build(panel(), results={"one": data})
    (ax,) = drawing.axes
    drawing.draw_without_rendering()
    for status, name, where in ((2, "ms", [3]), (3, "mp-online", [5, 8])):
        (marks,) = marked(ax, status)
        np.testing.assert_array_equal(marks.get_xdata(), where)
        assert marks.get_color() == curve(ax, name).get_markeredgecolor()
    texts = [text.get_text() for legend in drawing.legends for text in legend.get_texts()]
    assert {style.MARKS[status][-1] for status in (2, 3)} <= set(texts)


def test_no_marks_where_all_converged():
    drawing = build(panel())
    assert not marked(drawing.axes[0], 2) + marked(drawing.axes[0], 3)
    assert len(drawing.legends) == 1


def test_one_legend_names_each_learner_once():
    bp, mp = ["bp-offline", "bp-batch4", "bp-online"], ["mp-offline", "mp-online"]
    drawing = build(panel(learners=bp), panel(learners=bp, y=[0, 0.1]), panel(learners=mp))
    assert [ax.get_legend() for ax in drawing.axes] == [None] * 3
    (legend,) = drawing.legends
    texts = [text.get_text() for text in legend.get_texts() if text.get_text()]
    labels = ["offline", "mini-batch 4", "online", "offline", "online"]
    assert sorted(texts) == sorted([*labels, "(a, b) BP:", "(c) max-product:"])


def test_learners_of_several_panels_are_together_in_the_legend():
    some, others = ["bp-offline", "bp-batch4"], ["bp-offline", "bp-online"]
    drawing = build(panel(learners=some), panel(learners=["mp-online"]), panel(learners=others))
    texts = [text.get_text() for text in drawing.legends[0].get_texts() if text.get_text()]
    assert sorted(texts) == sorted(
        ["(a, c) BP:", "offline", "mini-batch 4", "online", "(b) max-product:", "online"]
    )
    assert texts.index("(a, c) BP:") < texts.index("(b) max-product:")


def test_learners_of_several_algorithms_stand_in_the_legend_behind_the_letters_of_their_panels():
    of_one, mixed = ["bp-offline", "bp-online"], ["bp", "rbp", "ms"]
    shown = [panel(learners=names) for names in (of_one, mixed, ["ms"], mixed[:2], mixed)]
    texts = [text.get_text() for text in build(*shown).legends[0].get_texts()]
    assert [text for text in texts if "(" in text] == ["(a, d) BP:", "(b, c, e)"]
    assert texts.count("max-sum") == 1


@pytest.mark.thorough
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_marks_are_in_a_strip_between_the_panel_and_its_title(scale):
    """A row for each curve, behind its marker; at no height do they follow the curve."""
    data = dataset()
    data["status"].loc[:, 0] = np.where(data["status"][:, 0] == 1, 2, 0)
    data["status"].loc["ms", 1] = 4
    drawing = build(panel(scale=scale), panel(), results={"one": data})
    drawing.draw_without_rendering()
    ax, pixel = drawing.axes[0], drawing.dpi / 72
    rows = [line.get_window_extent() for line in marked(ax, 2)]
    assert len(rows) == len(NAMES)
    middles = [(row.y0 + row.y1) / 2 for row in rows]
    np.testing.assert_allclose(np.diff(middles), -panels.STATUS_ROW * pixel, rtol=1e-6)
    assert rows[-1].y0 >= ax.bbox.y1
    assert rows[0].y1 <= ax._left_title.get_window_extent().y0
    heads = [line for line in ax.lines if len(line.get_xdata()) == 1 and line.get_xdata() == [0]]
    found = {
        (look(head)[:2], round(head.get_window_extent().y0 + head.get_window_extent().y1))
        for head in heads
    }
    assert found == {
        (look(curve(ax, name))[:2], round(2 * middle))
        for name, middle in zip(NAMES, middles, strict=True)
    }
    # Two statuses at one place are both seen.
    (circles,) = marked(ax, 4)
    row = rows[NAMES.index("ms")]
    box = circles.get_window_extent()
    assert box.y0 < row.y0 and row.y1 < box.y1


def test_points_outside_the_limits_are_not_drawn():
    (ax,) = build(panel(x=[2, 5]), results={"one": dataset()}).axes
    assert curve(ax, "ms").get_xdata().tolist() == [2, 3, 4, 5]
    assert max(len(bars.get_segments()) for bars in ax.collections) == 4


def test_marks_outside_the_limits_are_not_shown():
    data = dataset()
    data["status"].loc["ms", 2, [3, 8]] = 2
    (ax,) = build(panel(x=[1, 5]), results={"one": data}).axes
    (marks,) = marked(ax, 2)
    assert list(marks.get_xdata()) == [3]


def test_panels_of_a_figure_have_letters_and_a_single_one_has_none():
    three = build(panel(), panel(title=""), panel(title="(z)")).axes
    titles = [ax.get_title(loc="left") for ax in three]
    assert titles == ["(a) a title", "(b) Fig. 1", "(c) (z)"]
    assert build(panel()).axes[0].get_title(loc="left") == "a title"
    many = build(*[panel(learners=["ms"])] * 28, results={"one": dataset()}).axes
    titles = [ax.get_title(loc="left") for ax in many]
    assert titles[25:] == ["(z) a title", "(aa) a title", "(bb) a title"]


def test_a_row_of_panels_has_its_numbers_of_samples_at_all_or_none():
    other = panel(experiments=["one"], x=[1, 4])
    for below, hidden in ((panel(), [True, True]), (other, [False, False])):
        axes = build(panel(), panel(), panel(), below).axes
        shown = [ax.xaxis.get_tick_params()["labelbottom"] for ax in axes]
        assert [not label for label in shown[:2]] == hidden and shown[2:] == [True, True]
        assert [not ax.get_xlabel() for ax in axes] == [*hidden, False, False]


def test_limits_and_shared_axes():
    close = panel(x=[2, 5], y=[0, 0.02])
    whole, other, near = build(panel(), panel(experiments=["two"]), close).axes
    assert whole.get_ylim() == other.get_ylim()
    assert whole.get_xlim() == other.get_xlim()
    assert near.get_xlim()[0] < 2 < 5 < near.get_xlim()[1] < 6
    assert -0.002 < near.get_ylim()[0] < 0
    assert near.get_ylim()[1] == 0.02


def test_a_part_is_drawn_on_the_scale_of_the_whole():
    data = dataset()
    data["flipped_error"] = data.weight_error / 10
    quantities = ("weight_error", "flipped_error", "generalization_error")
    drawing = build(*(panel(quantity=q) for q in quantities), results={"one": data})
    whole, part, other = drawing.axes
    assert whole.get_ylim() == part.get_ylim() != other.get_ylim()
    assert part.get_ylabel() == style.Y_LABELS["flipped_error"]


def test_theory_of_another_experiment():
    """Its curve has dashes and no bars, and the others stay as they are."""
    theory = dataset(entropy=9, names=["theory"])
    block = {"algorithm": "sum-product", "schedule": "offline", "method": "density-evolution"}
    given = {"results": {"one": dataset(), "two": theory}, "learners": LEARNERS | {"theory": block}}
    (ax,) = build(panel(theory={"two": ["theory"]}), **given).axes
    (without,) = build(panel(), **given).axes
    line = curve(ax, "theory")
    np.testing.assert_allclose(line.get_ydata(), theory.weight_error.values[0].mean(0))
    assert line.get_linestyle() not in ("-", "None") and line.get_color() == "#000000"
    assert len(ax.containers) == len(without.containers)
    assert {moved(ax, name) for name in NAMES} == {0}
    for name in NAMES:
        np.testing.assert_array_equal(*(points(a, name) for a in (ax, without)))


def test_theory_that_results_lack():
    results = {"one": dataset(), "two": dataset(entropy=9)}
    with pytest.raises(ValueError, match="no learner 'theory' in two"):
        build(panel(theory={"two": ["theory"]}), results=results)


def test_learners_of_one_label_are_told_apart_in_the_legend():
    """By their algorithm, where curves of two algorithms share a panel."""
    learners = {name: LEARNERS[name] for name in NAMES} | {
        "mp-offline": {"label": "offline", "algorithm": "max-product", "schedule": "offline"}
    }
    names = ["bp-offline", "mp-offline", "ms"]
    data = dataset(names=names)
    drawing = build(panel(learners=names), results={"one": data}, learners=learners)
    texts = [text.get_text() for legend in drawing.legends for text in legend.get_texts()]
    assert {"BP, offline", "max-product, offline"} <= {*texts}
    assert learners["ms"]["label"] in texts and "offline" not in texts
