"""Which source files a module consists of, and the hash of what was loaded of them.

Programs load this module first. It then reads all files of the package once, so a later edit counts
for the next program.
"""

import ast
import hashlib
import json
import os
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
NAME = __name__.partition(".")[0]
KERNEL_MODULES = (
    "engine.kernels.updates",
    "engine.survivors",
    "engine.summing_out",
    "engine.kernels.hidden_updates",
    "engine.kernels.ring_updates",
)
"""The modules that kernels are defined in."""

SOURCES_VARIABLE = "SPARSEBP_SOURCES"
"""Environment variable by which a workflow tells its jobs the hashes that it goes by."""


class SourcesChanged(RuntimeError):
    """Source files were edited while a program or a workflow was at work."""


class Source(NamedTuple):
    """A file as it was read: its content, and the time and size by which a later edit shows."""

    content: bytes
    stamp: tuple[int, int]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size


_LOADED = {path: Source(path.read_bytes(), _stamp(path)) for path in PACKAGE.rglob("*.py")}


@cache
def source_files(module: str) -> frozenset[Path]:
    """The package's files that a module consists of: its own and all it imports, recursively.

    Those of the packages that they stand in are among them, as Python runs these first.

    Args:
        module: dotted name inside the package, for example ``steps.train``.
    """
    found: set[Path] = set()
    pending = [f"{NAME}.{module}"]
    while pending:
        name = pending.pop()
        path = _file(name)
        if path is None or path in found:
            continue
        found.add(path)
        pending += [*_imports(path), name.rpartition(".")[0]]
    return frozenset(found)


def _file(name: str) -> Path | None:
    """The file of a module, None where it is none of the package."""
    first, *inside = name.split(".")
    place = PACKAGE.joinpath(*inside)
    candidates = place.with_suffix(".py") if inside else None, place / "__init__.py"
    return next((path for path in candidates if first == NAME and path in _LOADED), None)


@cache
def _imports(path: Path) -> frozenset[str]:
    """Names of all modules that a file may import; some may be of what is in a module."""
    package = (NAME, *path.relative_to(PACKAGE).parent.parts)
    found = set()
    for node in ast.walk(ast.parse(_LOADED[path].content)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else ()
            base = ".".join([*above, *filter(None, [node.module])])
            found.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return frozenset(found)


@cache
def sources(module: str) -> str:
    """Content hash of ``source_files(module)`` as they were loaded: 16 hexadecimal digits.

    Taken from the workflow that started this program if it has loaded the same files, as finding
    imports takes longer than drawing a teacher.
    """
    handed = _handed()
    if handed.get("package") == _digest(_LOADED) and module in handed["modules"]:
        return handed["modules"][module]
    return _digest(source_files(module))


def kernel_sources() -> str:
    """Content hash of what kernels are compiled from: 16 hexadecimal digits."""
    return hashlib.sha256("-".join(map(sources, KERNEL_MODULES)).encode()).hexdigest()[:16]


def hand_down() -> None:
    """Tell all programs that this one starts which sources it goes by.

    A workflow on another node has been told already, by the one that submitted it.
    """
    steps = [f"steps.{path.stem}" for path in (PACKAGE / "steps").glob("[!_]*.py")]
    modules = {module: sources(module) for module in (*steps, *KERNEL_MODULES)}
    os.environ.setdefault(
        SOURCES_VARIABLE, json.dumps({"package": _digest(_LOADED), "modules": modules})
    )


def check_loaded(module: str) -> None:
    """Check, right after a module was loaded, that its sources are what its hash tells.

    Raises:
        SourcesChanged: they were edited while it was loaded, or since the workflow began that
            started this program.
    """
    files = [file for name, file in _files() if name.partition(".")[0] == NAME]
    if edited(files):
        raise SourcesChanged("the sources were edited while they were loaded; run it again")
    if _handed().get("modules", {}).get(module, sources(module)) != sources(module):
        raise SourcesChanged(
            f"sources of {module} were edited since the workflow began; start it again"
        )


def _files() -> list[tuple[str, Path]]:
    """Names and files of all modules loaded so far."""
    modules = [(name, getattr(module, "__file__", None)) for name, module in sys.modules.items()]
    return [(name, Path(file)) for name, file in modules if file]


def edited(files: Iterable[Path]) -> bool:
    """Whether files of the package differ from what was loaded of them."""
    return any(_stamp(path) != _LOADED[path].stamp for path in files)


@cache
def _handed() -> dict:
    return json.loads(os.environ.get(SOURCES_VARIABLE, "{}"))


def _digest(paths) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(_LOADED[path].content).digest())
    return digest.hexdigest()[:16]
