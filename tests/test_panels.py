"""Panels of curves: what is drawn is what the results say."""

import copy
import itertools

import numpy as np
import pytest
from scipy import stats

from sparsebp.report import panels, style
from tests.drawn_panels import (
    LEARNERS,
    NAMES,
    SAMPLES,
    build,
    curve,
    dataset,
    draw,
    look,
    marked,
    panel,
)


@pytest.mark.parametrize("quantity", style.Y_LABELS)
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_means_and_intervals(quantity, scale):
    data = dataset()
    (ax,) = build(panel(quantity=quantity, scale=scale), results={"one": data}).axes
    assert ax.get_ylabel() == style.Y_LABELS[quantity]
    assert ax.get_yscale() == {"linear": "linear", "log": "symlog"}[scale]
    assert ax.get_ylim()[0] < 0  # an exact zero is inside the panel
    for name, bars in zip(NAMES, ax.containers, strict=True):
        values = data[quantity].sel(learner=name).dropna("n_samples")
        x, y = curve(ax, name).get_data()
        np.testing.assert_array_equal(np.round(x), values.n_samples)
        assert np.abs(x - np.round(x)).max() <= panels.DODGE + 1e-12
        np.testing.assert_allclose(y, values.mean("seed"), rtol=1e-12)
        assert ax.get_ylim()[1] >= y.max()
        segments = np.array(bars.lines[2][0].get_segments())
        n = values.sizes["seed"]
        half = stats.t(n - 1).ppf(0.975) * values.std("seed", ddof=1) / np.sqrt(n)
        np.testing.assert_allclose(segments[:, 0, 1], y - half, atol=1e-12)
        np.testing.assert_allclose(segments[:, 1, 1], y + half, atol=1e-12)
        np.testing.assert_allclose(segments[:, :, 0], np.stack([x, x], axis=1))


def test_minibatches_have_markers_at_whole_batches_only():
    (ax,) = build(panel()).axes
    np.testing.assert_array_equal(np.round(curve(ax, "bp-batch4").get_xdata()), [4, 8])


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
    table = style.STYLES.values()
    assert len({(style.marker, style.linestyle) for style in table}) == len(table)


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
    for name, bars in zip(names, ax.containers, strict=True):
        values = (errors.sel(learner=name) - errors.sel(learner="bp-offline")).values
        y = curve(ax, name).get_ydata()
        np.testing.assert_allclose(y, values.mean(0), atol=1e-15)
        segments = np.array(bars.lines[2][0].get_segments())
        half = stats.t(len(values) - 1).ppf(0.975) * stats.sem(values)
        np.testing.assert_allclose(segments[:, 1, 1], y + half, atol=1e-12)
        lowest, highest = min(lowest, y.min()), max(highest, y.max())
    assert lowest < 0 < highest  # differences of both signs, and all in the panel
    assert ax.get_ylim()[0] < lowest and highest < ax.get_ylim()[1]
    if scale == "log":
        threshold = ax.yaxis.get_transform().linthresh
        largest = max(-lowest, highest)
        assert 1e-4 * largest < threshold <= 0.1 * largest


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
    c = {"weight_error": 0.25, "entropy": np.log(2) / 4}[quantity]
    np.testing.assert_allclose(line.get_ydata(), c * 0.5 ** line.get_xdata())
    assert (line.get_xdata()[0], line.get_xdata()[-1]) == (SAMPLES[0], SAMPLES[-1])
    (plain,) = build(panel(quantity=quantity, scale="log")).axes
    assert (ax.get_xlim(), ax.get_ylim()) == (plain.get_xlim(), plain.get_ylim())
    [legend] = drawing.legends
    assert any("decay by counting" in text.get_text() for text in legend.get_texts())


def test_status_marks():
    data = dataset()
    data["status"].loc["ms", 2, 3] = 2
    data["status"].loc["mp-online", 0, [5, 8]] = 3
    data["weight_error"].loc["mp-online", 0, 5] = np.nan  # the other seeds still have a mean
    drawing = build(panel(), results={"one": data})
    (ax,) = drawing.axes
    for status, name, where in ((2, "ms", [3]), (3, "mp-online", [5, 8])):
        (marks,) = marked(ax, status)
        np.testing.assert_array_equal(np.round(marks.get_xdata()), where)
        means = data.weight_error.sel(learner=name, n_samples=where).mean("seed")
        np.testing.assert_allclose(marks.get_ydata(), means)
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
    assert sorted(texts) == sorted([*labels, "BP:", "max-product:"])


def test_learners_of_several_panels_are_together_in_the_legend():
    some, others = ["bp-offline", "bp-batch4"], ["bp-offline", "bp-online"]
    drawing = build(panel(learners=some), panel(learners=["mp-online"]), panel(learners=others))
    texts = [text.get_text() for text in drawing.legends[0].get_texts() if text.get_text()]
    assert sorted(texts) == sorted(
        ["BP:", "offline", "mini-batch 4", "online", "max-product:", "online"]
    )
    assert texts.index("BP:") < texts.index("max-product:")


@pytest.mark.thorough
@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("status", [2, 3])
def test_marks_are_inside_the_panel(scale, status):
    data = dataset()
    data["status"][:] = status
    drawing = build(panel(scale=scale), results={"one": data})
    drawing.draw_without_rendering()
    [ax] = drawing.axes
    marks, size = marked(ax, status), style.MARKS[status][1]
    assert len(marks) == len(NAMES)
    highest = max(line.get_transform().transform(line.get_xydata())[:, 1].max() for line in marks)
    assert highest + size / 2 * drawing.dpi / 72 < ax.bbox.y1


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
