"""Networks whose factor graph is a tree, on which belief propagation is exact (appendix A)."""

from heapq import heapify, heappop, heappush

import numpy as np

from sparsebp.network.data import Patterns

# Of results/trees.nc, in this order.
SHAPES, TEACHERS, STARTS = ("chain", "tree", "ring"), ("relay", "random"), ("uniform", "random")


def draw_tree(observed: int, reads: int, rng: np.random.Generator) -> tuple[Patterns, int]:
    """Draw patterns for which the factors of the first ``observed`` outputs form a tree.

    The observed outputs are the nodes of a random tree, each edge of which is a hidden neuron that
    both its ends read. All trees whose nodes have ``reads`` numbered slots for edges are equally
    likely; those with two slots are chains. Every other slot has a hidden neuron of its own. For
    patterns to be biregular, unobserved outputs read those, ``reads`` each: their factors say
    nothing, and without them there are no loops. With two slots there is one such output, which
    closes the chain to a ring. Every hidden neuron has one input weight: two that meet in two
    factors would be a loop.

    Args:
        observed: n, at least 2.
        reads: k, hidden neurons that an output reads, at least 2.
        rng: makes the draw.

    Returns:
        inner (H, 1) and outer (n + unobserved, k) patterns, where H = n (k - 1) + 1, and the
        diameter of the tree in factor graph edges: twice the outputs on its longest path.

    Raises:
        ValueError: n (k - 2) + 2 hidden neurons that are read once are no multiple of k.
    """
    alone = observed * (reads - 2) + 2
    if observed < 2 or reads < 2 or alone % reads:
        raise ValueError(
            f"{observed} observed outputs that read {reads} hidden neurons each leave {alone} that "
            f"are read once; allowed: at least 2, and a multiple of {reads} of those"
        )
    rows: list[list[int]] = [[] for _ in range(observed)]
    edges = _random_tree(observed, reads, rng)
    for hidden, ends in enumerate(edges):
        for output in ends:
            rows[output].append(hidden)
    unread = iter(range(observed - 1, observed - 1 + alone))
    for row in rows:
        row += [next(unread) for _ in range(reads - len(row))]
    rest = rng.permutation(np.arange(observed - 1, observed - 1 + alone)).reshape(-1, reads)
    outer = np.sort(np.vstack([rows, rest]), axis=1).astype(np.int32)
    inner = np.arange(observed - 1 + alone, dtype=np.int32)[:, None]
    return Patterns(inner, outer), 2 * (1 + _longest_path(edges))


def _random_tree(nodes: int, slots: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Edges of a random tree from its Prüfer code, which has each node once less than it has edges.

    A code that is drawn from ``slots - 1`` of each node comes up as often as there are ways to
    choose the slots of its tree.
    """
    code = rng.permutation(np.repeat(np.arange(nodes), slots - 1))[: nodes - 2].tolist()
    left = np.bincount(code, minlength=nodes)
    leaves = np.flatnonzero(left == 0).tolist()
    heapify(leaves)
    edges = []
    for node in code:
        edges.append((heappop(leaves), node))
        left[node] -= 1
        if left[node] == 0:
            heappush(leaves, node)
    return [*edges, (heappop(leaves), heappop(leaves))]


def _longest_path(edges: list[tuple[int, int]]) -> int:
    """Number of edges on the longest path of a tree."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import shortest_path

    ends = tuple(np.transpose(edges))
    nodes = len(edges) + 1
    graph = coo_array((np.ones(len(edges)), ends), shape=(nodes, nodes)).tocsr()
    return int(shortest_path(graph, directed=False, unweighted=True).max())
