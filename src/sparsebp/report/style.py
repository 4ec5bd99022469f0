"""What all figures share: how learners, errors, intervals and a failure to converge are shown.

Styles go by algorithm and schedule, the same in every figure: see `STYLES` and `style_learners`.
"""

import json
import zlib
from itertools import chain, zip_longest
from typing import NamedTuple

import numpy as np
import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullFormatter
from scipy import stats

from sparsebp.claims.numbers import CONFIDENCE
from sparsebp.network.quantities import QUANTITIES, Status

PAGE_WIDTH = 6.9  # inches: the text width of an A4 page
Y_LABELS = {name: known.label for name, known in QUANTITIES.items() if known.label}
# Of numbers in a block of the configuration, and of results; any other is called by its key.
KEY_LABELS = {f"layers.{layer}": f"{layer} neurons" for layer in ("input", "hidden", "output")}
KEY_LABELS |= {"layers.hidden_layers": "hidden layers"}
KEY_LABELS |= {
    **{f"student.overlap.{layer}": "overlap" for layer in ("input", "output")},
    **{
        f"student.nonzeros_per_row.{layer}": f"{layer} entries per row"
        for layer in ("input", "output")
    },
    "noise.flipped": "fraction flipped",
    "noise.scale": "noise",
}
KEY_LABELS |= {"beta": "inverse temperature β", "n_samples": "samples m"}


class Style(NamedTuple):
    """How a curve looks; `layer` is an index of `LAYERS`: its place where curves coincide."""

    color: str
    marker: str
    linestyle: str | tuple
    layer: int


# Line width, share of white in the line, marker size, filled marker: from the lowest layer up.
LAYERS = (
    (3.2, 0.6, 7.0, False),
    (1.8, 0.3, 5.2, False),
    (1.2, 0.0, 3.6, False),
    (1.1, 0.0, 2.8, True),
)
# On top of all layers a thin line without markers or bars, for what others are compared with.
REFERENCE = len(LAYERS)

PALETTE = sns.color_palette("colorblind").as_hex()
_BLUE, _ORANGE, _GREEN, _VERMILION, _PINK, _TAN, _, _GREY, _, _SKY = PALETTE
# (algorithm, reinforcement, schedule, batch size): in chapter 2 the colour and the dashes tell the
# schedule and the marker the algorithm too; in chapter 3 the reinforced algorithm is the paler one.
# No two share marker and dashes, so that colour is never needed.
STYLES = {
    ("sum-product", 0, "offline", None): Style(_BLUE, "o", "-", 0),
    ("sum-product", 0, "mini-batch", 4): Style(_GREEN, "s", "--", 1),
    ("sum-product", 0, "mini-batch", 2): Style(_PINK, "^", "-.", 2),
    ("sum-product", 0, "online", None): Style(_ORANGE, "D", ":", 3),
    ("max-product", 0, "offline", None): Style(_BLUE, "P", "-", 0),
    ("max-product", 0, "mini-batch", 4): Style(_GREEN, "X", "--", 1),
    ("max-product", 0, "mini-batch", 2): Style(_PINK, "v", "-.", 2),
    ("max-product", 0, "online", None): Style(_ORANGE, "*", ":", 3),
    ("sum-product", 0.01, "offline", None): Style(_SKY, "s", (0, (5, 2)), 1),
    ("max-sum", 0, "offline", None): Style(_VERMILION, "^", (0, (5, 1, 1, 1, 1, 1)), 2),
    ("max-sum", 0.01, "offline", None): Style(_TAN, "D", (0, (2, 1)), 3),
    ("gradient-descent", 0, "offline", None): Style(_GREEN, "H", (0, (8, 1)), 0),
}
# (algorithm, method), of the offline learners whose beliefs are not those of the thesis's messages.
METHOD_STYLES = {
    ("sum-product", "exact"): Style("#000000", "", "-", REFERENCE),
    ("max-product", "exact"): Style("#333333", "h", (0, (1, 1)), 3),
    ("sum-product", "density-evolution"): Style("#000000", "", (0, (1, 1)), REFERENCE),
    ("max-product", "density-evolution"): Style("#333333", "", (0, (5, 1)), REFERENCE),
    ("max-sum", "density-evolution"): Style("#666666", "", (0, (3, 1, 1, 1, 1, 1)), REFERENCE),
    ("sum-product", "blocked"): Style(_VERMILION, "p", (0, (4, 1, 4, 1, 1, 1)), 2),
    ("max-product", "blocked"): Style(_TAN, "<", (0, (8, 1)), 2),
    ("max-sum", "blocked"): Style(_SKY, ">", (0, (3, 1, 1, 1)), 2),
}
# For any other learner: no marker is one of the table's, no two share both marker and colour.
SPARE_COLORS = (_VERMILION, _SKY, _GREEN, _PINK, _BLUE, _ORANGE, _TAN, _GREY, "#333333")
SPARE_DASHES = ((4, 1, 4, 1, 1, 1), (8, 1), (3, 1, 1, 1), (3, 2))
SPARE_STYLES = [
    Style(SPARE_COLORS[i % 9], "d<p>h"[i % 5], (0, SPARE_DASHES[i % 4]), 1 + i % 3)
    for i in range(45)
]

