"""The steps of a tiny experiment, run by hand."""

import netCDF4

from sparsebp.cli import main
from tests.given import given

LAYERS = {"input": 9, "hidden": 6, "output": 6}
PHI = {"function": "tanh", "b": 0.1}
GRID = [1, 2, 4]
TEACHER = {"entropy": 1, "layers": LAYERS, "nonzeros_per_row": {"input": 3, "output": 2}}
DATASET = {
    "entropy": 1, "layers": LAYERS, "activation": PHI, "samples": 4, "test_samples": 5,
}  # fmt: skip
STUDENT = {
    "entropy": 1,
    "layers": LAYERS,
    "nonzeros_per_row": {"input": 3, "output": 3},
    "alphabet": [-1, 0, 1],
}
DRAW = {"teacher": TEACHER, "dataset": DATASET, "student": STUDENT}
DRAWN = tuple(DRAW)
LEARNER = {
    "algorithm": "sum-product",
    "schedule": "offline",
    "factor": "hard",
    "beta": None,
    "batch_size": None,
    "reinforcement": 0,
    "damping": 0.3,
    "damped": "factor-to-variable",
    "initial_scale": 0,
    "tolerance": 1e-6,
    "max_steps": 50,
    "tie_tolerance": 1e-9,
    "output_readout": "alphabet",
}
TRAIN = {"entropy": 1, "activation": PHI, "samples": GRID, "learner": LEARNER}
LEARNERS = {"bp": {}, "batch2": {"schedule": "mini-batch", "batch_size": 2}}
COLLECT = {
    "experiment": "tiny", "activation": PHI, "samples": GRID, "learners": [*LEARNERS], "seeds": 2,
}  # fmt: skip
SEED_FOLDER = "results/{experiment}/seed-{seed}"


def call(step, spec, *options):
    """Run a step; its exit status."""
    try:
        return main([step, given(spec), *map(str, options)])
    except SystemExit as end:
        return end.code


def options(step, folder, seed=0, **files):
    """The options of a step on the files of one simulation, some of them others."""
    if step == "collect":
        inputs = simulations(folder)
        for name in {*DRAWN, "trained"} & files.keys():
            path = str(files.pop(name))
            inputs["tiny"]["0"][name] = dict.fromkeys(NAMES, path) if name == "trained" else path
        first = ["--inputs", given(inputs)]
    else:
        place = folder / SEED_FOLDER.format(experiment="tiny", seed=seed)
        needs = DRAWN if step == "draw" else ("student", "dataset")
        files = {name: place / f"{name}.nc" for name in needs} | files
        first = ["--seed", seed]
    return first + [word for name, path in files.items() for word in (f"--{name}", path)]


NAMES = (*LEARNERS, "gd", "deep", "other")


def simulations(folder, learners=NAMES):
    """The input files of ``collect``."""
    found = {}
    for seed in (0, 1):
        place = folder / SEED_FOLDER.format(experiment="tiny", seed=seed)
        drawn, trained = ({n: str(place / f"{n}.nc") for n in some} for some in (DRAWN, learners))
        found[str(seed)] = drawn | {"trained": trained}
    return {"tiny": found}


def run(folder):
    """All steps of a tiny experiment; their exit statuses."""
    ends = []
    for seed in (0, 1):
        place = folder / SEED_FOLDER.format(experiment="tiny", seed=seed)
        ends.append(call("draw", DRAW, *options("draw", folder, seed)))
        for name, changes in LEARNERS.items():
            spec = TRAIN | {"learner": LEARNER | changes}
            output = {"output": place / f"{name}.nc"}
            ends.append(call("train", spec, *options("train", folder, seed, **output)))
    output = {"output": folder / "results/tiny.nc"}
    return [*ends, call("collect", COLLECT, *options("collect", folder, **output))]


def variables(path):
    with netCDF4.Dataset(path) as file:
        return {n: (v.dimensions, v.dtype.kind) for n, v in file.variables.items()}


def read(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        return {name: variable[:] for name, variable in file.variables.items()}


SPECS = {"draw": DRAW, "train": TRAIN, "collect": COLLECT}


def lacking(spec, key, *path):
    """A spec without a key of an inner block."""
    if path:
        return spec | {path[0]: lacking(spec[path[0]], key, *path[1:])}
    return {k: v for k, v in spec.items() if k != key}


def changed(spec, changes, *path):
    """A spec with other values in an inner block."""
    if path:
        return spec | {path[0]: changed(spec[path[0]], changes, *path[1:])}
    return spec | changes


def sized(layers):
    """The spec of a step that draws, with these layers."""
    return {part: spec | {"layers": layers} for part, spec in DRAW.items()}
