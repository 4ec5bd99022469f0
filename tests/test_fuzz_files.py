"""Bad input files at scale: every step refuses them in one line that names the file, and writes
nothing; a file that says the same in another way gives the same result."""

import json
import zipfile
import zlib
from itertools import count
from types import SimpleNamespace

import netCDF4
import numpy as np
import pytest
import yaml
from hypothesis import strategies as st

from sparsebp.cli import main
from sparsebp.steps import train
from sparsebp.storage import provenance
from sparsebp.storage.formats import CONTRACT, FOUND
from sparsebp.study.config import Study
from tests.configurations import SCHEMA
from tests.curves import NO_OTHERS
from tests.fuzzing import CASES, ran
from tests.given import given
from tests.tree_problems import write_trees

pytestmark = pytest.mark.slow

# The experiment, one that differs in its data, and one that differs in its teacher: all shapes are
# the same.
STUDY = Study.load(
    yaml.safe_load("""
study: {seeds: 2, test_samples: 5}
learners:
  ms: {algorithm: max-sum, factor: soft, schedule: offline}
experiments:
  tiny: &tiny
    layers: {input: 9, hidden: 6, output: 6}
    nonzeros_per_row: {input: 3, output: 2}
    activation: {function: tanh, b: 0.1}
    student: {nonzeros_per_row: {input: 3, output: 3}, alphabet: [-1, 0, 1]}
    samples: [1, 2, 4]
    learners: [ms]
  bias: {<<: *tiny, activation: {function: tanh, b: 0.2}}
  denser: {<<: *tiny, nonzeros_per_row: {input: 3, output: 3}}
trees: {outputs: [4, 7], activation: {function: tanh, b: 0.1}}
from_scratch:
  tiny: &case
    neurons: 6
    nonzeros_per_row: {input: 2, output: 2}
    activation: {function: tanh, b: 0.1}
    output_pattern: known
    samples: [2, 4]
  bias: {<<: *case, activation: {function: tanh, b: 0.2}}
  denser: {<<: *case, output_pattern: unknown}
figures:
  one: {panels: [{experiment: tiny}]}
  trees: {trees: {}}
  scratch: {from_scratch: {}}
"""),
    SCHEMA,
)
TEST = {"kind": "exact", "a": ["tiny", "ms"], "quantity": "weight_error", "at": 4, "margin": "half"}
CLAIM = {"id": "C1", "thesis": "Fig. 1", "statement": "So it is.", "tests": [TEST]}
CLAIMS = {"confidence": 0.95, "margins": {"half": {"value": 0.5, "reason": ""}}, "claims": [CLAIM]}
NUMBERS = {
    "error": {"experiments": "tiny", "learners": "ms", "m": 4, "interval": True, "digits": 3},
    "steps": {"trees": "steps", "where": {"shape": "chain"}, "take": "max", "digits": 0},
}
DRAWN = ("teacher", "dataset", "student")
SEEDED = "results/{experiment}/seed-{seed}"
PATTERNS = {name: f"{SEEDED}/{name}.nc" for name in DRAWN} | {"trained": f"{SEEDED}/{{learner}}.nc"}
PATTERNS |= {"results": "results/{experiment}.nc", "verdicts": "results/verdicts.json"}
PATTERNS |= {"trees": "results/trees.nc", "from_scratch": "results/from_scratch.nc"}
PATTERNS |= {"search": "results/from_scratch/seed-{seed}/{experiment}.nc"}
# Of each step: what stands before its files, its inputs, and the kind of its output.
STEPS = {
    "train": ([STUDY.train_spec("tiny", "ms"), "--seed", 0], ("student", "dataset"), "nc"),
    "collect": ([STUDY.collect_spec("tiny")], (*DRAWN, "trained"), "nc"),
    "figure": ([STUDY.figure_spec("one")], ("results",), "png"),
    "figure of trees": ([STUDY.figure_spec("trees")], ("trees",), "png"),
    "from_scratch": ([STUDY.from_scratch_spec()], ("search",), "nc"),
    "figure from scratch": ([STUDY.figure_spec("scratch")], ("from_scratch",), "png"),
    "verdicts": (
        [{"claims": CLAIMS} | NO_OTHERS],
        ("results",),
        "json",
    ),
    "numbers": ([{"numbers": NUMBERS}], ("results", "trees"), "json"),
    "table": ([], ("results",), "csv"),
    "provenance_page": ([], ("results",), "html"),
    "verdict_page": ([], ("verdicts",), "html"),
    "explorer": ([STUDY.explorer_spec(CLAIMS)], ("verdicts", "results"), "html"),
}
# Those whose input files are named by a file.
NAMED = {"collect", "from_scratch", "verdicts", "numbers", "provenance_page", "explorer"}
NAMED |= {"figure", "figure of trees", "figure from scratch"}
INPUTS = [(s, kind) for s, (_, kinds, _) in STEPS.items() for kind in kinds if kind in CONTRACT]
NUMBER = count()


