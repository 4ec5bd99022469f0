"""Results to draw, panels that ask for them, and what is found in the drawing."""

import numpy as np
import xarray as xr

from sparsebp.report import figures, panels, style

LEARNERS = {
    "bp-offline": {"label": "offline", "algorithm": "sum-product", "schedule": "offline"},
    "bp-batch4": {
        "label": "mini-batch 4",
        "algorithm": "sum-product",
        "schedule": "mini-batch",
        "batch_size": 4,
    },
    "bp-online": {"label": "online", "algorithm": "sum-product", "schedule": "online"},
    "mp-offline": {"label": "offline", "algorithm": "max-product", "schedule": "offline"},
    "mp-online": {"label": "online", "algorithm": "max-product", "schedule": "online"},
    "bp": {"label": "BP", "algorithm": "sum-product", "schedule": "offline"},
    "rbp": {
        "label": "reinforced BP",
        "algorithm": "sum-product",
        "schedule": "offline",
        "reinforcement": 0.01,
    },
    "ms": {"label": "max-sum", "algorithm": "max-sum", "factor": "soft", "schedule": "offline"},
}
NAMES = list(LEARNERS)
SAMPLES = np.arange(1, 9)
EXPERIMENTS = {
    "one": {"thesis": "Fig. 1", "student": {"alphabet": [-1, 1]}},
    "two": {"thesis": "Fig. 2", "student": {"alphabet": [-1, 1]}},
}
PROVENANCE = {"config": "a (b) \\ c", "author": "Müller", "versions": {"numpy": "2"}, "n": [1, 2.5]}


def dataset(seeds=5, entropy=0, names=NAMES):
    """Errors of all learners, zero from m = 7 on, and those of mini-batches only at m = 4, 8."""
    rng = np.random.default_rng(entropy)
    shape = (len(names), seeds, len(SAMPLES))
    errors = rng.random((len(style.Y_LABELS), *shape)) * 0.5**SAMPLES * (SAMPLES < 7)
    absent = (np.array(names) == "bp-batch4")[:, None, None] & (SAMPLES % 4 != 0)
    absent = np.broadcast_to(absent, shape)
    errors[:, absent] = np.nan
    dims = ("learner", "seed", "n_samples")
    return xr.Dataset(
        {name: (dims, e) for name, e in zip(style.Y_LABELS, errors, strict=True)}
        | {"status": (dims, np.where(absent, 0, 1).astype(np.int8))},
        coords={"learner": names, "seed": np.arange(seeds), "n_samples": SAMPLES},
    )


def panel(**changes):
    default = {
        "experiments": ["one"],
        "quantity": "weight_error",
        "learners": NAMES,
        "title": "a title",
        "x": None,
        "y": None,
        "scale": "linear",
    }
    return default | changes


def spec(shown, columns, learners=LEARNERS):
    figure = {"thesis": "Fig. 0", "columns": columns, "panels": list(shown)}
    return {"name": "fig0", "figure": figure, "learners": learners, "experiments": EXPERIMENTS}


def build(*shown, results=None, **more):
    results = results or {"one": dataset(), "two": dataset(entropy=1)}
    return panels.build(spec(shown, 2) | more, results)


def draw(*paths, shown=(), results=None):
    shown = shown or [panel()]
    figures.draw(spec(shown, 1), results or {"one": dataset()}, paths, PROVENANCE)


def curve(ax, name):
    (line,) = [line for line in ax.lines if line.get_label() == name]
    return line


def points(ax, name):
    """The points of a curve, ascending, those in a strip for zeros among them."""
    lines = [line for line in ax.lines if line.get_label() in (name, f"_{name}")]
    found = np.concatenate([line.get_xydata() for line in lines])
    found = found[~np.isnan(found[:, 1])]
    return found[found[:, 0].argsort()].T


def moved(ax, name):
    """By how many points a curve is moved aside."""
    line = curve(ax, name)
    here, there = (t.transform([(0, 0)])[0] for t in (ax.transData, line.get_transform()))
    assert there[1] == here[1]
    return (there[0] - here[0]) * 72 / ax.figure.dpi


def intervals(ax):
    """The ends of the bars of each curve, (curve, x, 2), in their order."""
    segments = [np.array(bars.lines[2][0].get_segments()) for bars in ax.containers]
    return [found[:, :, 1] for found in segments]


def marked(ax, status):
    """The marks of a status in the strip above a panel, a line for each curve."""
    label = style.MARKS[status][-1]
    return [line for line in ax.lines if line.get_label() == label]


def look(line):
    return line.get_markeredgecolor(), line.get_marker(), str(line._dash_pattern)


SIZES = {"one": 5000, "two": 200, "three": 1000}


def sized(**changes):
    """A panel of experiments that differ in their size."""
    return panel(experiments=list(SIZES), positions=list(SIZES.values()), **changes)


def results_of_sizes():
    return {name: dataset(entropy=i) for i, name in enumerate(SIZES)}
