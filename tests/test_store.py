"""The study's files: names inside, written whole or not at all, checked on reading."""

import fcntl
import itertools
import os
import re
import stat
import subprocess
import sys

import netCDF4
import numpy as np
import pytest
import xarray as xr

from sparsebp.network.data import Network, Patterns, Samples
from sparsebp.network.model import Layer
from sparsebp.storage import store
from sparsebp.storage.provenance import record
from sparsebp.storage.store import BadFile

# Section 9 of the specification, as a valid example of each kind: name -> (dimensions, values).
# Three inputs, two hidden neurons, four outputs; two training samples, three test samples.
INNER, OUTER = ("hidden", "input_slot"), ("output", "output_slot")
IN, OUT = [[0, 2, 1], [1, 0, 2]], [[0, 1], [1, 0], [0, 1], [1, 0]]
CONTENTS = {
    "teacher": {
        "input_topology": (INNER, np.array(IN, "i4")),
        "input_weights": (INNER, np.array([[1, -1, 1], [-1, -1, 1]], "i1")),
        "output_topology": (OUTER, np.array(OUT, "i4")),
        "output_weights": (OUTER, np.array([[1, 1], [-1, 1], [1, -1], [-1, -1]], "i1")),
    },
    "dataset": {
        "x": (("sample", "input"), np.array([[1, -1, 1], [-1, -1, 1]], "i1")),
        "y": (("sample", "output"), np.array([[0.1, -2.5, 1 / 3, 1e-9], [0, 1, 2, 3]])),
        "x_test": (("test_sample", "input"), np.array([[1, 1, 1], [-1, 1, 1], [1, 1, -1]], "i1")),
        "y_test": (("test_sample", "output"), np.arange(12.0).reshape(3, 4)),
    },
    "student": {
        "input_topology": (INNER, np.array(IN, "i4")),
        "output_topology": (OUTER, np.array(OUT, "i4")),
        "alphabet": (("state",), np.array([-1, 0, 1], "i1")),
    },
    "trained": {
        "n_samples": (("n_samples",), np.array([1, 2], "i4")),
        "input_estimate": (("n_samples", *INNER), np.array([[[1, 0, 1], [0, -1, 1]]] * 2, "i1")),
        "output_estimate": (("n_samples", *OUTER), np.array([[[1, 0]] * 4, [[0, 1]] * 4], "i1")),
        "iterations": (("n_samples",), np.array([12, 500], "i4")),
        "status": (("n_samples",), np.array([1, 2], "i1")),
        "residual": (("n_samples",), np.array([1e-7, np.nan])),
        "expected_error": (("n_samples",), np.array([0.25, np.nan])),
        "entropy": (("n_samples",), np.array([np.nan, 0.125])),
    },
    "predicted": {
        "n_samples": (("n_samples",), np.array([1, 2], "i4")),
        "prediction": (("n_samples", "test_sample", "output"), np.arange(24.0).reshape(2, 3, 4)),
        "iterations": (("n_samples",), np.array([12, 500], "i4")),
        "status": (("n_samples",), np.array([1, 2], "i1")),
    },
}
KINDS = list(CONTENTS)
READ = {kind: getattr(store, f"read_{kind}") for kind in KINDS}


def values(kind):
    return {name: array for name, (_, array) in CONTENTS[kind].items()}


def write(kind, path, provenance=None, **changes):
    """Write the example of a kind, with some arrays changed, by the function under test."""
    a = values(kind) | changes
    provenance = provenance or {}
    if kind == "teacher":
        inner = Layer(a["input_topology"], a["input_weights"])
        outer = Layer(a["output_topology"], a["output_weights"])
        store.write_teacher(path, Network(inner, outer), provenance)
    elif kind == "dataset":
        train, test = Samples(a["x"], a["y"]), Samples(a["x_test"], a["y_test"])
        store.write_dataset(path, train, test, provenance)
    elif kind == "student":
        patterns = Patterns(a["input_topology"], a["output_topology"])
        store.write_student(path, patterns, a["alphabet"], provenance)
    else:
        getattr(store, f"write_{kind}")(path, a, provenance)


