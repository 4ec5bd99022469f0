"""Find a network from samples alone, with little or nothing known of where weights are."""

import numpy as np

from sparsebp.engine import gradient, pruning
from sparsebp.engine.row_messages import Passing, letters, pass_messages
from sparsebp.engine.search.assembly import Search, search, search_rows
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.counting import most_wrong
from sparsebp.network.data import (
    Network,
    PerRow,
    Samples,
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

NOTHING_CERTAIN = {"ambiguous_rows": 1.0, "certain_outputs": 0.0, "wrong_rows": 0.0}


def run(spec: dict, seed: int, output: str) -> None:
    """Write what is found of a teacher, for all numbers of candidates and of samples of a case.

    By the search, or by gradient descent or messages in a case that says so.

    Args:
        spec: see ``Study.search_spec``.
        seed: number of the simulation. Teacher and samples are the same as those of an experiment
            with its sizes and activation. Wrong outputs are those of the largest number of samples.
        output: path of the file.

    Raises:
        ValueError: the case is none that can be drawn or searched, or a library is missing.
    """
    case, entropy = spec["case"], spec["entropy"]
    neurons, grid = case["neurons"], case["samples"]
    phi = activation(**case["activation"])
    teacher = draw_teacher(neurons, PerRow(**case["nonzeros_per_row"]), entropy, seed)
    samples = draw_samples(teacher, phi, max(grid), entropy, seed)
    if "gradient_descent" in case:
        measured = _descents(case, teacher, samples, entropy, seed)
        more = {"libraries": gradient.libraries()}
    elif "messages" in case:
        measured, more = _messages(case, teacher, samples), {}
    else:
        measured, more = _searches(case, teacher, samples, entropy, seed), {}
    values = {name: np.array([[one[name] for one in row] for row in measured]) for name in FOUND}
    arrays = {"candidates": case["candidates"], "n_samples": grid, **values}
    store.write_search(output, arrays, record("search", spec, seed=seed, **more))


def _searches(
    case: dict, teacher: Network, samples: Samples, entropy: int, seed: int
) -> list[list[dict[str, float]]]:
    """What searches find, for each number of candidates and of samples."""
    phi, (x, y) = activation(**case["activation"]), samples
    neurons, share = case["neurons"], case.get("wrong_outputs", 0)
    if share:
        y = mistake(y, share, entropy, seed)
    known = case["output_pattern"] == "known"
    readers = teacher.outer.topology.astype(np.int64) if known else None
    measured = []
    for count in case["candidates"]:
        rng = generator(entropy, seed, Stream.CANDIDATES)
        candidates = candidates_of(teacher.inner.topology, neurons, count, rng)
        measured.append([])
        for m in case["samples"]:
            # Without wrong outputs nothing of scipy has to load.
            wrong = min(most_wrong(share, m, neurons), m - 1) if share else 0
            given = {"readers": readers, "candidates": candidates, "wrong": wrong}
            found = search(x[:m], y[:m], neurons, phi, **given)
            measured[-1].append(_measured(teacher, found))
    return measured


def _descents(
    case: dict, teacher: Network, samples: Samples, entropy: int, seed: int
) -> list[list[dict[str, float]]]:
    """What gradient descent finds for each number of samples.

    It says of nothing that it is certain. Hidden neurons count up to sign, which a tanh that is
    almost odd hardly tells.
    """
    how = dict(case["gradient_descent"])
    by_truth = how.pop("chosen_by") == "truth"
    phi, per_row = activation(**case["activation"]), PerRow(**case["nonzeros_per_row"])

    def errors(layers: list[Layer]) -> tuple[float, float]:
        return symmetric_error(teacher, layers, odd=True)

    found = []
    for m in case["samples"]:
        layers = pruning.descend(
            samples.x[:m],
            samples.y[:m],
            phi,
            case["neurons"],
            per_row,
            pruning.Descent(**how),
            generator(entropy, seed, Stream.INITIAL_MESSAGES, m),
            errors if by_truth else None,
        )
        missed, wrong = errors(layers)
        exact = float(missed == wrong == 0)
        found.append(NOTHING_CERTAIN | {"found_rows": 1 - missed, "exact": exact})
    return [found]


def _messages(case: dict, teacher: Network, samples: Samples) -> list[list[dict[str, float]]]:
    """What messages of single weights find by themselves: ``found_rows``; and all else of a search
    with the hidden values that they are certain of, for each number of samples."""
    per_row = PerRow(**case["nonzeros_per_row"])
    alphabet = Alphabet(activation(**case["activation"]), per_row.input)
    readers = teacher.outer.topology.astype(np.int64)
    found = []
    for m in case["samples"]:
        x, codes = samples.x[:m], alphabet.coded(samples.y[:m])
        believed = pass_messages(alphabet, x, codes, readers, Passing(**case["messages"]))
        searched = search_rows(alphabet, x, codes, readers, letters(believed.sums))
        missed, _ = symmetric_error(teacher, believed.layers(readers), alphabet.odd)
        found.append(_measured(teacher, searched) | {"found_rows": 1 - missed})
    return [found]


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
