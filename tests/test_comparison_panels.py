"""Panels that compare experiments or learners by a value of theirs."""

import itertools

import matplotlib
import numpy as np
import pytest

from sparsebp.network.quantities import Status
from sparsebp.report import panels, style
from sparsebp.report.intervals import mean_interval, share_interval
from tests.drawn_panels import (
    LEARNERS,
    NAMES,
    SAMPLES,
    SIZES,
    build,
    curve,
    dataset,
    intervals,
    look,
    marked,
    moved,
    panel,
    points,
    results_of_sizes,
    sized,
    spec,
)


@pytest.mark.thorough
@pytest.mark.parametrize(("x_scale", "values"), [("linear", [3, 0, 1]), ("log", [0.1, 0, 1])])
def test_several_experiments_against_a_value_of_theirs(x_scale, values):
    results = {name: dataset(entropy=i) for i, name in enumerate(("one", "two", "three"))}
    results["two"]["status"].loc["ms", 0, 4] = 2
    comparison = {"experiments": list(results), "positions": values, "against": "activation.b"}
    drawing = build(panel(**comparison, at=4, x_scale=x_scale), panel(), results=results)
    ax = drawing.axes[0]
    assert ax.get_xlabel() == "shift b of the activation (at\u00a0m\u00a0=\u00a04)"
    low, high = ax.get_xlim()
    assert low < 0 < max(values) < high
    order = np.argsort(values)
    for name, ends in zip(NAMES, intervals(ax), strict=True):
        x, y = points(ax, name)
        assert list(x) == sorted(values)
        assert abs(moved(ax, name)) <= panels.DODGE + 1e-9
        found = [results[e].weight_error.sel(learner=name, n_samples=4) for e in results]
        np.testing.assert_allclose(y, [found[i].mean() for i in order], rtol=1e-12)
        np.testing.assert_allclose(ends, [mean_interval(found[i].values) for i in order])
        # On a logarithmic axis zero stands apart, in a strip.
        assert (curve(ax, name).get_xdata() == x).all()
        assert np.isnan(curve(ax, name).get_ydata()).tolist() == ([x_scale == "log", False, False])
    (marks,) = marked(ax, 2)
    assert list(marks.get_xdata()) == [0]


def test_logarithmic_positions_are_labelled_with_their_values():
    results = {"one": dataset(), "two": dataset(entropy=1)}
    comparison = {
        "experiments": ["one", "two"],
        "positions": [0, 0.03],
        "against": "inference.initial_scale",
    }
    (ax,) = build(panel(**comparison, at=4, x_scale="log"), results=results).axes
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "0.03"]
    assert ax.get_xlabel() == "size of random start (at\u00a0m\u00a0=\u00a04)"


@pytest.mark.parametrize(("depths", "whole"), [([1, 2, 3], True), ([1, 1.5, 2], False)])
def test_an_axis_of_whole_numbers_has_whole_ticks(depths, whole):
    shown = {"against": "layers.hidden_layers", "at": 4, "learners": ["bp-online"]}
    compared = panel(experiments=["one", "two", "three"], positions=depths, **shown)
    (ax,) = build(compared, results=results_of_sizes()).axes
    low, high = ax.get_xlim()
    ticks = [tick for tick in ax.get_xticks() if low <= tick <= high]
    assert (ticks == [1, 2, 3]) == whole == all(tick == round(tick) for tick in ticks)
    assert ax.get_xlabel() == "hidden layers (at\u00a0m\u00a0=\u00a04)"


@pytest.mark.parametrize("learner", ["bp-batch4", "ms"])
def test_a_curve_for_each_experiment(learner):
    results = results_of_sizes()
    results["three"]["status"].loc["ms", 1, 3] = 2
    curves = sized(by="layers.hidden", learners=[learner], title="")
    drawing = build(curves, panel(), results=results)
    ax = drawing.axes[0]
    assert ax.get_title(loc="left") == f"(a) {LEARNERS[learner].get('label')}"
    assert ax.get_xlabel() == "number of samples m"
    looks = set()
    for (name, size), ends in zip(
        sorted(SIZES.items(), key=lambda item: item[1]), intervals(ax), strict=True
    ):
        values = results[name].weight_error.sel(learner=learner).dropna("n_samples")
        x, y = curve(ax, str(size)).get_data()
        np.testing.assert_array_equal(x, values.n_samples)
        np.testing.assert_allclose(y, values.mean("seed"), rtol=1e-12)
        expected = [
            mean_interval(column) for column in values.transpose("n_samples", "seed").values
        ]
        np.testing.assert_allclose(ends, expected)
        looks.add(look(curve(ax, str(size)))[:2])
    assert len(looks) == len(set(zip(*looks, strict=True))) + 1 == 3
    assert [list(line.get_xdata()) for line in marked(ax, 2)] == ([[3]] if learner == "ms" else [])
    texts = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert "(a) hidden neurons:" in texts
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