NEVER = (
    max(Status) + 1
)  # beside the statuses of a training: a limit not reached at any number of samples
# status -> marker, its size, points above the mean, label
MARKS = {
    Status.STEP_LIMIT: ("x", 2.8, 5.5, "step limit reached in some seed"),
    Status.OSCILLATING: ("$\\sim$", 5.0, 8.0, "messages oscillate in some seed"),
    Status.CONTRADICTION: ("$!$", 5.0, 10.5, "contradiction in some seed"),
    NEVER: ("$\\uparrow$", 5.0, 8.0, "not reached in some seed: a lower bound"),
}

BLANK = Line2D([], [], linestyle="none")
RC = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("paper", font_scale=0.87),
    "axes.edgecolor": "0.35",
    "axes.linewidth": 0.7,
    "grid.color": "0.9",
    "grid.linewidth": 0.4,
    "xtick.bottom": True,
    "ytick.left": True,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "font.family": ["DejaVu Sans"],
    "pdf.fonttype": 42,  # TrueType, embedded
    "svg.hashsalt": "sparsebp",
    "savefig.dpi": 200,
}


def style_learners(learners):
    """Return {name: Style} for blocks of the configuration's `learners`.

    Learners that differ in their label alone look the same (`bp` and `bp-offline`). Those of the
    table have its style. Any other, such as one with a second reinforcement, a new batch size or
    an `inference` of its own, has a spare one chosen by a hash of its block, and so the same in
    every figure; only where two would be alike in one figure does the later one take the next. One
    that differs from a learner of the table in its `inference` alone keeps the colour of that.
    """
    styles, taken = {}, {}
    for name, block in learners.items():
        defaults = {"factor": "hard", "reinforcement": 0, "batch_size": None, "method": "messages"}
        block = defaults | {k: v for k, v in block.items() if k != "label" and v is not None}
        identity = json.dumps(block, sort_keys=True)
        if identity not in taken:
            key = (block["algorithm"], block["reinforcement"], block["schedule"])
            style = STYLES.get((*key, block["batch_size"]))
            if block["method"] != "messages":
                style = METHOD_STYLES.get((block["algorithm"], block["method"]))
            plain = block.keys() == {*defaults, "algorithm", "schedule"}
            if not plain or style is None or style in taken.values():
                first = zlib.crc32(identity.encode()) % len(SPARE_STYLES)
                used, spare = list(taken.values()), SPARE_STYLES
                if style is not None:
                    spare = [s._replace(color=style.color) for s in spare]
                style = min(
                    spare[first:] + spare[:first],
                    key=lambda s, used=used: sum((s[1:3] == u[1:3]) + 2 * (s == u) for u in used),
                )
            taken[identity] = style
        styles[name] = taken[identity]
    return styles


