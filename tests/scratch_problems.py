"""Results of learning from scratch, drawn at random."""

import numpy as np
import xarray as xr

from sparsebp.storage import formats, store
from sparsebp.storage.provenance import record


def scratch_results(study):
    """Numbers as of the step ``from_scratch``: arrays and coordinates."""
    rng, cases = np.random.default_rng(0), study.from_scratch
    coordinates = formats.scratch_coordinates(cases, study.study["seeds"])
    values = {name: np.full([*map(len, coordinates.values())], np.nan) for name in formats.FOUND}
    for i, case in enumerate(cases.values()):
        for j, k in enumerate(coordinates["candidates"]):
            for n, m in enumerate(coordinates["n_samples"]):
                if k in case["candidates"] and m in case["samples"]:
                    open_rows = rng.random(len(coordinates["seed"])) * 0.5**m
                    values["ambiguous_rows"][i, j, :, n] = open_rows
                    values["certain_outputs"][i, j, :, n] = (1 - open_rows) ** 2
                    values["found_rows"][i, j, :, n] = 1 - open_rows / 2
                    values["wrong_rows"][i, j, :, n] = 0
                    values["exact"][i, j, :, n] = rng.random(len(open_rows)) < m / 12
    return values, coordinates


def scratch_dataset(study):
    """The same as the figure gets it."""
    values, coordinates = scratch_results(study)
    dimensions = formats.CONTRACT["from_scratch"]
    return xr.Dataset({name: (dimensions[name][0], values[name]) for name in values}, coordinates)


def write_from_scratch(path, study):
    """A file of them."""
    spec = study.from_scratch_spec()
    store.write_from_scratch(path, *scratch_results(study), record("from_scratch", spec))
