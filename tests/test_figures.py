"""The figures: what is drawn is what the results say, and the files say where they come from."""

import copy
import itertools
import json
import os

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pypdf
import pytest
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

from sparsebp.report import figures, panels, style
from sparsebp.storage.figure_metadata import read_provenance

LEARNERS = {
    "bp-offline": {"label": "offline", "algorithm": "sum-product", "schedule": "offline"},
    "bp-batch4": {
        "label": "mini-batch 4",
        "algorithm": "sum-product",
        "schedule": "mini-batch",
        "batch_size": 4,
    },
    "bp-online": {"label": "online", "algorithm": "sum-product", "schedule": "online"},
    "mp-offline": {"label": "offline", "algorithm": "max-product", "schedule": "offline"},
    "mp-online": {"label": "online", "algorithm": "max-product", "schedule": "online"},
    "bp": {"label": "BP", "algorithm": "sum-product", "schedule": "offline"},
    "rbp": {
        "label": "reinforced BP",
        "algorithm": "sum-product",
        "schedule": "offline",
        "reinforcement": 0.01,
    },
    "ms": {"label": "max-sum", "algorithm": "max-sum", "factor": "soft", "schedule": "offline"},
}
NAMES = list(LEARNERS)
SAMPLES = np.arange(1, 9)
EXPERIMENTS = {"one": {"thesis": "Fig. 1"}, "two": {"thesis": "Fig. 2"}}
PROVENANCE = {"config": "a (b) \\ c", "author": "Müller", "versions": {"numpy": "2"}, "n": [1, 2.5]}


def dataset(seeds=5, entropy=0, names=NAMES):
    """Errors of all learners, zero from m = 7 on, and those of mini-batches only at m = 4, 8."""
    rng = np.random.default_rng(entropy)
    shape = (len(names), seeds, len(SAMPLES))
    errors = rng.random((len(style.Y_LABELS), *shape)) * 0.5**SAMPLES * (SAMPLES < 7)
    absent = (np.array(names) == "bp-batch4")[:, None, None] & (SAMPLES % 4 != 0)
    absent = np.broadcast_to(absent, shape)
    errors[:, absent] = np.nan
    dims = ("learner", "seed", "n_samples")
    return xr.Dataset(
        {name: (dims, e) for name, e in zip(style.Y_LABELS, errors, strict=True)}
        | {"status": (dims, np.where(absent, 0, 1).astype(np.int8))},
        coords={"learner": names, "seed": np.arange(seeds), "n_samples": SAMPLES},
    )


def panel(**changes):
    default = {
        "experiments": ["one"],
        "quantity": "weight_error",
        "learners": NAMES,
        "title": "a title",
        "x": None,
        "y": None,
        "scale": "linear",
    }
    return default | changes


def spec(shown, columns, learners=LEARNERS):
    figure = {"thesis": "Fig. 0", "columns": columns, "panels": list(shown)}
    return {"name": "fig0", "figure": figure, "learners": learners, "experiments": EXPERIMENTS}


def build(*shown, results=None, **more):
    results = results or {"one": dataset(), "two": dataset(entropy=1)}
    return panels.build(spec(shown, 2) | more, results)


def draw(*paths, shown=(), results=None):
    shown = shown or [panel()]
    figures.draw(spec(shown, 1), results or {"one": dataset()}, paths, PROVENANCE)


def curve(ax, name):
    (line,) = [line for line in ax.lines if line.get_label() == name]
    return line


def marked(ax, status):
    label = style.MARKS[status][-1]
    return [line for line in ax.lines if line.get_label() == label]


def look(line):
    return line.get_markeredgecolor(), line.get_marker(), str(line._dash_pattern)


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


