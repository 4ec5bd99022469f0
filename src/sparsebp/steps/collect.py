"""Measure the errors of all students of an experiment against their teachers."""

from functools import partial

import numpy as np
import xarray as xr

from sparsebp import store
from sparsebp.metrics import generalization_error, topology_error, weight_error
from sparsebp.model import Layer, activation
from sparsebp.provenance import record


def run(spec: dict, teacher: str, dataset: str, student: str, trained: str, output: str) -> None:
    """Write the results of an experiment. ``spec``: see ``Study.collect_spec``.

    Args:
        teacher, dataset, student, trained: path patterns with ``{experiment}``, ``{seed}`` and,
            the last, ``{learner}`` to be filled in.

    Raises:
        BadFile: an input file is not right.
        ValueError: files that do not belong together, or estimates of different engines.
    """
    learners, seeds, grid = spec["learners"], range(spec["seeds"]), spec["samples"]
    shape = len(learners), len(seeds), len(grid)
    phi = activation(**spec["activation"])
    error = partial(np.full, shape, np.nan)
    values = {
        "weight_error": error(),
        "topology_error": error(),
        "generalization_error": error(),
        "expected_error": error(),
        "iterations": np.zeros(shape, np.int32),
        "status": np.zeros(shape, np.int8),
    }
    engines = set()
    for j, seed in enumerate(seeds):
        at = {"experiment": spec["experiment"], "seed": seed}
        network = store.read_teacher(teacher.format(**at))
        patterns, _ = store.read_student(student.format(**at))
        test = store.read_dataset(dataset.format(**at))[1]
        sizes = [
            (int(inner.max()) + 1, len(inner), len(outer))
            for inner, outer in ((network.inner.topology, network.outer.topology), patterns)
        ]
        if sizes[0] != sizes[1] or test.x.shape[1] != sizes[0][0]:
            raise ValueError(
                f"{student.format(**at)}: layers {sizes[1]}; its teacher's {sizes[0]}, inputs of "
                f"its data set {test.x.shape[1]}"
            )
        if test.y.shape[1] != len(network.outer.topology):
            raise ValueError(
                f"{dataset.format(**at)}: {test.y.shape[1]} outputs; its teacher has "
                f"{len(network.outer.topology)}"
            )
        for i, learner in enumerate(learners):
            path = trained.format(**at, learner=learner)
            found = store.read_trained(path)
            engines.add(store.provenance(path)["sources"])
            recorded = store.provenance(path)["spec"]
            if recorded["samples"] != grid:
                raise ValueError(f"{path}: trained on {recorded['samples']}, not on {grid}")
            estimates = found["input_estimate"], found["output_estimate"]
            if [part.shape[1:] for part in estimates] != [part.shape for part in patterns]:
                raise ValueError(f"{path}: its student is of another shape than in student.nc")
            for row, m in enumerate(found["n_samples"].tolist()):
                if m not in grid:
                    raise ValueError(f"{path}: holds m = {m}, which is not among {grid}")
                k = grid.index(m)
                layers = [Layer(p, e[row]) for p, e in zip(patterns, estimates, strict=True)]
                values["weight_error"][i, j, k] = weight_error(network, layers)
                values["topology_error"][i, j, k] = topology_error(network, layers)
                values["generalization_error"][i, j, k] = generalization_error(layers, phi, test)
                for name in ("expected_error", "iterations", "status"):
                    values[name][i, j, k] = found[name][row]
    results = xr.Dataset(
        {name: (("learner", "seed", "n_samples"), array) for name, array in values.items()},
        coords={"learner": learners, "seed": list(seeds), "n_samples": grid},
    )
    for name, (long_name, equation) in LONG_NAMES.items():
        results[name].attrs = {"long_name": long_name, "comment": equation}
    if len(engines) > 1:
        raise ValueError(f"{output}: its trainings were made by {len(engines)} different engines")
    store.write_results(output, results, record("collect", spec, engine=engines.pop()))


LONG_NAMES = {
    "weight_error": ("fraction of the teacher's weights estimated wrongly", "1 - Eq. 2.2"),
    "topology_error": ("missed and excess non-zero weights", "Eq. 3.12"),
    "generalization_error": ("squared error on fresh samples", "Eq. 3.13"),
    "expected_error": ("fraction of wrong weights expected from the beliefs", "sum-product only"),
    "iterations": ("steps of the last batch", "0 where not run"),
    "status": (
        "how the training ended",
        "0 not run, 1 converged, 2 step limit, 3 contradiction",
    ),
}
