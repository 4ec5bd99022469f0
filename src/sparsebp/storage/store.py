"""The study's NetCDF files: their names for things, checked on writing and on reading.

The files of one simulation go through netCDF4 alone, which loads four times as fast as xarray;
results over all simulations are xarray data sets.
"""

import json
import math
import os
from pathlib import Path
from textwrap import shorten

# Not every network file system has locks, and a file that is never seen half-written needs none.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import netCDF4  # which reads that
import numpy as np

from sparsebp.network.data import Network, Patterns, Samples
from sparsebp.network.model import Layer
from sparsebp.network.quantities import QUANTITIES
from sparsebp.storage.atomic import written_whole
from sparsebp.storage.formats import (
    ALLOWED,
    CONTRACT,
    DEEP,
    FOUND,
    MOST_NUMBERS,
    PROVENANCE,
    RECODING,
    RESULT_DIMENSIONS,
    TREE_QUANTITIES,
    scratch_coordinates,
)

# Raised by netCDF4 and json for what they cannot read.
READ_ERRORS = OSError, RuntimeError, AttributeError, LookupError, TypeError, ValueError, MemoryError


class BadFile(ValueError):
    """A file that is missing, unreadable, or not what its place calls for."""


def check_there(path: str | Path) -> None:
    """Check that ``path`` is a file to read. To open others, as named pipes, may never end.

    Raises:
        BadFile: nothing is there, or a folder, a pipe, a device or the like.
    """
    if not Path(path).exists():
        raise BadFile(f"{path}: no such file")
    if not Path(path).is_file():
        raise BadFile(f"{path}: not a regular file")


def write_teacher(path: str | Path, teacher: Network, provenance: dict) -> None:
    """Write teacher.nc to ``path``, with a provenance as ``provenance.record`` returns it."""
    topologies, weights = zip(*teacher, strict=True)
    arrays = by_layer("topology", topologies) | by_layer("weights", weights)
    _write(path, "teacher", arrays, provenance)


def read_teacher(path: str | Path) -> Network:
    """Read a teacher.nc from ``path``. Raises BadFile."""
    found = _read(path, "teacher")
    parts = of_layers(found, "topology"), of_layers(found, "weights")
    return Network(*map(Layer, *parts))


def write_dataset(path: str | Path, train: Samples, test: Samples, provenance: dict) -> None:
    """Write dataset.nc to ``path``: train and test samples, and provenance as for a teacher."""
    arrays = {"x": train.x, "y": train.y, "x_test": test.x, "y_test": test.y}
    _write(path, "dataset", arrays, provenance)


def read_dataset(path: str | Path) -> tuple[Samples, Samples]:
    """Read a dataset.nc from ``path``: training and test samples. Raises BadFile."""
    found = _read(path, "dataset")
    return Samples(found["x"], found["y"]), Samples(found["x_test"], found["y_test"])


def write_student(path: str | Path, patterns: Patterns, alphabet, provenance: dict) -> None:
    """Write student.nc to ``path``: patterns, alphabet, and provenance as for a teacher."""
    arrays = by_layer("topology", patterns) | {"alphabet": np.asarray(alphabet)}
    _write(path, "student", arrays, provenance)


def read_student(path: str | Path) -> tuple[Patterns, np.ndarray]:
    """Read a student.nc from ``path``: patterns and alphabet (int8). Raises BadFile."""
    found = _read(path, "student")
    return Patterns(*of_layers(found, "topology")), found["alphabet"]


def write_trained(path: str | Path, arrays: dict[str, np.ndarray], provenance: dict) -> None:
    """Write <learner>.nc to ``path`` from arrays as ``CONTRACT["trained"]`` lists them, and a
    provenance."""
    _write(path, "trained", arrays, provenance)


def read_trained(path: str | Path) -> dict[str, np.ndarray]:
    """Read a <learner>.nc from ``path``: the arrays of ``CONTRACT["trained"]`` by name. Raises
    BadFile."""
    return _read(path, "trained")


def write_predicted(path: str | Path, arrays: dict[str, np.ndarray], provenance: dict) -> None:
    """Write <learner>.nc of gradient descent.

    Args:
        path: of the file.
        arrays: those of ``CONTRACT["predicted"]``.
        provenance: what made it.
    """
    _write(path, "predicted", arrays, provenance)


def read_predicted(path: str | Path) -> dict[str, np.ndarray]:
    """Read <learner>.nc of gradient descent: the arrays of ``CONTRACT["predicted"]`` by name.

    Args:
        path: of the file.

    Raises:
        BadFile: missing, unreadable, or not such a file.
    """
    return _read(path, "predicted")