def place(folder, kind, experiment="tiny", seed=0):
    return folder / PATTERNS[kind].format(experiment=experiment, seed=seed, learner="ms")


def run(folder, step, output, **files):
    """Run a step on the files of the experiment, some of them others; its exit status."""
    arguments, kinds, _ = STEPS[step]
    files = {kind: str(files.get(kind, place(folder, kind))) for kind in kinds}
    if step == "collect":
        inputs = simulations(folder)
        for kind, path in files.items():
            inputs["tiny"]["0"][kind] = {"ms": path} if kind == "trained" else path
    elif step == "from_scratch":
        inputs = searches(folder)
        inputs["tiny"]["0"] = files["search"]
    else:
        inputs = {"trees": files.get("trees"), "tiny": files.get("results")}
        inputs["from_scratch"] = files.get("from_scratch")
    if step in NAMED:
        inputs = {name: path for name, path in inputs.items() if path}
        arguments = [*arguments, "--inputs", given(inputs)]
    else:
        arguments = [*arguments, *(word for k, path in files.items() for word in (f"--{k}", path))]
    if step == "explorer":
        arguments = [*arguments, "--verdicts", files["verdicts"]]
    if step == "verdicts":
        arguments = [*arguments, "--table", output.with_suffix(".md")]
    if step == "table":
        arguments = [*arguments, "--page", output.with_suffix(".html")]
    if step == "verdict_page":
        arguments = [*arguments, "--figure", output.with_suffix(".png")]
    words = [given(a) if isinstance(a, dict) else str(a) for a in arguments]
    return main([step.split()[0], *words, "--output", str(output)])


def simulations(folder, experiment="tiny"):
    """The input files of ``collect``."""
    found = {}
    for seed in STUDY.seeds(experiment):
        drawn, trained = (
            {name: str(place(folder, kind, experiment, seed)) for name, kind in some.items()}
            for some in ({name: name for name in DRAWN}, {"ms": "trained"})
        )
        found[str(seed)] = drawn | {"trained": trained}
    return {experiment: found}


