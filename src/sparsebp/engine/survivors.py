"""The configurations of a factor that survive the data, found by meeting in the middle.

A configuration of a factor is one class per edge (see ``factors``). It survives if the sum of what
its classes add to the pre-activation falls, for every sample, into the interval that the data
allow. Of k edges with C classes there are C^k configurations; instead of trying them all, the
sums over half of the edges are tabulated, those over the other half too, and pairs are joined that
add up to what is wanted. An odd edge in the middle is looped over. The cost goes with C^(k/2), or
C^((k+1)/2) for odd k, and with the survivors.
"""

from functools import cache

import numpy as np
from numba import njit, types

from sparsebp.engine.kernels.cache import compiled_once

# Widens the bounds of what a factor can reach, which are rounded sums of numbers of order one.
SLACK = 1e-9
# Up to this many configurations per factor are tried one by one: sorting would take longer.
FEW = 200
# Boxes for each number that is sorted: with more of them fewer windows hold what does not fit.
BOXES = 4


def join_halves(terms, low, high, limit):
    """List the configurations whose sum over edges lies within bounds for every sample.

    Two halves are matched by one number each: a projection of their vector of sums, in which every
    sample counts by the inverse width of its interval. For a survivor the projections add up to
    that of the intervals' centres, within that of their half-widths, which leaves a window in the
    other half. That is sorted into boxes; what lies in the boxes of the window is tested on all
    samples.

    Args:
        terms: (samples, factors, k_out, C) float64, what each class of an edge adds to the sum; at
            least one sample.
        low, high: (samples, factors) float64, the bounds, which may be infinite. Sums are rounded
            in an order of their own, for which the bounds should leave room.
        limit: give up beyond this many configurations.

    Returns:
        counts, (factors,) int64, the configurations of each factor, and their numbers,
        (counts.sum(),) int64, ascending in each factor; the class of the last edge runs fastest.
        The numbers are None if there are more than ``limit``.
    """
    # Any weights do with which vectors of sums that differ, if only by integers, stay apart.
    weights = np.random.default_rng(0).uniform(0.5, 1.0, len(terms))
    arrays = map(np.ascontiguousarray, (terms, low, high, weights))
    counts, flat, complete = join_kernel()(*arrays, limit)
    return counts, flat if complete else None