def test_networks_with_several_hidden_layers_have_more_in_their_files(tmp_path):
    """Three hidden layers of 2 neurons, and so two matrices between hidden layers."""
    rng = np.random.default_rng(0)
    patterns = [np.array(part) for part in (IN, [[0, 1], [1, 0]], [[1, 0], [0, 1]], OUT)]
    weights = [rng.choice([-1, 1], part.shape) for part in patterns]
    estimates = [rng.choice([-1, 1], (2, *part.shape)) for part in patterns]
    made = record("draw", {})
    teacher, student, trained = (tmp_path / f"{kind}.nc" for kind in ("t", "s", "l"))
    store.write_teacher(teacher, Network(*map(Layer, patterns, weights)), made)
    store.write_student(student, Patterns(*patterns), [-1, 1], made)
    arrays = values("trained") | store.by_layer("estimate", estimates, axis=1)
    store.write_trained(trained, arrays, made)

    middle = ("middle", "hidden", "middle_slot")
    with netCDF4.Dataset(trained) as file:
        assert file["middle_estimate"].dimensions == ("n_samples", *middle)
        assert file["middle_estimate"].shape == (2, 2, 2, 2)
    with netCDF4.Dataset(teacher) as file:
        assert file["middle_topology"].dimensions == file["middle_weights"].dimensions == middle
    for (topology, signs), pattern, own in zip(
        store.read_teacher(teacher), patterns, weights, strict=True
    ):
        assert (topology == pattern).all() and (signs == own).all()
    for found, pattern in zip(store.read_student(student)[0], patterns, strict=True):
        assert (found == pattern).all()
    found = store.of_layers(store.read_trained(trained), "estimate", axis=1)
    for part, own in zip(found, estimates, strict=True):
        assert (part == own).all()
    layers = {"input": 3, "hidden": 2, "output": 4, "hidden_layers": 3}
    assert store.sizes(*patterns) == layers
    store.check_sizes(teacher, store.read_teacher(teacher), layers)
    with pytest.raises(BadFile, match="its layers are"):
        store.check_sizes(teacher, store.read_teacher(teacher), layers | {"hidden_layers": 2})

    with netCDF4.Dataset(teacher, "a") as file:
        file["middle_topology"][1] = [[0, 0], [1, 1]]
    assert "middle_topology" in refusal(store.read_teacher, teacher)
    with netCDF4.Dataset(teacher, "a") as file:
        file.renameVariable("middle_topology", "other")
    assert "variable middle_topology is missing" in refusal(store.read_teacher, teacher)


def forge(path, contents, **attributes):
    """Write variables of any kind with netCDF4 alone."""
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts(attributes)
        for name, (dimensions, array) in contents.items():
            for dimension, length in zip(dimensions, array.shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, length)
            file.createVariable(name, array.dtype, dimensions)[:] = array


def flat(found):
    """All arrays in what a reader returns, in order."""
    if isinstance(found, np.ndarray):
        return [found]
    return [array for part in found for array in flat(part)]


def refusal(read, path):
    """The one line with which a file is refused; it names the file."""
    with pytest.raises(BadFile) as error:
        read(path)
    message = str(error.value)
    assert str(path) in message
    assert "\n" not in message
    return message


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_written_is_read(kind, tmp_path):
    path = tmp_path / "new" / "folder" / "file.nc"
    provenance = record("draw", {"a": [1, "é"]})
    write(kind, path, provenance)
    found = READ[kind](path)
    arrays = list(found.values()) if isinstance(found, dict) else flat(found)
    for array, expected in zip(arrays, values(kind).values(), strict=True):
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array, expected)
    assert store.provenance(path) == provenance