@pytest.mark.thorough
@pytest.mark.parametrize(("x_scale", "values"), [("linear", [3, 0, 1]), ("log", [0.1, 0, 1])])
def test_several_experiments_against_a_value_of_theirs(x_scale, values):
    results = {name: dataset(entropy=i) for i, name in enumerate(("one", "two", "three"))}
    results["two"]["status"].loc["ms", 0, 4] = 2
    comparison = {"experiments": list(results), "positions": values, "against": "activation.b"}
    drawing = build(panel(**comparison, at=4, x_scale=x_scale), panel(), results=results)
    ax = drawing.axes[0]
    assert ax.get_xlabel() == "activation b at m = 4"
    low, high = ax.get_xlim()
    assert low < 0 < max(values) < high
    order = np.argsort(values)
    apart = np.diff(ax.transData.transform([(x, 0) for x in np.sort(values)])[:, 0]).min()
    for name, bars in zip(NAMES, ax.containers, strict=True):
        x, y = curve(ax, name).get_data()
        shift = ax.transData.transform(list(zip(x, y, strict=True)))[:, 0]
        shift -= ax.transData.transform([(x, 0) for x in np.sort(values)])[:, 0]
        assert np.abs(shift).max() <= (panels.DODGE + 1e-9) * apart
        found = [results[e].weight_error.sel(learner=name, n_samples=4) for e in results]
        np.testing.assert_allclose(y, [found[i].mean() for i in order], rtol=1e-12)
        half = stats.t(4).ppf(0.975) * np.array([found[i].std(ddof=1) / 5**0.5 for i in order])
        segments = np.array(bars.lines[2][0].get_segments())
        np.testing.assert_allclose(segments[..., 1], np.stack([y - half, y + half], axis=1))
    (marks,) = marked(ax, 2)
    assert marks.get_xdata() == curve(ax, "ms").get_xdata()[sorted(values).index(0)]


def test_logarithmic_positions_are_labelled_with_their_values():
    results = {"one": dataset(), "two": dataset(entropy=1)}
    comparison = {"experiments": ["one", "two"], "positions": [0, 0.03], "against": "inference.x_y"}
    (ax,) = build(panel(**comparison, at=4, x_scale="log"), results=results).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "0.03"]
    assert ax.get_xlabel() == "inference x y at m = 4"


@pytest.mark.parametrize(("depths", "whole"), [([1, 2, 3], True), ([1, 1.5, 2], False)])
def test_an_axis_of_whole_numbers_has_whole_ticks(depths, whole):
    shown = {"against": "layers.hidden_layers", "at": 4, "learners": ["bp-online"]}
    compared = panel(experiments=["one", "two", "three"], positions=depths, **shown)
    (ax,) = build(compared, results=results_of_sizes()).axes
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert (ticks == [1, 2, 3]) == whole == all(tick == round(tick) for tick in ticks)
    assert ax.get_xlabel() == "hidden layers at m = 4"


SIZES = {"one": 5000, "two": 200, "three": 1000}


def sized(**changes):
    """A panel of experiments that differ in their size."""
    return panel(experiments=list(SIZES), positions=list(SIZES.values()), **changes)


def results_of_sizes():
    return {name: dataset(entropy=i) for i, name in enumerate(SIZES)}


@pytest.mark.parametrize("learner", ["bp-batch4", "ms"])
def test_a_curve_for_each_experiment(learner):
    results = results_of_sizes()
    results["three"]["status"].loc["ms", 1, 3] = 2
    curves = sized(by="layers.hidden", learners=[learner], title="")
    drawing = build(curves, panel(), results=results)
    ax = drawing.axes[0]
    assert ax.get_title(loc="left") == LEARNERS[learner].get("label")
    assert ax.get_xlabel() == "number of samples m"
    looks = set()
    for (name, size), bars in zip(
        sorted(SIZES.items(), key=lambda item: item[1]), ax.containers, strict=True
    ):
        values = results[name].weight_error.sel(learner=learner).dropna("n_samples")
        x, y = curve(ax, str(size)).get_data()
        np.testing.assert_array_equal(np.round(x), values.n_samples)
        np.testing.assert_allclose(y, values.mean("seed"), rtol=1e-12)
        half = stats.t(4).ppf(0.975) * values.std("seed", ddof=1) / np.sqrt(5)
        segments = np.array(bars.lines[2][0].get_segments())
        np.testing.assert_allclose(segments[:, 1, 1], y + half, atol=1e-12)
        looks.add(look(curve(ax, str(size)))[:2])
    assert len(looks) == len(set(zip(*looks, strict=True))) + 1 == 3
    assert [np.round(line.get_xdata()).tolist() for line in marked(ax, 2)] == (
        [[3]] if learner == "ms" else []
    )
    texts = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert "hidden neurons:" in texts
    assert [text for text in texts if text in ("200", "1k", "5k")] == ["200", "1k", "5k"]


