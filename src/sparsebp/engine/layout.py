"""Where the messages of a factor graph lie: an order in memory, and which factors read what."""

import numpy as np

from sparsebp.engine.kernels.lanes import WIDTH, side_by_side

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


def places(
    readers: np.ndarray, orders: tuple[np.ndarray, np.ndarray], slots: int, numbers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where messages are that variables get, and fields that factors do, for each lane.

    Args:
        readers: see ``readers``.
        orders: see ``near_together``.
        slots: of a factor.
        numbers: in the messages of an edge.

    Returns:
        Flat uint32 numbers of ``kernels.updates.Places``.

    Raises:
        ValueError: there are more numbers than uint32 can tell apart.
    """
    (order, hidden_order), size = orders, numbers * WIDTH
    outputs, readers = len(order), readers[hidden_order]
    if (every := -(-outputs // WIDTH) * slots * size) > np.iinfo(np.uint32).max:
        raise ValueError(f"messages of {every} numbers; at most 2**32 - 1 can be passed")
    rank = np.empty_like(order)
    rank[order] = np.arange(outputs)
    edges = (rank[:, None] // WIDTH * slots + np.arange(slots)) * size + rank[:, None] % WIDTH
    gets = edges.ravel()[readers]  # (hidden, degree)
    number = np.arange(len(readers))
    own = number // WIDTH * size + number % WIDTH
    others = np.empty((outputs, slots, readers.shape[1] - 1), np.uint32)
    neurons = np.empty((outputs, slots), np.uint32)
    a, j = np.divmod(readers, slots)
    for d in range(readers.shape[1]):
        at = rank[a[:, d]], j[:, d]
        others[at] = np.delete(gets, d, axis=1)
        neurons[at] = own
    # Lanes beyond the last factor or neuron read what is the first's.
    others, neurons, gets = (side_by_side(x, 0) for x in (others, neurons, gets.astype(np.uint32)))
    return others, neurons, gets
