"""Compile the kernels, before trainings run side by side."""

import logging
import signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, resource_tracker

from sparsebp.engine.kernels.hidden_updates import hidden_kernel
from sparsebp.engine.kernels.ring_updates import draw_kernel, ring_kernel
from sparsebp.engine.kernels.row_sums import row_sums_kernel
from sparsebp.engine.kernels.search_rows import explain_kernel, rows_kernel
from sparsebp.engine.kernels.updates import step_kernel
from sparsebp.engine.summing_out import summing_kernel
from sparsebp.engine.survivors import join_kernel
from sparsebp.storage import store
from sparsebp.storage.atomic import written_whole
from sparsebp.storage.provenance import record
from sparsebp.storage.sources import kernel_sources

KERNELS = {
    "steps": step_kernel,
    "hidden": hidden_kernel,
    "rings": ring_kernel,
    "draw": draw_kernel,
    "join": join_kernel,
    "summing": summing_kernel,
    "explain": explain_kernel,
    "rows": rows_kernel,
    "row_sums": row_sums_kernel,
}
"""What kernels there are, by name: functions of their parts."""

log = logging.getLogger(__name__)


def run(spec: dict, output: str, threads: int = 1) -> None:
    """Fill the folder of kernels, and write what they were compiled with as JSON.

    The sources in its provenance are those that kernels are compiled from, and no more.

    Args:
        spec: ``kernels``, each a name of ``KERNELS`` and its parts; see ``Study.kernels_spec``.
        threads: how many programs compile side by side.
    """
    # What is blocked, see ``program``, stays so in programs that compile. To start the tracker,
    # which starting them does, would change that in Python 3.11.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    with ProcessPoolExecutor(threads, get_context("spawn")) as pool:
        compiled = [
            pool.submit(_compile, KERNELS[name], *parts) for name, *parts in spec["kernels"]
        ]
        for done, one in enumerate(compiled, 1):
            one.result()
            log.info("compiled %d of %d kernels", done, len(compiled))
    made = record("kernels", spec) | {"sources": kernel_sources()}
    with written_whole(output) as part:
        part.write_text(store.as_json(made) + "\n")


def _compile(kernel, *parts) -> None:
    kernel(*parts)
