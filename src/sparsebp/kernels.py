"""Compiling the kernels once, before many trainings use them side by side."""

import fcntl
import logging
import sys
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

from sparsebp import messages
from sparsebp.algorithms import Learner
from sparsebp.data import PerRow, Sizes, draw_samples, draw_student, draw_teacher
from sparsebp.learning import Problem, learn
from sparsebp.model import activation

log = logging.getLogger(__name__)


def compile_once() -> bool:
    """Fill the folder NUMBA_CACHE_DIR if nobody has: one process compiles, others wait for it.

    Numba's cache does not see changes in imported files, so the folder should be for one state of
    the sources. Beyond that Numba compiles anew for another place or time of the source file,
    another version or another processor, so the mark that the folder is filled goes by these too.
    The workflow fills the folder before any training; these find the mark, and need no lock, which
    not every shared file system has.

    Returns:
        Whether there is such a folder. Without NUMBA_CACHE_DIR nothing is done: Numba compiles
        when it needs to.
    """
    _load_arrays()
    if not numba.config.CACHE_DIR:
        return False
    folder = Path(numba.config.CACHE_DIR)
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(messages.__file__).resolve()
    state = (
        str(source),
        source.stat().st_mtime_ns,
        numba.__version__,
        sys.version,
        get_host_cpu_name(),
        get_host_cpu_features().flatten(),
    )
    filled = folder / f"{sha256(repr(state).encode()).hexdigest()[:16]}.filled"
    if filled.exists():
        return True
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not filled.exists():
            compile_kernels()
            filled.touch()
    return True


def _load_arrays() -> None:
    """Have Numba load what it knows of arrays, and it alone.

    Else it does so with the first kernel, and loads scipy.linalg with it, for products of matrices,
    which no kernel has: 0.2 s of each training.
    """
    if "scipy.linalg" in sys.modules:
        return
    sys.modules["scipy.linalg"] = None  # an import fails, as if it were not installed
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy.linalg"]


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
