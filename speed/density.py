"""How dense networks may be: docs/density.md.

Hard factors whose configurations are too many to try one by one, and tables of energies up to the
limit of memory.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from sparsebp.engine import factors as fac
from speed.measure import Case, draw, ending, measure_all, table

DOCS = Path(__file__).parents[1] / "docs"
SAMPLES = (4, 6, 8, 10, 12, 14, 16, 20, 40)
STEPS = 100
MATCHED = [
    *(Case(1000, m, (k, k), (k, k), max_steps=STEPS) for k in (3, 4, 5) for m in SAMPLES),
    Case(20, 20, (6, 6), (6, 6)),
    Case(20, 20, (7, 7), (7, 7)),
]
COMPARED = [
    Case(1000, 6, (3, 3), (3, 3)),
    Case(100, 6, (4, 4), (4, 4)),
    Case(200, 4, (2, 2), (3, 3), (-1, 0, 1)),
]
TERNARY = [
    *(Case(200, m, (2, 2), (3, 3), (-1, 0, 1), True, STEPS) for m in (4, 8, 12)),
    *(Case(200, m, (3, 3), (3, 3), (-1, 0, 1), True, STEPS) for m in (4, 8, 12)),
    *(
        Case(n, 12, (2, 2), student, (-1, 0, 1), True, STEPS)
        for student in ((4, 3), (3, 4), (4, 4))
        for n in (200, 50)
    ),
]
TEXT = """# Denser networks

Written by `make density`: tanh, offline, damping 0.3, at most {steps} steps until no message
changes by more than 1e-6, one seed. Every line has its own process; peak memory is that of the
whole process, with libraries and compiled kernels.

## Hard factors

Matched students of N neurons a layer, weights in {{-1, 1}}, learn by sum-product. Of C classes for
each of k_out edges, C = 2 · 2^k_in, a factor has C^k_out configurations. The ones that agree with
m samples are found by meeting in the middle (`sparsebp.engine.survivors`).

{matched}
The lists are those that trying all configurations gives:

{compared}
## Tables of energies

Students with weights in {{-1, 0, 1}} learn by max-sum, which needs the energy of every
configuration: C^k_out of 8 bytes for each output, C = 2 · 3^k_in + 1. Messages pass with the output
weights maximised out, on tables of (3^k_in)^k_out.

{ternary}"""
HEADER = [
    "N",
    "non-zeros per row",
    "m",
    "configurations per factor",
    "left per factor",
    "building factors (s)",
    "time per step (ms)",
    "steps",
    "message passing (s)",
    "peak memory (GiB)",
    "weight error",
]


def classes(case: Case) -> int:
    """The number of classes of an edge."""
    return len(fac.HiddenStates.of(case.alphabet, case.student[0]).class_output)


def configurations(case: Case) -> str:
    """The number of configurations of a factor."""
    count, fan_out = classes(case), case.student[1]
    return f"{count}^{fan_out} = {count**fan_out:,}"


def row(case, found) -> list[str]:
    """A line of the table."""
    per_row = "{}, {}".format(*case.student)
    if case.teacher != case.student:
        per_row += " (teacher {}, {})".format(*case.teacher)
    line = [str(case.neurons), per_row, str(case.samples), configurations(case)]
    if isinstance(found, str):
        size = found.split("; ")[0].split(", ")[-1] if "numbers" in found else "the list"
        return [*line, f"refused: {size}", *["–"] * 6]
    return [
        *line,
        f"{found.listed:.4g}" if found.listed < 1e4 else f"{found.listed:,.0f}",
        f"{found.build:.2f}",
        f"{1e3 * found.step:.3g}",
        ending(found),
        f"{found.passing:.2f}",
        f"{found.peak_gib:.2f}",
        f"{found.weight_error:.5f}",
    ]


def compare(case: Case) -> list[str]:
    """A line on one problem: both ways to the same list, and their times."""
    _, samples, problem = draw(case)
    arguments = problem.states, *problem.patterns, problem.phi, *samples
    start = time.perf_counter()
    found = fac.hard_factors(*arguments, case.memory_gib)
    joined = time.perf_counter()
    expected = enumerate_all(*arguments)
    tried = time.perf_counter()
    if not np.array_equal(found.configurations, np.concatenate(expected)):
        raise AssertionError(f"{case}: the lists differ")
    if not np.array_equal(np.diff(found.offsets), [len(part) for part in expected]):
        raise AssertionError(f"{case}: the lists belong to other factors")
    return [
        str(case.neurons),
        "{}, {}".format(*case.student),
        str(case.samples),
        f"{{{', '.join(map(str, case.alphabet))}}}",
        configurations(case),
        f"{joined - start:.3f}",
        f"{tried - joined:.3f}",
    ]


def enumerate_all(states, inner, outer, phi, x, y) -> list[np.ndarray]:
    """The configurations of each factor that reproduce y, by trying them all."""
    z, found = states.contributions(inner, phi, x), []
    for read, target in zip(outer, y.T, strict=True):
        match = True
        for terms, wanted in zip(z, target, strict=True):
            total = terms[read[0]]
            for neuron in read[1:]:
                total = np.add.outer(total, terms[neuron])
            match &= np.abs(phi(total) - wanted) <= fac.MATCH_TOLERANCE
        found.append(np.argwhere(match))
    return found


def main() -> None:
    """Measure, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder to write to")
    chosen = parser.parse_args()
    tables = {}
    for name, cases in (("matched", MATCHED), ("ternary", TERNARY)):
        rows = []
        for case, found in measure_all(cases):
            rows.append(row(case, found))
            print(*rows[-1], sep="  ", flush=True)
        tables[name] = table(HEADER, rows)
    compared = [compare(case) for case in COMPARED]
    header = [*HEADER[:3], "weights", HEADER[3], "meeting in the middle (s)", "trying all (s)"]
    tables["compared"] = table(header, compared)
    (chosen.docs / "density.md").write_text(TEXT.format(steps=STEPS, **tables), encoding="utf-8")


if __name__ == "__main__":
    main()
