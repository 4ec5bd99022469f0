"""The study's NetCDF files: their names for things, checked on writing and on reading.

The files of one simulation go through netCDF4 alone, which loads four times as fast as xarray;
results over all simulations are xarray data sets.
"""

import json
import os
from pathlib import Path

# Not every network file system has locks, and a file that is never seen half-written needs none.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import netCDF4  # which reads that
import numpy as np

from sparsebp.data import Network, Patterns, Samples
from sparsebp.files import replacing
from sparsebp.model import Layer

TOPOLOGIES = {
    "input_topology": (("hidden", "input_slot"), "i4"),
    "output_topology": (("output", "output_slot"), "i4"),
}
# Contents of each kind of file: variable -> (dimensions, dtype).
CONTRACT = {
    "teacher": TOPOLOGIES
    | {
        "input_weights": (("hidden", "input_slot"), "i1"),
        "output_weights": (("output", "output_slot"), "i1"),
    },
    "dataset": {
        "x": (("sample", "input"), "i1"),
        "y": (("sample", "output"), "f8"),
        "x_test": (("test_sample", "input"), "i1"),
        "y_test": (("test_sample", "output"), "f8"),
    },
    "student": TOPOLOGIES | {"alphabet": (("state",), "i1")},
    "trained": {
        "n_samples": (("n_samples",), "i4"),
        "input_estimate": (("n_samples", "hidden", "input_slot"), "i1"),
        "output_estimate": (("n_samples", "output", "output_slot"), "i1"),
        "iterations": (("n_samples",), "i4"),
        "status": (("n_samples",), "i1"),
        "expected_error": (("n_samples",), "f8"),
    },
}
# Variables of results/<experiment>.nc, each over RESULT_DIMENSIONS: long name and comment.
RESULTS = {
    "weight_error": ("fraction of the teacher's weights estimated wrongly", "1 - Eq. 2.2"),
    "flipped_error": (
        "part of the weight error in hidden neurons flipped as a whole",
        "each of the teacher's weights of the neuron has the opposite sign",
    ),
    "topology_error": ("missed and excess non-zero weights", "Eq. 3.12"),
    "excess_error": (
        "part of the topology error in excess weights",
        "non-zero where the teacher has no weight",
    ),
    "generalization_error": ("squared error on fresh samples", "Eq. 3.13"),
    "expected_error": (
        "fraction of wrong weights expected from the beliefs",
        "sum-product with hard factors only",
    ),
    "iterations": ("steps of the last batch", "0 where not run"),
    "status": (
        "how the training ended",
        "0 not run, 1 converged, 2 step limit, 3 contradiction",
    ),
}
RESULT_DIMENSIONS = ("learner", "seed", "n_samples")


class BadFile(ValueError):
    """A file that is missing, unreadable, or not what its place calls for."""


def write_teacher(path: str | Path, teacher: Network, provenance: dict) -> None:
    """Write teacher.nc."""
    _write(
        path,
        "teacher",
        {
            "input_topology": teacher.inner.topology,
            "input_weights": teacher.inner.weights,
            "output_topology": teacher.outer.topology,
            "output_weights": teacher.outer.weights,
        },
        provenance,
    )


def read_teacher(path: str | Path) -> Network:
    """Read teacher.nc. Raises BadFile."""
    found = _read(path, "teacher")
    return Network(
        Layer(found["input_topology"], found["input_weights"]),
        Layer(found["output_topology"], found["output_weights"]),
    )


def write_dataset(path: str | Path, train: Samples, test: Samples, provenance: dict) -> None:
    """Write dataset.nc."""
    arrays = {"x": train.x, "y": train.y, "x_test": test.x, "y_test": test.y}
    _write(path, "dataset", arrays, provenance)


def read_dataset(path: str | Path) -> tuple[Samples, Samples]:
    """Read dataset.nc: training and test samples. Raises BadFile."""
    found = _read(path, "dataset")
    return Samples(found["x"], found["y"]), Samples(found["x_test"], found["y_test"])


def write_student(path: str | Path, patterns: Patterns, alphabet, provenance: dict) -> None:
    """Write student.nc."""
    arrays = {
        "input_topology": patterns.inner,
        "output_topology": patterns.outer,
        "alphabet": np.asarray(alphabet),
    }
    _write(path, "student", arrays, provenance)


def read_student(path: str | Path) -> tuple[Patterns, np.ndarray]:
    """Read student.nc: patterns and alphabet (int8). Raises BadFile."""
    found = _read(path, "student")
    return Patterns(found["input_topology"], found["output_topology"]), found["alphabet"]


def write_trained(path: str | Path, arrays: dict[str, np.ndarray], provenance: dict) -> None:
    """Write <learner>.nc from the arrays of ``CONTRACT["trained"]``."""
    _write(path, "trained", arrays, provenance)


def read_trained(path: str | Path) -> dict[str, np.ndarray]:
    """Read <learner>.nc: the arrays of ``CONTRACT["trained"]`` by name. Raises BadFile."""
    return _read(path, "trained")


def write_results(path: str | Path, values: dict, coordinates: dict, provenance: dict) -> None:
    """Write results/<experiment>.nc with xarray.

    Args:
        values: (learner, seed, n_samples) arrays by the names in ``RESULTS``.
        coordinates: the labels along each of ``RESULT_DIMENSIONS``.
    """
    import xarray

    variables = {
        name: (RESULT_DIMENSIONS, values[name], {"long_name": long_name, "comment": comment})
        for name, (long_name, comment) in RESULTS.items()
    }
    attributes = {"kind": "results", "provenance": as_json(provenance)}
    with replacing(path) as part:
        xarray.Dataset(variables, coordinates, attributes).to_netcdf(part, engine="netcdf4")


