"""Fresh networks found from samples alone: how many, how fast, in how much memory.

    python -m speed.from_scratch                      # the cases of ``CASES``, one after the other
    python -m speed.from_scratch 1000 25 --seeds 20   # one case, with nothing known
    python -m speed.from_scratch 10000 32 --readers   # it is known which outputs read what
    python -m speed.from_scratch 1000 24 --readers --outer 3  # outputs read three hidden neurons
    python -m speed.from_scratch 200 64 --wrong 0.05  # a share of the outputs is wrong
    python -m speed.from_scratch 200 64 --b 0         # tanh(x), so that signs are not known

Each case has a process of its own, as peak memory is its whole, with libraries. Teachers are drawn
by matching, with entropy ``ENTROPY``. A network is exact if no row and no output is wrong, up to
the symmetries of ``network.metrics.symmetric_error``. An output is wrong unsaid if it has one
explanation, and that is not the teacher's. Time is that of the processor, of one thread.
"""

import argparse
import resource
import subprocess
import sys
from time import process_time
from typing import NamedTuple

import numpy as np

import sparsebp as sb
from sparsebp.network.counting import most_wrong
from sparsebp.network.data import mistake
from sparsebp.network.model import Layer
from speed.measure import table

ENTROPY = 1909
CASES = [
    ["1000", "25"],
    ["10000", "40"],
    ["10000", "28", "--readers"],
    ["10000", "33", "--readers"],
    ["1000", "24", "--readers", "--inner", "3"],
    ["1000", "28", "--readers", "--inner", "3"],
    ["200", "32", "--inner", "3"],
    ["200", "20", "--readers", "--outer", "3"],
    ["1000", "24", "--readers", "--outer", "3"],
    ["200", "40", "--wrong", "0.05"],
    ["200", "64", "--wrong", "0.05"],
    ["200", "64", "--wrong", "0.05", "--b", "0"],
    ["200", "64", "--wrong", "0.1"],
    ["1000", "64", "--wrong", "0.05"],
]
HEADER = [
    "N",
    "inputs of a row",
    "read by an output",
    "b",
    "samples",
    "known",
    "outputs wrong",
    "exact",
    "ambiguous outputs",
    "unexplained",
    "wrong unsaid",
    "CPU time (s), median",
    "largest",
    "peak memory (GiB)",
]


class Case(NamedTuple):
    """Neurons a layer, samples, inputs of a hidden neuron, hidden neurons of an output; what is
    known, and what is wrong; and the activation, tanh(x - b)."""

    neurons: int
    samples: int
    inner: int = 2
    outer: int = 2
    readers: bool = False
    wrong: float = 0.0
    b: float = 0.1

    @property
    def per_row(self) -> sb.PerRow:
        """Non-zeros in a row of each layer."""
        return sb.PerRow(self.inner, self.outer)


def measure(case: Case, seeds: range) -> list[str]:
    """A line of the table."""
    exact, ambiguous, unexplained, unsaid, times = 0, 0, 0, 0, []
    _find(sb.draw_teacher(20, case.per_row), case, 0)  # compiles, or loads what is
    for seed in seeds:
        teacher = sb.draw_teacher(case.neurons, case.per_row, ENTROPY, seed, drawing="matching")
        found, taken = _find(teacher, case, seed)
        times.append(taken)
        exact += sb.symmetric_error(teacher, list(found), odd=not found.signs) == (0, 0)
        ambiguous += len(found.ambiguous)
        unexplained += len(found.unexplained)
        unsaid += wrong_unsaid(teacher, found)
    return [
        f"{case.neurons:,}",
        str(case.inner),
        str(case.outer),
        f"{case.b:g}",
        str(case.samples),
        "who reads what" if case.readers else "nothing",
        f"{100 * case.wrong:g} %",
        f"{exact} of {len(seeds)}",
        f"{ambiguous / len(seeds):.1f}",
        f"{unexplained / len(seeds):.1f}",
        str(unsaid),
        f"{np.median(times):.2f}",
        f"{max(times):.2f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}",
    ]


def _find(teacher, case, seed):
    phi = sb.tanh(b=case.b)
    x, y = sb.draw_samples(teacher, phi, case.samples, ENTROPY, seed)
    y = mistake(y, case.wrong, ENTROPY, seed)
    outputs, hidden = len(teacher.outer.topology), len(teacher.inner.topology)
    known = {"outer": teacher.outer.topology} if case.readers else {}
    known["wrong_outputs"] = most_wrong(case.wrong, case.samples, outputs)
    start = process_time()
    found = sb.from_scratch(x, y, hidden, activation=phi, at_most=case.per_row, **known)
    return found, process_time() - start


def wrong_unsaid(teacher, found) -> int:
    """How many outputs are said to be certain, and are not the teacher's."""
    sure = found.explanations == 1
    if not sure.any():
        return 0
    theirs, ours = (
        [inner, Layer(outer.topology[sure], outer.weights[sure])]
        for inner, outer in (teacher, found)
    )
    wrong = sb.symmetric_error(theirs, ours, odd=not found.signs)[1]
    return round(wrong * np.count_nonzero(sure))


def main() -> None:
    """Measure the case that is asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("neurons", type=int, nargs="?")
    parser.add_argument("samples", type=int, nargs="?", default=30)
    parser.add_argument("--readers", action="store_true", help="which outputs read what is known")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of outputs that are")
    parser.add_argument("--inner", type=int, default=2, help="inputs of a hidden neuron")
    parser.add_argument("--outer", type=int, default=2, help="hidden neurons of an output")
    parser.add_argument("--b", type=float, default=0.1, help="the activation is tanh(x - b)")
    parser.add_argument("--seeds", type=int, default=10, help="how many networks")
    parser.add_argument("--first", type=int, default=0, help="seed of the first")
    parser.add_argument("--row", action="store_true", help="print the line of the table alone")
    given = parser.parse_args()
    if given.neurons is None:
        more = ["--row", "--seeds", str(given.seeds), "--first", str(given.first)]
        lines = []
        for case in CASES:
            command = [sys.executable, "-m", "speed.from_scratch", *case, *more]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            lines.append(done.stdout.strip().split("|"))
        print(table(HEADER, lines))
        return
    seeds = range(given.first, given.first + given.seeds)
    line = measure(Case(*(getattr(given, name) for name in Case._fields)), seeds)
    print("|".join(line) if given.row else table(HEADER, [line]))


if __name__ == "__main__":
    main()
