"""Learning from scratch in the study: its block, its steps, its rules and its figure."""

import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from itertools import product

import numba
import numpy as np
import pytest
import xarray as xr
import yaml
from matplotlib import style as mpl_style
from matplotlib.collections import LineCollection

import sparsebp as sb
from sparsebp.engine import pruning
from sparsebp.engine.kernels.cache import SEAL
from sparsebp.engine.kernels.search_rows import explain_kernel
from sparsebp.network.data import PerRow, Stream, generator, mistake
from sparsebp.report import captions, scratch_plots, style
from sparsebp.steps import from_scratch, kernels, search
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.study.config import Study
from sparsebp.study.validation import ConfigError
from tests.configurations import BASE, SCHEMA
from tests.given import given
from tests.scratch_problems import scratch_dataset, scratch_results, write_from_scratch
from tests.workflow_helpers import Project

BLOCK = yaml.safe_load("""
hinted: &case
  neurons: 12
  nonzeros_per_row: {input: 2, output: 2}
  activation: {function: tanh, b: 0.1}
  output_pattern: known
  candidates: [4, 12]
  samples: [3, 8, 30]
wide: {<<: *case, neurons: 20, candidates: [20], samples: {first: 5, last: 25, step: 10}}
blind: &blind
  neurons: 12
  nonzeros_per_row: {input: 2, output: 2}
  activation: {function: tanh, b: 0.1}
  output_pattern: unknown
  samples: [8, 30]
doubtful: {<<: *blind, samples: [8, 40], wrong_outputs: 0.05}
""")
FIT = {"penalties": [0.01, 0.1], "chosen_by": "validation", "learning_rate": 0.03, "steps": 300}
DESCENT = {"validated": BLOCK["blind"] | {"samples": [8, 60], "gradient_descent": FIT}}
PASSING = {"output_pattern": "known", "samples": [4, 30], "messages": {"max_steps": 20}}
PASSED = {"passed": BLOCK["blind"] | PASSING}
CONFIG = deepcopy(BASE)
CONFIG["study"]["seeds"] = 2
CONFIG["from_scratch"] = BLOCK
CONFIG["figures"] = {"found": {"from_scratch": {}}}


@pytest.fixture
def config():
    return deepcopy(CONFIG)


@pytest.fixture(scope="module")
def study():
    return Study.load(CONFIG, SCHEMA)


@pytest.fixture
def fitted(config):
    """The study with gradient descent, its penalty chosen in either way."""
    case = DESCENT["validated"]
    how = case["gradient_descent"] | {"chosen_by": "truth"}
    config["from_scratch"] |= DESCENT | {"true": case | {"gradient_descent": how}}
    return Study.load(deepcopy(config), SCHEMA)


@pytest.fixture
def passing(config):
    """The study with messages of single weights."""
    config["from_scratch"] |= deepcopy(PASSED)
    return Study.load(deepcopy(config), SCHEMA)


# The configuration.


def test_a_block_is_filled_in(study):
    cases = study.from_scratch
    assert cases["wide"]["samples"] == [5, 15, 25]
    assert cases["blind"]["candidates"] == [12]
    assert study.figures["found"]["from_scratch"]["candidates"] == [4, 12, 20]
    assert study.search_spec("blind") == {"entropy": 1, "case": cases["blind"]}


