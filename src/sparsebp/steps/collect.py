"""Measure the errors of all students of an experiment against their teachers."""

import json
from functools import partial
from hashlib import sha256

import numpy as np

from sparsebp.engine.learner import Learner
from sparsebp.engine.schedules import batches
from sparsebp.network import metrics
from sparsebp.network.data import Network, Samples
from sparsebp.network.model import Activation, Layer, activation
from sparsebp.network.quantities import QUANTITIES
from sparsebp.storage import provenance, store

OF_MESSAGES = ("residual", "expected_error", "entropy")
WEIGHT_ERRORS = tuple(name for name, known in QUANTITIES.items() if known.of_weights)


def run(spec: dict, inputs: dict, output: str) -> None:
    """Write the results of an experiment. ``spec``: see ``Study.collect_spec``.

    Gradient descent has real weights, of which only the generalisation error is measured.

    Args:
        inputs: under the experiment's name for each seed, as text, the paths of teacher, dataset,
            student, and under trained those of the learners by name.

    Raises:
        BadFile: an input file is not right, or of another simulation than the others.
        ValueError: files that do not belong together, estimates of different engines, or
            simulations of different configurations or sources.
    """
    learners, first, grid = spec["learners"], spec.get("first_seed", 0), spec["samples"]
    seeds = range(first, first + spec["seeds"])
    shape = len(learners), len(seeds), len(grid)
    phi = activation(**spec["activation"])
    missing = partial(np.full, shape, np.nan)
    values = {
        **{name: missing() for name in (*WEIGHT_ERRORS, "generalization_error", *OF_MESSAGES)},
        "iterations": np.zeros(shape, np.int32),
        "status": np.zeros(shape, np.int8),
    }
    engines, draws, specs = {}, {}, {}
    commits, hosts, processors, seconds = set(), set(), set(), 0.0
    for j, seed in enumerate(seeds):
        given = inputs[spec["experiment"]][str(seed)]
        drawn = {name: given[name] for name in ("teacher", "dataset", "student")}
        network = store.read_teacher(drawn["teacher"])
        patterns, alphabet = store.read_student(drawn["student"])
        test = store.read_dataset(drawn["dataset"])[1]
        together = " and ".join(drawn.values())
        records = {name: store.provenance(path) for name, path in drawn.items()}
        used = {name: made["spec"] for name, made in records.items()}
        for name, path in drawn.items():
            made = records[name]
            store.check_made(path, made, step="draw", seed=seed)
            store.check_made(path, made, together, drawn=used)
            _note(specs, name, path, made["spec"])
            draws[store.as_json(provenance.engine(made))] = path
        layers = store.sizes(*patterns)
        store.check_made(drawn["student"], records["student"], alphabet=alphabet.tolist())
        store.check_sizes(drawn["teacher"], network, layers)
        if (test.x.shape[1], test.y.shape[1]) != (layers["input"], layers["output"]):
            raise ValueError(
                f"{drawn['dataset']}: {test.x.shape[1]} inputs and {test.y.shape[1]} outputs; "
                f"its student's layers are {layers}"
            )
        errors = {}  # by weights, measured once: most learners find the same, those of the teacher
        for i, learner in enumerate(learners):
            path = given["trained"][learner]
            made = store.provenance(path)
            how, expected = _plan(path, made["spec"])
            found = (store.read_predicted if how.is_gradient_descent else store.read_trained)(path)
            told = {"seed": seed, "samples": grid, "activation": spec["activation"]}
            store.check_made(path, made, step="train", **told)
            store.check_made(path, made, together, inputs=used)
            _note(specs, learner, path, made["spec"])
            commits.add(made["commit"])
            hosts.add(str(made.get("host", "unknown")))
            seconds += made["seconds"]
            processors.add(str(made.get("processor", "unknown")))
            engines[store.as_json(provenance.engine(made))] = path
            reached = found["n_samples"].tolist()
            if reached != expected:
                raise ValueError(f"{path}: its n_samples are {reached}; expected are {expected}")
            at_m = [(i, j, grid.index(m)) for m in reached]
            if how.is_gradient_descent:
                if found["prediction"].shape[1:] != test.y.shape:
                    raise ValueError(f"{path}: its predictions are of another shape than y_test")
                for where, prediction in zip(at_m, found["prediction"], strict=True):
                    error = metrics.squared_error(prediction, test)
                    values["generalization_error"][where] = error
            else:
                estimates = store.of_layers(found, "estimate", axis=1)
                if [part.shape[1:] for part in estimates] != [part.shape for part in patterns]:
                    raise ValueError(f"{path}: its student is of another shape than in student.nc")
                if not all(np.isin(part, alphabet).all() for part in estimates):
                    raise ValueError(f"{path}: its estimates are not all in {alphabet.tolist()}")
                for row, where in enumerate(at_m):
                    learnt = [Layer(p, e[row]) for p, e in zip(patterns, estimates, strict=True)]
                    weights = sha256(b"".join(layer.weights.tobytes() for layer in learnt)).digest()
                    if weights not in errors:
                        errors[weights] = _errors(network, learnt, phi, test)
                    for name, error in errors[weights].items():
                        values[name][where] = error
                    for name in OF_MESSAGES:
                        values[name][where] = found[name][row]
            for row, where in enumerate(at_m):
                for name in ("iterations", "status"):
                    values[name][where] = found[name][row]
    for behind, what in ((draws, "sources"), (engines, "engines")):
        if len(behind) > 1:
            raise ValueError(
                f"{' and '.join(list(behind.values())[:2])} were made by different {what} or "
                "library versions; delete the older and rerun"
            )
    coordinates = {"learner": learners, "seed": list(seeds), "n_samples": grid}
    engine = json.loads(next(iter(engines))) | {
        "commits": sorted(commits),
        "hosts": sorted(hosts),
        "processors": sorted(processors),
        "training_seconds": round(seconds, 1),
    }
    behind = {"inputs": {name: found for name, (found, _) in specs.items()}}
    behind |= provenance.of_draws(json.loads(next(iter(draws))))
    made = provenance.record("collect", spec, **behind, engine=engine)
    store.write_results(output, values, coordinates, made)


def _errors(
    teacher: Network, student: list[Layer], phi: Activation, test: Samples
) -> dict[str, float]:
    """All errors of a student, by name."""
    found = {name: getattr(metrics, name)(teacher, student) for name in WEIGHT_ERRORS}
    return found | {"generalization_error": metrics.generalization_error(student, phi, test)}


def _plan(path: str, spec: dict) -> tuple[Learner, list[int]]:
    """The learner of a training, and the numbers of samples that it reached."""
    try:
        learner = Learner(**spec.get("learner"))
        plan = list(batches(learner, spec.get("samples")))
    except (TypeError, ValueError) as error:
        raise store.BadFile(f"{path}: its provenance has no proper learner ({error})") from None
    return learner, [batch.stop for batch in plan if batch.report]


def _note(specs: dict, name: str, path: str, spec: dict) -> None:
    """Note what a file was made with, which has to be as in the other simulations."""
    known, other = specs.setdefault(name, (spec, path))
    if spec != known:
        raise ValueError(
            f"{other} and {path} were made with different configurations; delete the older and "
            "rerun"
        )
