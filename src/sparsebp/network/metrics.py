"""Errors of a student against its teacher (Eqs. 2.2, 3.12-3.13), and what they consist of.

Everywhere, ``teacher`` has both layers with weights of -1 and +1, and ``student`` is a list of both
with its estimates, on patterns of its own: the layers W_in and W_out. Errors are numbers between 0
and 1, but for the generalisation error, which is in units of a squared output.
"""

import numpy as np

from sparsebp.network.data import Network, Samples, checked_data
from sparsebp.network.model import Activation, Layer, check_activation, forward
from sparsebp.network.patterns import on_pattern


def weight_error(teacher: Network, student: list[Layer]) -> float:
    r"""Fraction of the teacher's non-zero weights that the student has wrong: 1 - Eq. 2.2.

    .. math:: 1 - \frac{1}{N_{\mathrm{teacher}}} \sum_i \delta(w_i, w_i^*)
    """
    wrong = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        estimate = on_pattern(ours.weights, ours.topology, theirs.topology)
        wrong += int(np.count_nonzero(estimate != theirs.weights))
        total += theirs.weights.size
    return wrong / total


def flipped_error(teacher: Network, student: list[Layer]) -> float:
    """The part of a student's ``weight_error`` that lies in hidden neurons flipped as a whole.

    Those have the opposite sign in each weight that the teacher has of them: their row of weights
    and their column in the next layer's. Where phi(-z) is close to -phi(z), that hardly changes any
    output.
    """
    flipped = [
        on_pattern(ours.weights, ours.topology, theirs.topology) == -theirs.weights
        for theirs, ours in zip(teacher, student, strict=True)
    ]
    # Of weights between hidden layers each may be in a neuron at either end that is.
    wrong = [np.zeros(part.shape, bool) for part in flipped]
    for below in range(len(flipped) - 1):
        read = teacher[below + 1].topology
        whole = flipped[below].all(axis=1)
        np.logical_and.at(whole, read, flipped[below + 1])
        wrong[below] |= whole[:, None]
        wrong[below + 1] |= whole[read]
    return sum(map(np.count_nonzero, wrong)) / sum(part.size for part in wrong)


def topology_error(teacher: Network, student: list[Layer]) -> float:
    r"""Eq. 3.12: missed and excess non-zeros over the number of possibly non-zero weights.

    .. math:: \frac{1}{N_{\mathrm{student}}} \Bigl(
       \sum_{i:\, w_i^* \ne 0} \delta(w_i, 0) + \sum_{i:\, w_i^* = 0} (1 - \delta(w_i, 0)) \Bigr)

    Sums run over both layers of teacher and student; a student's weight outside its pattern is 0.
    """
    missed = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        estimate = on_pattern(ours.weights, ours.topology, theirs.topology)
        missed += int(np.count_nonzero(estimate == 0))
        total += int(np.count_nonzero(ours.topology >= 0))
    return missed / total + excess_error(teacher, student)


def excess_error(teacher: Network, student: list[Layer]) -> float:
    """The part of a student's ``topology_error`` that is non-zeros where the teacher has none."""
    excess = total = 0
    for theirs, ours in zip(teacher, student, strict=True):
        present = on_pattern(np.ones_like(theirs.weights), theirs.topology, ours.topology)
        excess += int(np.count_nonzero((present == 0) & (ours.weights != 0)))
        total += int(np.count_nonzero(ours.topology >= 0))
    return excess / total


def generalization_error(student: list[Layer], phi: Activation, test: Samples) -> float:
    r"""Eq. 3.13: mean over fresh samples of the squared output distance per output neuron.

    .. math:: \frac{1}{N_{\mathrm{out}} N_{\mathrm{test}}}
       \sum_{\eta, a} (y_{\eta a} - f_{\eta a})^2

    with y the teacher's output, and f the student's. Missing outputs, NaN in y, are left out.

    Args:
        student: its layers, from W_in to W_out.
        phi: the activation function of all.
        test: samples that the student has not seen.

    Raises:
        ValueError: phi is not an activation; there are no outputs to compare with; or the samples
            do not fit the network.
    """
    check_activation("phi", phi)
    layers = list(student)
    fresh = Samples(*checked_data(layers[0].topology, layers[-1].topology, *test))
    if np.isnan(fresh.y).all():
        raise ValueError(f"y of shape {fresh.y.shape} holds no outputs to compare with")
    return squared_error(forward(layers, phi, fresh.x), fresh)


def squared_error(prediction: np.ndarray, test: Samples) -> float:
    """Eq. 3.13 of any network by its outputs for ``test.x``.

    Args:
        prediction: (samples, output), its outputs.
        test: samples that it has not seen; outputs that are NaN are left out.
    """
    missed = (test.y - prediction) ** 2
    return float(np.mean(missed[~np.isnan(test.y)]))


def symmetric_error(
    teacher: Network, student: list[Layer], odd: bool = False
) -> tuple[float, float]:
    r"""What a student has wrong that no exact symmetry of the network explains.

    The outputs do not change if hidden neurons are named anew, with them the rows of two neurons
    that the same outputs read are swapped, or if hidden neurons of one row are one. With an odd
    activation a hidden neuron may have the opposite sign in all its weights. So a hidden neuron is
    told by its row of weights alone, and an output by

    .. math:: \sum_h w_{ah} \, \varphi(w_h \cdot x) = \sum_r n_{ar} \, \varphi(r \cdot x),
       \qquad n_{ar} = \sum_{h :\, w_h = r} w_{ah}.

    Args:
        teacher, student: both layers, with one hidden layer between them.
        odd: whether the activation is.

    Returns:
        The fraction of the teacher's hidden neurons whose row the student has nowhere, and the
        fraction of outputs whose n is another.
    """
    (theirs, outputs), (ours, found) = (_named_by_rows(both, odd) for both in (teacher, student))
    known = set(ours)
    missed = sum(row not in known for row in theirs)
    wrong = sum(one != two for one, two in zip(outputs, found, strict=True))
    return missed / len(theirs), wrong / len(outputs)


_Row = tuple[tuple[int, int], ...]


def _named_by_rows(
    layers: Network | list[Layer], odd: bool
) -> tuple[list[_Row], list[dict[_Row, int]]]:
    """The row of each hidden neuron as (column, weight) in order, and n of each output."""
    inner, outer = layers
    rows, signs = [], []
    for entries in _entries(inner):
        row = tuple(sorted(entries))
        sign = -1 if odd and row and row[0][1] < 0 else 1
        rows.append(tuple((column, sign * weight) for column, weight in row))
        signs.append(sign)
    outputs = []
    for entries in _entries(outer):
        total: dict[_Row, int] = {}
        for neuron, weight in entries:
            total[rows[neuron]] = total.get(rows[neuron], 0) + signs[neuron] * weight
        outputs.append({row: number for row, number in total.items() if number})
    return rows, outputs


def _entries(layer: Layer) -> list[list[tuple[int, int]]]:
    """The non-zeros of each row, (column, weight)."""
    rows = zip(layer.topology.tolist(), layer.weights.tolist(), strict=True)
    return [[one for one in zip(*row, strict=True) if one[1]] for row in rows]