@pytest.mark.parametrize(
    ("case", "key", "value", "message"),
    [
        ("hinted", "neurons", 0, "neurons: 0"),
        ("hinted", "more", 1, ": unknown key 'more'; allowed: activation, candidates, gradien"),
        ("hinted", "output_pattern", "half", "output_pattern: 'half'"),
        ("hinted", "nonzeros_per_row", {"input": 3, "output": 2}, "nonzeros_per_row.input: 3"),
        ("hinted", "neurons", 1, "nonzeros_per_row.input: 2; at most 1, the neurons"),
        ("hinted", "candidates", [12, 4], "candidates: [12, 4]; must be ascending, from 2, the"),
        ("hinted", "candidates", [1], "candidates: [1]; must be ascending, from 2, the teacher's"),
        ("hinted", "candidates", [13], "candidates: [13]; must be ascending, from 2, the teacher"),
        ("blind", "candidates", [4], "candidates: [4]; allowed with output_pattern known only"),
        ("doubtful", "wrong_outputs", 0, "wrong_outputs: 0"),
        ("doubtful", "wrong_outputs", 0.6, "wrong_outputs: 0.6"),
        ("hinted", "samples", [8, 3], "samples: [8, 3]; must be ascending, not empty"),
        (
            "hinted",
            "activation",
            {"function": "leaky-relu", "a": 0},
            "activation: activation leaky-relu: of -2 and -1 the values are 0 and 0",
        ),
        (
            "hinted",
            "activation",
            {"function": "tanh", "a": 0.1},
            "activation: activation tanh takes",
        ),
    ],
)
def test_a_block_that_is_not_right_is_refused(config, case, key, value, message):
    config["from_scratch"][case][key] = value
    where = f"from_scratch.{case}" + ("" if message.startswith(":") else ".")
    with pytest.raises(ConfigError) as refusal:
        Study.load(config, SCHEMA)
    assert str(refusal.value).startswith(where + message)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("output_pattern", "known", "gradient_descent: allowed with output_pattern unknown, and"),
        ("wrong_outputs", 0.1, "gradient_descent: allowed with output_pattern unknown, and with"),
        ("samples", [1, 8], "samples: 1; gradient_descent needs at least 2, one to fit and one to"),
        ("gradient_descent", {"penalties": [0.1]}, "gradient_descent: key 'chosen_by' is missing"),
        ("gradient_descent", {"penalties": [], "chosen_by": "truth"}, "gradient_descent.penalties"),
        ("gradient_descent", {"penalties": [-1], "chosen_by": "truth"}, "gradient_descent.penalti"),
        ("gradient_descent", {"penalties": [0], "chosen_by": "luck"}, "gradient_descent.chosen_by"),
    ],
)
def test_a_descent_that_is_not_right_is_refused(config, key, value, message):
    config["from_scratch"] |= {"validated": deepcopy(DESCENT["validated"]) | {key: value}}
    with pytest.raises(ConfigError) as refusal:
        Study.load(config, SCHEMA)
    assert str(refusal.value).startswith(f"from_scratch.validated.{message}")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("output_pattern", "unknown", "messages: allowed with output_pattern known, and without"),
        ("wrong_outputs", 0.1, "messages: allowed with output_pattern known, and without wrong_ou"),
        ("candidates", [12], "messages: allowed with output_pattern known, and without wrong_ou"),
        ("messages", {"damping": 1}, "messages.damping: 1"),
        ("messages", {"steps": 5}, "messages: unknown key 'steps'; allowed: damping, max_steps, t"),
    ],
)
def test_messages_that_are_not_right_are_refused(config, key, value, message):
    config["from_scratch"] |= {"passed": deepcopy(PASSED["passed"]) | {key: value}}
    with pytest.raises(ConfigError) as refusal:
        Study.load(config, SCHEMA)
    assert str(refusal.value).startswith(f"from_scratch.passed.{message}")


def test_messages_need_memory_and_kernels_of_their_own(passing):
    base = passing.searching_mb("passed")
    passing.from_scratch["passed"]["neurons"] = 2000
    assert passing.searching_mb("passed") - base > 3 * 8 * 2000**2 * 30 / 1e6
    kernels = passing.kernels_spec([], ["passed"])["kernels"]
    assert kernels == [("explain",), ("row_sums",), ("rows",)]
    assert passing.kernels_spec([], ["blind"]) == {"kernels": [("explain",)]}


def test_a_file_has_what_messages_find_and_what_the_search_after_them_makes_certain(
    passing, tmp_path
):
    search.run(passing.search_spec("passed"), 1, str(tmp_path / "found.nc"))
    with xr.open_dataset(tmp_path / "found.nc") as found:
        (few, many), (some, most) = found["found_rows"].values[0], found["exact"].values[0]
        assert few < many <= 1 and found["wrong_rows"].values.max() == 0
        assert some <= most and found["ambiguous_rows"].values[0, 1] <= 0.2


