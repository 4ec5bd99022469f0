"""The tables of docs/scaling.md: they say of a run what was put into it."""

import numpy as np
import pytest

from sparsebp.network import quantities
from sparsebp.storage import paths, store
from sparsebp.storage.provenance import record
from sparsebp.study import inspection
from speed import scaling
from tests.conftest import ROOT

STUDY, _ = inspection.load(ROOT)
EXPERIMENTS = STUDY.figure_spec("scaling")["experiments"]
SIZES = sorted(block["layers"]["hidden"] for block in EXPERIMENTS.values())
LEARNERS = ["bp-offline", "bp-batch4", "bp-online"]
SEEDS, SAMPLES = 6, np.arange(1, 25)
# Of a simulation beside others, of mean 0.
DEVIATIONS = np.array([-1.5, -0.5, -0.1, 0.3, 0.7, 1.1])


def until(size):
    """The m from which on no weight is wrong."""
    return max(13, round(2 * np.log2(size)) - 8)


def errors(size):
    """Of all learners: they halve with each sample, and spread as the inverse root of the size."""
    values = (1 + 0.1 * np.outer(DEVIATIONS, size**-0.5 * np.ones(24))) * 0.5**SAMPLES
    values[:, until(size) - 1 :] = 0
    return np.array([values, np.where(SAMPLES % 4, np.nan, values), values + 1e-4])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the results, benchmarks and files of a run."""
    folder = tmp_path_factory.mktemp("scaling")
    for name, block in EXPERIMENTS.items():
        size = block["layers"]["hidden"]
        found = errors(size)
        values = {variable: np.zeros(found.shape) for variable in quantities.QUANTITIES}
        values |= {"weight_error": found, "status": np.isfinite(found).astype(np.int8)}
        labels = {"learner": LEARNERS, "seed": list(range(SEEDS)), "n_samples": SAMPLES}
        spec = {"experiment": name, "learners": LEARNERS}
        spec |= {"seeds": SEEDS, "samples": SAMPLES.tolist()}
        path = folder / paths.RESULTS.format(experiment=name)
        store.write_results(path, values, labels, record("collect", spec))
        for seed in range(SEEDS):
            for job in ("teacher", *LEARNERS):
                names = {"experiment": name, "seed": seed, "learner": job}
                made = folder / paths.TRAINED.format(**names)
                tsv = folder / paths.benchmark(paths.TRAINED).format(**names)
                for file in (made, tsv):
                    file.parent.mkdir(parents=True, exist_ok=True)
                made.write_bytes(bytes(1000 * size))
                tsv.write_text(f"s\tmax_rss\n{size / 100 + seed}\t{size + len(job) + seed}\n")
    return folder


@pytest.fixture
def tables(run, capsys):
    """The cells of each table by title, line by line."""
    scaling.main([str(run)])
    parts = capsys.readouterr().out.strip().split("\n\n")
    return {
        title: [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n")]
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }


def value(cell):
    return float(cell.partition(" ± ")[0])


@pytest.mark.thorough
def test_powers_of_the_size(tables):
    lines = tables["Powers of N, samples, and decay"][2:]
    assert [line[0] for line in lines] == LEARNERS
    for name, early, *spreads, samples, decay in lines:
        assert value(early) == pytest.approx(0, abs=1e-3)
        assert [value(cell) for cell in spreads] == [-0.5, -0.5]
        if name == "bp-online":
            assert samples == "-"
            assert 0 < value(decay) < 1
        else:
            assert value(decay) == 1
    doublings = np.log2(np.repeat(SIZES, SEEDS))
    first = np.repeat([until(size) for size in SIZES], SEEDS)
    expected = np.polyfit(doublings, first, 1)[0]
    assert value(lines[0][4]) == pytest.approx(expected, abs=5e-4)
    in_batches = np.polyfit(doublings, -(-first // 4) * 4, 1)[0]
    assert value(lines[1][4]) == pytest.approx(in_batches, abs=5e-4)


@pytest.mark.thorough
def test_errors_and_samples_by_size(tables):
    for m, digits in ((4, 5), (24, 6)):
        for size, line in zip(SIZES, tables[f"Weight error at m = {m}"][2:], strict=True):
            means = errors(size)[:, :, m - 1].mean(axis=1)
            assert line[0] == f"{size:,}"
            assert [value(cell) for cell in line[1:]] == [round(mean, digits) for mean in means]
    for size, line in zip(SIZES, tables["Samples until no weight is wrong"][2:], strict=True):
        first = until(size)
        assert line[1:] == [
            f"{first}.0 ± 0.0",
            f"{-(-first // 4) * 4}.0 ± 0.0",
            f"never in {SEEDS} of {SEEDS}",
        ]


def test_an_interval_is_that_of_the_mean():
    assert scaling.mean([1.0, 2.0, 3.0], 3) == "2.000 ± 2.484"  # 4.303 / sqrt(3)


def test_a_slope_through_what_is_missing_is_none():
    assert scaling.slope(np.array([1, 2, 3]), np.array([1, np.nan, 3])) == "-"
    assert scaling.slope(np.array([1, 2, 3]), np.array([1, -np.inf, 3])) == "-"
    assert scaling.slope(np.array([1, 2, 3]), np.array([2, 4, 6])) == "2.000 ± 0.000"


@pytest.mark.thorough
def test_what_jobs_took(tables):
    head, _, *lines = tables["Shortest time, most memory, and size of files"]
    assert head[1:5] == [f"{job} (s)" for job in sorted(["teacher", *LEARNERS])]
    for size, line in zip(SIZES, lines, strict=True):
        assert line[1:5] == [f"{size / 100:.1f}"] * 4
        last = SEEDS - 1
        assert line[5:7] == [str(size + len("teacher") + last), str(size + len(LEARNERS[0]) + last)]
        assert value(line[7]) == pytest.approx(4 * 1000 * size / 1e6, abs=0.005)