def style_numbers(numbers):
    """Return {number: Style}, from light to dark: the paler, the smaller the number."""
    colors = sns.color_palette("plasma_r", len(numbers) + 1).as_hex()[1:]
    return {
        number: Style(color, "os^Dv<p>"[i % 8], "-", len(LAYERS) - 1)
        for i, (number, color) in enumerate(zip(sorted(numbers), colors, strict=True))
    }


def key_label(key):
    """What a number in a block of the configuration is called."""
    return KEY_LABELS.get(key) or key.replace(".", " ").replace("_", " ")


def number_label(number):
    """A number as short as can be: 0.1, 200, 5k, 1M."""
    return EngFormatter(sep="")(number) if number >= 1000 else f"{number:g}"


def confidence_interval(values):
    """The ends of the Student-t confidence interval of the mean of two or more values."""
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values)
    return np.mean(values) - half, np.mean(values) + half


def check_results(name, results, experiment, quantities, wanted):
    """Refuse a figure of this name that asks for what the results do not have.

    `wanted` maps a dimension of the results to the labels along it that the figure needs.
    """
    if experiment not in results:
        raise ValueError(f"{name}: no results of experiment {experiment!r}, only {list(results)}")
    data = results[experiment]
    there = {"quantity": [quantity for quantity in Y_LABELS if quantity in data]}
    there |= {dimension: data[dimension].values.tolist() for dimension in wanted}
    for kind, labels in {"quantity": quantities, **wanted}.items():
        for label in labels:
            if label not in there[kind]:
                raise ValueError(f"{name}: no {kind} {label!r} in {experiment}, only {there[kind]}")


def log_scale(ax, axis, values, high=1.0):
    """Make the "x" or "y" axis logarithmic, but linear around zero, so that zero is on it.

    It is linear below the power of ten under all positive values (under `high`, if there are none),
    which is returned. Values 10^12 times smaller than the largest are rounded zeros.
    """
    smallest = values[values > 1e-12 * values.max(initial=0)].min(initial=high)
    threshold = 10.0 ** np.floor(np.log10(smallest))
    getattr(ax, f"set_{axis}scale")("symlog", linthresh=threshold, linscale=0.5)
    getattr(ax, f"{axis}axis").set_minor_formatter(NullFormatter())
    return threshold


def curve_properties(style):
    """The matplotlib properties of a curve of this style."""
    if style.layer == REFERENCE:
        return {"color": style.color, "linewidth": 0.8, "marker": "", "zorder": 2.6}
    width, white, size, filled = LAYERS[style.layer]
    return {
        "color": tuple(white + (1 - white) * part for part in to_rgb(style.color)),
        "linestyle": style.linestyle,
        "linewidth": width,
        "marker": style.marker,
        "markersize": size * (1.35 if style.marker == "*" else 1),
        "markeredgecolor": style.color,
        "markeredgewidth": 0.9,
        "markerfacecolor": style.color if filled else "none",
        "zorder": 2.1 + 0.1 * style.layer,
    }


def mark_properties(marker, size, color="0.2"):
    """The matplotlib properties of the marks for a status."""
    mark = {"marker": marker, "markersize": size, "markeredgewidth": 0.6}
    return {"linestyle": "none", "color": color, **mark}


def add_legends(drawing, rows, seen):
    """Place the legend of the learners below, and that of the marks, if there are any, above.

    `rows` are lists of (handle, label); `seen` is the set of statuses marked.
    """
    columns = list(zip_longest(*rows, fillvalue=(BLANK, "")))
    handles, labels = zip(*chain.from_iterable(columns), strict=True)
    place = {"loc": "outside lower center", "handlelength": 3.2, "columnspacing": 1.6}
    drawing.legend(handles, labels, ncols=len(columns), frameon=False, **place)
    if seen:
        handles = [Line2D([], [], **mark_properties(*MARKS[status][:2])) for status in sorted(seen)]
        labels = [MARKS[status][-1] for status in sorted(seen)]
        place = {"loc": "outside upper right", "handlelength": 1.0, "borderpad": 0}
        drawing.legend(handles, labels, ncols=2, frameon=False, **place)
