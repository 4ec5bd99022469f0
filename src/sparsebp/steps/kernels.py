"""Compile the kernels, before trainings run side by side."""

from sparsebp import store
from sparsebp.files import replacing
from sparsebp.kernels import compile_once
from sparsebp.provenance import record


def run(output: str) -> None:
    """Fill the folder NUMBA_CACHE_DIR, and write what the kernels were compiled with as JSON.

    Raises:
        ValueError: there is no such folder to fill.
    """
    if not compile_once():
        raise ValueError("the environment variable NUMBA_CACHE_DIR names no folder to fill")
    with replacing(output) as part:
        part.write_text(store.as_json(record("kernels", {})) + "\n")
