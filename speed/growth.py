"""Time and memory against the number of neurons: docs/growth.md and docs/growth.png.

Matched students, 2 non-zeros per row in both layers, sum-product offline on m = 2 samples.
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt

from speed.measure import Case, ending, measure_all, table

DOCS = Path(__file__).parents[1] / "docs"
NEURONS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 10_000_000)
TEXT = """# Growth with the number of neurons

Written by `make growth`. A matched student, N neurons in each layer, 2 non-zero weights per row of
W_in and W_out, drawn by matching, tanh, learns offline from 2 samples by sum-product (damping 0.3,
at most 500 steps until no message changes by more than 1e-6), {threads} threads at a time. After 20
steps their messages are compared with those of one thread, and are the same to the last bit. Each N
has a process of its own; peak memory is that of the whole of it, with libraries and kernels.

![Time per step, building time and peak memory against N](growth.png)

"""
HEADER = [
    "N",
    "drawing teacher and data (s)",
    "building factors (s)",
    "configurations per factor left",
    "time per step (ms), one thread",
    "per step and N (ns)",
    "time per step (ms), {threads} threads",
    "steps",
    "peak memory (GiB)",
    "weight error",
]


def row(case, found) -> list[str]:
    """A line of the table."""
    return [
        f"{case.neurons:,}",
        f"{found.draw:.2f}",
        f"{found.build:.3f}",
        f"{found.listed:.2f}",
        f"{1e3 * found.step:.3g}",
        f"{1e9 * found.step / case.neurons:.0f}",
        f"{1e3 * found.step_together:.3g}",
        ending(found),
        f"{found.peak_gib:.2f}",
        f"{found.weight_error:.4f}",
    ]


def plot(results, path) -> None:
    """Time per step with a line of slope 1, building time, and memory."""
    neurons = [case.neurons for case, _ in results]
    panels = {
        "time per step (s)": [found.step for _, found in results],
        "building the factors (s)": [found.build for _, found in results],
        "peak memory (GiB)": [found.peak_gib for _, found in results],
    }
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.1), layout="constrained")
    for axis, (label, values) in zip(axes, panels.items(), strict=True):
        axis.loglog(neurons, values, "o-")
        axis.set(xlabel="neurons per layer, N", ylabel=label)
        axis.grid(alpha=0.3)
    for axis, values in zip(axes[:2], panels.values(), strict=False):
        line = [values[-1] * n / neurons[-1] for n in neurons]
        axis.loglog(neurons, line, "--", color="grey", label="slope 1")
        axis.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Measure, and write table and plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="of message passing")
    parser.add_argument("--neurons", type=int, nargs="+", default=NEURONS)
    parser.add_argument("--docs", type=Path, default=DOCS, help="folder to write to")
    chosen = parser.parse_args()
    cases = [Case(n, samples=2, threads=chosen.threads, drawing="matching") for n in chosen.neurons]
    results = []
    for case, found in measure_all(cases):
        print(*row(case, found), sep="  ", flush=True)
        results.append((case, found))
    rows = [row(*one) for one in results]
    text = (TEXT + table(HEADER, rows)).format(threads=chosen.threads)
    (chosen.docs / "growth.md").write_text(text, encoding="utf-8")
    plot(results, chosen.docs / "growth.png")


if __name__ == "__main__":
    main()