def test_a_descent_needs_the_memory_of_dense_layers(fitted):
    base = fitted.searching_mb("validated")
    case = fitted.from_scratch["validated"] | {"neurons": 10_000}
    large = replace(fitted, from_scratch={"validated": case})
    assert 8e9 / 1e6 < large.searching_mb("validated") - base < 9e9 / 1e6


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("figures/found/from_scratch/candidates", [5], "figures.found.from_scratch.candidates: 5"),
        ("figures/found/columns", 2, "figures.found.columns: not allowed together with from_scr"),
        ("figures/found/trees", {}, "figures.found.from_scratch: not allowed together with trees"),
        ("figures/found/width", "double", "figures.found.width: not allowed together with"),
        ("from_scratch", None, "figures.found.from_scratch: the configuration has no block from_"),
        ("from_scratch/blind", None, "figures.found.from_scratch: no case of from_scratch without"),
        (
            "experiments/from_scratch",
            BASE["experiments"]["matched"],
            "experiments.from_scratch: 'from_scratch' names results/from_scratch.nc, which is",
        ),
    ],
)
def test_a_study_that_does_not_go_together_is_refused(config, path, value, message):
    *above, key = path.split("/")
    block = config
    for name in above:
        block = block[name]
    if value is None:
        del block[key]
    else:
        block[key] = value
    with pytest.raises(ConfigError) as refusal:
        Study.load(config, SCHEMA)
    assert str(refusal.value).startswith(message)


def test_a_study_may_lack_it(config):
    del config["from_scratch"], config["figures"]["found"]
    assert Study.load(config, SCHEMA).from_scratch is None


# The steps.


def rows_of(layer):
    """Each row as a set of its entries."""
    rows = zip(layer.topology.tolist(), layer.weights.tolist(), strict=True)
    return [frozenset(one for one in zip(*row, strict=True) if one[1]) for row in rows]


@pytest.fixture(scope="module")
def found(study, tmp_path_factory):
    """The files of a study's searches, and what is collected of them."""
    folder, inputs = tmp_path_factory.mktemp("found"), {}
    for case, seed in product(study.from_scratch, range(2)):
        path = str(folder / f"{case}-{seed}.nc")
        search.run(study.search_spec(case), seed, path)
        inputs.setdefault(case, {})[str(seed)] = path
    from_scratch.run(study.from_scratch_spec(), inputs, str(folder / "all.nc"))
    return inputs, folder / "all.nc"


def test_a_search_loads_only_what_it_needs(study, tmp_path):
    code = (
        "import sys, sparsebp.cli\n"
        "assert sparsebp.cli.main(sys.argv[1:]) == 0\n"
        "print(*{'scipy.stats', 'scipy.linalg', 'xarray', 'matplotlib', 'jax'} & {*sys.modules})"
    )
    spec, output = given(study.search_spec("blind")), str(tmp_path / "found.nc")
    command = [sys.executable, "-c", code, "search", spec, "--seed", "0", "--output", output]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


@pytest.mark.parametrize("case", BLOCK)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_found_is_that_of_the_package(study, found, case, seed):
    """The same searches by the front door, counted row by row."""
    data, made = store.read_from_scratch(found[1])
    assert made["spec"] == study.from_scratch_spec()
    block, phi = study.from_scratch[case], sb.tanh(b=0.1)
    n = block["neurons"]
    teacher = sb.draw_teacher(n, 2, entropy=1, seed=seed)
    known = block["output_pattern"] == "known"
    for k, m in product(block["candidates"], block["samples"]):
        rng = generator(1, seed, Stream.CANDIDATES)
        inner = search.candidates_of(teacher.inner.topology, n, k, rng)
        patterns = {"outer": teacher.outer.topology, "inner": inner} if known else {}
        share, most = block.get("wrong_outputs", 0), block["samples"][-1]
        x, y = sb.draw_samples(teacher, phi, most, entropy=1, seed=seed)
        if share:
            y = mistake(y, share, entropy=1, seed=seed)
        wrong = {8: 3, 40: 7}[m] if share else 0  # quantiles of the binomial distribution
        one = sb.from_scratch(x[:m], y[:m], n, activation=phi, wrong_outputs=wrong, **patterns)
        theirs, ours = rows_of(teacher.inner), rows_of(next(iter(one)))
        claimed = [row for row, sure in zip(ours, one.certain, strict=True) if sure]
        now = data.sel(case=case, candidates=k, seed=seed, n_samples=m)
        assert float(now["ambiguous_rows"]) == pytest.approx(1 - len(claimed) / n)
        assert float(now["certain_outputs"]) == pytest.approx((one.explanations == 1).mean())
        assert float(now["found_rows"]) == pytest.approx(sum(r in ours for r in theirs) / n)
        assert float(now["wrong_rows"]) == sum(row not in theirs for row in claimed) / n
        assert bool(now["exact"]) == (sb.symmetric_error(teacher, list(one)) == (0, 0))


