"""Compile the kernels, before trainings run side by side."""

import numba

from sparsebp import store
from sparsebp.files import replacing
from sparsebp.provenance import record
from sparsebp.survivors import join_kernel
from sparsebp.updates import step_kernel


def run(spec: dict, output: str) -> None:
    """Fill the folder NUMBA_CACHE_DIR, and write what the kernels were compiled with as JSON.

    Args:
        spec: ``kernels``, the arguments of ``updates.step_kernel``; see ``Study.kernels_spec``.

    Raises:
        ValueError: there is no such folder to fill.
    """
    if not numba.config.CACHE_DIR:
        raise ValueError("the environment variable NUMBA_CACHE_DIR names no folder to fill")
    join_kernel()
    for arguments in spec["kernels"]:
        step_kernel(*arguments)
    with replacing(output) as part:
        part.write_text(store.as_json(record("kernels", spec)) + "\n")
