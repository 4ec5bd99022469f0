"""What made a file: the sources, versions and configuration behind it, where, when, how long."""

import hashlib
import json
import os
import platform
import re
import time
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
STARTED = time.monotonic()  # of the program, which loads this module first
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "netCDF4", "matplotlib", "seaborn", "networkx")
SURROUNDINGS = "SPARSEBP_SURROUNDINGS"
"""Environment variable by which a workflow tells its jobs what ``surroundings`` finds."""

# An import of the package's modules, at the start of a line, its names possibly in parentheses.
IMPORT = re.compile(rb"^[ \t]*from sparsebp(?:\.([\w.]+))? import (?:\(([^)]*)\)|(.*))", re.M)


@cache
def source_files(module: str) -> frozenset[Path]:
    """The package's files that a module consists of: its own and all it imports, recursively.

    Imports are found by their text: every job does this, and parsing would cost it thirty times as
    much.

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
        for module, several, names in IMPORT.findall(path.read_bytes()):
            inside = module.decode()
            pending += [inside] if inside else []
            named = re.sub(rb"#.*| as \w+", b"", several or names).decode()
            pending += [f"{inside}.{name.strip()}".lstrip(".") for name in named.split(",")]
    return frozenset(found)


@cache
def sources(module: str) -> str:
    """Content hash of ``source_files(module)``: 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in sorted(source_files(module)):
        digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def kernel_sources() -> str:
    """Content hashes of what kernels are compiled from."""
    return "-".join(map(sources, ("updates", "survivors", "hidden_updates")))


@cache
def surroundings() -> dict:
    """What a run of the workflow is made with: the versions of libraries and the commit.

    Found once for all jobs of a workflow, which hands it to them in the environment: to find it
    costs half as much again as to draw a teacher.
    """
    handed = os.environ.get(SURROUNDINGS)
    return json.loads(handed) if handed else {"versions": _versions(), "commit": _commit()}


def _versions() -> dict[str, str]:
    from importlib import metadata  # here, because few programs need it

    return {name: metadata.version(name) for name in ("sparsebp", *LIBRARIES)}


def _commit() -> str:
    """The commit of the checkout that holds the package, with ``-dirty`` if files differ from it.

    Files that git does not know are not looked at: a module among them counts in ``sources``, and a
    configuration in the spec.

    Returns:
        12 hexadecimal digits or more, or ``unknown`` outside a git checkout.
    """
    import subprocess  # here, because few programs need it

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
        (the hash of its source files), versions of libraries, commit, host, made (the time, UTC),
        and seconds: the time that this program has been running.
    """
    return {
        "step": step,
        "spec": spec,
        **more,
        "sources": sources(f"steps.{step}"),
        **surroundings(),
        "host": platform.node(),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(time.monotonic() - STARTED, 3),
    }