def test_cases_differ_and_samples_help(found):
    data, _ = store.read_from_scratch(found[1])
    open_rows = data["ambiguous_rows"].mean("seed")
    assert float(open_rows.sel(case="hinted", candidates=12, n_samples=3)) > 0.5
    assert (data["exact"].sel(case="hinted", candidates=[4, 12], n_samples=30) == 1).all()
    for case, k, m in (("hinted", 4, 5), ("blind", 4, 8), ("wide", 20, 8)):
        assert np.isnan(data["exact"].sel(case=case, candidates=k, n_samples=m)).all()


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["validated", "true"])
def test_what_gradient_descent_finds_is_counted_up_to_sign(fitted, name, tmp_path):
    """The same networks by the engine, their rows counted one by one."""
    for library in ("jax", "optax"):
        pytest.importorskip(library, reason="the extra `gradient` is not installed")
    search.run(fitted.search_spec(name), 1, str(tmp_path / "found.nc"))
    found, made = store.read_search(tmp_path / "found.nc"), store.provenance(tmp_path / "found.nc")
    assert {"jax", "optax"} <= made["libraries"].keys()
    phi, teacher = sb.tanh(b=0.1), sb.draw_teacher(12, 2, entropy=1, seed=1)
    theirs = [frozenset({row, negative(row)}) for row in rows_of(teacher.inner)]

    def known(layers):
        ours = {frozenset({row, negative(row)}) for row in rows_of(layers[0])}
        return sum(row in ours for row in theirs)

    def missed(layers):
        return 12 - known(layers)

    how = pruning.Descent([0.01, 0.1], 0.03, 300)
    x, y = sb.draw_samples(teacher, phi, 60, entropy=1, seed=1)
    for i, m in enumerate((8, 60)):
        rng = generator(1, 1, Stream.INITIAL_MESSAGES, m)
        choice = missed if name == "true" else None
        layers = pruning.descend(x[:m], y[:m], phi, 12, PerRow(2, 2), how, rng, choice)
        assert found["found_rows"][0, i] == pytest.approx(known(layers) / 12)
        assert found["ambiguous_rows"][0, i] == 1
        assert found["certain_outputs"][0, i] == found["wrong_rows"][0, i] == 0
    assert found["found_rows"][0, 0] < found["found_rows"][0, 1]


def negative(row):
    return frozenset((column, -weight) for column, weight in row)


def test_a_wrong_claim_counts():
    """One hidden neuron whose row the teacher has, one whose row it has not, one not claimed."""
    teacher = sb.draw_teacher(3, 1, seed=0)
    inner = teacher.inner._replace(weights=teacher.inner.weights * [[1], [-1], [-1]])
    outputs, sure, wrong = (
        np.array([1, 2, -1]),
        np.array([True, True, False]),
        np.zeros((5, 3), bool),
    )
    one = search.Search(inner, teacher.outer, outputs, sure, outputs > 0, wrong, 3, [], False)
    assert search._measured(teacher, one) == pytest.approx(
        {
            "ambiguous_rows": 1 / 3,
            "certain_outputs": 1 / 3,
            "found_rows": 1 / 3,
            "wrong_rows": 1 / 3,
            "exact": 0,
        }
    )
    none = one._replace(certain=np.zeros(3, bool))
    assert search._measured(teacher, none)["wrong_rows"] == 0
    right = one._replace(inner=teacher.inner)
    assert search._measured(teacher, right)["exact"] == 1


