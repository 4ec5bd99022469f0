"""What made a file: the sources, versions and configuration behind it, and how long it took."""

import ast
import hashlib
import os
import subprocess
import time
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parent
STARTED = time.monotonic()  # of the program, which loads this module first
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "netCDF4", "matplotlib", "seaborn")


@cache
def source_files(module: str) -> frozenset[Path]:
    """The package's files that a module consists of: its own and all it imports, recursively.

    Args:
        module: dotted name inside the package, for example ``steps.train``.
    """
    found: set[Path] = set()
    pending = [module]
    while pending:
        path = PACKAGE / (pending.pop().replace(".", "/") + ".py")
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sparsebp"):
                inside = node.module.removeprefix("sparsebp").removeprefix(".")
                pending += [inside] if inside else []
                pending += [f"{inside}.{name.name}".lstrip(".") for name in node.names]
    return frozenset(found)


@cache
def sources(module: str) -> str:
    """Content hash of ``source_files(module)``: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(source_files(module)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


@cache
def commit() -> str:
    """The commit of the checkout that holds the package, with ``-dirty`` if files differ from it.

    Returns:
        12 hexadecimal digits or more, or ``unknown`` outside a git checkout.
    """
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        # Jobs run side by side: none may lock the repository.
        found = subprocess.run(
            describe,
            cwd=PACKAGE,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def record(step: str, spec: dict, **more) -> dict:
    """The provenance of a file made by a step, as a dict that JSON can hold.

    Returns:
        step, spec (the configuration it depends on), what else is given (as the seed), sources
        (the hash of its source files), versions of libraries, commit, and seconds: the time that
        this program has been running.
    """
    return {
        "step": step,
        "spec": spec,
        **more,
        "sources": sources(f"steps.{step}"),
        "versions": {"sparsebp": metadata.version("sparsebp")}
        | {name: metadata.version(name) for name in LIBRARIES},
        "commit": commit(),
        "seconds": round(time.monotonic() - STARTED, 3),
    }