# The setting of Fig. 2.2, whose law is known by hand: of the hidden neurons a fraction 2^-m is
# undetermined, with an error of 1/4 per weight, and some weight wrong in three of four cases.
BLOCK = {
    "layers": {"input": 9, "hidden": 9, "output": 9},
    "nonzeros_per_row": {"input": 2, "output": 2},
    "activation": {"function": "tanh", "b": 0.1},
    "student": {"alphabet": [-1, 1], "nonzeros_per_row": {"input": 2, "output": 2}},
}


@pytest.mark.parametrize("learner", ["bp-batch4", "ms"])
def test_the_share_of_simulations_without_error_against_m_less_the_logarithm(learner):
    results = results_of_sizes()
    results["one"]["weight_error"].loc[learner, 0, 4] = 0
    results["two"]["weight_error"].loc[learner, 3, 8] = np.nan  # run, without an estimate
    shown = {"by": "layers.hidden", "at_most": 0, "minus_log2": True, "learners": [learner]}
    blocks = dict.fromkeys(SIZES, BLOCK)
    drawing = build(sized(**shown, law=True), results=results, experiments=blocks)
    (ax,) = drawing.axes
    bars = dict(zip(sorted(SIZES.values()), intervals(ax), strict=True))
    assert ax.get_xlabel() == "number of samples m − log₂ (hidden neurons)"
    assert ax.get_ylabel() == "share of simulations with\nno weight error"
    for name, size in SIZES.items():
        data = results[name].sel(learner=learner)
        ran = [m for m in SAMPLES if (data.status.sel(n_samples=m) > 0).all()]
        assert ran == ([4, 8] if learner == "bp-batch4" else [*SAMPLES])
        x, y = curve(ax, str(size)).get_data()
        np.testing.assert_allclose(x, np.array(ran) - np.log2(size), atol=1e-12)
        errors = data.weight_error.transpose("n_samples", "seed")
        shares = [sum(e == 0 for e in errors.sel(n_samples=m).values) / 5 for m in ran]
        np.testing.assert_allclose(y, shares)
        assert shares[-1] == (0.8 if name == "two" else 1)
        ends = [share_interval(np.arange(5) < round(5 * share)) for share in shares]
        np.testing.assert_allclose(bars[size], ends, atol=1e-12)
        assert curve(ax, str(size)).get_linestyle() == "None"
    x, y = curve(ax, "law").get_data()
    assert {moved(ax, str(size)) for size in SIZES.values()} == {0}
    size = max(SIZES.values())
    wrong = 0.75 * (0.5**x + 0.375**x * 0.75 ** np.log2(size) / 2)  # that of the largest
    np.testing.assert_allclose(y, np.exp(-wrong), rtol=1e-9, atol=1e-200)
    handles = drawing.legends[0].legend_handles
    assert {line.get_linestyle() for line in handles if line.get_marker() in "os^"} == {"None"}


def test_the_share_of_simulations_without_error_of_learners_in_bands():
    data, block = dataset(), BLOCK | {"layers": {"input": 9, "hidden": 16, "output": 16}}
    data["weight_error"].loc["ms", 1:3, 4] = 0
    shown = panel(learners=["ms", "bp-online"], law=True, bands=True)
    asked = spec([shown | {"at_most": 0}, shown | {"scale": "log"}], 1)
    share, error = panels.build(asked | {"experiments": {"one": block}}, {"one": data}).axes
    assert not share.containers and not error.containers  # no bars
    for name, band in zip(["ms", "bp-online"], share.collections, strict=True):
        right = (data.weight_error.sel(learner=name).transpose("n_samples", "seed") == 0).values
        x, y = curve(share, name).get_data()
        np.testing.assert_allclose(y, right.mean(axis=1))
        assert curve(share, name).get_linestyle() != "None"
        corners = band.get_paths()[0].vertices
        for m, seeds in zip(x, right, strict=True):
            ends = corners[corners[:, 0] == m][:, 1]
            np.testing.assert_allclose([ends.min(), ends.max()], share_interval(seeds), atol=1e-12)
    assert {0.0, 0.6} <= {*curve(share, "ms").get_ydata()}
    x, y = curve(share, "law").get_data()
    wrong = 0.75 * (0.5**x + 0.375**x / 2)  # a pair of inputs, or of outputs' weights
    np.testing.assert_allclose(y, np.exp(-16 * wrong), rtol=1e-12)
    assert {*curve(error, "_guess").get_ydata()} == {0.5}
    assert [text.get_text() for text in error.texts] == ["a guess"]
    assert all(line.get_label() != "_guess" for line in share.lines)
    for band in error.collections:  # in no strip of zeros, where no line leads
        assert band.get_paths()[0].vertices[:, 0].max() == 6


