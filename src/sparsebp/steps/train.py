"""Train a student, or fit a network for reference, on every number of samples."""

import logging
import time

import numpy as np
from numba.core.event import install_timer

from sparsebp import api
from sparsebp.engine import gradient
from sparsebp.engine.factors import CONTRADICTED
from sparsebp.engine.learner import Learner
from sparsebp.engine.schedules import check_grid
from sparsebp.network.model import activation
from sparsebp.network.quantities import Status
from sparsebp.storage import provenance, store

log = logging.getLogger(__name__)


def run(
    spec: dict,
    seed: int,
    student: str,
    dataset: str,
    output: str,
    memory_gib: float,
    threads: int = 1,
    teacher: str | None = None,
) -> None:
    """Write the estimates of one learner, or the predictions of gradient descent.

    ``spec``: see ``Study.train_spec``.

    The provenance holds what the simulation was drawn from, and ``engine_seconds``: the time to
    build factors and to pass messages, which is that of the program without its start and the
    loading of kernels.

    Args:
        memory_gib: the largest table or list of configurations. Not in the spec, as no result
            depends on it.
        threads: how many update messages side by side. No result depends on it either.
        teacher: for method density-evolution.

    Raises:
        BadFile: an input file is not right, or was not drawn together with the other.
        ValueError: student and data disagree, the factors need too much memory, or a library is
            missing.
    """
    phi = activation(**spec["activation"])
    learner, entropy, grid = Learner(**spec["learner"]), spec["entropy"], spec["samples"]
    check_grid(grid)
    patterns, alphabet = store.read_student(student)
    samples, test = store.read_dataset(dataset)
    layers = store.sizes(*patterns)
    drawn = {"step": "draw", "seed": seed, "entropy": spec["entropy"]}
    made = store.provenance(student)
    store.check_made(student, made, **drawn, alphabet=alphabet.tolist(), layers=layers)
    together = {"drawn": made.get("drawn"), **provenance.engine(made)}
    behind = {"inputs": made.get("drawn"), **provenance.of_draws(made)}
    made = store.provenance(dataset)
    store.check_made(dataset, made, **drawn, activation=spec["activation"], samples=len(samples.x))
    store.check_made(dataset, made, student, layers=layers, **together)
    network = None
    if teacher:
        network, made = store.read_teacher(teacher), store.provenance(teacher)
        store.check_made(teacher, made, student, **drawn, **together)
        store.check_sizes(teacher, network, layers)
    needed = layers["input"], layers["output"], max(spec["samples"])
    given = samples.x.shape[1], samples.y.shape[1], len(samples.x)
    if given[:2] != needed[:2] or given[2] < needed[2]:
        raise ValueError(
            f"{dataset}: {given[0]} inputs, {given[1]} outputs, {given[2]} samples; {student} and "
            f"the sample numbers need {needed[0]}, {needed[1]}, and at least {needed[2]}"
        )
    if learner.is_gradient_descent:
        write = store.write_predicted
        names = ("n_samples", "prediction", "iterations", "status")
        runs = gradient.descend(learner, patterns, phi, samples, test.x, grid, entropy, seed)
    else:
        write = store.write_trained
        names = ("n_samples", "iterations", "status", "residual", "expected_error", "entropy")
        pupil = api.Student(*patterns, alphabet=alphabet, activation=phi, teacher=network)
        streams = {"entropy": entropy, "seed": seed}
        limits = {"memory_gib": memory_gib, "threads": threads}
        runs = api.learn(pupil, samples, learner, grid, **streams, **limits)
    columns, estimates = {name: [] for name in names}, []
    loading, started = [0.0], time.perf_counter()
    with install_timer("numba:compiler_lock", loading.append):
        for trained in runs:
            log.info(
                "m = %d: %s after %d steps", trained.n_samples, trained.status, trained.iterations
            )
            for name, column in columns.items():
                column.append(getattr(trained, name))
            if not learner.is_gradient_descent:
                estimates.append(trained.weights)
    if Status.CONTRADICTION in columns["status"]:
        log.info("%s", CONTRADICTED)
    seconds = time.perf_counter() - started - loading[-1]
    log.info("%.3f s to train, %.3f s to load kernels", seconds, loading[-1])
    arrays = {name: np.array(column) for name, column in columns.items()}
    if learner.is_gradient_descent:
        behind["libraries"] = gradient.libraries()
    else:
        layers = zip(*estimates, strict=True)
        arrays |= store.by_layer("estimate", [np.array(part) for part in layers], axis=1)
    made = provenance.record("train", spec, seed=seed, **behind, engine_seconds=round(seconds, 4))
    write(output, arrays, made)