def by_layer(what: str, parts, axis: int = 0) -> dict[str, np.ndarray]:
    """Arrays of each layer by name; those between hidden layers are one.

    Args:
        what: they are, as ``topology``: the end of their names.
        parts: an array for each layer, from the inputs to the outputs.
        axis: along which those between hidden layers are stacked.
    """
    first, *middle, last = parts
    arrays = {f"input_{what}": first, f"output_{what}": last}
    return arrays | ({f"middle_{what}": np.stack(middle, axis)} if middle else {})


def of_layers(found: dict, what: str, axis: int = 0) -> list[np.ndarray]:
    """The opposite of ``by_layer``: an array for each layer.

    Args:
        found: arrays by name.
        what, axis: as there.
    """
    middle = np.moveaxis(found.get(f"middle_{what}", np.empty([0] * (axis + 1))), axis, 0)
    return [found[f"input_{what}"], *middle, found[f"output_{what}"]]


def write_results(path: str | Path, values: dict, coordinates: dict, provenance: dict) -> None:
    """Write results/<experiment>.nc with xarray.

    Args:
        path: of the file.
        values: (learner, seed, n_samples) arrays by the names in ``QUANTITIES``.
        coordinates: the labels along each of ``RESULT_DIMENSIONS``.
        provenance: as ``provenance.record`` returns it.
    """
    names = {name: (known.about, known.comment) for name, known in QUANTITIES.items()}
    _write_labelled(path, "results", names, values, coordinates, provenance)


def write_trees(path: str | Path, values: dict, coordinates: dict, provenance: dict) -> None:
    """Write results/trees.nc, with the names in ``TREE_QUANTITIES``.

    Arguments as for ``write_results``.
    """
    _write_labelled(path, "trees", TREE_QUANTITIES, values, coordinates, provenance)


def write_search(path: str | Path, arrays: dict, provenance: dict) -> None:
    """Write results/from_scratch/seed-<k>/<case>.nc.

    Args:
        path: of the file.
        arrays: those of ``CONTRACT["search"]`` by name.
        provenance: what made it.
    """
    _write(path, "search", arrays, provenance)


def read_search(path: str | Path) -> dict[str, np.ndarray]:
    """Read such a file: the arrays of ``CONTRACT["search"]`` by name.

    Args:
        path: of the file.

    Raises:
        BadFile: missing, unreadable, or not such a file.
    """
    return _read(path, "search")


def write_from_scratch(path: str | Path, values: dict, coordinates: dict, provenance: dict) -> None:
    """Write results/from_scratch.nc, with the names in ``FOUND``.

    Arguments as for ``write_results``.
    """
    _write_labelled(path, "from_scratch", FOUND, values, coordinates, provenance)


def _write_labelled(path, kind, names, values, coordinates, provenance) -> None:
    import xarray

    variables = {
        name: (
            CONTRACT[kind][name][0],
            np.asarray(values[name], CONTRACT[kind][name][1]),
            {"long_name": long_name, "comment": comment},
        )
        for name, (long_name, comment) in names.items()
    }
    given = coordinates | {name: values for name, (_, values, _) in variables.items()}
    _check_values(path, kind, {name: np.asarray(values) for name, values in given.items()})
    attributes = {"kind": kind, "provenance": as_json(provenance)}
    # Compressed like the other files; reading damaged values fails by the checksum that zlib adds.
    encoding = {name: {"zlib": True, "complevel": 1} for name in names}
    with written_whole(path) as part:
        dataset = xarray.Dataset(variables, coordinates, attributes)
        dataset.to_netcdf(part, engine="netcdf4", encoding=encoding)


def read_results(path: str | Path):
    """Read a results/<experiment>.nc from ``path`` as an xarray.Dataset. Raises BadFile."""
    return _results(path)[0]


def _results(path) -> tuple:
    """An xarray.Dataset and its provenance."""
    import xarray

    arrays, made = _read(path, "results"), provenance(path)
    learners, seeds, samples = (arrays[name].tolist() for name in RESULT_DIMENSIONS)
    told = {"seeds": len(seeds), "first_seed": seeds[0] or None}  # no key where it is 0
    check_made(path, made, step="collect", learners=learners, samples=samples, **told)
    found = {name: (CONTRACT["results"][name][0], array) for name, array in arrays.items()}
    return xarray.Dataset(found), made


