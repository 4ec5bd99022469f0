"""What is measured of a training, told once: in words, in figures and in files."""

from enum import IntEnum
from typing import NamedTuple


class Status(IntEnum):
    """How a training ended.

    Attributes:
        NOT_RUN: 0, the schedule has no such number of samples.
        CONVERGED: 1, in the last step no message would have changed by the tolerance or more
            without damping.
        STEP_LIMIT: 2, it had not converged after the largest number of steps, and did not
            oscillate.
        CONTRADICTION: 3, no weights reproduce the samples, as far as hard factors and the prior of
            earlier batches tell.
        OSCILLATING: 4, it had not converged after the largest number of steps, and in some more its
            messages went back and forth, see ``learning._at_limit``.
    """

    NOT_RUN = 0
    CONVERGED = 1
    STEP_LIMIT = 2
    CONTRADICTION = 3
    OSCILLATING = 4

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class Quantity(NamedTuple):
    """A number for each learner, simulation and number of samples.

    Attributes:
        words: in a sentence.
        about: what it is.
        comment: where it is defined, or what else is to be known.
        label: at the axis of a figure; empty where no figure shows it.
        of_weights: whether it compares a student's weights with the teacher's.
        part_of: the quantity that it is a part of, if any.
    """

    words: str
    about: str
    comment: str
    label: str = ""
    of_weights: bool = False
    part_of: str | None = None


QUANTITIES = {
    "weight_error": Quantity(
        "weight error",
        "fraction of the teacher's weights estimated wrongly",
        "1 - Eq. 2.2",
        "weight error (fraction wrong)",
        of_weights=True,
    ),
    "flipped_error": Quantity(
        "error by flipped neurons",
        "part of the weight error in hidden neurons flipped as a whole",
        "each of the teacher's weights of the neuron has the opposite sign",
        "error by flipped neurons",
        of_weights=True,
        part_of="weight_error",
    ),
    "topology_error": Quantity(
        "topology error",
        "missed and excess non-zero weights",
        "Eq. 3.12",
        "topology error",
        of_weights=True,
    ),
    "excess_error": Quantity(
        "error by excess weights",
        "part of the topology error in excess weights",
        "non-zero where the teacher has no weight",
        "error by excess weights",
        of_weights=True,
        part_of="topology_error",
    ),
    "generalization_error": Quantity(
        "generalisation error",
        "squared error on fresh samples",
        "Eq. 3.13",
        "generalisation error",
    ),
    "expected_error": Quantity(
        "expected error",
        "fraction of wrong weights expected from the beliefs",
        "sum-product with hard factors only",
    ),
    "entropy": Quantity(
        "entropy",
        "entropy of the posterior in nats per weight",
        "exact, or of Bethe, as the learner; offline sum-product with hard factors only",
        "entropy (nats per weight)",
    ),
    "iterations": Quantity(
        "iterations",
        "steps of the last batch",
        "0 where not run",
        "iterations (of the last batch)",
    ),
    "residual": Quantity(
        "residual",
        "largest change of a message in the last step, damping left aside",
        "in probability, or in log-likelihood of messages that are logarithms",
        "residual (of the last step)",
    ),
    "status": Quantity(
        "status",
        "how the training ended",
        ", ".join(f"{status.value} {status}" for status in Status),
    ),
}
"""The quantities by name, as variables of ``results/<experiment>.nc``."""