def half_sums(classes: int, edges: int) -> int:
    """How many sums ``join_halves`` tabulates for one factor of ``edges`` with ``classes`` each."""
    return 2 * classes ** (edges // 2) + classes ** (edges % 2)


_ROWS = types.float64[:, ::1]
_SIGNATURE = types.Tuple((types.int64[::1], types.int64[::1], types.boolean))(
    types.float64[:, :, :, ::1], _ROWS, _ROWS, types.float64[::1], types.int64
)


@cache
def join_kernel():
    """The search, compiled: run(terms, low, high, weights, limit) -> counts, flat, complete."""
    return compiled_once("join", _join, _SIGNATURE, __name__, nogil=True)


def _join(terms, low, high, weights, limit):
    samples, factors, edges, classes = terms.shape
    half = edges // 2
    left, right = np.empty((classes**half, samples)), np.empty((classes**half, samples))
    middle = np.empty((classes ** (edges % 2), samples))
    left_key, right_key = np.zeros(len(left)), np.zeros(len(right))
    middle_key = np.zeros(len(middle))
    # The window is the whole other half unless that is sorted.
    right_order, starts = np.arange(len(right)), np.array([0, len(right)])
    kept, first_right = np.empty(len(right), np.int64), np.empty(len(right))
    centre, reach, lowest_key, per_key = 0.0, np.inf, 0.0, 1.0
    bottom, top, scale = np.empty(samples), np.empty(samples), np.empty(samples)
    counts = np.zeros(factors, np.int64)
    found, total = np.empty(1024, np.int64), 0
    for a in range(factors):
        possible = True
        for s in range(samples):
            lowest, highest = -SLACK, SLACK
            for edge in range(edges):
                lowest += terms[s, a, edge].min()
                highest += terms[s, a, edge].max()
            # Cut to what can be reached, every interval is finite.
            bottom[s], top[s] = max(low[s, a], lowest), min(high[s, a], highest)
            possible &= bottom[s] < top[s]
        if not possible:
            continue
        _sums(terms[:, a, :half], left)
        _sums(terms[:, a, half : edges - half], middle)
        _sums(terms[:, a, edges - half :], right)
        if classes**edges > FEW:
            scale[:] = weights / (top - bottom)
            centre, reach = (scale * (top + bottom)).sum() / 2, weights.sum() / 2
            _project(left, scale, left_key)
            _project(middle, scale, middle_key)
            _project(right, scale, right_key)
            lowest_key, spread = right_key.min(), np.ptp(right_key)
            per_key = BOXES * len(right) / spread if spread > 0.0 else 1.0
            starts = _sorted(right_key, lowest_key, per_key, right_order)
        # Of the first sample, in the order in which they are tried.
        least, most = bottom[0], top[0]
        for k in range(len(right)):
            first_right[k] = right[right_order[k], 0]
        first = total
        for c in range(len(middle)):
            for i in range(len(left)):
                wanted = centre - left_key[i] - middle_key[c]
                first_box = _box(wanted - reach, lowest_key, per_key, len(starts) - 1)
                last_box = _box(wanted + reach, lowest_key, per_key, len(starts) - 1)
                # The first sample rules most out, without a branch for each: in half the time.
                base, count = left[i, 0] + middle[c, 0], 0
                for k in range(starts[first_box], starts[last_box + 1]):
                    kept[count] = k
                    reached = base + first_right[k]
                    count += (reached >= least) & (reached <= most)
                for n in range(count):
                    j = right_order[kept[n]]
                    if _within(left, i, middle, c, right, j, bottom, top):
                        if total == limit:
                            return counts, found, False
                        if total == len(found):
                            found = np.concatenate((found, np.empty_like(found)))
                        found[total] = (i * len(middle) + c) * len(right) + j
                        total += 1
        if total > first + 1:
            found[first:total].sort()
        counts[a] = total - first
    return counts, found[:total], True


@njit
def _sums(terms, out):
    """Sums over edges for every configuration: (samples, edges, C) -> (C^edges, samples)."""
    samples, edges, classes = terms.shape
    for s in range(samples):
        out[0, s] = 0.0
        filled = 1
        for edge in range(edges):
            # From the end, so that no sum over fewer edges is overwritten before its turn.
            for k in range(filled - 1, -1, -1):
                base = out[k, s]
                for c in range(classes):
                    out[k * classes + c, s] = base + terms[s, edge, c]
            filled *= classes


@njit
def _project(sums, scale, out):
    """The projection of each row: (n, samples), (samples,) -> (n,)."""
    for k in range(len(sums)):
        out[k] = 0.0
        for s in range(len(scale)):
            out[k] += scale[s] * sums[k, s]


@njit
def _box(key, lowest, per_key, count):
    """In which of so many boxes a key is, or the box next to it. It never goes down as keys go up,
    and so no key of a window is in another box than those from its lower to its upper end."""
    return int(min(max((key - lowest) * per_key, 0.0), count - 1.0))


@njit
def _sorted(keys, lowest, per_key, order):
    """Sort keys into boxes: (n,) -> (boxes + 1,) where each box begins in ``order``."""
    boxes = BOXES * len(keys)
    starts = np.zeros(boxes + 2, np.int64)
    for key in keys:
        starts[_box(key, lowest, per_key, boxes) + 2] += 1
    for box in range(2, len(starts)):
        starts[box] += starts[box - 1]
    for j in range(len(keys)):
        box = _box(keys[j], lowest, per_key, boxes)
        order[starts[box + 1]] = j
        starts[box + 1] += 1
    return starts[:-1]


@njit
def _within(left, i, middle, c, right, j, bottom, top):
    """Whether rows i, c and j of the three tables add up to between bottom and top, in all samples
    but the first, for which that is known."""
    for s in range(1, len(bottom)):
        total = left[i, s] + middle[c, s] + right[j, s]
        if total < bottom[s] or total > top[s]:
            return False
    return True
