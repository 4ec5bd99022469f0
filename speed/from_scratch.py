"""Fresh networks found from samples alone: how many, how fast, in how much memory.

    python -m speed.from_scratch                      # the cases of ``CASES``, one after the other
    python -m speed.from_scratch 1000 25 --seeds 20   # one case, with nothing known
    python -m speed.from_scratch 10000 32 --readers   # it is known which outputs read what

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

import numpy as np

import sparsebp as sb
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
]
HEADER = [
    "N",
    "inputs of a row",
    "samples",
    "known",
    "exact",
    "ambiguous outputs",
    "wrong unsaid",
    "CPU time (s), median",
    "largest",
    "peak memory (GiB)",
]


def measure(neurons: int, samples: int, inner: int, readers: bool, seeds: range) -> list[str]:
    """A line of the table."""
    per_row = sb.PerRow(inner, 2)
    phi = sb.tanh(b=0.1)
    exact, ambiguous, unsaid, times = 0, 0, 0, []
    _find(sb.draw_teacher(20, 2), phi, 30, per_row, readers, 0)  # compiles, or loads what is
    for seed in seeds:
        teacher = sb.draw_teacher(neurons, per_row, ENTROPY, seed, drawing="matching")
        found, taken = _find(teacher, phi, samples, per_row, readers, seed)
        times.append(taken)
        exact += sb.symmetric_error(teacher, list(found)) == (0, 0)
        ambiguous += len(found.ambiguous)
        unsaid += wrong_unsaid(teacher, found)
    return [
        f"{neurons:,}",
        str(inner),
        str(samples),
        "who reads what" if readers else "nothing",
        f"{exact} of {len(seeds)}",
        f"{ambiguous / len(seeds):.1f}",
        str(unsaid),
        f"{np.median(times):.2f}",
        f"{max(times):.2f}",
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f}",
    ]


def _find(teacher, phi, samples, per_row, readers, seed):
    data = sb.draw_samples(teacher, phi, samples, ENTROPY, seed)
    known = {"outer": teacher.outer.topology} if readers else {}
    start, hidden = process_time(), len(teacher.inner.topology)
    found = sb.from_scratch(*data, hidden=hidden, activation=phi, at_most=per_row, **known)
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
    return round(sb.symmetric_error(theirs, ours)[1] * np.count_nonzero(sure))


def main() -> None:
    """Measure the case that is asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("neurons", type=int, nargs="?")
    parser.add_argument("samples", type=int, nargs="?", default=30)
    parser.add_argument("--readers", action="store_true", help="which outputs read what is known")
    parser.add_argument("--inner", type=int, default=2, help="inputs of a hidden neuron")
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
    line = measure(given.neurons, given.samples, given.inner, given.readers, seeds)
    print("|".join(line) if given.row else table(HEADER, [line]))


if __name__ == "__main__":
    main()
