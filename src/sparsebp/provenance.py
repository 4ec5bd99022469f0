"""What made a file: the sources, versions and configuration behind it."""

import ast
import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parent
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


def record(step: str, spec: dict, **more) -> dict:
    """The provenance of a file made by a step, as a dict that JSON can hold."""
    return {
        "step": step,
        "spec": spec,
        **more,
        "sources": sources(f"steps.{step}"),
        "versions": {"sparsebp": metadata.version("sparsebp")}
        | {name: metadata.version(name) for name in LIBRARIES},
    }
