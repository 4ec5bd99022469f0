"""How the error that the exact posterior leaves decays with the samples, from nothing but counting.

A hidden neuron sees its k inputs in one of 2^k patterns of signs in each sample. Two students that
differ in its weights alone, w and w', v and v', say the same of all samples if in every one of them

    v_a psi(w . x) = v'_a psi(w' . x)    for each output a that reads the neuron,

that is if all samples lie among the patterns on which the two agree. If these are a fraction f of
all patterns, that happens with probability f^m. After many samples only the largest f counts, and
of the sets of patterns with this f only one at a time, as two of them have fewer in common. A
student in a network of many neurons then has, in the mean,

    error per weight = f^m * sum over these sets of the weights got wrong / weights of a neuron,

and as much entropy, with the logarithm of the number of students that agree on the set. The weights
of a neuron that are open are told by ties, each broken at random by itself. So it has some weight
wrong with the chance that they do not all come out right, and of N neurons none has with
probability exp(-N c f^m), where c is the sum of these chances.

For weights of -1 and 1 the sets are those in which an input i is the same as an input j, up to a
fixed sign s: the pair says w_i x_i + w_j x_j = (s w_i + w_j) x_j, and f = 1/2.

With two such inputs the next term is about two neurons that one output reads. If both have the same
value in all samples, two output weights that differ may be exchanged: of these one is wrong in the
mean, and the entropy is ln 2. Where both values are always zero, the first term has counted that.
See docs/exact.md.
"""

from collections.abc import Iterable
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from sparsebp.network.model import MATCH_TOLERANCE, Activation, activation

# Students of one hidden neuron that are compared with each teacher.
STUDENTS = 2**14


class Decay(NamedTuple):
    """How errors decay with the number of samples m, in the mean over teachers and samples.

    To leading order each is c * rate^m. `at` adds the next term, where that is known.

    Attributes:
        rate: f, at most 1.
        weight_error: the c of the fraction of the teacher's weights that the most likely states
            have wrong.
        entropy: the c of the entropy of the posterior, in nats per weight of the student.
        neurons: the c of the fraction of hidden neurons that have some of the teacher's weights
            wrong, where the most likely states of each weight are chosen among at random.
        exchange: of the next term: pairs of weights that may be exchanged, for each of the weights;
            0 where that term is not known.
        alike, silent: the fractions of patterns in which two neurons have the same value, and in
            which they have the value zero.
        weights: of a neuron of the teacher.
    """

    rate: float
    weight_error: float
    entropy: float
    neurons: float
    exchange: float = 0.0
    alike: float = 0.0
    silent: float = 0.0
    weights: int = 0

    def at(self, quantity: str, m: np.ndarray) -> np.ndarray:
        """A quantity after m samples, with the next term.

        Args:
            quantity: "weight_error", "entropy" or "neurons".
            m: numbers of samples, of any shape, which is that of the result; float64.
        """
        # Of a pair one weight is wrong in the mean, and in three of four cases any of the two.
        pair = {"weight_error": 1.0, "entropy": np.log(2), "neurons": 0.75 * self.weights}[quantity]
        exchanged = self.exchange * (self.alike**m - self.silent**m)
        return getattr(self, quantity) * self.rate**m + pair * exchanged


def of_experiment(block: dict[str, Any]) -> Decay:
    """The decay in an experiment of a configuration. Raises ValueError as ``neuron`` does.

    Args:
        block: of the experiment, with its defaults filled in.
    """
    alphabet, phi = block["student"]["alphabet"], activation(**block["activation"])
    teacher, student = neuron(block)
    found = decay(alphabet, phi, teacher, student)
    matched = sorted(alphabet) == [-1, 1] and teacher == student
    if matched and teacher[0] == 2 and found.rate == 0.5:
        return _exchanging(found, teacher, block["nonzeros_per_row"]["output"], phi)
    return found


