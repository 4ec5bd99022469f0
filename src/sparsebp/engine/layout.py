"""Where the messages of a factor graph lie: an order in memory, and which factors read what."""

import numpy as np

# Messages of fewer factors than this fit into the processor's cache, in whatever order.
SMALL = 10_000


def near_together(output_topology: np.ndarray, hidden: int) -> tuple[np.ndarray, np.ndarray]:
    """An order in which factors and hidden neurons that exchange messages are near each other.

    Messages of a large random graph lie all over the memory, and to fetch them takes far longer
    than to compute with them. The order of Cuthill and McKee goes around each ring, where every
    output reads two hidden neurons, and keeps what can be kept together elsewhere. Another
    processor may find another such order; results do not depend on it.

    Args:
        output_topology: (output, slots) int.
        hidden: number of hidden neurons.

    Returns:
        Permutations of the outputs and of the hidden neurons, (output,) and (hidden,) int64; small
        graphs stay as they are.
    """
    outputs, slots = output_topology.shape
    if outputs < SMALL:
        return np.arange(outputs), np.arange(hidden)
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    rows = np.repeat(np.arange(outputs), slots)
    reads = csr_array((np.ones(rows.size, bool), (rows, output_topology.ravel())))
    order = reverse_cuthill_mckee((reads @ reads.T).tocsr(), symmetric_mode=True)
    read, first = np.unique(output_topology[order], return_index=True)
    return order.astype(np.int64), read[np.argsort(first)].astype(np.int64)


def readers(output_topology: np.ndarray, hidden: int) -> np.ndarray:
    """The edges at which each hidden neuron is read.

    Edge e = a * slots + j joins factor a with the hidden neuron in its slot j.

    Args:
        output_topology: (output, slots) int, biregular.
        hidden: number of hidden neurons.

    Returns:
        (hidden, readers per hidden neuron) int64 edge numbers, ascending in each row.

    Raises:
        ValueError: the hidden neurons are not all read equally often.
    """
    counts = np.bincount(output_topology.ravel(), minlength=hidden)
    uneven = counts * hidden != output_topology.size
    if uneven.any():
        neuron = int(uneven.argmax())
        raise ValueError(
            f"output pattern: hidden neuron {neuron} is read by {counts[neuron]} outputs; "
            "every hidden neuron must be read by as many outputs"
        )
    return np.argsort(output_topology.ravel(), kind="stable").reshape(hidden, counts[0])
