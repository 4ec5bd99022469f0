"""Atomic writes; if two programs write one file, the later starter wins."""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)


class Superseded(RuntimeError):
    """Another program began to write a file later than this one."""

    def __init__(self, path: Path):
        super().__init__(f"{path}: another program began to write it later; left to that one")


_ME = f"{os.getpid()}-{os.urandom(4).hex()}"
_claimed: dict[Path, IO] = {}


@contextmanager
def reserved_outputs(paths: Iterable[str | Path]) -> Iterator[None]:
    """Within, these files are written by this program, unless another begins to write them later.

    A workflow that is started again makes anew what it does not know to be finished, while a job of
    the workflow that was killed may still be running, perhaps with an older configuration. That job
    finds its part of the file gone, and leaves the file as it is.

    Raises:
        OSError: one of them cannot be written; names it.
        Superseded: another program began to write one of the files later, and has not written all.
    """
    with ExitStack() as stack:
        for path in map(Path, paths):
            stack.enter_context(_claim(path))
        try:
            yield
        except Superseded as error:
            # To fail would have Snakemake remove what the other one has written.
            if not all(path.exists() for path in _claimed):
                raise
            log.warning("%s", error)


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Write a file atomically: yields a temporary path that becomes ``path`` at the end.

    The bytes are on disk before the name is. Parts of it that killed programs left are removed.

    Raises:
        OSError: it cannot be written; names the file.
        Superseded: another program has begun to write it since.
    """
    path = Path(path)
    part = _part(path)
    with ExitStack() as stack:
        if path not in _claimed:
            stack.enter_context(_claim(path))
        stack.enter_context(naming(path, part))
        _check(path)
        yield part
        _check(path)
        os.fsync(_claimed[path].fileno())
        try:
            os.replace(part, path)
        except FileNotFoundError:
            raise Superseded(path) from None


@contextmanager
def naming(path: str | Path, part: Path | None = None) -> Iterator[None]:
    """Within, a failure of the system names this file.

    Args:
        part: what is written. Libraries may say no more than that they failed to; then the system
            is asked why.
    """
    try:
        yield
    except Superseded:
        raise
    except (OSError, RuntimeError) as error:
        if part and not getattr(error, "errno", None):
            error = _refusal(part) or error
        if not getattr(error, "errno", None):
            raise
        raise OSError(error.errno, error.strerror, str(path)) from None


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_ME}.part")


@contextmanager
def _claim(path: Path) -> Iterator[None]:
    part = _part(path)
    with ExitStack() as stack:
        stack.callback(_remove, part)
        with naming(path):
            if path.exists() and not path.is_file():  # to replace a device would undo it
                raise OSError(f"{path}: not a regular file")
            path.parent.mkdir(parents=True, exist_ok=True)
            for other in path.parent.glob(f".{escape(path.name)}.*.part"):
                other.unlink(missing_ok=True)
            _claimed[path] = stack.enter_context(open(part, "wb"))
        stack.callback(_claimed.pop, path)
        yield


def abandon() -> None:
    """Remove the parts of all files that are being written: the program is about to end."""
    for path in list(_claimed):
        _remove(_part(path))


def _remove(part: Path) -> None:
    with suppress(OSError):  # of a read-only folder, even where there is nothing to remove
        part.unlink(missing_ok=True)


def _check(path: Path) -> None:
    """Check that the part there is the one that was claimed, even if there is one of its name."""
    try:
        same = os.path.samestat(os.stat(_part(path)), os.fstat(_claimed[path].fileno()))
    except FileNotFoundError:
        same = False
    if not same:
        raise Superseded(path)


def _refusal(part: Path) -> OSError | None:
    """What the system says to a megabyte more."""
    try:
        with open(part, "ab") as file:
            file.write(bytes(2**20))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error
    return None
