"""Search for a network from samples alone, with little or nothing known of where weights are."""

import numpy as np

from sparsebp.engine.search.assembly import Search, search
from sparsebp.network.counting import most_wrong
from sparsebp.network.data import (
    Network,
    PerRow,
    Stream,
    draw_samples,
    draw_teacher,
    generator,
    mistake,
)
from sparsebp.network.metrics import symmetric_error
from sparsebp.network.model import Layer, activation
from sparsebp.storage import store
from sparsebp.storage.formats import FOUND
from sparsebp.storage.provenance import record

# The outputs of a network of which only the hidden neurons are compared: one that reads none.
SILENT = Layer(np.zeros((1, 1), np.int32), np.zeros((1, 1), np.int8))


def run(spec: dict, seed: int, output: str) -> None:
    """Write what is found of a teacher, for all numbers of candidates and of samples of a case.

    Args:
        spec: see ``Study.search_spec``.
        seed: number of the simulation. Teacher and samples are the same as those of an experiment
            with its sizes and activation. Wrong outputs are those of the largest number of samples.
        output: path of the file.

    Raises:
        ValueError: the case is none that can be drawn or searched.
    """
    case, entropy = spec["case"], spec["entropy"]
    neurons, grid = case["neurons"], case["samples"]
    phi = activation(**case["activation"])
    teacher = draw_teacher(neurons, PerRow(**case["nonzeros_per_row"]), entropy, seed)
    x, y = draw_samples(teacher, phi, max(grid), entropy, seed)
    share = case.get("wrong_outputs", 0)
    if share:
        y = mistake(y, share, entropy, seed)
    known = case["output_pattern"] == "known"
    readers = teacher.outer.topology.astype(np.int64) if known else None
    values = {name: np.empty((len(case["candidates"]), len(grid))) for name in FOUND}
    for i, count in enumerate(case["candidates"]):
        rng = generator(entropy, seed, Stream.CANDIDATES)
        candidates = candidates_of(teacher.inner.topology, neurons, count, rng)
        for j, m in enumerate(grid):
            wrong = min(most_wrong(share, m, neurons), m - 1)
            given = {"readers": readers, "candidates": candidates, "wrong": wrong}
            found = search(x[:m], y[:m], neurons, phi, **given)
            for name, value in _measured(teacher, found).items():
                values[name][i, j] = value
    arrays = {"candidates": case["candidates"], "n_samples": grid, **values}
    store.write_search(output, arrays, record("search", spec, seed=seed))


def candidates_of(
    topology: np.ndarray, inputs: int, count: int, rng: np.random.Generator
) -> list[np.ndarray] | None:
    """Inputs that hidden neurons may read: those that they do, and random others.

    They are sorted, so that their order tells nothing of the teacher. From the same generator,
    fewer candidates are among more.

    Args:
        topology: (hidden, slots), the inputs that each hidden neuron reads.
        inputs: how many there are.
        count: candidates of each hidden neuron.
        rng: makes the draw.

    Returns:
        (count,) int64 for each hidden neuron, ascending; None where all inputs are candidates:
        then hidden neurons have none of their own.
    """
    if count == inputs:
        return None
    others = (rng.permutation(np.setdiff1d(np.arange(inputs), row)) for row in topology)
    more = count - topology.shape[1]
    return [np.sort(np.append(r, o[:more])) for r, o in zip(topology, others, strict=True)]


def _measured(teacher: Network, found: Search) -> dict[str, float]:
    """The values of ``formats.FOUND``."""
    hidden, sure = len(teacher.inner.topology), found.certain
    missed, wrong = symmetric_error(teacher, [found.inner, found.outer], found.odd)
    mistaken = 0.0
    if sure.any():
        claimed = Layer(found.inner.topology[sure], found.inner.weights[sure])
        mistaken, _ = symmetric_error([claimed, SILENT], [teacher.inner, SILENT], found.odd)
    return {
        "ambiguous_rows": 1 - np.count_nonzero(sure) / hidden,
        "certain_outputs": float(np.mean(found.explanations == 1)),
        "found_rows": 1 - missed,
        "wrong_rows": mistaken * np.count_nonzero(sure) / hidden,
        "exact": float(missed == wrong == 0),
    }