def searches(folder):
    """The input files of ``from_scratch``."""
    cases, seeds = STUDY.from_scratch, range(STUDY.study["seeds"])
    return {
        case: {str(seed): str(place(folder, "search", case, seed)) for seed in seeds}
        for case in cases
    }


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All files of the experiment, the same in every run, and what the others have beside them."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        # No run differs from another in time, commit or versions.
        patch.setenv(provenance.SURROUNDINGS, json.dumps({"versions": {}, "commit": "0" * 12}))
        provenance.surroundings.cache_clear()
        clock = SimpleNamespace(
            monotonic=lambda: provenance.STARTED,
            perf_counter=lambda: 0.0,
            gmtime=lambda: None,
            strftime=lambda *_: "2020-01-01T00:00:00Z",
        )
        for module in (provenance, train):
            patch.setattr(module, "time", clock)
        for experiment in STUDY.experiments:
            for seed in STUDY.seeds(experiment):
                files = {name: place(folder, name, experiment, seed) for name in DRAWN}
                words = [str(word) for name, path in files.items() for word in (f"--{name}", path)]
                spec = given(STUDY.draw_spec(experiment))
                assert main(["draw", spec, "--seed", str(seed), *words]) == 0
                words = [*words[2:], "--output", str(place(folder, "trained", experiment, seed))]
                spec = given(STUDY.train_spec(experiment, "ms"))
                assert main(["train", spec, "--seed", str(seed), *words]) == 0
            output, spec = place(folder, "results", experiment), STUDY.collect_spec(experiment)
            inputs = given(simulations(folder, experiment))
            words = ["--inputs", inputs, "--output", str(output)]
            assert main(["collect", given(spec), *words]) == 0
        write_trees(place(folder, "trees"), STUDY)
        for case, files in searches(folder).items():
            for seed, path in files.items():
                spec = given(STUDY.search_spec(case))
                assert main(["search", spec, "--seed", seed, "--output", path]) == 0
        assert run(folder, "from_scratch", place(folder, "from_scratch")) == 0
        assert run(folder, "verdicts", place(folder, "verdicts")) == 0
        yield folder
    provenance.surroundings.cache_clear()


@pytest.fixture
def attempt(made, tmp_path, capsys):
    """Run a step with a file in the place of one input: what it says, or what it writes."""

    def check(step, kind, path):
        inputs, outputs = (tmp_path / f"{next(NUMBER)}" for _ in range(2))
        inputs.mkdir()
        outputs.mkdir()
        # Of the first simulation; that of the second is as it should be.
        first = inputs / "tiny.nc"
        first.symlink_to(path)
        output = outputs / f"output.{STEPS[step][2]}"
        capsys.readouterr()
        status = run(made, step, output, **{kind: first})
        lines = capsys.readouterr().err.splitlines()
        if status == 0:
            return output
        assert status == 1
        (line,) = lines
        begins = f"sparsebp {step.split()[0]}: "
        assert line.startswith(begins) and str(first) in line
        assert line.isprintable() and len(line) < 2000
        assert "Traceback" not in line and "SPEC" not in line
        assert list(outputs.iterdir()) == []
        return line.removeprefix(begins).replace(str(first), "FILE")

    return check


def contents(path):
    """The attributes of a file, and its variables: dimensions, values, attributes."""
    with netCDF4.Dataset(path) as file:
        file.set_auto_maskandscale(False)
        variables = {
            name: (v.dimensions, v[:], {a: v.getncattr(a) for a in v.ncattrs()})
            for name, v in file.variables.items()
        }
        return {name: file.getncattr(name) for name in file.ncattrs()}, variables