def read_trees(path: str | Path) -> tuple:
    """Read results/trees.nc: an xarray.Dataset and its provenance.

    Args:
        path: of the file.

    Raises:
        BadFile: missing, unreadable, or not such a file.
    """
    import xarray

    arrays, made = _read(path, "trees"), provenance(path)
    told = made["spec"].get("trees")
    check_made(path, made, step="trees", seeds=len(arrays["seed"]))
    if not isinstance(told, dict) or told.get("outputs") != arrays["outputs"].tolist():
        raise BadFile(f"{path}: outputs of its provenance are not {arrays['outputs'].tolist()}")
    if arrays["diameter"].max() > 2 * len(arrays["step"]):
        raise BadFile(f"{path}: variable diameter holds more than twice its number of steps")
    found = {name: (CONTRACT["trees"][name][0], array) for name, array in arrays.items()}
    return xarray.Dataset(found), made


def read_from_scratch(path: str | Path) -> tuple:
    """Read results/from_scratch.nc: an xarray.Dataset and its provenance.

    Args:
        path: of the file.

    Raises:
        BadFile: missing, unreadable, or not such a file.
    """
    import xarray

    arrays, made = _read(path, "from_scratch"), provenance(path)
    check_made(path, made, step="from_scratch", seeds=len(arrays["seed"]))
    try:
        wanted = scratch_coordinates(made["spec"]["cases"], len(arrays["seed"]))
    except (TypeError, LookupError, AttributeError):
        raise BadFile(f"{path}: its provenance has no proper cases") from None
    # A provenance is sorted by name, and so are its cases.
    wanted["case"] = sorted(wanted["case"])
    for name, labels in wanted.items():
        there = arrays[name].tolist()
        if (sorted(there) if name == "case" else there) != labels:
            raise BadFile(f"{path}: its {name} is {there}; that of its provenance is {labels}")
    found = {name: (CONTRACT["from_scratch"][name][0], array) for name, array in arrays.items()}
    return xarray.Dataset(found), made


def read_experiments(paths: dict, names) -> tuple[dict, dict]:
    """Read the results of several experiments, and what made them, each by name.

    Args:
        paths: of the files of results by experiment.
        names: of the experiments.

    Raises:
        BadFile: a file is not right.
    """
    found = {name: _results(paths[name]) for name in names}
    for name, (_, made) in found.items():
        check_made(paths[name], made, experiment=name)
    results = {name: data for name, (data, _) in found.items()}
    return results, {name: made for name, (_, made) in found.items()}


def _write(path, kind: str, arrays: dict[str, np.ndarray], provenance: dict) -> None:
    contract, values = _contract(kind, arrays), {}
    for name, (_, dtype) in contract.items():
        given = np.asarray(arrays[name])
        with np.errstate(invalid="ignore"):
            values[name] = given.astype(dtype)
        if not np.array_equal(values[name], given, equal_nan=given.dtype.kind == "f"):
            raise ValueError(f"{path}: {name} holds values that are no {np.dtype(dtype)}")
    _check_values(path, kind, values)
    with written_whole(path) as part, netCDF4.Dataset(part, "w") as file:
        file.kind, file.provenance = kind, as_json(provenance)
        for name, (dimensions, dtype) in contract.items():
            for dimension, length in zip(dimensions, values[name].shape, strict=True):
                if dimension not in file.dimensions:
                    file.createDimension(dimension, length)
                if file.dimensions[dimension].size != length:
                    raise ValueError(
                        f"{path}: {name} has {length} along {dimension}, others "
                        f"{file.dimensions[dimension].size}"
                    )
            variable = file.createVariable(name, dtype, dimensions, zlib=True, complevel=1)
            variable[:] = values[name]


def _contract(kind: str, names) -> dict:
    """What a file of a kind holds, given the names of variables that it has."""
    deep = DEEP.get(kind, {})
    return CONTRACT[kind] | (deep if deep.keys() & set(names) else {})


def _read(path, kind: str) -> dict[str, np.ndarray]:
    """Read a file and check it against the contract of its kind.

    BadFile: missing or unreadable, of another kind, or with variables that are missing, of the
    wrong dimensions or type, or that hold values not allowed; the message names the file, the
    variable and what is expected.
    """
    check_there(path)
    try:
        with netCDF4.Dataset(path) as file:
            file.set_auto_maskandscale(False)
            found = str(getattr(file, "kind", "foreign"))
            if found != kind:
                raise BadFile(f"{path}: a {kind} file is expected here; this is {found}")
            arrays = {}
            for name, (dimensions, dtype) in _contract(kind, file.variables).items():
                if name not in file.variables:
                    raise BadFile(f"{path}: variable {name} is missing")
                variable = file.variables[name]
                expected = dtype if dtype is str else np.dtype(dtype)
                given = variable.dtype if variable.dtype is str else variable.datatype
                # NumPy takes a list of numbers of a type for that type, unless asked for the class.
                same = type(given) is type(expected) and given == expected
                if variable.dimensions != dimensions or not same:
                    raise BadFile(
                        f"{path}: variable {name} is {given} over {variable.dimensions}; expected "
                        f"{expected} over {dimensions}"
                    )
                if not 0 < variable.size <= MOST_NUMBERS:
                    raise BadFile(
                        f"{path}: variable {name} holds {variable.size} values; allowed are from 1 "
                        f"to {MOST_NUMBERS}"
                    )
                for attribute in sorted(RECODING & set(variable.ncattrs())):
                    value = variable.getncattr(attribute)
                    # Not NaN, which as a mark of what is missing says what it says anyway.
                    if np.any(value == value):
                        raise BadFile(f"{path}: variable {name} has {attribute}; expected is none")
                arrays[name] = variable[:]
    except BadFile:
        raise
    except READ_ERRORS as error:
        raise BadFile(
            f"{path}: not a readable NetCDF file ({error}); delete it and rerun"
        ) from None
    _check_values(path, kind, arrays)
    return arrays