def test_an_experiment_looks_the_same_in_every_panel():
    few = panel(experiments=["two"], positions=[200], by="layers.hidden", learners=["ms"])
    first, second = build(
        few, sized(by="layers.hidden", learners=["bp"]), results=results_of_sizes()
    ).axes
    assert look(curve(first, "200")) == look(curve(second, "200"))


def test_numbers_grow_darker():
    colors = [style.color for style in style.style_numbers([5, 0.1, 20, 1]).values()]
    lightness = [sum(matplotlib.colors.to_rgb(color)) for color in colors]
    assert list(style.style_numbers([5, 0.1, 20, 1])) == [0.1, 1, 5, 20]
    assert lightness == sorted(lightness, reverse=True)
    assert len(set(lightness)) == 4


@pytest.mark.parametrize(
    ("number", "label"),
    [(0, "0"), (0.03, "0.03"), (200, "200"), (1200, "1.2k"), (50_000, "50k"), (10**7, "10M")],
)
def test_numbers_are_short(number, label):
    assert style.number_label(number) == label


def cooled(betas, limits, **changes):
    """A drawing of learners that differ in beta, beside others without, and their results."""
    block = {"algorithm": "sum-product", "factor": "soft", "schedule": "offline"}
    learners = {name: LEARNERS[name] for name in limits[:1]}
    learners |= {f"beta-{k}": block | {"beta": float(b)} for k, b in enumerate(betas)}
    learners |= {name: LEARNERS[name] for name in limits[1:]}
    numbers = {name: block["beta"] for name, block in learners.items() if "beta" in block}
    shown = {"learners": [*learners], "against": "beta", "numbers": numbers, "at": [8, 2]}
    results = dataset(names=[*learners])
    results["status"].loc[[*learners][-1], 0, 2] = 2
    asked = spec([panel(**shown, **changes), panel(learners=[*learners])], 2, learners)
    return panels.build(asked, {"one": results}), results


@pytest.mark.parametrize("x_scale", ["linear", "log"])
def test_learners_against_a_value_of_theirs(x_scale):
    drawing, data = cooled([3, 0.01, 1e4], ["bp", "ms"], x_scale=x_scale)
    ax = drawing.axes[0]
    assert ax.get_xlabel() == "inverse temperature β"
    low, high = ax.get_xlim()
    assert [text.get_text() for text in ax.texts] == ["BP", "max-sum"]
    places = [text.get_position()[0] for text in ax.texts]
    assert low <= ax.get_xticks()[0] and ax.get_xticks()[-1] <= 1e4
    (strip,) = ax.patches
    left, right = strip.get_x(), strip.get_x() + strip.get_width()
    assert 1e4 < left < places[0] < places[1] < high == pytest.approx(right)
    for m in (2, 8):
        found = data.weight_error.sel(n_samples=m).mean("seed")
        x, y = curve(ax, str(m)).get_data()
        # As beta grows; and then the limits, which no line connects.
        expected = found.sel(learner=["beta-1", "beta-0", "beta-2"])
        np.testing.assert_allclose(y, expected, rtol=1e-12)
        assert (np.diff(x) > 0).all() and low < x[0] and x[-1] < left
        limits = curve(ax, f"_{m}")
        np.testing.assert_allclose(limits.get_ydata(), found.sel(learner=["bp", "ms"]), rtol=1e-12)
        assert (limits.get_xdata() > left).all() and limits.get_linestyle() == "None"
        assert look(limits)[:2] == look(curve(ax, str(m)))[:2]
    assert look(curve(ax, "2"))[:2] != look(curve(ax, "8"))[:2]
    (cross,) = marked(ax, 2)
    assert cross.get_xdata() == pytest.approx(curve(ax, "_2").get_xdata()[1])
    texts = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert {"samples m:", "2", "8"} <= set(texts)


def test_learners_that_all_have_the_value_have_no_limits():
    drawing, _ = cooled([3, 0.01, 1e4], [], x_scale="log")
    ax = drawing.axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.01", "3", "10k"]
    assert not ax.patches and not ax.texts


