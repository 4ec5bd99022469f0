"""Train a student on every number of samples, and compile what that needs."""

import fcntl
import logging
from hashlib import sha256
from pathlib import Path

import numba
import numpy as np

from sparsebp import store
from sparsebp.algorithms import Learner
from sparsebp.data import PerRow, Sizes, draw_samples, draw_student, draw_teacher
from sparsebp.learning import Problem, learn
from sparsebp.model import activation
from sparsebp.provenance import record

log = logging.getLogger(__name__)


def run(spec: dict, seed: int, student: str, dataset: str, output: str) -> None:
    """Write the estimates of one learner. ``spec``: see ``Study.train_spec``.

    Raises:
        BadFile: an input file is not right.
        ValueError: student and data disagree, or the factors need too much memory.
    """
    patterns, alphabet = store.read_student(student)
    samples, _ = store.read_dataset(dataset)
    needed = int(patterns.inner.max()) + 1, len(patterns.outer), max(spec["samples"])
    given = samples.x.shape[1], samples.y.shape[1], len(samples.x)
    if given[0] < needed[0] or given[1] != needed[1] or given[2] < needed[2]:
        raise ValueError(
            f"{dataset}: {given[0]} inputs, {given[1]} outputs, {given[2]} samples; {student} and "
            f"the sample numbers need at least {needed[0]}, exactly {needed[1]}, at least "
            f"{needed[2]}"
        )
    if numba.config.CACHE_DIR:
        compile_once(Path(numba.config.CACHE_DIR))
    problem = Problem.of(patterns, alphabet, activation(**spec["activation"]))
    learner, entropy = Learner(**spec["learner"]), spec["entropy"]
    found = []
    for trained in learn(
        learner, problem, samples, spec["samples"], entropy, seed, spec["memory_gib"]
    ):
        log.info(
            "m = %d: %s after %d steps",
            trained.n_samples,
            trained.status.name.lower().replace("_", " "),
            trained.iterations,
        )
        found.append(trained)
    names = (
        "n_samples",
        "input_estimate",
        "output_estimate",
        "iterations",
        "status",
        "expected_error",
    )
    arrays = {
        name: np.array(column) for name, column in zip(names, zip(*found, strict=True), strict=True)
    }
    store.write_trained(output, arrays, record("train", spec, seed=seed))


def compile_once(folder: Path) -> None:
    """Fill Numba's cache in ``folder`` if nobody has: one process compiles, others wait for it.

    Numba's cache does not see changes in imported files, so the folder is for one state of the
    sources. It goes by the place of the sources too, and so does the mark that it is filled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    place = sha256(str(Path(__file__).resolve()).encode()).hexdigest()[:16]
    filled = folder / f"{place}.filled"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            compile_kernels()
            filled.touch()


def compile_kernels() -> None:
    """Train a tiny student with each kind of learner, so that every kernel is compiled."""
    sizes, per_row, phi = Sizes(6, 6, 6), PerRow(2, 2), activation("tanh", b=0.1)
    teacher = draw_teacher(sizes, per_row, entropy=0, seed=0)
    samples = draw_samples(teacher, phi, sizes.input, 2, entropy=0, seed=0)
    problem = Problem.of(draw_student(teacher, sizes, per_row, 0, 0), (-1, 0, 1), phi)
    for algorithm, factor in (("sum-product", "hard"), ("max-sum", "soft")):
        for reinforcement in (0.0, 0.01):
            learner = Learner(
                algorithm=algorithm,
                schedule="online",
                factor=factor,
                beta=None,
                batch_size=None,
                reinforcement=reinforcement,
                damping=0.3,
                damped="both",
                initial_scale=0.1,
                tolerance=1e-6,
                max_steps=3,
                tie_tolerance=0.0,
                output_readout="alphabet",
            )
            log.info("compiling %s, r = %s", algorithm, reinforcement)
            list(learn(learner, problem, samples, [1, 2], 0, 0, memory_gib=1))