def _check_values(path, kind, arrays) -> None:
    for name, (words, allows) in ALLOWED[kind].items():
        if name in arrays and not np.all(allows(arrays[name])):
            raise BadFile(
                f"{path}: variable {name} holds values that are not allowed; only {words}"
            )
    for name in ("output_topology", "middle_topology"):
        if name in arrays:
            named, hidden = arrays[name].max() + 1, len(arrays["input_topology"])
            if named != hidden:
                raise BadFile(
                    f"{path}: variable {name} names {named} hidden neurons; input_topology has "
                    f"{hidden}"
                )


def provenance(path: str | Path) -> dict:
    """The provenance that the NetCDF file at ``path`` carries.

    Raises:
        BadFile: missing, unreadable, or without provenance.
    """
    check_there(path)
    try:
        with netCDF4.Dataset(path) as file:
            # Strictly JSON: NaN and infinity are none, and int() takes neither.
            found = json.loads(file.provenance, parse_constant=int)
        wrong = [key for key, kind in PROVENANCE.items() if not isinstance(found.get(key), kind)]
        if wrong or not math.isfinite(found["seconds"]):
            raise ValueError(f"its provenance lacks a proper {', '.join(wrong) or 'seconds'}")
    except READ_ERRORS as error:
        raise BadFile(f"{path}: not a NetCDF file of this study ({error})") from None
    return found


def verified_provenance(path: str | Path) -> dict:
    """The provenance of the NetCDF file at ``path``, after reading and checking all that it holds.

    Raises:
        BadFile: as from ``provenance`` and the function that reads a file of its kind.
    """
    made = provenance(path)
    with netCDF4.Dataset(path) as file:
        kind = str(getattr(file, "kind", "foreign"))
    if kind not in CONTRACT:
        raise BadFile(f"{path}: of kind {kind}; allowed: {', '.join(CONTRACT)}")
    _read(path, kind)
    return made


def check_made(path: str | Path, made: dict, as_in: str = "", /, **expected) -> None:
    """Check a provenance for what it and its ``spec`` have to say.

    Args:
        path: of the file that carries it.
        made: the provenance.
        as_in: the files that say what is expected; of those that disagree, any may be wrong.
        expected: what they say, by key.

    Raises:
        BadFile: it says something else.
    """
    told = made["spec"] | made
    for key, value in expected.items():
        if told.get(key) != value:
            found, wanted = (
                shorten(json.dumps(v), 300, placeholder=" ...") for v in (told.get(key), value)
            )
            like = f", as in {as_in}" if as_in else ""
            raise BadFile(f"{path}: {key} of its provenance is {found}; expected is {wanted}{like}")


def as_json(provenance: dict) -> str:
    """A provenance as one line of JSON with sorted keys: NetCDF attributes hold text.

    Raises:
        ValueError: it holds NaN or infinity, which JSON has not.
    """
    try:
        return json.dumps(provenance, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise ValueError(f"no record can hold it: {error}") from None


def sizes(inner: np.ndarray, *others: np.ndarray) -> dict[str, int]:
    """The numbers of neurons that biregular topologies connect, by layer; how many hidden layers
    there are, if several.

    Args:
        inner: (hidden, input_slot) topology of W_in.
        others: the topologies of the further layers, that of W_out last.
    """
    found = {"input": int(inner.max()) + 1, "hidden": len(inner), "output": len(others[-1])}
    return found | ({"hidden_layers": len(others)} if len(others) > 1 else {})


def check_sizes(path, teacher: Network, layers: dict) -> None:
    """Raise BadFile, naming the ``path``, unless a teacher is of the sizes ``layers``."""
    found = sizes(*(layer.topology for layer in teacher))
    if found != layers:
        raise BadFile(f"{path}: its layers are {found}; expected are {layers}")
