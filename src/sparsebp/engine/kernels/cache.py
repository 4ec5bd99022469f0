"""Compiling each kernel once, however many trainings run side by side."""

import json
import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock, get_ident

import numba
from numba.core.registry import cpu_target
from platformdirs import user_cache_path

from sparsebp.storage.sources import edited, source_files, sources

try:
    import fcntl
except ImportError:  # as on Windows
    fcntl = None

log = logging.getLogger(__name__)
SEAL = "sealed.json"

_TURN = RLock()
"""Of threads: where Numba keeps what it compiles is one setting for all of them."""


def compiled_once(name: str, function: Callable, signature, module: str, **options):
    """A kernel, compiled, or loaded from where it was compiled before.

    That is the folder NUMBA_CACHE_DIR or, without it, one in the user's cache. Each kernel has a
    folder of its own there, by the content of all that it is compiled from and by what else Numba
    asks for: its version, Python's, the processor, the place and time of the source file. A kernel
    appears there whole, sealed with the hashes of its files; what is not as it was sealed, as Numba
    would run it or fail, is compiled anew. One process compiles and others wait, where the file
    system has locks. Threads of one program take turns.

    With NUMBA_DISABLE_JIT=1 it is the function as it is, for Python to run.

    Nothing depends on the folder: where it cannot be read or filled, or the sources have been
    edited since they were loaded, the kernel is compiled for this program alone.

    Args:
        name: of the kernel.
        function: what to compile.
        signature: its types.
        module: that it is defined in, its ``__name__``.
        options: of ``numba.njit``.
    """
    if numba.config.DISABLE_JIT:
        return function
    with _TURN:
        _load_arrays()
        return _compiled(name, function, signature, module, options)


def _compiled(name: str, function: Callable, signature, module: str, options: dict):
    folder = Path(numba.config.CACHE_DIR or user_cache_path("sparsebp") / "kernels")

    def compile(cache: Path):
        return _within(cache, lambda: numba.njit(signature, cache=True, **options)(function))

    try:
        own = folder / f"{name}-{_key(function, module, options)}"
        if _intact(own):
            return compile(own)
        if not edited(source_files(_inside(module))):
            folder.mkdir(parents=True, exist_ok=True)
            with _alone(folder / f"{name}.lock"):
                if _intact(own):
                    return compile(own)
                log.info("compiling kernel %s", name)
                with TemporaryDirectory(prefix=f".{own.name}-", dir=folder) as made:
                    new, old = Path(made) / "new", Path(made) / "old"
                    new.mkdir()
                    compiled = compile(new)
                    (new / SEAL).write_text(json.dumps(_hashes(new)), encoding="utf-8")
                    with suppress(FileNotFoundError):
                        own.rename(old)
                    with suppress(OSError):  # another has put it there meanwhile
                        new.rename(own)
                return compiled
    except OSError as error:
        log.warning("%s: %s; nothing is kept there", folder, error.strerror or error)
    log.info("compiling kernel %s for this program alone", name)
    return numba.njit(signature, **options)(function)


def _inside(module: str) -> str:
    """The name of a module inside the package."""
    return module.partition(".")[2]


def _key(function: Callable, module: str, options: dict) -> str:
    file = Path(function.__code__.co_filename)
    state = (
        sources(_inside(module)),
        str(file),
        file.stat().st_mtime_ns,
        numba.__version__,
        sys.version,
        cpu_target.target_context.codegen().magic_tuple(),
        *sorted(options.items()),
    )
    return sha256(repr(state).encode()).hexdigest()[:16]


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Within, no other program is, where there are locks.

    Without, as on some file systems of clusters, several may compile the same, and one is kept.
    """
    with open(path, "w") as lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as error:
                log.info("%s: no lock (%s); others may compile the same", path, error.strerror)
            else:
                # What killed programs left.
                for part in path.parent.glob(f".{path.stem}-*"):
                    shutil.rmtree(part, ignore_errors=True)
        yield


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


def _within(cache: Path, compile: Callable):
    """What Numba compiles with this folder as its cache."""
    folder, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(cache)
    try:
        return compile()
    finally:
        numba.config.CACHE_DIR = folder


class _Absent:
    """Finds no scipy.linalg in the thread that makes it, as if it were not installed."""

    def __init__(self) -> None:
        self.thread = get_ident()

    def find_spec(self, name: str, *_) -> None:
        if name == "scipy.linalg" and get_ident() == self.thread:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def _load_arrays() -> None:
    """Have Numba load what it knows of arrays, and it alone.

    Else it does so with the first kernel, and loads scipy.linalg with it, for products of matrices,
    which no kernel has: 0.2 s of each training.
    """
    if "scipy.linalg" in sys.modules:
        return
    absent = _Absent()
    # New lists, as another thread may be going through the old one.
    sys.meta_path = [absent, *sys.meta_path]
    try:
        import_module("numba.np.arraymath")
    finally:
        sys.meta_path = [finder for finder in sys.meta_path if finder is not absent]
