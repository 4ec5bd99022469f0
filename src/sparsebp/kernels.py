"""Compiling each kernel once, however many trainings run side by side."""

import fcntl
import json
import logging
import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numba
from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

from sparsebp.files import naming, replacing

log = logging.getLogger(__name__)
SEAL = "sealed.json"


def compiled_once(name: str, source: str, compile: Callable):
    """A kernel, compiled into the folder NUMBA_CACHE_DIR or found there.

    One process compiles it, the others wait. It then seals the kernel's files with their hashes,
    and who finds them so needs no lock, which not every shared file system has. Files that are not
    as they were sealed, as Numba itself would run them or fail, are compiled anew.
    Numba's cache does not see changes in imported files, so the folder should be for one state of
    the sources. Beyond that Numba compiles anew for another place or time of the source file,
    another version or another processor, so each of these has files of its own.
    Without NUMBA_CACHE_DIR Numba compiles when it needs to, and puts it where it is used to.

    Args:
        name: of the kernel.
        source: the file that it is defined in.
        compile: has Numba compile it, or load it from its cache.

    Raises:
        OSError: the folder cannot be filled.
    """
    _load_arrays()
    if not numba.config.CACHE_DIR:
        return compile()
    folder, file = Path(numba.config.CACHE_DIR), Path(source).resolve()
    state = (
        str(file),
        file.stat().st_mtime_ns,
        numba.__version__,
        sys.version,
        get_host_cpu_name(),
        get_host_cpu_features().flatten(),
    )
    own = folder / f"{name}-{sha256(repr(state).encode()).hexdigest()[:16]}"
    if _intact(own):
        return _cached(own, compile)
    folder.mkdir(parents=True, exist_ok=True)
    with naming(own), open(folder / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _intact(own):
            return _cached(own, compile)
        log.info("compiling kernel %s", name)
        shutil.rmtree(own, ignore_errors=True)
        compiled = _cached(own, compile)
        with replacing(own / SEAL) as part:
            part.write_text(json.dumps(_hashes(own)))
    return compiled


def _intact(own: Path) -> bool:
    """Whether the files of a kernel are those that were sealed."""
    try:
        return json.loads((own / SEAL).read_text(encoding="utf-8")) == _hashes(own)
    except (OSError, ValueError):
        return False


def _hashes(own: Path) -> dict[str, str]:
    return {
        str(path.relative_to(own)): sha256(path.read_bytes()).hexdigest()
        for path in own.rglob("*.nb[ic]")
    }


def _cached(own: Path, compile: Callable):
    """What Numba compiles with this folder as its cache."""
    folder, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(own)
    try:
        return compile()
    finally:
        numba.config.CACHE_DIR = folder


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
