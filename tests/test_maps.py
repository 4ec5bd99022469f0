"""Heat maps: each cell is what the results say, in its place and in its colour."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sparsebp.report import maps
from tests.configurations import EXTENDED, load, put, refusal
from tests.drawn_panels import LEARNERS, NAMES, SAMPLES, SIZES, dataset, results_of_sizes

LOSSES = ["bp-offline", "bp-batch4", "bp-online", "mp-offline", "rbp"]


def by_size(**changes):
    """A map of one learner, for each size."""
    block = {"by": "layers.hidden", "learners": ["ms"], "quantity": "weight_error", "title": ""}
    return block | {"experiments": [*SIZES], "positions": [*SIZES.values()]} | changes


def losses(**changes):
    """A map of losses; the second experiment has another reference."""
    block = {"references": {"one": "bp", "two": "ms"}, "learners": LOSSES, "title": "a title"}
    return block | {"experiments": ["one", "two"], "quantity": "weight_error"} | changes


def build(*blocks, results, **figure):
    figure = {"columns": 2, "maps": list(blocks)} | figure
    experiments = {name: {"thesis": f"Fig. {name}"} for name in results}
    experiments["two"] = {}
    spec = {"name": "fig0", "figure": figure, "learners": LEARNERS, "experiments": experiments}
    return maps.build(spec, results)


def cells(ax):
    """The values of the cells of a map, NaN where there is none, and their colours."""
    (mesh,) = ax.collections
    values = np.ma.filled(mesh.get_array(), np.nan)
    return values, mesh.cmap(mesh.norm(values))


def written(ax):
    """{(row, column): the number in a cell}"""
    places = {text: text.get_position() for text in ax.texts}
    return {(int(y), int(x)): text.get_text() for text, (x, y) in places.items()}


def ticks(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def test_a_row_is_an_experiment_and_a_column_a_number_of_samples():
    results = results_of_sizes()
    results["two"] = results["two"].isel(n_samples=[1, 3])
    ax = build(by_size(), results=results).axes[0]
    assert (ticks(ax.yaxis), ax.get_ylabel()) == (["5k", "1k", "200"], "hidden neurons")
    assert (ticks(ax.xaxis), ax.get_xlabel()) == ([str(m) for m in SAMPLES], "number of samples m")
    assert ax.get_ylim() == (3, 0)  # the first row is above
    assert ax.get_title(loc="left") == "max-sum"
    values, _ = cells(ax)
    for i, name in enumerate(["one", "three", "two"]):
        for j, m in enumerate(SAMPLES):
            data = results[name]
            if m in data.n_samples:
                found = data.weight_error.sel(learner="ms", n_samples=m).values.mean()
                assert values[i, j] == pytest.approx(found, rel=1e-12)
            else:
                assert np.isnan(values[i, j])


def test_a_cell_is_the_largest_mean_loss_against_the_reference_of_the_experiment():
    results = {"one": dataset(), "two": dataset(entropy=1).drop_sel(learner="bp-online")}
    ax = build(losses(), results=results).axes[0]
    names = ["BP, offline", "mini-batch 4", "online", "max-product, offline", "reinforced BP"]
    assert ticks(ax.yaxis) == names
    # The references differ, so each column says which it has.
    names = ["Fig. one: BP", "two: max-sum"]
    assert (ticks(ax.xaxis), ax.get_title(loc="left")) == (names, "a title")
    assert ax.get_xlabel() == "experiment: reference of the loss"
    values, _ = cells(ax)
    for j, (name, reference) in enumerate({"one": "bp", "two": "ms"}.items()):
        errors = {str(n): results[name].weight_error.sel(learner=n).values for n in NAMES if (
            n in results[name].learner)}  # fmt: skip
        for i, learner in enumerate(LOSSES):
            if learner not in errors:
                assert np.isnan(values[i, j]) and (i, j) not in written(ax)
                continue
            there = [m for m in range(8) if not np.isnan(errors[learner][0, m])]
            assert there == ([3, 7] if learner == "bp-batch4" else [*range(8)])
            means = [np.mean(errors[learner][:, m] - errors[reference][:, m]) for m in there]
            assert values[i, j] == pytest.approx(max(0, *means), rel=1e-12)
            assert written(ax)[i, j] == maps.value_text(max(means))


def test_learners_that_differ_in_their_label_alone_share_a_row():
    both = losses(learners=["bp-offline", "rbp", "bp"], references={"one": "ms", "two": "ms"})
    results = {
        "one": dataset().drop_sel(learner="bp"),
        "two": dataset(entropy=1).drop_sel(learner="bp-offline"),
    }
    ax = build(both, results=results).axes[0]
    assert ticks(ax.yaxis) == ["offline", "reinforced BP"]
    assert (ticks(ax.xaxis), ax.get_xlabel()) == (["Fig. one", "two"], "")
    for j, (name, learner) in enumerate({"one": "bp-offline", "two": "bp"}.items()):
        errors = results[name].weight_error
        loss = (errors.sel(learner=learner) - errors.sel(learner="ms")).values.mean(axis=0).max()
        assert written(ax)[0, j] == maps.value_text(loss)
    # Where an experiment has both, they may differ in their random numbers: none is left out.
    apart = build(both, results=results | {"two": dataset(entropy=1)}).axes[0]
    assert ticks(apart.yaxis) == ["offline", "reinforced BP", "BP"]


def test_iterations_count_where_a_learner_ran():
    results = results_of_sizes()
    for data in results.values():
        data["iterations"] = data.iterations.fillna(0)  # as results have it
    block = by_size(learners=["bp-batch4"], quantity="iterations")
    values, _ = cells(build(block, results=results).axes[0])
    assert np.isfinite(values).all(axis=0).tolist() == [m in (4, 8) for m in SAMPLES]


def test_maps_have_one_scale_of_colours_the_darker_the_larger():
    results = results_of_sizes()
    drawing = build(by_size(), by_size(learners=["bp"]), results=results)
    first, second, bar = drawing.axes
    assert [ax.get_title(loc="left") for ax in (first, second)] == ["(a) max-sum", "(b) BP"]
    assert bar.get_ylabel().split() == ["weight", "error", "(fraction", "wrong)"]
    assert ticks(first.yaxis) == ["5k", "1k", "200"]
    assert (ticks(second.yaxis), second.get_ylabel()) == (["", "", ""], "")
    values, colors = (
        np.concatenate([found.reshape(-1, *found.shape[2:]) for found in both])
        for both in zip(cells(first), cells(second), strict=True)
    )
    order = values.argsort()
    light = colors[order, :3].sum(axis=1)
    assert (np.diff(light) <= 1e-12).all() and light[0] - light[-1] > 2
    # The root: of a quarter of the largest value the colour is half-way.
    (mesh,) = first.collections
    assert mesh.norm(0.25 * values.max()) == pytest.approx(0.5)
    assert mesh.norm(values.max()) == 1


def test_a_negative_value_has_the_colour_of_zero_and_keeps_its_number():
    results = {"one": dataset(seeds=1), "two": dataset(seeds=1)}
    results["one"]["weight_error"].loc["rbp"] = results["one"].weight_error.sel(learner="bp") - 0.03
    ax = build(losses(), results=results).axes[0]
    values, colors = cells(ax)
    assert values[4, 0] == 0 and written(ax)[4, 0] == "−0.030"
    np.testing.assert_array_equal(colors[4, 0, :3], maps.COLORS(0)[:3])


def test_numbers_can_be_read_on_their_cells():
    ax = build(by_size(), results=results_of_sizes(), width="double").axes[0]
    _, colors = cells(ax)
    numbers = {(int(t.get_position()[1]), int(t.get_position()[0])): t for t in ax.texts}
    assert len(numbers) == 24
    for (i, j), text in numbers.items():
        dark = colors[i, j, :3].mean() < 0.35
        light = colors[i, j, :3].mean() > 0.65
        assert to_rgb(text.get_color()) in ([(1, 1, 1)] if dark else [(0, 0, 0), (1, 1, 1)])
        assert to_rgb(text.get_color()) in ([(0, 0, 0)] if light else [(0, 0, 0), (1, 1, 1)])


def test_numbers_are_left_out_where_they_do_not_fit():
    results = {name: data.reindex(n_samples=range(1, 41), fill_value=0.123)
               for name, data in results_of_sizes().items()}  # fmt: skip
    drawing = build(by_size(), results=results, width="double")
    assert not drawing.axes[0].texts
    assert cells(drawing.axes[0])[0].shape == (3, 40)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0.3512, "0.35"), (0.30, "0.30"), (1.25, "1.25"), (0.0187, "0.019"), (0.00212, "0.0021")),
        *((0.000123, "0.0001"), (0.00002, "<10⁻⁴"), (0.0, "0"), (-0.0123, "−0.012")),
    ],
)
def test_values_have_two_digits(value, text):
    assert maps.value_text(value) == text


def test_what_the_results_lack_is_refused():
    with pytest.raises(ValueError, match="no learner 'nobody' in one"):
        build(by_size(learners=["nobody"]), results=results_of_sizes())
    with pytest.raises(ValueError, match="no learner 'nobody' in two"):
        references = {"one": "bp", "two": "nobody"}
        build(losses(references=references), results={"one": dataset(), "two": dataset()})


# In the configuration.

MAPS = put(
    "figures/mapped",
    {"maps": [{"experiments": ["matched", "wider"], "by": "layers.input"}]},
    put("experiments/matched/learners", ["bp", "batch4"], EXTENDED),
)
LOST = put(
    "figures/mapped",
    {"references": ["mp", "ms"], "maps": [{"experiments": ["matched", "wider"]}]},
    EXTENDED,
)


def test_a_map_by_a_number_is_of_the_learner_that_the_experiments_share():
    spec = load(MAPS).figure_spec("mapped")
    (block,) = spec["figure"]["maps"]
    assert (block["positions"], block["learners"]) == ([30, 20], ["bp"])
    assert (list(spec["experiments"]), list(spec["learners"])) == (["matched", "wider"], ["bp"])


def test_a_map_of_losses_has_all_learners_but_the_references():
    spec = load(LOST).figure_spec("mapped")
    (block,) = spec["figure"]["maps"]
    assert block["references"] == {"matched": "mp", "wider": "ms"}
    assert block["learners"] == ["bp", "batch4", "soft"]
    assert list(spec["learners"]) == ["bp", "batch4", "soft", "mp", "ms"]


M = "figures/mapped/maps/0"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (put(f"{M}/references", ["bp"], MAPS), ["references: ['bp']", "together with by"]),
        (put(f"{M}/by", "activation.b", MAPS), ["by: 'activation.b'", "no number of wider"]),
        (put(f"{M}/by", "inference.damping", MAPS), ["matched and wider", "differ"]),
        (put(f"{M}/learners", ["batch4"], MAPS), ["'batch4'", "does not run in", "allowed: bp"]),
        (put(f"{M}/experiments/0", "nothing", MAPS), ["'nothing'", "matched", "wider"]),
        (put("figures/mapped/choices", {}, MAPS), ["choices"]),
        (put(f"{M}/references", ["mp"], LOST), ["['mp']; none of them runs in wider"]),
        (put(f"{M}/learners", ["mp"], LOST), ["'mp'", "bp, batch4, soft"]),
        (
            put("figures/mapped/maps", [{"experiments": ["matched"]}], MAPS),
            ["key 'by' is missing, or 'references'"],
        ),
        (
            put(
                "figures/mapped/maps",
                [LOST["figures"]["mapped"]["maps"][0], {"experiments": ["wider"],
                 "quantity": "topology_error"}],
                LOST,
            ),
            ["maps.1.quantity: 'topology_error'", "as in the first map"],
        ),
    ],
)  # fmt: skip
def test_maps_that_there_cannot_be(config, words):
    message = refusal(config)
    assert message.startswith("figures.mapped")
    assert [word for word in words if word not in message] == []


def test_maps_of_two_kinds_have_no_common_scale_of_colours():
    other = {"experiments": ["matched", "wider"], "references": ["bp"]}
    config = put("figures/mapped/maps", [MAPS["figures"]["mapped"]["maps"][0], other], MAPS)
    assert "figures.mapped.maps.1.references" in refusal(config)


def test_by_is_of_one_learner():
    both = put("experiments/wider/learners", ["bp", "batch4"], MAPS)
    config = put("experiments/wider/samples", [1, 2, 4, 5], both)
    config["figures"] = {"mapped": config["figures"]["mapped"]}
    assert "maps.0.learners: ['bp', 'batch4']; allowed with by: one" in refusal(config)