@pytest.mark.parametrize(("high", "drawn"), [(0.3, False), (0.6, True)])
def test_the_error_of_a_guess_where_the_axis_reaches_it(high, drawn):
    shown = panel(learners=["ms"], law=True, y=[0, high])
    (ax,) = panels.build(
        spec([shown], 1) | {"experiments": {"one": BLOCK}}, {"one": dataset()}
    ).axes
    assert any(line.get_label() == "_guess" for line in ax.lines) == drawn
    assert [text.get_text() for text in ax.texts] == ["a guess"] * drawn


def test_shares_below_errors_are_low_and_do_not_repeat_how_trainings_ended():
    shown = panel(learners=["ms", "bp-online"])
    data = dataset()
    data["status"].loc["ms", :, 1] = Status.STEP_LIMIT

    def steps_limited(ax):
        return any(line.get_label() == style.MARKS[Status.STEP_LIMIT][2] for line in ax.lines)

    def sizes(*panels_):
        drawing = panels.build(spec([*panels_], 1), {"one": data})
        drawing.draw_without_rendering()
        return [ax.bbox.height for ax in drawing.axes], [steps_limited(ax) for ax in drawing.axes]

    (error, share), marked = sizes(shown, shown | {"at_most": 0})
    assert share < 0.65 * error and (marked == [True, False])
    for above in shown | {"at_most": 0}, panel(learners=["ms"]), shown | {"x": [1, 4]}:
        assert all(sizes(above, shown | {"at_most": 0})[1])


def test_shares_of_what_a_learner_never_has_are_not_drawn():
    data = dataset()
    data["entropy"].loc["ms"] = np.nan
    data["entropy"].loc["bp", 0] = np.nan
    shown = panel(learners=["ms", "bp"], quantity="entropy", at_most=9)
    (ax,) = panels.build(spec([shown], 1), {"one": data}).axes
    assert all(line.get_label() != "ms" for line in ax.lines)
    np.testing.assert_allclose(curve(ax, "bp").get_ydata(), 0.8)


def test_a_logarithmic_axis_that_begins_above_zero_has_no_strip_for_zeros():
    data = dataset()
    data["weight_error"].loc["ms", :, 4] = 0
    shown = panel(learners=["ms"], scale="log")
    asked = spec([shown, shown | {"y": [1e-3, 1]}], 1)
    with_zeros, without = panels.build(asked, {"one": data}).axes
    assert with_zeros.get_ylim()[0] < 0 < without.get_ylim()[0] <= 1e-3
    assert 0 in with_zeros.get_yticks() and 0 not in without.get_yticks()


def test_a_share_has_an_axis_of_its_own():
    shown = {"by": "layers.hidden", "learners": ["ms"]}
    share, error = build(sized(**shown, at_most=0), sized(**shown), results=results_of_sizes()).axes
    assert share.get_ylim()[1] > 1 > error.get_ylim()[1]
    assert share.get_xlim() == error.get_xlim()


def test_the_law_of_experiments_that_differ_in_size():
    shown = sized(by="layers.hidden", learners=["ms"], law=True, scale="log")
    blocks = dict.fromkeys(SIZES, BLOCK)
    (ax,) = build(shown, results=results_of_sizes(), experiments=blocks).axes
    x, y = curve(ax, "law").get_data()
    np.testing.assert_allclose(y, 0.5**x / 4 + 0.375**x / 8, rtol=1e-12)
    assert x[0] == SAMPLES[0]


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
    (strip,) = [patch for patch in ax.patches if patch.get_height() == 1 and patch.get_x() > 0]
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
    assert list(cross.get_xdata()) == [curve(ax, "_2").get_xdata()[-1]]
    texts = [text.get_text() for text in drawing.legends[0].get_texts()]
    assert {"(a) samples m:", "2", "8"} <= set(texts)


def test_learners_that_all_have_the_value_have_no_limits():
    drawing, _ = cooled([3, 0.01, 1e4], [], x_scale="log")
    ax = drawing.axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0.01", "3", "10k"]
    assert not ax.texts


def test_many_positions_on_a_logarithmic_axis_are_labelled_by_powers_of_ten():
    drawing, _ = cooled(10.0 ** np.arange(-2, 6.5, 0.5), ["ms"], x_scale="log")
    labels = [text.get_text() for text in drawing.axes[0].get_xticklabels()]
    assert labels == [f"$10^{{{power}}}$" for power in (-2, 0, 2, 4, 6)]


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
    wanted = f"weight error ≤ {limit:g}" if limit else "weight error is 0"
    assert ax.get_ylabel() == f"samples until\n{wanted}"
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
    assert list(arrows.get_xdata()) == [SIZES["two"]]
    (crosses,) = marked(ax, 2)
    assert list(crosses.get_xdata()) == [SIZES["one"]]
    texts = [text.get_text() for legend in drawing.legends for text in legend.get_texts()]
    assert style.MARKS[style.NEVER][-1] in texts
