r"""Belief propagation with a variable for each single weight, where rows may read any input.

Weights of W_in are -1, 0 or 1, those of W_out -1 or 1. A row :math:`r_h` of W_in has at most s
non-zeros, and all such rows are as likely: its prior C(r) is 1 for these and 0 for others. It is
known which hidden neurons outputs read. Variables are the weights, and the pre-activations
:math:`z_{h\mu} = \sum_k w_{hk} x_{\mu k}` of each hidden neuron in each sample, -s to s.

**Outputs.** The factor of output a in sample mu is 1 where

.. math:: y_{\mu a} = \varphi \Bigl( \sum_j v_{aj} \varphi(z_{j\mu}) \Bigr),

else 0. Its messages to v and z are sums over all its arguments, as usual. Those of all outputs that
read h multiply to the likelihood :math:`\psi_{h\mu}(z)`.

**Rows.** What a sample says of a row is :math:`f_\mu(r) = \psi_{h\mu}(x_\mu \cdot r)`. It is
replaced by a product of messages to single weights, :math:`\prod_k u_{\mu k}(w_k)`, so that sample
mu sees the row distributed as

.. math:: q_\mu(r) \propto C(r) \prod_k h_{\mu k}(r_k), \qquad
   h_{\mu k}(w) = \prod_{\nu \ne \mu} u_{\nu k}(w).

The message to a weight is the mean of what the sample says, given that weight,

.. math:: u_{\mu k}(w) = \langle f_\mu(r) \mid r_k = w \rangle_{q_\mu} =
   \frac{\sum_{r: r_k = w} C(r) f_\mu(r) \prod_{j \ne k} h_{\mu j}(r_j)}
        {\sum_{r: r_k = w} C(r) \prod_{j \ne k} h_{\mu j}(r_j)}.

Without a limit s the denominator is the same for all w, and this is belief propagation with a
factor for each sum. With the limit the ratio sees to it that C counts once, and not in each of m
samples: it enters :math:`q_\mu`, and the beliefs

.. math:: b_k(w) \propto \sum_{r: r_k = w} C(r) \prod_j \prod_\mu u_{\mu j}(r_j),

but no message. The message to z is the distribution of :math:`x_\mu \cdot r` under :math:`q_\mu`.
All sums over rows are made by going through k once forwards and once backwards, over few states
(``kernels.row_sums``). So there is no list of rows, and a step takes time O(hidden samples inputs).
"""

from typing import NamedTuple

import numpy as np

from sparsebp.engine.kernels.row_sums import FLOOR, row_sums_kernel
from sparsebp.engine.search.symbols import Alphabet
from sparsebp.network.model import Layer

CERTAIN = 0.999
"""A pre-activation with at least this probability is held fixed by the search."""

SIGNS = np.array([-1, 1])
"""Of an output weight, in the order of its probabilities."""


class Passing(NamedTuple):
    """How messages are passed.

    Attributes:
        damping: alpha of Eq. 2.14, of messages to input weights, and of log-messages to output
            weights.
        tolerance: the largest change at convergence, of a probability of an input weight, and of a
            message of an output, whose maximum is 1.
        max_steps: limit on the number of steps.
    """

    damping: float
    tolerance: float
    max_steps: int


class Believed(NamedTuple):
    """Probabilities, and how many steps it took.

    Attributes:
        inner: (hidden, inputs, 3) float64, that an input weight is -1, 0, 1.
        outer: (output, slots, 2) float64, that an output weight is -1, 1.
        sums: (hidden, samples, 2 s + 1) float64, that a pre-activation is -s ... s.
        steps: that were made.
        converged: whether all changed by no more than the tolerance in the last.
    """

    inner: np.ndarray
    outer: np.ndarray
    sums: np.ndarray
    steps: int
    converged: bool

    def layers(self, readers: np.ndarray) -> list[Layer]:
        """An estimate: each weight the most likely by itself, in rows with at most s entries.

        Should more than s weights of a row be most likely other than 0, those count that are least
        likely 0. Of two that are as likely, the first counts.

        Args:
            readers: (output, slots) int64, the hidden neurons that each output reads.
        """
        slots = self.sums.shape[2] // 2
        kept = np.argsort(self.inner[..., 1], axis=1, kind="stable")[:, :slots]
        weights = np.take_along_axis(self.inner.argmax(axis=2) - 1, kept, axis=1)
        signs = SIGNS[self.outer.argmax(axis=2)]
        pairs = ((kept, weights), (readers, signs))
        return [Layer(t.astype(np.int32), w.astype(np.int8)) for t, w in pairs]