def test_many_positions_on_a_logarithmic_axis_are_labelled_by_powers_of_ten():
    drawing, _ = cooled(10.0 ** np.arange(-2, 6.5, 0.5), ["ms"], x_scale="log")
    labels = [text.get_text() for text in drawing.axes[0].get_xticklabels()]
    assert labels == ["0.01", "1", "100", "10k", "1M"]


def first_at_most(values, limit):
    """The m from which on values (a list over m = 1, 2 ...; None: not run) are at most a limit."""
    ran = [(m, value) for m, value in enumerate(values, start=1) if value is not None]
    wrong = [m for m, value in ran if not value <= limit]
    return min((m for m, _ in ran if not wrong or m > wrong[-1]), default=None)


CASES = [
    ([0.3, 0.2, 0.1, 0.1, 0.0, 0.0, 0.0, 0.0], 5),
    ([0.3, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.0], 5),  # below, and above again
    ([0.0] * 8, 1),
    ([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.0], 8),
    ([None, None, None, 0.1, None, None, None, 0.0], 8),
    ([None, 0.2, None, 0.0, None, 0.0, None, 0.0], 4),
    ([0.3, 0.0, 0.0, np.nan, 0.0, 0.0, 0.0, 0.0], 5),  # a contradiction: no estimate
    ([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1], None),
    ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, np.nan], None),
    ([None, 0.2, None, 0.1, None, 0.1, None, None], None),
]


@pytest.mark.parametrize(("values", "first"), CASES)
def test_the_samples_until_a_limit(values, first):
    data = dataset(seeds=1)
    values = np.array([9.0 if value is None else value for value in values])
    ran = [value != 9.0 for value in values]
    data["weight_error"].loc["ms", 0] = np.where(ran, values, np.nan)
    data["status"].loc["ms", 0] = np.where(ran, np.where(np.isnan(values), 3, 1), 0)
    one = panel(
        experiments=["one"], positions=[7], against="layers.input", at_most=0, learners=["ms"]
    )
    (ax,) = build(one, results={"one": data}).axes
    assert curve(ax, "ms").get_ydata() == [first or SAMPLES[ran][-1]]
    assert len(marked(ax, style.NEVER)) == (first is None)


@pytest.mark.thorough
@pytest.mark.parametrize("limit", [0, 0.05])
def test_experiments_against_a_value_by_the_samples_until_a_limit(limit):
    results = results_of_sizes()
    results["two"]["weight_error"].loc["ms", 3] = 0.5
    results["one"]["status"].loc["rbp"] = 2
    drawing = build(
        sized(against="layers.hidden", at=8, x_scale="log"),
        sized(against="layers.hidden", at_most=limit, x_scale="log"),
        results=results,
    )
    other, ax = drawing.axes
    assert ax.get_ylabel() == f"m from which on\nweight error ≤ {limit:g}"
    assert ax.get_xlabel() == "hidden neurons"
    assert ax.get_ylim() != other.get_ylim()
    order = sorted(SIZES, key=SIZES.get)
    for name, experiment in itertools.product(NAMES, SIZES):
        data = results[experiment].sel(learner=name)
        ran = data.status.values > 0
        rows = data.weight_error.transpose("seed", "n_samples").values
        firsts = [
            first_at_most(np.where(here, row, None), limit)
            for here, row in zip(ran, rows, strict=True)
        ]
        assert firsts.count(None) == (experiment == "two" and name == "ms")
        mean = np.mean([first or SAMPLES[-1] for first in firsts])
        assert curve(ax, name).get_ydata()[order.index(experiment)] == pytest.approx(mean)
    (arrows,) = marked(ax, style.NEVER)
    assert arrows.get_xdata() == curve(ax, "ms").get_xdata()[0]
    (crosses,) = marked(ax, 2)
    assert crosses.get_xdata() == curve(ax, "rbp").get_xdata()[-1]
    texts = [text.get_text() for legend in drawing.legends for text in legend.get_texts()]
    assert style.MARKS[style.NEVER][-1] in texts