def test_candidates_contain_the_teacher_and_tell_nothing_else():
    topology = sb.draw_teacher(50, 2, seed=3).inner.topology

    def of(k, seed=0):
        return search.candidates_of(topology, 50, k, np.random.default_rng(seed))

    few, many = of(5), of(20)
    for row, some, more in zip(topology, few, many, strict=True):
        assert set(row) <= set(some) <= set(more)
        assert len(set(some)) == 5 and len(set(more)) == 20
        assert (np.diff(some) > 0).all() and (np.diff(more) > 0).all()
    assert of(50) is None
    # Where there is nothing to choose, it is the teacher's pattern.
    np.testing.assert_array_equal(of(2), np.sort(topology, axis=1))
    # Each other input is as likely: of 48 others 18 are taken, by each of 50 hidden neurons.
    counts = sum(np.bincount(np.concatenate(of(20, seed)), minlength=50) for seed in range(40))
    expected, sd = 40 * (2 + 48 * 18 / 48), np.sqrt(40 * 48 * (18 / 48) * (30 / 48))
    assert np.abs(counts - expected).max() < 5 * sd


def test_files_of_other_simulations_are_refused(study, found, tmp_path):
    inputs, spec, output = found[0], study.from_scratch_spec(), tmp_path / "all.nc"
    for case, seed, other in (
        ("hinted", "0", inputs["hinted"]["1"]),
        ("hinted", "0", inputs["blind"]["0"]),
        ("wide", "1", inputs["hinted"]["1"]),
    ):
        given = deepcopy(inputs)
        given[case][seed] = other
        with pytest.raises(store.BadFile, match="of its provenance is"):
            from_scratch.run(spec, given, str(output))
    path = tmp_path / "0.nc"
    made = record("search", study.search_spec("blind"), seed=0) | {"sources": "0" * 12}
    store.write_search(path, store.read_search(inputs["blind"]["0"]), made)
    given = inputs | {"blind": inputs["blind"] | {"0": str(path)}}
    with pytest.raises(ValueError, match="made by different sources"):
        from_scratch.run(spec, given, str(output))
    assert not output.exists()


def test_a_file_that_is_not_right_is_refused(study, tmp_path):
    values, coordinates = scratch_results(study)
    path, spec = tmp_path / "from_scratch.nc", study.from_scratch_spec()
    for name, wrong in (("exact", 0.5), ("found_rows", 1.5), ("ambiguous_rows", -1.0)):
        changed = values | {name: np.full_like(values[name], wrong)}
        with pytest.raises(store.BadFile, match=f"variable {name} holds values"):
            store.write_from_scratch(path, changed, coordinates, record("from_scratch", spec))
        assert not path.exists()
    for key, value in (("seeds", 3), ("cases", {"hinted": {}}), ("cases", 1)):
        made = record("from_scratch", spec | {key: value})
        store.write_from_scratch(path, values, coordinates, made)
        with pytest.raises(store.BadFile, match="its provenance"):
            store.read_from_scratch(path)


# The workflow.


@pytest.mark.thorough
def test_each_case_and_simulation_is_a_job(tmp_path, config):
    project = Project(tmp_path, config)
    run = project.make("--dry-run", "figures/found.pdf")
    searches = {f"search {seed} {case}" for case in BLOCK for seed in (0, 1)}
    assert run.work == searches | {"kernels config", "from_scratch", "figure found"}