def pass_messages(
    alphabet: Alphabet, x: np.ndarray, codes: np.ndarray, readers: np.ndarray, how: Passing
) -> Believed:
    """Pass messages from uniform ones on until beliefs settle.

    Args:
        alphabet: of the activation; rows have at most ``alphabet.at_most`` non-zeros.
        x: (samples, inputs) of -1 and 1.
        codes: (samples, output) int64, see ``Alphabet.coded``.
        readers: (output, slots) int64, the hidden neurons that each output reads, all different.
        how: damping, and when to stop.
    """
    x = np.ascontiguousarray(x, np.int64)
    relation = _relation(alphabet, codes, readers.shape[1])
    following, value = _automaton(alphabet.at_most)
    hidden, (samples, inputs) = int(readers.max()) + 1, x.shape
    sums, states = (hidden, samples, 2 * alphabet.at_most + 1), len(value)
    sum_of = np.eye(sums[2])[value]
    messages = np.full((samples, inputs, 3, hidden), 1 / 3)
    fields, beliefs = np.ones(messages.shape[1:]), np.full(messages.shape[1:], 1 / 3)
    from_outputs = np.ones((*readers.shape, *sums[1:]))
    log_signs = np.zeros((*readers.shape, samples, 2))
    to_ends, converged, steps = np.empty((samples, states, hidden)), False, 0
    while steps < how.max_steps and not converged:
        steps += 1
        before = beliefs.copy(), from_outputs, np.exp(log_signs)
        ends = _likelihood(from_outputs, readers, sums)[..., value].transpose(1, 2, 0).copy()
        given = x, ends, messages, fields, following, how.damping
        row_sums_kernel()(*given, to_ends, beliefs)
        to_sums = to_ends.transpose(2, 0, 1) @ sum_of
        from_outputs, new = _from_outputs(relation, from_outputs, log_signs, to_sums, readers)
        log_signs = (1 - how.damping) * new + how.damping * log_signs
        now = beliefs, from_outputs, np.exp(log_signs)
        change = max(np.abs(a - b).max() for a, b in zip(now, before, strict=True))
        converged = bool(change <= how.tolerance)
    known = to_sums * _likelihood(from_outputs, readers, sums)
    outer = _exponentials(log_signs.sum(axis=2))
    outer, known = (part / part.sum(axis=-1, keepdims=True) for part in (outer, known))
    return Believed(beliefs.transpose(2, 0, 1), outer, known, steps, converged)


def letters(sums: np.ndarray) -> np.ndarray:
    """Which letters hidden neurons may have, if what is ``CERTAIN`` is held fixed.

    Args:
        sums: (hidden, samples, 2 s + 1) float64, probabilities of pre-activations.

    Returns:
        (hidden, s + 1, s + 1, samples) bool, over the entries of a row and its letter.
    """
    at_most = sums.shape[2] // 2
    possible = (sums >= CERTAIN) | (sums.max(axis=2, keepdims=True) < CERTAIN)
    entries, letter = np.ogrid[: at_most + 1, : at_most + 1]
    there = letter <= entries
    place = np.where(there, 2 * letter - entries + at_most, 0)
    return np.moveaxis(possible[:, :, place] & there, 1, -1)


def _automaton(at_most: int) -> tuple[np.ndarray, np.ndarray]:
    """``following`` and ``value`` as the kernel takes them; the first state is that of no term."""
    states = [(count, plus) for count in range(at_most + 1) for plus in range(count + 1)]
    number = {state: n for n, state in enumerate(states)}
    following = [
        [number.get(one, -1) for one in ((count + 1, plus), (count, plus), (count + 1, plus + 1))]
        for count, plus in states
    ]
    value = [2 * plus - count + at_most for count, plus in states]
    return np.array(following, np.int64), np.array(value, np.int64)


def _relation(alphabet: Alphabet, codes: np.ndarray, slots: int) -> np.ndarray:
    """Which weights and pre-activations give an output: (output, samples, 2 Z ... 2 Z) float64,
    with an axis for each slot, over its weight and pre-activation."""
    z = np.arange(-alphabet.at_most, alphabet.at_most + 1)
    part = (SIGNS[:, None] * alphabet.phi(z.astype(float))).ravel()
    total = np.zeros(())
    for _ in range(slots):
        total = total[..., None] + part
    return alphabet.fits(total, codes.T.reshape(*codes.T.shape, *[1] * slots)).astype(float)


def _likelihood(
    from_outputs: np.ndarray, readers: np.ndarray, shape: tuple[int, int, int]
) -> np.ndarray:
    """What all outputs say of the pre-activations of hidden neurons, the largest 1."""
    found = np.ones(shape)
    np.multiply.at(found, readers, from_outputs)
    return _scaled(found)


def _from_outputs(relation, from_outputs, log_signs, to_sums, readers):
    """New messages to pre-activations, and log-messages to output weights."""
    known, own = np.log(_scaled(to_sums)), np.log(from_outputs)
    np.add.at(known, readers, own)
    to_outputs = _exponentials(known[readers] - own)
    signs = _exponentials(log_signs.sum(axis=2, keepdims=True) - log_signs)
    both = signs[..., :, None] * to_outputs[..., None, :]
    slots, shape = readers.shape[1], both[:, 0].shape
    told = np.empty_like(both)
    for slot in range(slots):
        said = np.moveaxis(relation, 2 + slot, 2)
        for other in reversed([one for one in range(slots) if one != slot]):
            weight = both[:, other].reshape(*shape[:2], -1)
            said = np.einsum("am...k,amk->am...", said, weight)
        told[:, slot] = said.reshape(shape)
    to_values = _scaled((told * signs[..., :, None]).sum(axis=-2))
    to_signs = _scaled((told * to_outputs[..., None, :]).sum(axis=-1))
    return to_values, np.log(to_signs)


def _exponentials(logs: np.ndarray) -> np.ndarray:
    """Messages from their logarithms, see ``_scaled``."""
    return _scaled(np.exp(logs - logs.max(axis=-1, keepdims=True)))


def _scaled(messages: np.ndarray) -> np.ndarray:
    """Messages with the maximum 1, none of them below ``FLOOR``; uniform where nothing is left."""
    most = messages.max(axis=-1, keepdims=True)
    return np.maximum(messages / np.where(most > 0, most, 1), FLOOR)