@pytest.mark.parametrize("kind", KINDS)
def test_files_hold_what_the_data_contract_promises(kind, tmp_path):
    write(kind, tmp_path / "file.nc")
    with netCDF4.Dataset(tmp_path / "file.nc") as file:
        for name, (dimensions, array) in CONTENTS[kind].items():
            assert file.variables[name].dimensions == dimensions
            assert file.variables[name].dtype == array.dtype


def test_x_read_by_xarray_is_int8_and_y_exact(tmp_path):
    write("dataset", tmp_path / "file.nc")
    with xr.open_dataset(tmp_path / "file.nc") as found:
        assert found["x"].dtype == np.int8
        np.testing.assert_array_equal(found["y"], values("dataset")["y"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_made_elsewhere_to_the_contract_is_read(kind, tmp_path):
    forge(tmp_path / "file.nc", CONTENTS[kind], kind=kind)
    READ[kind](tmp_path / "file.nc")


# Writing


def test_a_lock_keeps_nobody_from_reading(tmp_path):
    """Network file systems lack locks, or keep those of nodes that are gone."""
    path = tmp_path / "teacher.nc"
    write("teacher", path)
    program = "import sys; from sparsebp.storage import store; store.read_teacher(sys.argv[1])"
    with open(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        subprocess.run([sys.executable, "-c", program, path], check=True)


@pytest.fixture
def there(tmp_path):
    """A file that was there before, and a check that it still is, alone."""
    path = tmp_path / "file.nc"
    write("teacher", path)
    before = path.read_bytes()

    def unchanged():
        assert os.listdir(tmp_path) == ["file.nc"]
        assert path.read_bytes() == before

    return path, unchanged


def test_writing_replaces_what_was_there(there):
    path, _ = there
    other = -values("teacher")["input_weights"]
    write("teacher", path, input_weights=other)
    assert (READ["teacher"](path).inner.weights == other).all()
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("target", ["os.replace", "os.fsync", "netCDF4.Dataset"])
def test_a_failure_leaves_the_old_file_and_nothing_else(there, monkeypatch, target):
    path, unchanged = there

    def fail(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(target, fail)
    with pytest.raises(OSError, match="no space"):
        write("dataset", path)
    monkeypatch.undo()
    unchanged()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interruption_half_way_leaves_the_old_file_and_nothing_else(there, error):
    path, unchanged = there
    with pytest.raises(error), store.written_whole(path) as part:
        part.write_bytes(b"half")
        raise error
    unchanged()


def test_missing_arrays_write_nothing(there):
    path, unchanged = there
    with pytest.raises(KeyError):
        store.write_trained(path, {"n_samples": np.array([1])}, {})
    unchanged()


@pytest.mark.parametrize(
    "kind, name, array",
    [
        ("dataset", "y", np.zeros((1, 4))),  # one sample instead of two
        ("dataset", "y_test", np.zeros((3, 1))),  # one output instead of four
        ("dataset", "y", np.zeros(4)),
        ("teacher", "input_weights", np.ones((2, 2))),
        ("trained", "status", np.array([1])),
    ],
)
def test_arrays_that_do_not_belong_together_are_not_written(there, kind, name, array):
    path, unchanged = there
    with pytest.raises(ValueError):
        write(kind, path, **{name: array})
    unchanged()


@pytest.mark.parametrize(
    "kind, name, array",
    [
        ("student", "alphabet", [-1, 1, 300]),  # 44 as int8
        ("teacher", "input_weights", np.full((2, 3), 0.5)),  # 0 as int8
        ("student", "input_topology", np.full((2, 3), 2**40)),
    ],
)
def test_values_that_the_file_cannot_hold_are_not_written(there, kind, name, array):
    path, unchanged = there
    with pytest.raises(ValueError):
        write(kind, path, **{name: array})
    unchanged()


def test_files_get_the_usual_permissions(tmp_path):
    old = os.umask(0o027)
    try:
        write("teacher", tmp_path / "file.nc")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "file.nc").stat().st_mode) == 0o640


# Reading what is not right


def results():
    dims, shape = ("learner", "seed", "n_samples"), (2, 2, 3)
    errors = ("weight", "flipped", "topology", "excess", "generalization", "expected")
    floats = [*(f"{name}_error" for name in errors), "entropy", "residual"]
    ints = {"iterations": np.int32, "status": np.int8}
    return xr.Dataset(
        {name: (dims, np.full(shape, np.nan)) for name in floats}
        | {name: (dims, np.ones(shape, dtype)) for name, dtype in ints.items()},
        coords={"learner": ["bp", "ms"], "seed": [0, 1], "n_samples": [1, 2, 4]},
    )


def write_any(kind, path):
    if kind == "results":
        found = results()
        values = {name: array.values for name, array in found.items()}
        coordinates = {name: array.values for name, array in found.coords.items()}
        spec = {"learners": ["bp", "ms"], "seeds": 2, "samples": [1, 2, 4]}
        store.write_results(path, values, coordinates, record("collect", spec))
    else:
        write(kind, path, {"step": kind, "sources": "0" * 16})


ALL_READ = READ | {"results": store.read_results}
all_kinds = pytest.mark.parametrize("kind", ALL_READ)


def test_results_of_later_simulations_say_with_which_they_begin(tmp_path):
    found = results().assign_coords(seed=[1000, 1001])
    values = {name: array.values for name, array in found.items()}
    coordinates = {name: array.values for name, array in found.coords.items()}
    spec = {"learners": ["bp", "ms"], "seeds": 2, "samples": [1, 2, 4]}
    for first, right in (({"first_seed": 1000}, True), ({}, False), ({"first_seed": 1}, False)):
        path = tmp_path / f"{len(first)}{right}.nc"
        store.write_results(path, values, coordinates, record("collect", spec | first))
        if right:
            xr.testing.assert_equal(store.read_results(path), found)
        else:
            assert "first_seed of its provenance is" in refusal(store.read_results, path)


def test_results_are_read_as_they_were_written(tmp_path):
    write_any("results", tmp_path / "file.nc")
    xr.testing.assert_equal(store.read_results(tmp_path / "file.nc"), results())


@all_kinds
def test_missing_file(kind, tmp_path):
    assert "no such file" in refusal(ALL_READ[kind], tmp_path / "file.nc")


@all_kinds
def test_folder_instead_of_a_file(kind, tmp_path):
    refusal(ALL_READ[kind], tmp_path)


@all_kinds
def test_truncated_file(kind, tmp_path):
    # A path for each length: the library keeps files open that it failed to read.
    write_any(kind, tmp_path / "file.nc")
    whole = (tmp_path / "file.nc").read_bytes()
    for number, length in enumerate(np.linspace(0, len(whole) - 1, 25).astype(int)):
        path = tmp_path / f"{number}.nc"
        path.write_bytes(whole[:length])
        refusal(ALL_READ[kind], path)


@all_kinds
@pytest.mark.parametrize("head", [b"", b"\x89HDF\r\n\x1a\n", b"CDF\x01", b"CDF\x05"])
def test_random_bytes(kind, head, tmp_path):
    path = tmp_path / "file.nc"
    path.write_bytes(head + np.random.default_rng(0).bytes(3000))
    refusal(ALL_READ[kind], path)


FOREIGN = [{}, {"kind": "other"}, {"kind": [1, 2]}]
FOREIGN += [{"provenance": p} for p in ("no JSON", "{}", "[]", 3)]


@all_kinds
@pytest.mark.parametrize("attributes", FOREIGN, ids=str)
def test_foreign_netcdf(kind, attributes, tmp_path):
    path = tmp_path / "file.nc"
    forge(path, {"temperature": (("time",), np.arange(3.0))}, **attributes)
    refusal(ALL_READ[kind], path)


@pytest.mark.parametrize("kind, other", [*itertools.permutations(ALL_READ, 2)])
def test_another_kind(kind, other, tmp_path):
    write_any(other, tmp_path / "file.nc")
    assert kind in refusal(ALL_READ[kind], tmp_path / "file.nc")


def test_provenance_of_a_file_without_it(tmp_path):
    forge(tmp_path / "file.nc", CONTENTS["teacher"], kind="teacher")
    refusal(store.provenance, tmp_path / "file.nc")


VARIABLES = [(kind, name) for kind in KINDS for name in CONTENTS[kind]]
every_variable = pytest.mark.parametrize("kind, name", VARIABLES)


def refused(tmp_path, kind, contents, name):
    """Forge a file and assert that it is refused for what is wrong with a variable."""
    forge(tmp_path / "file.nc", contents, kind=kind, provenance="{}")
    message = refusal(READ[kind], tmp_path / "file.nc")
    assert re.search(rf"\b{name}\b", message.replace(str(tmp_path), ""))
    return message


@every_variable
def test_missing_variable(kind, name, tmp_path):
    contents = {n: c for n, c in CONTENTS[kind].items() if n != name}
    assert "missing" in refused(tmp_path, kind, contents, name)


@every_variable
def test_wrong_dtype(kind, name, tmp_path):
    dimensions, array = CONTENTS[kind][name]
    wrong = "f4" if array.dtype == np.float64 else "i2"
    message = refused(
        tmp_path, kind, CONTENTS[kind] | {name: (dimensions, array.astype(wrong))}, name
    )
    assert str(np.dtype(wrong)) in message
    assert str(array.dtype) in message


@every_variable
def test_wrong_dimensions(kind, name, tmp_path):
    dimensions, array = CONTENTS[kind][name]
    wrong = CONTENTS[kind] | {name: ((*dimensions, "elsewhere"), array[..., None])}
    message = refused(tmp_path, kind, wrong, name)
    assert "elsewhere" in message
    assert dimensions[0] in message


BAD_VALUES = {
    "weight 0": ("teacher", "input_weights", 0),
    "weight 2": ("teacher", "output_weights", 2),
    "input 0": ("dataset", "x", 0),
    "test input -3": ("dataset", "x_test", -3),
    "y NaN": ("dataset", "y", np.nan),
    "y infinite": ("dataset", "y", np.inf),
    "test y NaN": ("dataset", "y_test", np.nan),
    "teacher reads a hidden neuron too many": ("teacher", "output_topology", 2),
    "student reads a hidden neuron too many": ("student", "output_topology", 2),
    "negative input": ("teacher", "input_topology", -1),
    "negative hidden neuron": ("student", "output_topology", -1),
    "repeated input": ("teacher", "input_topology", IN[0][1]),
    "repeated hidden neuron": ("student", "output_topology", OUT[0][1]),
}


@pytest.mark.parametrize("kind, name, value", BAD_VALUES.values(), ids=BAD_VALUES)
def test_wrong_values(kind, name, value, tmp_path):
    """The first element of the variable is replaced."""
    dimensions, array = CONTENTS[kind][name]
    array = array.copy()
    array.flat[0] = value
    refused(tmp_path, kind, CONTENTS[kind] | {name: (dimensions, array)}, name)


@pytest.mark.parametrize("kind", ["teacher", "student"])
def test_empty_topology(kind, tmp_path):
    contents = {n: (d, a[:0] if d == INNER else a) for n, (d, a) in CONTENTS[kind].items()}
    refused(tmp_path, kind, contents, "input_topology")


def test_results_without_a_variable_of_the_contract(tmp_path):
    path = tmp_path / "file.nc"
    lacking = results().drop_vars("weight_error")
    lacking.attrs["kind"] = "results"
    lacking.to_netcdf(path)
    assert "weight_error" in refusal(store.read_results, path)