@pytest.mark.thorough
def test_searches_find_their_kernel_compiled(study, tmp_path, monkeypatch, caplog):
    """Else those that run side by side would wait for the first to compile it."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    kernels.run(study.kernels_spec([], study.from_scratch), str(tmp_path / "kernels.json"))
    (sealed,) = tmp_path.glob(f"explain-*/{SEAL}")
    explain_kernel.cache_clear()
    with caplog.at_level("INFO"):
        search.run(study.search_spec("blind"), 0, str(tmp_path / "found.nc"))
    assert list(tmp_path.glob(f"*/{SEAL}")) == [sealed]
    assert "compiling" not in caplog.text


def test_searches_need_a_kernel_that_trainings_do_not(study):
    assert study.kernels_spec([], study.from_scratch) == {"kernels": [("explain",)]}
    assert ("explain",) not in study.kernels_spec(study.experiments)["kernels"]


# The figure.


def build(study, data):
    with mpl_style.context(style.RC, after_reset=True):
        drawing = scratch_plots.build(study.figure_spec("found"), {"from_scratch": data})
        drawing.draw_without_rendering()
    return drawing


def curves(ax):
    """What lines and points show, as pairs of lists."""
    return [(list(line.get_xdata()), list(line.get_ydata())) for line in ax.lines]


def test_points_are_the_means_of_what_was_found(study):
    data, cases = scratch_dataset(study), study.from_scratch
    known, _, unknown, _ = build(study, data).axes
    points = [line for line in known.lines if line.get_linestyle() == "None"]
    shown = [("hinted", 4), ("hinted", 12), ("wide", 20)]
    for line, (case, k) in zip(points, shown, strict=True):
        m = cases[case]["samples"]
        mean = data["ambiguous_rows"].sel(case=case, candidates=k, n_samples=m).mean("seed")
        np.testing.assert_array_equal(line.get_xdata(), m)
        np.testing.assert_array_equal(line.get_ydata(), mean)
    found, certain, wrong = curves(unknown)[:3]
    now = data.sel(case="blind", candidates=12, n_samples=[8, 30]).mean("seed")
    assert found == ([8, 30], now["found_rows"].values.tolist())
    assert certain == ([8, 30], pytest.approx((1 - now["ambiguous_rows"]).values.tolist()))
    assert wrong == ([8, 30], [0, 0])


def test_wrong_outputs_have_a_panel_of_their_own(study, config):
    data = scratch_dataset(study)
    found, certain, _ = curves(build(study, data).axes[3])
    now = data.sel(case="doubtful", candidates=12, n_samples=[8, 40]).mean("seed")
    assert found == ([8, 40], now["found_rows"].values.tolist())
    assert certain == ([8, 40], pytest.approx((1 - now["ambiguous_rows"]).values.tolist()))
    said = captions.caption(study, "found").experiments
    assert said["doubtful"].endswith("m from 8 to 40; 5 % of the outputs are wrong")
    del config["from_scratch"]["doubtful"]
    study = Study.load(config, SCHEMA)
    assert len(build(study, scratch_dataset(study)).axes) == 3


def test_gradient_descent_is_drawn_where_nothing_is_known(fitted, config):
    data = scratch_dataset(fitted)
    unknown = build(fitted, data).axes[2]
    assert unknown.get_xscale() == "log"
    for name in ("validated", "true"):
        mean = data["found_rows"].sel(case=name, candidates=12, n_samples=[8, 60]).mean("seed")
        assert ([8, 60], mean.values.tolist()) in curves(unknown)
    said = captions.caption(fitted, "found").experiments["true"]
    assert said.endswith(
        "penalty chosen by the number of the teacher's rows found among 0.01 and 0.1"
    )
    for name in ("blind", "doubtful"):
        del config["from_scratch"][name]
    with pytest.raises(ConfigError, match="no case of from_scratch without wrong_outputs, grad"):
        Study.load(config, SCHEMA)


def test_messages_are_drawn_beside_what_is_found_with_nothing_known(passing):
    data = scratch_dataset(passing)
    panel = build(passing, data).axes[2]
    now = data.sel(case="passed", candidates=12, n_samples=[4, 30]).mean("seed")
    shown = curves(panel)
    assert ([4, 30], now["found_rows"].values.tolist()) in shown
    certain = (1 - now["ambiguous_rows"]).values.tolist()
    assert any(x == [4, 30] and y == pytest.approx(certain) for x, y in shown)
    assert panel.get_xscale() == "log"
    assert (
        captions.caption(passing, "found")
        .experiments["passed"]
        .endswith("messages of single weights, damping 0.3, at most 20 steps, then a search")
    )


def test_bars_are_the_intervals_of_the_means(study):
    """Of two simulations the bootstrap's interval is all there is between the two values."""
    data = scratch_dataset(study)
    axes = build(study, data).axes
    for place, quantity, case in ((2, "found_rows", "blind"), (0, "ambiguous_rows", "wide")):
        m = study.from_scratch[case]["samples"]
        k = study.from_scratch[case]["candidates"][-1]
        values = data[quantity].sel(case=case, candidates=k, n_samples=m)
        low, high = values.min("seed").values, values.max("seed").values
        bars = [
            part.get_segments()
            for part in axes[place].collections
            if isinstance(part, LineCollection)
        ]
        expected = np.stack([np.stack([m, low], 1), np.stack([m, high], 1)], 1)
        assert any(
            len(found) == len(expected) and np.allclose(found, expected, rtol=1e-9, atol=0)
            for found in bars
        )


