"""What made a file: the sources, versions and configuration behind it, where, when, how long."""

import json
import os
import platform
import time
from functools import cache
from pathlib import Path

from sparsebp.storage.sources import PACKAGE, sources

STARTED = time.monotonic()  # of the program, which loads this module first
LIBRARIES = ("numpy", "scipy", "numba", "xarray", "netCDF4", "matplotlib", "seaborn", "networkx")
SURROUNDINGS = "SPARSEBP_SURROUNDINGS"
"""Environment variable by which a workflow tells its jobs what ``surroundings`` finds."""


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
    """The commit of the checkout that the sources stand in, ``-dirty`` if files differ from it.

    Files that git does not know are not looked at: a module among them counts in ``sources``, and a
    configuration in the spec.

    Returns:
        12 hexadecimal digits or more; else ``unknown``, and why in brackets.
    """
    import subprocess  # here, because few programs need it

    # What git is told by the environment is about another repository, maybe. Jobs run side by side:
    # none may lock the repository.
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own["GIT_OPTIONAL_LOCKS"] = "0"

    def git(*arguments):
        done = subprocess.run(
            ["git", *arguments], cwd=PACKAGE, env=own, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        top = git("rev-parse", "--show-toplevel")
        if Path(top).resolve() != PACKAGE.parents[1].resolve():
            return f"unknown (the sources stand in {PACKAGE}, and the repository is {top})"
        return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except OSError as error:
        return f"unknown (git: {error.strerror})"
    except subprocess.CalledProcessError as error:
        return f"unknown ({' '.join(error.stderr.split()) or error})"


def processor() -> str:
    """The kind of processor, and the instructions beyond the basic ones that NumPy uses on it.

    They may decide the last bit of what NumPy computes.
    """
    import numpy as np  # here, because few programs need it

    extensions = np.show_config(mode="dicts").get("SIMD Extensions", {})
    return " ".join([platform.machine(), *extensions.get("found", [])])


def engine(made: dict) -> dict:
    """What a record says of the program that made a file, and not of when and where."""
    return {key: made[key] for key in ("sources", "versions")}


def of_draws(made: dict) -> dict:
    """The same of a teacher, its data or a student, as records of what is made of them say it."""
    return {f"draw_{key}": value for key, value in engine(made).items()}


def record(step: str, spec: dict, **more) -> dict:
    """The provenance of a file made by a step, as a dict that JSON can hold.

    Returns:
        step, spec (the configuration it depends on), what else is given (as the seed), sources
        (the hash of its source files), versions of libraries, commit, host, processor, made (the
        time, UTC), and seconds: the time that this program has been running.
    """
    return {
        "step": step,
        "spec": spec,
        **more,
        "sources": sources(f"steps.{step}"),
        **surroundings(),
        "host": platform.node(),
        "processor": processor(),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(time.monotonic() - STARTED, 3),
    }
