"""Measure the errors of all students of an experiment against their teachers."""

import json
from functools import partial

import numpy as np

from sparsebp import metrics, store
from sparsebp.model import Layer, activation
from sparsebp.provenance import record

ERRORS = ("weight_error", "flipped_error", "topology_error", "excess_error")


def run(spec: dict, teacher: str, dataset: str, student: str, trained: str, output: str) -> None:
    """Write the results of an experiment. ``spec``: see ``Study.collect_spec``.

    Args:
        teacher, dataset, student, trained: path patterns with ``{experiment}``, ``{seed}`` and,
            the last, ``{learner}`` to be filled in.

    Raises:
        BadFile: an input file is not right.
        ValueError: files that do not belong together, estimates of different engines, or
            simulations of different configurations or sources.
    """
    learners, seeds, grid = spec["learners"], range(spec["seeds"]), spec["samples"]
    shape = len(learners), len(seeds), len(grid)
    phi = activation(**spec["activation"])
    error = partial(np.full, shape, np.nan)
    values = {
        **{name: error() for name in (*ERRORS, "generalization_error", "expected_error")},
        "iterations": np.zeros(shape, np.int32),
        "status": np.zeros(shape, np.int8),
    }
    engines, draws, inputs = {}, {}, {}
    commits, hosts, seconds = set(), set(), 0.0
    for j, seed in enumerate(seeds):
        at = {"experiment": spec["experiment"], "seed": seed}
        for name, pattern in (("teacher", teacher), ("dataset", dataset), ("student", student)):
            path = pattern.format(**at)
            draws[_configuration(inputs, name, path)["sources"]] = path
        network = store.read_teacher(teacher.format(**at))
        patterns, _ = store.read_student(student.format(**at))
        test = store.read_dataset(dataset.format(**at))[1]
        layers = store.sizes(*patterns)
        store.check_sizes(teacher.format(**at), network, layers)
        if (test.x.shape[1], test.y.shape[1]) != (layers["input"], layers["output"]):
            raise ValueError(
                f"{dataset.format(**at)}: {test.x.shape[1]} inputs and {test.y.shape[1]} outputs; "
                f"its student's layers are {layers}"
            )
        for i, learner in enumerate(learners):
            path = trained.format(**at, learner=learner)
            found = store.read_trained(path)
            made = _configuration(inputs, learner, path)
            commits.add(made.get("commit", "unknown"))
            hosts.add(made.get("host", "unknown"))
            seconds += made.get("seconds", 0.0)
            engines[store.as_json({key: made.get(key) for key in ("sources", "versions")})] = path
            if made["spec"]["samples"] != grid:
                raise ValueError(f"{path}: trained on {made['spec']['samples']}, not on {grid}")
            estimates = found["input_estimate"], found["output_estimate"]
            if [part.shape[1:] for part in estimates] != [part.shape for part in patterns]:
                raise ValueError(f"{path}: its student is of another shape than in student.nc")
            for row, m in enumerate(found["n_samples"].tolist()):
                if m not in grid:
                    raise ValueError(f"{path}: holds m = {m}, which is not among {grid}")
                k = grid.index(m)
                learnt = [Layer(p, e[row]) for p, e in zip(patterns, estimates, strict=True)]
                for name in ERRORS:
                    values[name][i, j, k] = getattr(metrics, name)(network, learnt)
                values["generalization_error"][i, j, k] = metrics.generalization_error(
                    learnt, phi, test
                )
                for name in ("expected_error", "iterations", "status"):
                    values[name][i, j, k] = found[name][row]
    for behind, what in ((draws, "sources"), (engines, "engines or library versions")):
        if len(behind) > 1:
            raise ValueError(
                f"{' and '.join(list(behind.values())[:2])} were made by different {what}; delete "
                "the older and rerun"
            )
    coordinates = {"learner": learners, "seed": list(seeds), "n_samples": grid}
    engine = json.loads(next(iter(engines))) | {
        "commits": sorted(commits),
        "hosts": sorted(hosts),
        "training_seconds": round(seconds, 1),
    }
    inputs = {name: found for name, (found, _) in inputs.items()}
    behind = {"inputs": inputs, "draw_sources": next(iter(draws)), "engine": engine}
    provenance = record("collect", spec, **behind)
    store.write_results(output, values, coordinates, provenance)


def _configuration(inputs: dict, name: str, path: str) -> dict:
    """The provenance of a file; its spec is noted, and has to be that of the other simulations."""
    made = store.provenance(path)
    known, other = inputs.setdefault(name, (made["spec"], path))
    if made["spec"] != known:
        raise ValueError(
            f"{other} and {path} were made with different configurations; delete the older and "
            "rerun"
        )
    return made
