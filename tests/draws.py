"""Draws of every kind as arrays in a file, for another process: ``python -m tests.draws FILE``."""

import sys

import numpy as np

from sparsebp.network.data import (
    Noise,
    PerRow,
    Sizes,
    Stream,
    disturb,
    draw_samples,
    draw_student,
    draw_teacher,
    generator,
)
from sparsebp.network.model import activation
from sparsebp.network.trees import draw_tree

PER_ROW = range(2, 11)
# What a student has more than its teacher in each row, and what it has of the teacher.
STUDENTS = {
    "spare entries": (2, 1),
    "overlap": (0, 0.5),
    "denser overlap": (1, 0.5),
    "sparser overlap": (-1, 0.3),
    "no overlap": (0, 0),
}


def draws() -> dict[str, np.ndarray]:
    """Name -> array; what the activation tanh has rounded is named so."""
    sizes, found = Sizes(40, 40, 40, hidden_layers=2), {}
    for k in PER_ROW:
        network = draw_teacher(sizes, PerRow(k, k, k), 1, 0)
        for layer, (topology, weights) in enumerate(network):
            found |= {f"{k} teacher {layer}": topology, f"{k} weights {layer}": weights}
        for name, (more, overlap) in STUDENTS.items():
            per_row = PerRow(k + more, k + more, k)
            drawn = draw_student(network, per_row, 1, 0, overlap)
            found |= {f"{k} {name} {layer}": pattern for layer, pattern in enumerate(drawn)}
        for test in (False, True):
            for phi in (activation("tanh", b=0.1), activation("leaky-relu", a=0.1)):
                x, y = draw_samples(network, phi, 20, 1, 0, test)
                found |= {f"{k} x {test}": x, f"{k} y {phi.function} {test}": y}
        found[f"{k} noise"] = disturb(y, Noise(0.1, 0.5, 0.2), 1, 0)
    for reads in (2, 3, 4):
        patterns, diameter = draw_tree(61, reads, generator(1, 0, Stream.TREES))
        found |= {f"tree {reads}": patterns.outer, f"diameter {reads}": np.array(diameter)}
    found["first messages"] = generator(1, 0, Stream.INITIAL_MESSAGES).normal(0.0, 0.5, 10_000)
    found["lots"] = generator(1, 0, Stream.TIE_BREAKS).random(10_000)
    return found


def instructions() -> list[str]:
    """Vector instructions that NumPy has code of its own for and uses here, older ones first."""
    return np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])


if __name__ == "__main__":
    np.savez(sys.argv[1], instructions=instructions(), **draws())