def _exchanging(found: Decay, teacher: tuple[int, int], k_out: int, phi: Activation) -> Decay:
    """The decay with its next term, for weights -1 and 1 and two inputs of a neuron."""
    values = phi(np.array([-2.0, 0.0, 0.0, 2.0]))
    one, other = np.meshgrid(values, values)
    alike = np.abs(one - other) <= MATCH_TOLERANCE
    silent = alike & (np.abs(one) <= MATCH_TOLERANCE)
    # For each neuron, the pairs that one output reads. Of these half have weights that differ.
    pairs, weights = teacher[1] * (k_out - 1) / 2, sum(teacher)
    return found._replace(
        exchange=pairs / 2 / weights,
        alike=float(alike.mean()),
        silent=float(silent.mean()),
        weights=weights,
    )


def neuron(block: dict[str, Any]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Non-zeros per row of W_in and per column of W_out, of the teacher and of the student.

    Args:
        block: of an experiment, with its defaults filled in.

    Raises:
        ValueError: a hidden neuron has too many states to compare them all.
    """
    layers, student = block["layers"], block["student"]
    teacher, ours = (
        (per_row["input"], per_row["output"] * layers["output"] // layers["hidden"])
        for per_row in (block["nonzeros_per_row"], student["nonzeros_per_row"])
    )
    count = len(student["alphabet"]) ** sum(ours)
    if count > STUDENTS:
        raise ValueError(
            f"a hidden neuron has {count} states of its weights; at most {STUDENTS} are compared"
        )
    return teacher, ours


def decay(
    alphabet: Iterable[int], phi: Activation, teacher: tuple[int, int], student: tuple[int, int]
) -> Decay:
    """The decay for neurons of a student whose pattern contains the teacher's.

    Args:
        alphabet: the values of a weight.
        phi: the activation.
        teacher, student: non-zeros per row of W_in, and per column of W_out.
    """
    k_in, readers = student
    states = np.array(list(product(alphabet, repeat=k_in + readers)))
    patterns = np.array(list(product((-1, 1), repeat=k_in)))
    said = _said(states, k_in, patterns, phi)
    there = np.r_[np.arange(k_in) < teacher[0], np.arange(readers) < teacher[1]]
    found = []
    for signs in product((-1, 1), repeat=there.sum()):
        truth = np.zeros(k_in + readers)
        truth[there] = signs
        agree = (np.abs(said - _said(truth[None], k_in, patterns, phi)) <= MATCH_TOLERANCE).all(
            axis=1
        )
        others = agree[(states != truth).any(axis=1)]
        most = others.sum(axis=1).max()
        sets = np.unique(others[others.sum(axis=1) == most], axis=0)
        found.append((float(most) / len(patterns), *_lost(states, truth, there, agree, sets)))
    rate = max(rate for rate, *_ in found)
    wrong, nats, neurons = (
        float(np.mean([values[part] if values[0] == rate else 0.0 for values in found]))
        for part in (1, 2, 3)
    )
    return Decay(rate, wrong / int(there.sum()), nats / len(there), neurons)


def _said(states: np.ndarray, k_in: int, patterns: np.ndarray, phi: Activation) -> np.ndarray:
    """What students say to each output in each pattern: (students, outputs, patterns)."""
    hidden = phi((states[:, :k_in] @ patterns.T).astype(float))
    return states[:, k_in:, None] * hidden[:, None, :]


def _lost(
    states: np.ndarray, truth: np.ndarray, there: np.ndarray, agree: np.ndarray, sets: np.ndarray
) -> tuple[float, float, float]:
    """Weights of the teacher got wrong, nats, and chances that any is wrong, summed over sets."""
    wrong = nats = neurons = 0.0
    for patterns in sets:
        alike = states[agree[:, patterns].all(axis=1)]
        right = []
        for weight in np.flatnonzero(there):
            values, votes = np.unique(alike[:, weight], return_counts=True)
            likely = values[votes == votes.max()]
            right.append((truth[weight] == likely).sum() / len(likely))
        wrong += len(right) - sum(right)
        nats += np.log(len(alike))
        neurons += 1 - np.prod(right)
    return wrong, nats, neurons
