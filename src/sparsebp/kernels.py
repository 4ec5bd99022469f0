"""Compiling each kernel once, however many trainings run side by side."""

import fcntl
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

log = logging.getLogger(__name__)


@contextmanager
def compiled_once(name: str, source: str) -> Iterator[None]:
    """Within, a kernel is compiled into the folder NUMBA_CACHE_DIR, or is found there.

    One process compiles it, the others wait; it leaves a mark, and who finds the mark needs no
    lock, which not every shared file system has. Numba's cache does not see changes in imported
    files, so the folder should be for one state of the sources. Beyond that Numba compiles anew for
    another place or time of the source file, another version or another processor, so the mark goes
    by these too.
    Without NUMBA_CACHE_DIR Numba compiles when it needs to, and puts it where it is used to.

    Args:
        name: of the kernel.
        source: the file that it is defined in.
    """
    _load_arrays()
    if not numba.config.CACHE_DIR:
        yield
        return
    folder, file = Path(numba.config.CACHE_DIR), Path(source).resolve()
    state = (
        str(file),
        file.stat().st_mtime_ns,
        numba.__version__,
        sys.version,
        get_host_cpu_name(),
        get_host_cpu_features().flatten(),
    )
    mark = folder / f"{name}-{sha256(repr(state).encode()).hexdigest()[:16]}.compiled"
    if mark.exists():
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not mark.exists():
            log.info("compiling kernel %s", name)
        yield
        mark.touch()


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
