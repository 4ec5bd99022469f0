r"""Explanations that miss a few outputs, which may be wrong: found from random subsets of samples.

An explanation with c misses among m samples has none in a random subset of n of them with
probability

.. math:: p(c) = \binom{m - c}{n} / \binom{m}{n}.

So subsets are drawn, what explains all of a subset is listed, and its misses are counted on all
samples. That goes on until an explanation with so many misses is overlooked, with probability
(1 - p(c))^draws, less often than ``OVERLOOKED``.
"""

from math import comb, log, log1p

import numpy as np

from sparsebp.engine.kernels.search_rows import WORD
from sparsebp.engine.search.explanations import Explanations, explain, misses, numbered
from sparsebp.engine.search.inputs import Candidates, Inputs
from sparsebp.engine.search.symbols import IMPOSSIBLE, MISSING, Alphabet, Kind
from sparsebp.network.ranges import ENTRIES

LEAD = 2
"""So many misses more than the best of its output rule an explanation out: one may be chance."""
OVERLOOKED = 1e-3
"""The probability to overlook an explanation, at most."""
MOST_DRAWS = 2000
"""Subsets, at most. An output that needs more counts as one with too many explanations."""
MOST_OPEN = 10
"""So many subsets more that say too little than others, and an output counts so, too."""


def explain_most(
    alphabet: Alphabet,
    inputs: Inputs,
    candidates: Candidates,
    codes: np.ndarray,
    readers: np.ndarray | None,
    outer_at_most: int,
    wrong: int,
) -> Explanations:
    """List what explains each output but for a few samples.

    Listed is what has at most ``wrong`` misses, and fewer than ``LEAD`` more than the explanation
    of the output with the fewest. An output that no network has is a miss of any explanation.
    Subsets are the same at each call.

    Args:
        alphabet: of the activation.
        inputs: what samples say of them.
        candidates: for each hidden neuron what it may read, or one list for all of them.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        readers: (output, 2) int64, as for ``explain``; None if nothing is known of them.
        outer_at_most: hidden neurons that an output reads, where nothing is known of them.
        wrong: misses that an explanation may have.
    """
    samples, outputs = codes.shape
    size = min(_subset(alphabet, candidates), samples, WORD)
    needed = np.array([_draws(samples, size, count) for count in range(wrong + 1)])
    left = wrong - (codes == IMPOSSIBLE).sum(axis=0)  # misses that are not certain beforehand
    codes = np.where(codes == IMPOSSIBLE, MISSING, codes)
    limit, drawn, opened = left.copy(), np.zeros(outputs, int), np.zeros(outputs, int)
    # Of these none is ever done, however few misses are found.
    hopeless = needed[np.clip(left, 0, LEAD - 1)] > MOST_DRAWS
    rng, parts = np.random.default_rng(0), []
    for _ in range(MOST_DRAWS):
        undone = (left >= 0) & (drawn < needed[np.maximum(limit, 0)])
        pending = np.flatnonzero(undone & ~hopeless & (opened <= drawn + MOST_OPEN))
        if not len(pending):
            break
        part = np.sort(rng.permutation(samples)[:size])
        some = None if readers is None else readers[pending]
        ours = codes[np.ix_(part, pending)]
        found = explain(
            alphabet, inputs.of_samples(part), candidates, ours, some, outer_at_most, alone=True
        )
        found = found._replace(output=pending[found.output])
        drawn[pending[~found.open]] += 1
        opened[pending[found.open]] += 1
        missed = misses(alphabet, inputs, codes, found)
        few = missed <= limit[found.output]
        found, missed = found.only(few), missed[few]
        np.minimum.at(limit, found.output, missed + LEAD - 1)
        signed = found.signed().reshape(-1, 2 * ENTRIES)
        parts.append(np.column_stack([found.output, missed, found.weights, signed]))
    beyond = (left >= 0) & (drawn < needed[np.maximum(limit, 0)])
    every = np.unique(np.concatenate([np.zeros((0, 4 + 2 * ENTRIES), int), *parts]), axis=0)
    output, missed = every[:, :2].T
    every = every[(missed <= limit[output]) & ~beyond[output]]
    return numbered(every[:, 0], every[:, 2:4], every[:, 4:].reshape(-1, 2, ENTRIES), beyond)


def _subset(alphabet: Alphabet, candidates: Candidates) -> int:
    """Samples that leave an output one pair of random rows at most, in the mean, of all there are.

    Two pairs agree in a sample with the sum of the squares of the probabilities of what an output
    can be.
    """
    most, longest = alphabet.at_most, int(np.diff(candidates.offsets).max())
    rows = sum(comb(longest, k) * 2**k for k in range(1, most + 1))
    letters = np.array([comb(most, letter) / 2**most for letter in range(ENTRIES + 1)])
    pairs = [(Kind(1, most), Kind(weight, most)) for weight in (1, -1)]
    alike = ((alphabet.table(pairs) @ letters @ letters) ** 2).sum(axis=1).max()
    return max(1, int(np.ceil(2 * log(max(rows, 1)) / -log(alike))))


def _draws(samples: int, size: int, count: int) -> float:
    """Subsets until an explanation with so many misses is hardly overlooked; inf if never found."""
    hit = comb(samples - count, size) / comb(samples, size) if count < samples else 0.0
    if hit in (0, 1):
        return 1 if hit else np.inf
    return float(np.ceil(log(OVERLOOKED) / log1p(-hit)))