def test_lines_are_the_law(study):
    """At k = 4 it is counted here by hand, for teachers whose row is at 0 in m_0 of m samples.

    At the end of each stands its k.
    """
    from scipy.stats import binom

    known = build(study, scratch_dataset(study)).axes[0]
    laws = [line for line in known.lines if line.get_linestyle() == "-" and line.get_alpha()]
    assert len(laws) == 3
    ends = [line.get_xydata()[-1].tolist() for line in laws]
    assert [(text.get_text().strip(), [*text.get_position()]) for text in known.texts] == [
        *zip(["4", "12", "20"], ends, strict=True)
    ]
    m, share = laws[0].get_data()
    assert m[0] == 3 and (np.diff(m) == 1).all()
    for count, value in zip(m, share, strict=True):
        at_zero = np.arange(count + 1)
        wrong = 4 * 0.5**at_zero * 0.25 ** (count - at_zero) + 8 * 0.5**count
        wrong[-1] += 2 + 8 * 0.5**count
        assert value == pytest.approx(binom.pmf(at_zero, count, 0.5) @ (1 - np.exp(-wrong)))


def test_wrong_claims_are_seen(study):
    data = scratch_dataset(study)
    data["wrong_rows"].loc["hinted", 12, 1, 8] = 0.25
    data["wrong_rows"].loc["blind", 12, 0, 30] = 0.5
    known, _, unknown, _ = build(study, data).axes
    assert ([3, 5, 8, 15, 25, 30], [0, 0, 0.125, 0, 0, 0]) in curves(known)
    assert ([8, 30], [0, 0.25]) in curves(unknown)
    low, high = known.get_ylim()
    assert low < 0 < 0.125 < high


def test_samples_needed_are_those_from_which_on_enough_are_exact(study):
    case = {"samples": [2, 4, 6, 8]}
    exact = xr.DataArray(
        np.ones((1, 1, 10, 4)), dims=("case", "candidates", "seed", "n_samples")
    ).assign_coords(case=["a"], candidates=[3], n_samples=[2, 4, 6, 8])
    data = xr.Dataset({"exact": exact})

    def needed(*failed):
        for column, number in enumerate(failed):
            data["exact"][0, 0, :, column] = np.arange(10) >= number
        return scratch_plots.needed_samples(data, "a", case, 3)

    assert needed(0, 0, 0, 0) == 2
    assert needed(5, 1, 0, 1) == 4
    assert needed(1, 2, 1, 0) == 6
    assert np.isnan(needed(0, 0, 0, 2))


def test_where_too_few_are_exact_there_is_an_arrow(study):
    data = scratch_dataset(study)
    data["exact"][:] = data["exact"].where(data["exact"].isnull(), 1)
    middle = build(study, data).axes[1]
    assert ([4, 12], [3, 3]) in curves(middle) and ([20], [5]) in curves(middle)
    assert [line for line in curves(middle) if line[0]][-1] == ([12], [8])
    data["exact"].loc["blind", 12, :, 30] = 0
    assert ([12], [30]) in curves(build(study, data).axes[1])


def test_the_caption_tells_the_cases(study):
    said = captions.caption(study, "found")
    assert "mean of 2 simulations" in said.about
    assert "the pattern of the output layer is not known" in said.experiments["blind"]
    assert "may read: 4 and 12; m from 3 to 30" in said.experiments["hinted"]
    assert said.common.endswith("activation tanh(x − 0.1)")
    assert "a share of the outputs is wrong" in said.about
    assert "gradient descent" not in said.about and "Messages" not in said.about


def test_the_figure_is_drawn_from_its_file(study, tmp_path):
    from sparsebp.steps import figure

    write_from_scratch(tmp_path / "all.nc", study)
    output = tmp_path / "found.png"
    inputs = {"from_scratch": str(tmp_path / "all.nc")}
    figure.run(study.figure_spec("found"), inputs, [str(output)])
    assert output.stat().st_size > 10_000