def read_results(path: str | Path):
    """Read results/<experiment>.nc as an xarray.Dataset. Raises BadFile."""
    import xarray

    if provenance(path)["step"] != "collect":
        raise BadFile(f"{path}: a file of results is expected here")
    try:
        found = xarray.load_dataset(path, engine="netcdf4")
    except (OSError, RuntimeError, ValueError) as error:
        raise BadFile(f"{path}: not a readable NetCDF file ({error})") from None
    for name in RESULTS:
        if name not in found or found[name].dims != RESULT_DIMENSIONS:
            raise BadFile(f"{path}: variable {name} is missing or of wrong dimensions")
    return found


def read_experiments(pattern: str, names) -> tuple[dict, dict]:
    """Read the results of several experiments, and what made them, each by name.

    Args:
        pattern: path with ``{experiment}`` to be filled in.

    Raises:
        BadFile: a file is not right.
    """
    paths = {name: pattern.format(experiment=name) for name in names}
    results = {name: read_results(path) for name, path in paths.items()}
    return results, {name: provenance(path) for name, path in paths.items()}


def _write(path, kind: str, arrays: dict[str, np.ndarray], provenance: dict) -> None:
    contract = CONTRACT[kind]
    with replacing(path) as part, netCDF4.Dataset(part, "w") as file:
        file.kind, file.provenance = kind, as_json(provenance)
        for name, (dimensions, dtype) in contract.items():
            given = np.asarray(arrays[name])
            with np.errstate(invalid="ignore"):
                values = given.astype(dtype)
            if not np.array_equal(values, given, equal_nan=given.dtype.kind == "f"):
                raise ValueError(f"{path}: {name} holds values that are no {np.dtype(dtype)}")
            for dimension, length in zip(dimensions, values.shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, length)
                if file.dimensions[dimension].size != length:
                    raise ValueError(
                        f"{path}: {name} has {length} along {dimension}, others "
                        f"{file.dimensions[dimension].size}"
                    )
            variable = file.createVariable(name, dtype, dimensions, zlib=True, complevel=1)
            variable[:] = values


def _read(path, kind: str) -> dict[str, np.ndarray]:
    """Read a file and check it against the contract of its kind.

    BadFile: missing or unreadable, of another kind, or with variables that are missing, of the
    wrong dimensions or type, or that hold values not allowed; the message names the file, the
    variable and what is expected.
    """
    if not Path(path).exists():
        raise BadFile(f"{path}: no such file")
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_mask(False)
            found = str(getattr(file, "kind", "foreign"))
            if found != kind:
                raise BadFile(f"{path}: a {kind} file is expected here; this is {found}")
            arrays = {}
            for name, (dimensions, dtype) in CONTRACT[kind].items():
                if name not in file.variables:
                    raise BadFile(f"{path}: variable {name} is missing")
                variable = file.variables[name]
                if variable.dimensions != dimensions or variable.dtype != np.dtype(dtype):
                    raise BadFile(
                        f"{path}: variable {name} is {variable.dtype} over {variable.dimensions}; "
                        f"expected {np.dtype(dtype)} over {dimensions}"
                    )
                arrays[name] = variable[:]
    except (OSError, RuntimeError) as error:
        raise BadFile(
            f"{path}: not a readable NetCDF file ({error}); delete it and rerun"
        ) from None
    _check_values(path, kind, arrays)
    return arrays


def _check_values(path, kind, arrays) -> None:
    allowed = {"input_weights": (-1, 1), "output_weights": (-1, 1), "x": (-1, 1), "x_test": (-1, 1)}
    for name, values in arrays.items():
        if name in allowed and not np.isin(values, allowed[name]).all():
            raise BadFile(f"{path}: variable {name} holds values other than {allowed[name]}")
        if name in ("y", "y_test") and not np.isfinite(values).all():
            raise BadFile(f"{path}: variable {name} holds values that are not finite")
    if "input_topology" in arrays:
        inner = arrays["input_topology"]
        for name, limit in (("input_topology", None), ("output_topology", len(inner))):
            if arrays[name].size == 0:
                raise BadFile(f"{path}: variable {name} is empty")
            if arrays[name].min() < 0 or (limit is not None and arrays[name].max() >= limit):
                raise BadFile(f"{path}: variable {name} names neurons that do not exist")
            if (np.diff(np.sort(arrays[name], axis=1), axis=1) == 0).any():
                raise BadFile(f"{path}: variable {name} names a column twice in a row")


def provenance(path: str | Path) -> dict:
    """The provenance that a NetCDF file carries.

    Raises:
        BadFile: missing, unreadable, or without provenance.
    """
    if not Path(path).exists():
        raise BadFile(f"{path}: no such file")
    try:
        with netCDF4.Dataset(path) as file:
            found = json.loads(file.provenance)
            if not {"step", "sources"} <= found.keys():
                raise ValueError("its provenance lacks step or sources")
            return found
    except (OSError, RuntimeError, AttributeError, TypeError, ValueError) as error:
        raise BadFile(f"{path}: not a NetCDF file of this study ({error})") from None


def as_json(provenance: dict) -> str:
    """Provenance as one line of JSON with sorted keys: NetCDF attributes hold text."""
    return json.dumps(provenance, sort_keys=True)


def sizes(inner: np.ndarray, outer: np.ndarray) -> dict[str, int]:
    """The numbers of neurons that two biregular topologies connect, by layer."""
    return {"input": int(inner.max()) + 1, "hidden": len(inner), "output": len(outer)}


def check_sizes(path, teacher: Network, layers: dict) -> None:
    """Raise BadFile unless a teacher is of these sizes."""
    found = sizes(teacher.inner.topology, teacher.outer.topology)
    if found != layers:
        raise BadFile(f"{path}: its layers are {found}; expected are {layers}")
