"""What the sweep over sizes found and what its jobs took: the tables of docs/scaling.md.

    snakemake figures/scaling.pdf
    python -m speed.scaling

The experiments are those of the figure `scaling` in config.yaml; ± is half of a 95 % interval.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy import stats

from sparsebp.claims.numbers import CONFIDENCE
from sparsebp.report.curves import first_at_most
from sparsebp.report.style import NEVER
from sparsebp.storage import paths, store
from sparsebp.study import inspection
from speed.measure import table

ROOT = Path(__file__).parents[1]
EARLY, LATE = 4, 8  # numbers of samples at which errors and their spreads are compared
DECAY = slice(4, 12)  # those over which the error's decay is fitted


def load(folder: Path, experiments: dict[int, str]) -> xr.Dataset:
    """Weight errors, as `value`, and statuses over (N, learner, seed, n_samples)."""
    files = {name: folder / paths.RESULTS.format(experiment=name) for name in experiments.values()}
    results = store.read_experiments(files, files)[0].values()
    parts = [data[["weight_error", "status"]].rename(weight_error="value") for data in results]
    return xr.concat(parts, xr.Variable("N", list(experiments)), combine_attrs="drop")


def estimate(value: float, error: float, freedom: int, digits: int) -> str:
    """An estimate with its interval, from its standard error and degrees of freedom."""
    half = error * stats.t.ppf((1 + CONFIDENCE) / 2, freedom)
    return f"{value:.{digits}f} ± {half:.{digits}f}"


def mean(values, digits: int) -> str:
    """The mean over simulations."""
    return estimate(np.mean(values), stats.sem(values), len(values) - 1, digits)


def slope(x, y) -> str:
    """The slope of the line through points, unless one of them is infinite or missing."""
    if not np.isfinite(y).all():
        return "-"
    line = stats.linregress(x, y)
    return estimate(line.slope, line.stderr, len(x) - 2, 3)


def by_size(found: xr.Dataset, cell) -> str:
    """A table with a line for each size: `cell` of the data of each learner."""
    learners = found.learner.values.tolist()
    lines = [
        [f"{size:,}", *(cell(found.sel(N=size, learner=name)) for name in learners)]
        for size in found.N.values
    ]
    return table(["N", *learners], lines)


def samples(data: xr.Dataset) -> str:
    """The mean number of samples from which on no weight is wrong, if there is one in each seed."""
    first = first_at_most(data, 0)
    never = int((first.status == NEVER).sum())
    return f"never in {never} of {first.seed.size}" if never else mean(first.value.values, 1)


def trends(found: xr.Dataset) -> str:
    """A table with a line for each learner: powers of N, samples per doubling of N, decay."""
    with np.errstate(divide="ignore"):
        errors = found.value.sel(n_samples=[EARLY, LATE])
        size = np.log(found.N)
        early = np.log(errors.sel(n_samples=EARLY).mean("seed"))
        spreads = np.log(errors.std("seed", ddof=1))
        decays = -np.log2(found.value.isel(N=-1).mean("seed").sel(n_samples=DECAY))
    first = first_at_most(found, 0)
    until = first.value.where(first.status != NEVER)
    doublings = np.log2(found.N).broadcast_like(until)
    lines = []
    for name in found.learner.values.tolist():
        where = {"learner": name}
        decay = decays.sel(where).dropna("n_samples")  # has no value between two batches
        lines.append(
            [
                name,
                slope(size, early.sel(where)),
                *(slope(size, spreads.sel(where | {"n_samples": m})) for m in (EARLY, LATE)),
                slope(doublings.sel(where).values.ravel(), until.sel(where).values.ravel()),
                slope(decay.n_samples, decay),
            ]
        )
    head = ["", f"error at m = {EARLY}", *(f"spread at m = {m}" for m in (EARLY, LATE))]
    decay = f"halvings of the error per sample, m = {DECAY.start} to {DECAY.stop}, largest N"
    return table([*head, "samples per doubling of N", decay], lines)


def jobs(folder: Path, experiments: dict[int, str]) -> str:
    """A table with a line for each size: what drawing and training took, in time, memory, files."""
    lines = []
    for size, name in experiments.items():
        pattern = {"experiment": name, "seed": "*", "learner": "*"}
        files = folder.glob(paths.benchmark(paths.TRAINED).format(**pattern))
        rows = pd.concat(pd.read_csv(path, sep="\t").assign(job=path.stem) for path in files)
        found = rows.groupby("job")
        seconds, peak = found["s"].min(), found["max_rss"].max()
        made = [
            p.stat().st_size for p in folder.glob(paths.TRAINED.format(**pattern | {"seed": 0}))
        ]
        lines.append(
            [
                f"{size:,}",
                *(f"{value:.1f}" for value in seconds),
                f"{peak['teacher']:.0f}",
                f"{peak.drop('teacher').max():.0f}",
                f"{sum(made) / 1e6:.2f}",
            ]
        )
    head = [*(f"{job} (s)" for job in seconds.index), "peak of teacher (MiB)", "of others (MiB)"]
    return table(["N", *head, "files of a simulation (MB)"], lines)


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="of the run")
    folder, (study, _) = parser.parse_args(arguments).folder, inspection.load(ROOT)
    blocks = study.figure_spec("scaling")["experiments"]
    experiments = dict(sorted((block["layers"]["hidden"], name) for name, block in blocks.items()))
    found = load(folder, experiments)
    last = found.n_samples.values[-1]
    for title, text in {
        "Powers of N, samples, and decay": trends(found),
        f"Weight error at m = {EARLY}": by_size(
            found, lambda data: mean(data.value.sel(n_samples=EARLY).values, 5)
        ),
        f"Weight error at m = {last}": by_size(
            found, lambda data: mean(data.value.sel(n_samples=last).values, 6)
        ),
        "Samples until no weight is wrong": by_size(found, samples),
        "Shortest time, most memory, and size of files": jobs(folder, experiments),
    }.items():
        print(f"{title}\n\n{text}")


if __name__ == "__main__":
    main()