def forge(path, attributes, variables, unlimited=None):
    """Write a file; where there are no values but their type and shape, it claims to have some."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts(attributes)
        for name, (dimensions, values, attached) in variables.items():
            kind, shape = (values.dtype, values.shape) if hasattr(values, "dtype") else values
            if kind == "vlen":
                kind = file.createVLType(np.int8, f"vlen_{name}")
            elif kind == "compound":
                kind = file.createCompoundType(np.dtype([("a", "i4")]), f"compound_{name}")
            for dimension, length in zip(dimensions, shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, None if dimension == unlimited else length)
            fill = attached.get("_FillValue")
            if isinstance(kind, np.dtype):
                end = {">": "big", "=": "little", "|": "native"}.get(kind.byteorder, "native")
                options = {"zlib": True, "endian": end, "fill_value": fill}
                kind, options = (str, {}) if kind.kind == "O" else (kind, options)
            else:
                options = {}
            new = file.createVariable(name, kind, dimensions, **options)
            new.set_auto_maskandscale(False)
            new.setncatts({key: value for key, value in attached.items() if key != "_FillValue"})
            if hasattr(values, "dtype"):
                new[:] = values


TYPES = ["i1", "u1", "i2", "i4", "u4", "i8", "f4", "f8", ">i4", ">f8", "S1", "O"]
NAN, INF = float("nan"), float("inf")
BAD = {
    "teacher": {
        "input_topology": [-1, 9, 10**9, -(2**31)],
        "output_topology": [-1, 6, 10**9],
        "input_weights": [0, 2, -2, -128, 127],
        "output_weights": [0, 3, -128],
    },
    "dataset": {"x": [0, 2, -128], "y": [NAN, INF], "x_test": [0, 127], "y_test": [NAN, -INF]},
    "student": {
        "input_topology": [-1, 9, 2**31 - 1],
        "output_topology": [-1, 6, -(2**31)],
        "alphabet": [5, -128],
    },
    "trained": {
        "n_samples": [0, -1, 3, 10**9],
        "input_estimate": [2, -2, -128, 127],
        "output_estimate": [2, 127],
        "iterations": [-1, -(2**31)],
        "status": [0, 5, -1, 127],
        "residual": [-0.5, -INF],
        "expected_error": [-0.5, 1.5, INF, 1e300],
        "entropy": [INF, -INF],
    },
    "predicted": {
        "n_samples": [0, -1, 3, 10**9],
        "prediction": [NAN, INF],
        "iterations": [-1],
        "status": [0, 3, 127],
    },
    "results": {
        "learner": ["", "x", "a\nb"],
        "seed": [-1, 7],
        "n_samples": [0, -3, 3, 2**40],
        "weight_error": [-0.1, 1.1, INF, 1e300],
        "flipped_error": [-0.1, -INF],
        "topology_error": [-1.0, INF],
        "excess_error": [2.0, INF],
        "residual": [-0.1, -INF],
        "expected_error": [-0.1, 1.1, INF],
        "entropy": [INF, -INF],
        "generalization_error": [-0.1, INF],
        "iterations": [-1],
        "status": [-1, 5, 127],
    },
    "trees": {
        "shape": ["", "x", "a\nb"],
        "teacher": ["", "x"],
        "outputs": [0, -4, 5, 2**40],
        "seed": [-1, 7],
        "start": ["", "x"],
        "step": [0, -1, 99],
        "diameter": [-2, 0, 3, 10**6, -(2**31)],
        "deviation": [-0.1, 1.1, INF, 1e300],
        "log_partition": [NAN, INF],
        "bethe": [NAN, -INF],
    },
    "search": {
        "candidates": [0, -1, 7],
        "n_samples": [0, -1, 3, 10**9],
        **{name: [-0.1, 1.1, NAN, INF] for name in FOUND},
        "exact": [0.5, -1, NAN],
    },
    "from_scratch": {
        "case": ["", "x", "a\nb"],
        "candidates": [0, -1, 7],
        "seed": [-1, 7],
        "n_samples": [0, -3, 3, 2**40],
        **{name: [-0.1, 1.1, INF] for name in FOUND},
        "exact": [0.5, 2, -INF],
    },
}
RECODED = {"scale_factor": 2.0, "add_offset": 1.0, "missing_value": 1, "_Unsigned": "true"}


@st.composite
def damage(draw, kind):
    """A function that damages what a file of this kind holds, and words that the refusal says."""
    name = draw(st.sampled_from(sorted(CONTRACT[kind])))
    dimensions, dtype = CONTRACT[kind][name]

    def put(change):
        return lambda found: found | {name: (dimensions, change(found[name][1]), {})}

    match draw(
        st.sampled_from(
            ["missing", "renamed", "type", "claimed", "dimension", "order", "empty", "longer"]
            + ["value"] * 4
            + ["recoded"]
        )
    ):
        case "missing":
            return lambda found: {k: v for k, v in found.items() if k != name}, [name, "missing"]
        case "renamed":
            other = draw(st.sampled_from([name.upper(), f"{name}_", "é"]))
            return lambda found: {other if k == name else k: v for k, v in found.items()}, [name]
        case "type":
            own = np.dtype("O") if dtype is str else np.dtype(dtype)
            new = draw(st.sampled_from([t for t in map(np.dtype, TYPES) if t != own]))
            if dtype is str:
                return put(lambda values: np.arange(len(values)).astype(new)), [name, "expected"]
            written = str if new.kind == "O" else new

            @np.errstate(invalid="ignore")  # NaN has no integer
            def cast(values):
                return values.astype(written).astype(new)

            return put(cast), [name, "expected"]
        case "claimed":
            new = draw(st.sampled_from(["vlen", "compound"]))
            return put(lambda values: (new, values.shape)), [name, "expected"]
        case "dimension" if name not in dimensions:  # NetCDF cannot write such a coordinate
            other = (*dimensions[:-1], "elsewhere")
            return lambda found: found | {name: (other, *found[name][1:])}, [name, "elsewhere"]
        case "order":
            other = ("more", *dimensions)
            return lambda found: found | {name: (other, found[name][1][None], found[name][2])}, [
                name,
                "more",
            ]
        case "empty" | "longer" as change:
            # The length of a dimension, in all variables.
            dimension = draw(st.sampled_from(dimensions))
            length = 0 if change == "empty" else 10**12

            def resized(found):
                sizes = {
                    k: tuple(
                        length if d == dimension else n
                        for d, n in zip(v[0], v[1].shape, strict=True)
                    )
                    for k, v in found.items()
                }
                return {k: (v[0], (v[1].dtype, sizes[k]), v[2]) for k, v in found.items()}

            return resized, ["values; allowed are"]
        case "value":
            bad = draw(st.sampled_from(BAD[kind][name]))
            at = draw(st.integers(0, 10**6))

            def set_one(values):
                values = values.copy()
                values.flat[at % values.size] = bad
                return values

            return put(set_one), []
        case _:
            attribute = draw(st.sampled_from(sorted(RECODED)))
            value = RECODED[attribute]

            def recoded(found):
                old = found[name]
                return found | {name: (old[0], old[1], old[2] | {attribute: value})}

            return recoded, [name, attribute]


@pytest.mark.parametrize("step, kind", INPUTS)
def test_damaged_variables(made, tmp_path, attempt, step, kind):
    attributes, variables = contents(place(made, kind))

    def judge(example):
        change, words = example
        path = tmp_path / f"{next(NUMBER)}.nc"
        forge(path, attributes, change(variables))
        said = attempt(step, kind, path)
        assert isinstance(said, str), "a result"
        assert [word for word in words if word not in said] == []
        return "refused"

    assert ran("variables", damage(kind), 40, judge).total() >= 40


JUNK = [None, True, 3, -1, 1.5, NAN, "x", "", [], [1], {}, {"a": 1}, [{}], "0" * 2000, 10**30]
TEXTS = ["", "x", "{", "[]", "3", "null", "NaN", "[" * 10**5, "1" * 5000, '{"step": "draw"}']


@st.composite
def said_otherwise(draw, kind, told):
    """What a file of a kind may say of itself that is not so: attributes, to be set or (None)
    deleted."""
    match draw(st.sampled_from(["kind", "no JSON", "key", "spec", "spec"])):
        case "kind":
            others = [None, 3, "", "x", *(other for other in CONTRACT if other != kind)]
            return {"kind": draw(st.sampled_from(others))}
        case "no JSON":
            return {"provenance": draw(st.sampled_from([None, 3, [1, 2], *TEXTS]))}
        case "key":
            needed = ["step", "spec", "sources", "versions", "commit", "seconds"]
            needed += [key for key in ("seed", "drawn", "inputs") if key in told]
            needed = [key for key in needed if kind != "results" or key != "inputs"]
            block, key = told, draw(st.sampled_from(needed))
        case _:
            checked = {
                "teacher": [*told["spec"]],
                "dataset": ["entropy", "activation", "samples", "layers"],
                "student": ["entropy", "alphabet", "layers"],
                "trained": ["entropy", "activation", "samples", "learner"],
                "results": ["learners", "samples", "seeds"],
                "trees": ["trees", "seeds"],
                "search": ["entropy", "case"],
                "from_scratch": ["cases", "seeds"],
            }[kind]
            block, key = told["spec"], draw(st.sampled_from(checked))
    junk = [value for value in JUNK if not isinstance(value, type(block[key]))]
    value = draw(st.sampled_from([..., *junk]))
    changed = {k: v for k, v in block.items() if k != key} | ({} if value is ... else {key: value})
    return {"provenance": json.dumps(changed if block is told else told | {"spec": changed})}


@pytest.mark.parametrize("step, kind", INPUTS)
def test_files_that_say_otherwise(made, tmp_path, attempt, step, kind):
    attributes, variables = contents(place(made, kind))

    def judge(changes):
        path = tmp_path / f"{next(NUMBER)}.nc"
        forge(path, {k: v for k, v in (attributes | changes).items() if v is not None}, variables)
        assert isinstance(attempt(step, kind, path), str), "a result"
        return "refused"

    told = json.loads(attributes["provenance"])
    assert ran("attributes", said_otherwise(kind, told), 20, judge).total() >= 15


def others(made, kind):
    """Files of another simulation in the place of those of a kind, which have the same shapes."""
    files = {"another experiment": place(made, kind, "denser")}
    if kind != "results":
        files["another seed"] = place(made, kind, seed=1)
    if kind not in ("teacher", "student"):
        files["another activation"] = place(made, kind, "bias")
    return files | {
        other: place(made, other) for other in CONTRACT.keys() & PATTERNS if other != kind
    }


@pytest.mark.parametrize("step, kind", INPUTS)
def test_other_files(made, attempt, step, kind):
    found = others(made, kind)
    if step in ("table", "figure of trees") or kind in ("trees", "from_scratch"):
        # They are told no name of an experiment, and take any; these two are of none.
        found = {name: path for name, path in found.items() if not name.startswith("another")}
    for name, path in found.items():
        assert isinstance(attempt(step, kind, path), str), name
        CASES["other"] += 1


@pytest.mark.parametrize("step, kind", INPUTS)
def test_what_is_no_netcdf_file(made, tmp_path, attempt, step, kind):
    paths = {name: tmp_path / name for name in ("text", "csv", "empty", "zip", "folder", "link")}
    paths["text"].write_text("nothing")
    paths["csv"].write_text("learner,seed\nbp,0\n")
    paths["empty"].touch()
    with zipfile.ZipFile(paths["zip"], "w") as file:
        file.write(place(made, kind))
    paths["folder"].mkdir()
    paths["link"].symlink_to("nowhere")
    paths["loop"] = tmp_path / "loop"
    paths["loop"].symlink_to("loop")
    paths["long"] = tmp_path / ("x" * 300)
    paths["below a file"] = paths["text"] / "file.nc"
    for name, path in paths.items():
        assert isinstance(attempt(step, kind, path), str), name
        CASES["other"] += 1


@pytest.mark.parametrize("step, kind", INPUTS)
def test_truncated_files(made, tmp_path, attempt, step, kind):
    whole = place(made, kind).read_bytes()

    def judge(length):
        path = tmp_path / f"{next(NUMBER)}.nc"
        path.write_bytes(whole[:length])
        assert isinstance(attempt(step, kind, path), str), "a result"
        return "refused"

    assert ran("truncated", st.integers(0, len(whole) - 1), 15, judge).total() >= 15


def numbers(path):
    """All that a step computes; not what it says of how it was made."""
    if path.suffix == ".csv":
        return path.read_text()
    return {name: v[1].tolist() for name, v in contents(path)[1].items()}


def compressed(whole):
    """Where in a file compressed data stand: every byte of them."""
    found = []
    for start in range(len(whole)):
        if whole[start : start + 2] == b"\x78\x01":
            stream = zlib.decompressobj()
            try:
                stream.decompress(whole[start:])
            except zlib.error:
                continue
            found += range(start, len(whole) - len(stream.unused_data) if stream.eof else start)
    return found


@pytest.mark.parametrize(
    "step, kind",
    [(s, k) for s, k in INPUTS if k not in ("results", "trees", "from_scratch") or s == "table"],
)
def test_flipped_bytes_of_data(made, tmp_path, attempt, step, kind):
    """What is not noticed, as in the last bits of a stream, changes no number.

    Not of what HDF5 writes around the data: it can be damaged so that HDF5 searches for ever.
    """
    whole = place(made, kind).read_bytes()
    expected = json.dumps(numbers(attempt(step, kind, place(made, kind))))

    def judge(flip):
        at, bits = flip
        path = tmp_path / f"{next(NUMBER)}.nc"
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
        found = attempt(step, kind, path)
        if isinstance(found, str):
            return "refused"
        assert json.dumps(numbers(found)) == expected
        return "the same"

    flips = st.tuples(st.sampled_from(compressed(whole)), st.integers(1, 255))
    found = ran("flipped", flips, 30, judge)
    assert found.total() >= 30 and found["refused"] > 20


@pytest.mark.parametrize("step, kind", INPUTS)
def test_what_says_the_same_gives_the_same(made, tmp_path, attempt, step, kind):
    attributes, variables = contents(place(made, kind))
    expected = attempt(step, kind, place(made, kind))
    more = {"note": (("elsewhere",), np.arange(3.0), {})}
    described = {
        k: (*v[:2], v[2] | {"units": "days since 2000-01-01"}) for k, v in variables.items()
    }
    other = {
        "as it is": (attributes, variables, None),
        "attribute": (attributes | {"note": "mine"}, variables, None),
        "variable": (attributes, variables | more, None),
        "order": (attributes, dict(reversed(variables.items())), None),
        "units": (attributes, described, None),
        "unlimited": (attributes, variables, next(iter(variables.values()))[0][0]),
    }
    for name, (attributes, variables, unlimited) in other.items():
        path = tmp_path / f"{next(NUMBER)}.nc"
        forge(path, attributes, variables, unlimited)
        found = attempt(step, kind, path)
        assert not isinstance(found, str), (name, found)
        if found.suffix == ".nc":
            assert contents(found)[0] == contents(expected)[0], name
            assert json.dumps(numbers(found)) == json.dumps(numbers(expected)), name
        else:
            assert found.read_bytes() == expected.read_bytes(), name


def test_damaged_verdicts(made, tmp_path, attempt):
    """In JSON: any value in any place, where it cannot be, or a key that is missing."""
    text = place(made, "verdicts").read_text()
    record = json.loads(text)["records"][0]
    paths = [("records",), ("records", 0), *(("records", 0, key) for key in record)]
    paths += [("records", 0, "tests", 0), ("records", 0, "tests", 0, "verdict")]
    paths += [("records", 0, "tests", 0, "reading")]

    def judge(edit):
        path, value = edit
        everything = block = json.loads(text)
        for key in path[:-1]:
            block = block[key]
        if value is ... and isinstance(block, dict):
            del block[path[-1]]
        else:
            block[path[-1]] = None if value is ... else value
        file = tmp_path / f"{next(NUMBER)}.json"
        file.write_text(json.dumps(everything))
        found = attempt("verdict_page", "verdicts", file)
        explored = attempt("explorer", "verdicts", file)
        if isinstance(found, str):
            assert isinstance(explored, str)
            return "refused"
        optional = {"choice": str | None, "reading": str | None, "from": int | None}
        kind = optional.get(path[-1], type(record.get(path[-1], "")))
        assert isinstance(value, kind), (path, value)
        return "a page"

    edits = st.tuples(st.sampled_from(paths), st.sampled_from([..., *JUNK]))
    assert ran("verdicts", edits, 80, judge)["refused"] > 50
    for whole in TEXTS:
        path = tmp_path / f"{next(NUMBER)}.json"
        path.write_text(whole)
        for step in ("verdict_page", "explorer"):
            assert isinstance(attempt(step, "verdicts", path), str), whole[:50]


def test_so_many_files_were_tried():
    """All of this file, which has to run whole."""
    assert CASES.total() >= 1000, CASES