def test_a_part_is_drawn_on_the_scale_of_the_whole():
    data = dataset()
    data["flipped_error"] = data.weight_error / 10
    quantities = ("weight_error", "flipped_error", "generalization_error")
    drawing = build(*(panel(quantity=q) for q in quantities), results={"one": data})
    whole, part, other = drawing.axes
    assert whole.get_ylim() == part.get_ylim() != other.get_ylim()
    assert part.get_ylabel() == style.Y_LABELS["flipped_error"]


@pytest.mark.thorough
@pytest.mark.parametrize("suffix", [".pdf", ".png", ".svg"])
def test_provenance_and_bytes(tmp_path, suffix, monkeypatch):
    first, second = tmp_path / f"first{suffix}", tmp_path / "folder" / f"second{suffix}"
    draw(first)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1000000000")  # no date may depend on the clock
    draw(second)
    assert read_provenance(first) == PROVENANCE
    assert first.read_bytes() == second.read_bytes()
    assert os.listdir(tmp_path / "folder") == [second.name]


def test_pdf_metadata_and_fonts(tmp_path):
    draw(tmp_path / "a.pdf")
    reader = pypdf.PdfReader(tmp_path / "a.pdf")
    assert reader.metadata.title == "fig0 (Fig. 0)"
    assert reader.metadata.creator == "sparsebp"
    assert "/CreationDate" not in reader.metadata
    assert json.loads(reader.metadata.subject) == PROVENANCE
    assert reader.pages[0].mediabox.width <= 7 * 72
    fonts = reader.pages[0]["/Resources"]["/Font"].values()
    descendants = [font.get_object()["/DescendantFonts"][0].get_object() for font in fonts]
    assert descendants
    assert all("/FontFile2" in d["/FontDescriptor"].get_object() for d in descendants)


def test_texts_are_drawn_as_they_are(tmp_path):
    """No formulas: of titles, of learners in the legend, at an axis, and of what the thesis has."""
    title, label, thesis = r"$\frac{1}$ β ½", "5$ and 6$", r"\$\alpha$ $\nonsense$"
    learners = copy.deepcopy(LEARNERS)
    learners["bp"]["label"] = learners["ms"]["label"] = label
    shown = [panel(title=title), panel(title="", learners=["bp", "mp-online"], minus="ms")]
    drawn = spec(shown, 1, learners) | {"experiments": {"one": {"thesis": thesis}}}
    figures.draw(drawn, {"one": dataset()}, [tmp_path / "a.pdf"], PROVENANCE)
    text = pypdf.PdfReader(tmp_path / "a.pdf").pages[0].extract_text()
    assert [part for part in (title, thesis, f"− that of {label}") if part not in text] == []
    assert text.count(label) >= 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"learners": ["bp", "nobody"]}, ["nobody", "one", "bp-offline"]),
        ({"experiments": ["three"]}, ["three", "one"]),
        ({"quantity": "happiness"}, ["happiness", "weight_error"]),
        ({"minus": "nobody"}, ["nobody", "one", "bp-offline"]),
        ({"against": "activation.b", "positions": [1], "at": 99}, ["n_samples", "99", "one"]),
    ],
)
def test_a_panel_of_something_missing_is_refused(tmp_path, changes, words):
    with pytest.raises(ValueError) as error:
        draw(tmp_path / "a.pdf", shown=[panel(**changes)])
    assert all(word in str(error.value) for word in words)
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_text("the one before")
    with pytest.raises(ValueError, match=r"b\.txt"):
        draw(tmp_path / "a.pdf", tmp_path / "b.txt")

    save = Figure.savefig

    def fail(self, path, **options):
        save(self, path, **options)
        if options["format"] == "svg":
            raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        draw(tmp_path / "a.pdf", tmp_path / "b.svg")
    assert os.listdir(tmp_path) == ["a.pdf"]
    assert (tmp_path / "a.pdf").read_text() == "the one before"


def test_matplotlib_settings_are_neither_used_nor_changed(tmp_path):
    open_figures = plt.get_fignums()
    draw(tmp_path / "a.svg")
    with matplotlib.rc_context({"font.size": 20, "lines.markeredgewidth": 5, "axes.grid": False}):
        before = dict(matplotlib.rcParams)
        draw(tmp_path / "b.svg")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert plt.get_fignums() == open_figures
